package fakesentry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/internal/fakesentry"
)

const (
	id    = "0123456789abcdef0123456789abcdef"
	event = `{"event_id":"` + id + `","level":"fatal","tags":{"a":"b"},` +
		`"exception":[{"type":"T","value":"v\n","stacktrace":{"frames":[{"function":"f","lineno":7}]}}]}`
)

// envelope has an event and an attachment with a newline in it.
func envelope() string {
	return fmt.Sprintf(`{"event_id":"%s","dsn":"x"}
{"type":"event","length":%d}
%s
{"type":"attachment","length":3,"filename":"stack.txt"}
a
b
`, id, len(event), event)
}

func start(t *testing.T) *fakesentry.Server {
	t.Helper()
	s, err := fakesentry.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// post sends a body as a client with the DSN would, changed by change. It returns
// the status, 0 without an answer.
func post(t *testing.T, s *fakesentry.Server, body string, change func(*http.Request)) (status int, retryAfter string) {
	t.Helper()
	rest, _ := strings.CutPrefix(s.DSN(), "http://")
	key, rest, _ := strings.Cut(rest, "@")
	host, project, _ := strings.Cut(rest, "/")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+host+"/api/"+project+"/envelope/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Sentry-Auth", "Sentry sentry_version=7, sentry_key="+key)
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Retry-After")
}

func TestServer_KeepsEvents(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(envelope())); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	s := start(t)
	if status, _ := post(t, s, envelope(), nil); status != http.StatusOK {
		t.Fatalf("answered %d: %v", status, s.Refusals())
	}
	if status, _ := post(t, s, packed.String(), func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }); status != http.StatusOK {
		t.Fatalf("answered %d: %v", status, s.Refusals())
	}
	events, err := s.Wait(t.Context(), func(e []fakesentry.Event) bool { return len(e) == 1 })
	if err != nil {
		t.Fatal(err)
	}
	e := events[0]
	if e.ID != id || e.Level != "fatal" || e.Tags["a"] != "b" || s.Duplicates() != 1 || s.Requests() != 2 {
		t.Errorf("%+v, %d duplicates", e, s.Duplicates())
	}
	want := fakesentry.Exception{Type: "T", Value: "v\n", Stacktrace: fakesentry.Stacktrace{Frames: []fakesentry.Frame{{Function: "f", Lineno: 7}}}}
	if diff := cmp.Diff(want, e.Main()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(e.Attachments) != 1 || e.Attachments[0].Filename != "stack.txt" || string(e.Attachments[0].Payload) != "a\nb" {
		t.Errorf("attachments %q", e.Attachments)
	}
}

func TestServer_RefusesWhatIsNoEnvelope(t *testing.T) {
	t.Parallel()
	replaced := func(old, with string) string {
		changed := strings.Replace(envelope(), old, with, 1)
		if changed == envelope() {
			t.Fatalf("%q is not in the envelope", old)
		}
		return changed
	}
	tests := []struct {
		name   string
		body   string
		change func(*http.Request)
		want   int
	}{
		{"another path", envelope(), func(r *http.Request) { r.URL.Path = "/api/42/store/" }, http.StatusNotFound},
		{"GET", "", func(r *http.Request) { r.Method = http.MethodGet }, http.StatusMethodNotAllowed},
		{"no key", envelope(), func(r *http.Request) { r.Header.Del("X-Sentry-Auth") }, http.StatusUnauthorized},
		{"another key", envelope(), func(r *http.Request) { r.Header.Set("X-Sentry-Auth", "Sentry sentry_key=no") }, http.StatusUnauthorized},
		{"empty", "", nil, http.StatusBadRequest},
		{"no JSON", "hello\n", nil, http.StatusBadRequest},
		{"a length too short", replaced(`"length":3`, `"length":2`), nil, http.StatusBadRequest},
		{"a length too long", replaced(`"length":3`, `"length":30`), nil, http.StatusBadRequest},
		{"a negative length", replaced(`"length":3`, `"length":-3`), nil, http.StatusBadRequest},
		{"an item without a type", replaced(`{"type":"attachment"`, `{"kind":"attachment"`), nil, http.StatusBadRequest},
		{"an event of another id", replaced(`{"event_id":"0`, `{"event_id":"1`), nil, http.StatusBadRequest},
		{"two events", replaced(`{"type":"attachment","length":3,"filename":"stack.txt"}`, "{\"type\":\"event\"}\n"+event+"\n{\"type\":\"x\",\"length\":3}"), nil, http.StatusBadRequest},
		{"no id", "{}\n{\"type\":\"event\"}\n{}\n", nil, http.StatusBadRequest},
		{"no gzip", envelope(), func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, http.StatusBadRequest},
		{"unknown encoding", envelope(), func(r *http.Request) { r.Header.Set("Content-Encoding", "br") }, http.StatusBadRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			if status, _ := post(t, s, tt.body, tt.change); status != tt.want {
				t.Errorf("answered %d, want %d", status, tt.want)
			}
			if len(s.Refusals()) != 1 || len(s.Events()) != 0 {
				t.Errorf("%v, %d events", s.Refusals(), len(s.Events()))
			}
		})
	}
}

func TestServer_FaultsAndLatency(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SetFault(func(n int) fakesentry.Fault {
		return []fakesentry.Fault{{Status: http.StatusTooManyRequests, RetryAfter: 2 * time.Second}, {Cut: true}, {}}[min(n, 3)-1]
	})
	if status, retryAfter := post(t, s, envelope(), nil); status != http.StatusTooManyRequests || retryAfter != "2" {
		t.Errorf("answered %d, Retry-After %q", status, retryAfter)
	}
	if status, _ := post(t, s, envelope(), nil); status != 0 {
		t.Errorf("answered %d, want no answer", status)
	}
	if len(s.Events()) != 0 {
		t.Error("an event was kept in spite of a fault")
	}
	s.SetLatency(30 * time.Millisecond)
	before := time.Now()
	if status, _ := post(t, s, envelope(), nil); status != http.StatusOK || time.Since(before) < 30*time.Millisecond {
		t.Errorf("answered %d after %v", status, time.Since(before))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if events, err := s.Wait(ended, func(e []fakesentry.Event) bool { return len(e) > 1 }); err == nil || len(events) != 1 {
		t.Errorf("Wait = %d events, %v", len(events), err)
	}
}

func FuzzParseEnvelope(f *testing.F) {
	f.Add([]byte(envelope()))
	f.Add([]byte("{}\n{\"type\":\"x\"}\npayload"))
	f.Add([]byte("{}\n{\"type\":\"x\",\"length\":0}\n\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := fakesentry.ParseEnvelope(data)
		if err != nil {
			return
		}
		for _, item := range got.Items {
			if item.Type == "" || !bytes.Contains(data, item.Payload) {
				t.Errorf("item %+v is made up", item)
			}
		}
	})
}
