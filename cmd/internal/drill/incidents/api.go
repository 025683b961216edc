package incidents

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// answered is what the service answered.
type answered struct {
	status int
	body   []byte
	// tries is how often it was asked.
	tries int
}

// seen is an incident as far as the drill reads it.
type seen struct {
	ID       string   `json:"id"`
	Ref      string   `json:"ref"`
	Version  int64    `json:"version"`
	Status   string   `json:"status"`
	Allowed  []string `json:"allowed"`
	Severity string   `json:"severity"`
}

func (a answered) incident() (inc seen, err error) {
	err = json.Unmarshal(a.body, &inc)
	return inc, err
}

// ask sends a request once. key is its Idempotency-Key, "" for none.
func (s *site) ask(ctx context.Context, token, method, path, key string, body any) (answered, error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answered{}, err
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+path, reader)
	if err != nil {
		return answered{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return answered{}, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read to its end, or the answer is lost anyway
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	return answered{status: resp.StatusCode, body: text, tries: 1}, err
}

// askPatience is how long a request is repeated that gets no answer: somebody who waits for the web
// process to come back.
const askPatience = 30 * time.Second

// insist sends a request until it is answered, as a client does that has a key for it.
func (s *site) insist(ctx context.Context, token, method, path, key string, body any) (got answered, err error) {
	tries := 0
	waited := await(ctx, askPatience, 50*time.Millisecond, func() (bool, error) {
		tries++
		if got, err = s.ask(ctx, token, method, path, key, body); err != nil {
			return false, ctx.Err()
		}
		return got.status < http.StatusInternalServerError && got.status != http.StatusTooManyRequests, nil
	})
	got.tries = tries
	if waited != nil {
		return got, fmt.Errorf("%s %s: %w", method, path, errors.Join(waited, err, failedWith(got)))
	}
	return got, nil
}

// failedWith is what an answer says, for an error.
func failedWith(a answered) error {
	if a.status == 0 {
		return nil
	}
	return fmt.Errorf("answered %d: %.300s", a.status, a.body)
}
