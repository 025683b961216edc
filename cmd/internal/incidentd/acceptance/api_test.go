package acceptance

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// sourceToken is the secret of all alert sources.
const sourceToken = "the-token-of-alert-sources"

func sourceHash() string {
	sum := sha256.Sum256([]byte(sourceToken))
	return hex.EncodeToString(sum[:])
}

func etag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

// api is the HTTP API, as a program uses it.
type api struct{ base, token string }

// answer is what it says.
type answer struct {
	status int
	body   []byte
}

// do makes a request; headers come as pairs.
func (a api) do(ctx context.Context, method, path string, body any, headers ...string) (answer, error) {
	if body == nil {
		body = struct{}{}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Content-Type", "application/json")
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	got := answer{status: resp.StatusCode}
	got.body, err = io.ReadAll(resp.Body)
	return got, err
}

// want makes a request that is answered with a status.
func (a api) want(t *testing.T, status int, method, path string, body any, headers ...string) []byte {
	t.Helper()
	got, err := a.do(t.Context(), method, path, body, headers...)
	check(t, err)
	if got.status != status {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, got.status, status, got.body)
	}
	return got.body
}

// must makes a request that succeeds.
func (a api) must(t *testing.T, method, path string, body any, headers ...string) []byte {
	t.Helper()
	got, err := a.do(t.Context(), method, path, body, headers...)
	check(t, err)
	if got.status >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: status %d: %s", method, path, got.status, got.body)
	}
	return got.body
}

func (a api) into(t *testing.T, body []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(body, v); err != nil {
		t.Fatalf("%v: %.200s", err, body)
	}
}

// post runs a verb on an incident and returns how that then stands.
func (a api) post(t *testing.T, ref, verb string, body any) (inc incident.Incident) {
	t.Helper()
	a.into(t, a.must(t, http.MethodPost, "/v1/incidents/"+ref+"/"+verb, body), &inc)
	return inc
}

func (a api) get(ctx context.Context, ref string) (inc incident.Incident, err error) {
	got, err := a.do(ctx, http.MethodGet, "/v1/incidents/"+ref, nil)
	if err == nil && got.status != http.StatusOK {
		err = fmt.Errorf("get %s: %d %s", ref, got.status, got.body)
	}
	if err == nil {
		err = json.Unmarshal(got.body, &inc)
	}
	return inc, err
}

// see returns an incident as it stands.
func (a api) see(t *testing.T, ref string) incident.Incident {
	t.Helper()
	inc, err := a.get(t.Context(), ref)
	check(t, err)
	return inc
}

// declare makes an incident.
func (a api) declare(t *testing.T, name, severity string) (inc incident.Incident) {
	t.Helper()
	a.into(t, a.want(t, http.StatusCreated, http.MethodPost, "/v1/incidents", map[string]any{"name": name, "severity": severity, "lead": "ben"},
		"Idempotency-Key", rand.Text()), &inc)
	return inc
}

// named are the incidents with a name.
func (a api) named(t *testing.T, name string) []incident.Incident {
	t.Helper()
	return slices.DeleteFunc(a.all(t), func(inc incident.Incident) bool { return inc.Name != name })
}

// all are all incidents, the newest first.
func (a api) all(t *testing.T) (all []incident.Incident) {
	t.Helper()
	for cursor := ""; ; {
		var page struct {
			Incidents []incident.Incident
			Next      string
		}
		a.into(t, a.must(t, http.MethodGet, "/v1/incidents?limit=200&cursor="+cursor, nil), &page)
		all = append(all, page.Incidents...)
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

// line is an event as people read it.
type line struct {
	incident.Event
	Line string
}

// timeline is all of an incident's list, or what of it is of a type.
func (a api) timeline(t *testing.T, ref string, types ...incident.EventType) (all []line) {
	t.Helper()
	for after := int64(0); ; {
		var page struct {
			Events []line
			More   bool
		}
		a.into(t, a.must(t, http.MethodGet, fmt.Sprintf("/v1/incidents/%s/timeline?all=true&after=%d", ref, after), nil), &page)
		for _, e := range page.Events {
			after = e.Seq
			if len(types) == 0 || slices.Contains(types, e.Type) {
				all = append(all, e)
			}
		}
		if !page.More {
			return all
		}
	}
}

// alert sends what an alert source sends.
func (a api) alert(ctx context.Context, source string, body any) error {
	got, err := api{a.base, sourceToken}.do(ctx, http.MethodPost, "/v1/alerts/"+source, body)
	if err == nil && got.status != http.StatusAccepted {
		err = fmt.Errorf("the alert was answered with %d: %s", got.status, got.body)
	}
	return err
}

// ofIncident reports whether a channel was made for an incident: by its purpose, or, where whoever made
// it died before that was written, by the number in its name.
func ofIncident(c slackfake.Channel, inc incident.Incident) bool {
	return strings.HasSuffix(c.Purpose, inc.ID) || strings.HasPrefix(c.Name, fmt.Sprintf("inc-%d-", inc.Number))
}
