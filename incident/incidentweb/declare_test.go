package incidentweb_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
	"github.com/theriac/theriac/internal/runner"
)

func create(token, key, body string) ask {
	return ask{method: http.MethodPost, path: "/v1/incidents", token: token, body: body, header: []string{"Idempotency-Key", key}}
}

// TestDeclare_OneTransaction holds the promise for the worst day: to declare, the store is asked for
// the token and the settings, if they are not known, and then does one thing.
func TestDeclare_OneTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	b.store.take()
	b.declare(token, "k1", `{"name":"checkout is down","severity":"critical"}`)
	if diff := cmp.Diff([]string{"TokenByHash", "Settings", "Create"}, b.store.take()); diff != "" {
		t.Errorf("the first (-want +got):\n%s", diff)
	}
	b.declare(token, "k2", `{"name":"again","severity":"critical"}`)
	if diff := cmp.Diff([]string{"Create"}, b.store.take()); diff != "" {
		t.Errorf("the second (-want +got):\n%s", diff)
	}
}

func TestDeclare_Answer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	w := b.do(create(token, "k1", `{"name":"checkout is down","severity":"critical","summary":"cards\u0000 fail"}`))
	var got struct {
		Ref, Status, Stage, Name, Summary string
		Allowed                           []string
		Keys                              []string
		Origin                            incident.Actor
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusCreated {
		t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	if got.Ref != "INC-1" || got.Status != "investigating" || got.Stage != "active" || len(got.Allowed) == 0 || got.Keys != nil {
		t.Errorf("got %+v", got)
	}
	if got.Summary != "cards� fail" || got.Origin.Kind != incident.ByToken || !strings.HasPrefix(got.Origin.ID, "tok-responder") {
		t.Errorf("got %+v", got)
	}
	if w.Header().Get("Location") != "/v1/incidents/INC-1" || w.Header().Get("ETag") != `"1"` {
		t.Errorf("headers %v", w.Header())
	}
	report := b.want(http.StatusCreated, create(token, "k2", `{"name":"maybe","triage":true}`))
	if report["status"] != "triage" {
		t.Errorf("triage: true gives %v", report["status"])
	}
}

// TestDeclare_Idempotent: the same key of the same token is the same incident, however often and at
// once; another token's is another.
func TestDeclare_Idempotent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, other := b.token(incident.Responder), b.token(incident.Responder)
	answers := make([]*httptest.ResponseRecorder, 100)
	var group runner.Group
	for i := range answers {
		group.Go(func() { answers[i] = b.do(create(token, "same", `{"name":"checkout is down"}`)) })
	}
	group.Wait()
	created := 0
	for _, w := range answers {
		switch w.Code {
		case http.StatusCreated:
			created++
		case http.StatusOK:
		default:
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		if w.Header().Get("Location") != "/v1/incidents/INC-1" {
			t.Fatalf("it is %s", w.Header().Get("Location"))
		}
	}
	if created != 1 {
		t.Errorf("%d of 100 were told that they made it", created)
	}
	if ref := b.declare(other, "same", `{"name":"checkout is down"}`); ref != "INC-2" {
		t.Errorf("another token's key gives %s", ref)
	}
	list := b.want(http.StatusOK, ask{method: http.MethodGet, path: "/v1/incidents", token: token})
	if all, _ := list["incidents"].([]any); len(all) != 2 {
		t.Errorf("there are %d incidents", len(all))
	}
}

func TestDeclare_Refused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	for _, tt := range []struct{ name, key, body, field string }{
		{"NoKey", "", `{"name":"x"}`, "Idempotency-Key"},
		{"KeyTooLong", strings.Repeat("k", 201), `{"name":"x"}`, "Idempotency-Key"},
		{"KeyWithSpace", "a b", `{"name":"x"}`, "Idempotency-Key"},
		{"KeyWithNUL", "a\x00b", `{"name":"x"}`, "Idempotency-Key"},
		{"NoName", "k", `{}`, "name"},
		{"LongName", "k", `{"name":"` + strings.Repeat("x", 10_000) + `"}`, "name"},
		{"Severity", "k", `{"name":"x","severity":"mauve"}`, "severity"},
		{"Mode", "k", `{"name":"x","mode":"dream"}`, "mode"},
		{"Retrospective", "k", `{"name":"x","mode":"retrospective"}`, "mode"},
		{"Visibility", "k", `{"name":"x","visibility":"secret"}`, "visibility"},
		{"Unknown", "k", `{"name":"x","naem":"y"}`, "naem"},
		{"Twice", "k", `{"name":"x","name":"y"}`, "name"},
		{"WrongType", "k", `{"name":["x"]}`, "name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := create(token, tt.key, tt.body)
			if tt.key == "" {
				a.header = nil
			}
			if got := b.want(http.StatusBadRequest, a); got["field"] != tt.field {
				t.Errorf("field %v, want %s: %v", got["field"], tt.field, got)
			}
		})
	}
	if got := b.store.take(); strings.Contains(strings.Join(got, " "), "Create") {
		t.Errorf("something was stored: %v", got)
	}
}

func TestDeclare_Limit(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *incidentweb.Options) { o.DeclareBurst, o.DeclareEvery = 2, time.Minute })
	token, other := b.token(incident.Responder), b.token(incident.Responder)
	b.declare(token, "1", `{"name":"x"}`)
	b.declare(token, "2", `{"name":"x"}`)
	w := b.do(create(token, "3", `{"name":"x"}`))
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "60" {
		t.Errorf("status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	b.declare(other, "1", `{"name":"x"}`)
	b.clock.Advance(time.Minute)
	b.declare(token, "3", `{"name":"x"}`)
}

// TestStoreDown: 503 with a time to come again, no word of the store's own, and the process still says
// that it is alive.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	b.declare(token, "1", `{"name":"x"}`)
	b.memory.Fail(errDown)
	for _, a := range []ask{
		create(token, "2", `{"name":"x"}`),
		{method: http.MethodGet, path: "/v1/incidents/INC-1", token: token},
		{method: http.MethodPost, path: "/v1/incidents/INC-1/resolve", token: token},
		{method: http.MethodGet, path: "/readyz"},
		{method: http.MethodPost, path: "/v1/alerts/shop", token: sourceToken, body: `{}`},
		{method: http.MethodGet, path: "/v1/incidents", token: "thr_" + strings.Repeat("1", 64)},
	} {
		w := b.do(a)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "password") {
			t.Errorf("%s %s: %d, Retry-After %q: %s", a.method, a.path, w.Code, w.Header().Get("Retry-After"), w.Body)
		}
	}
	if !strings.Contains(b.log.String(), "password") {
		t.Error("the log does not say what was wrong")
	}
	b.want(http.StatusOK, ask{method: http.MethodGet, path: "/healthz"})
	b.memory.Fail(nil)
	b.want(http.StatusOK, ask{method: http.MethodGet, path: "/readyz"})
	b.declare(token, "2", `{"name":"x"}`)
}
