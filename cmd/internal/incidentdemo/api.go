package incidentdemo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/theriac/theriac/incident"
)

// api calls the service as a program of a user's would.
type api struct {
	url, token string
	client     *http.Client
	keys       int
	// slowest is the longest that any call took, calls how many there were.
	slowest time.Duration
	calls   int
}

func newAPI(s *service) *api {
	return &api{url: s.url, token: s.token, client: &http.Client{Timeout: 10 * time.Second}}
}

// problem is what the API says when it refuses.
type problemDocument struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Open   []struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
		Text string `json:"text"`
	} `json:"open"`
}

// Error says what was refused.
func (p *problemDocument) Error() string {
	return fmt.Sprintf("the API answers %d %s: %s", p.Status, p.Code, p.Detail)
}

// put replaces a document of which version was read.
func (a *api) put(ctx context.Context, path, version string, body any) error {
	return a.call(ctx, http.MethodPut, path, version, body, nil)
}

// do makes one call. A body that is nil is left out; the answer is decoded into out unless that is nil.
func (a *api) do(ctx context.Context, method, path string, body, out any) error {
	return a.call(ctx, method, path, "", body, out)
}

func (a *api) call(ctx context.Context, method, path, version string, body, out any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	a.keys++
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Idempotency-Key", "demo-"+strconv.Itoa(a.keys))
	if version != "" {
		req.Header.Set("If-Match", strconv.Quote(version))
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	began := time.Now()
	resp, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	a.calls++
	a.slowest = max(a.slowest, time.Since(began))
	switch {
	case err != nil:
		return err
	case resp.StatusCode >= http.StatusBadRequest:
		p := &problemDocument{Status: resp.StatusCode}
		_ = json.Unmarshal(answer, p) // what is no problem document is refused all the same
		return p
	case out == nil:
		return nil
	default:
		return json.Unmarshal(answer, out)
	}
}

// incidents returns all, the newest first.
func (a *api) incidents(ctx context.Context) ([]incident.Incident, error) {
	var page struct {
		Incidents []incident.Incident `json:"incidents"`
	}
	return page.Incidents, a.do(ctx, http.MethodGet, "/v1/incidents", nil, &page)
}

// get returns one.
func (a *api) get(ctx context.Context, ref string) (inc incident.Incident, err error) {
	err = a.do(ctx, http.MethodGet, "/v1/incidents/"+ref, nil, &inc)
	return inc, err
}

// verb does something to one.
func (a *api) verb(ctx context.Context, ref, verb string, body any) (inc incident.Incident, err error) {
	if body == nil {
		body = struct{}{}
	}
	err = a.do(ctx, http.MethodPost, "/v1/incidents/"+ref+"/"+verb, body, &inc)
	return inc, err
}

// timeline returns its events.
func (a *api) timeline(ctx context.Context, ref string) ([]incident.Event, error) {
	var page struct {
		Events []incident.Event `json:"events"`
	}
	return page.Events, a.do(ctx, http.MethodGet, "/v1/incidents/"+ref+"/timeline?limit=1000", nil, &page)
}
