package incidentweb_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.token(incident.Admin)
	w := b.do(ask{method: "GET", path: "/v1/settings", token: boss})
	if w.Code != http.StatusOK || w.Header().Get("ETag") != `"1"` {
		t.Fatalf("%d, ETag %q", w.Code, w.Header().Get("ETag"))
	}
	var s incident.Settings
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	s.Sources = s.Sources[:3] // the others have no secret, which is refused
	s.Runbooks = map[string]string{"orders": "turn it off and on again"}
	body, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	save := ask{method: "PUT", path: "/v1/settings", token: boss, body: string(body)}
	if got := b.want(http.StatusBadRequest, save); got["field"] != "If-Match" {
		t.Errorf("without a version: %v", got)
	}
	save.header = []string{"If-Match", `"1"`}
	got := b.want(http.StatusOK, save)
	if got["version"] != 2.0 {
		t.Errorf("saved as %v", got["version"])
	}
	got = b.want(http.StatusConflict, save)
	if got["code"] != "conflict" || got["version"] != 2.0 || !strings.Contains(fmt.Sprint(got["by"]), "tok-admin") {
		t.Errorf("saved again: %v", got)
	}
	save.header[1], save.body = `"2"`, `{"severities":[],"roles":[],"hours":{"zone":"Nowhere","from":"","to":""}}`
	if got := b.want(http.StatusBadRequest, save); got["field"] == nil || len(got["fields"].([]any)) == 0 {
		t.Errorf("settings that cannot be: %v", got)
	}
	save.body = strings.Replace(string(body), `"roles"`, `"rolls"`, 1)
	if got := b.want(http.StatusBadRequest, save); got["field"] != "rolls" {
		t.Errorf("an unknown name: %v", got)
	}
}

// TestSettings_First saves the first ones, which replace version 0.
func TestSettings_First(t *testing.T) {
	t.Parallel()
	b := setupEmpty(t)
	boss := b.token(incident.Admin)
	w := b.do(ask{method: "GET", path: "/v1/settings", token: boss})
	if w.Header().Get("ETag") != `"0"` {
		t.Fatalf("ETag %q", w.Header().Get("ETag"))
	}
	b.want(http.StatusOK, ask{method: "PUT", path: "/v1/settings", token: boss, body: w.Body.String(), header: []string{"If-Match", `"0"`}})
}

func TestPeople(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.token(incident.Admin)
	put := func(status int, id, body string) map[string]any {
		t.Helper()
		return b.want(status, ask{method: "PUT", path: "/v1/people/" + id, token: boss, body: body})
	}
	put(http.StatusOK, "ana", `{"name":"Ana","role":"responder","email":"ana@example.com","slack_id":"U1","zone":"Europe/Vienna"}`)
	put(http.StatusConflict, "ben", `{"name":"Ben","role":"viewer","slack_id":"U1"}`)
	for body, field := range map[string]string{
		`{"role":"viewer"}`:                                   "name",
		`{"name":"B","role":"king"}`:                          "role",
		`{"name":"B","role":"viewer","zone":"Mars/Base"}`:     "zone",
		`{"name":"B","role":"viewer","zone":"../etc"}`:        "zone",
		`{"id":"cleo","name":"B","role":"viewer"}`:            "id",
		`{"name":"B\u202e","role":"viewer"}`:                  "name",
		`{"name":"B","role":"viewer","email":"a\nb@x.com"}`:   "email",
		`{"name":"B","role":"viewer","slack_id":"U1\u0000"}`:  "slack_id",
		`{"name":"B","role":"viewer","pager_key_env":"A\tB"}`: "pager_key_env",
		`{"name":"B","role":"viewer","hash":"x"}`:             "hash",
	} {
		if got := put(http.StatusBadRequest, "ben", body); got["field"] != field {
			t.Errorf("%s: field %v, want %s", body, got["field"], field)
		}
	}
	// Who has another id can be given a role and never be called: no path and no call may name them.
	for _, id := range []string{"ana%20lima", "a:b", "a%2Fb", "%C3%A4", strings.Repeat("x", 65)} {
		if got := put(http.StatusBadRequest, id, `{"name":"B","role":"viewer"}`); got["field"] != "id" {
			t.Errorf("%s: %v", id, got)
		}
	}
	put(http.StatusBadRequest, "ben", `{"name":"B","role":"viewer","zone":"Local"}`)
	got := b.want(http.StatusOK, ask{method: "GET", path: "/v1/people", token: boss})
	if people, _ := got["people"].([]any); len(people) != 1 {
		t.Errorf("people: %v", got)
	}
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	var asked []string
	b := setup(t, func(o *incidentweb.Options) {
		o.TestWebhook = func(_ context.Context, id string) error { asked = append(asked, id); return nil }
		o.ResendWebhook = func(_ context.Context, id, event string) error { asked = append(asked, id+" "+event); return nil }
	})
	boss := b.token(incident.Admin)
	b.want(http.StatusAccepted, ask{method: "POST", path: "/v1/webhooks/hook/test", token: boss})
	b.want(http.StatusAccepted, ask{method: "POST", path: "/v1/webhooks/hook/resend", token: boss, body: `{"event":"e-1"}`})
	b.want(http.StatusBadRequest, ask{method: "POST", path: "/v1/webhooks/hook/resend", token: boss, body: `{}`})
	b.want(http.StatusNotFound, ask{method: "POST", path: "/v1/webhooks/nobody/test", token: boss})
	if diff := cmp.Diff([]string{"hook", "hook e-1"}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	none := setup(t)
	got := none.want(http.StatusUnprocessableEntity, ask{method: "POST", path: "/v1/webhooks/hook/test", token: none.token(incident.Admin)})
	if got["code"] != "refused" {
		t.Errorf("without a sender: %v", got)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	draining := false
	b := setup(t, func(o *incidentweb.Options) {
		o.Draining = func() bool { return draining }
		o.Health = func(context.Context) (map[string]any, error) { return map[string]any{"relay_age_seconds": 1.5}, nil }
	})
	b.store.take()
	b.want(http.StatusOK, ask{method: "GET", path: "/healthz"})
	if calls := b.store.take(); len(calls) > 0 {
		t.Errorf("/healthz asked the store: %v", calls)
	}
	if got := b.want(http.StatusOK, ask{method: "GET", path: "/v1/health", token: b.token(incident.Viewer)}); got["relay_age_seconds"] != 1.5 {
		t.Errorf("health: %v", got)
	}
	b.want(http.StatusOK, ask{method: "GET", path: "/readyz"})
	draining = true
	if got := b.want(http.StatusServiceUnavailable, ask{method: "GET", path: "/readyz"}); got["code"] != "draining" {
		t.Errorf("draining: %v", got)
	}
	b.want(http.StatusOK, ask{method: "GET", path: "/healthz"})
}

// TestPanic: one route that panics is one answer with status 500, and a stack in the log.
func TestPanic(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *incidentweb.Options) {
		o.Health = func(context.Context) (map[string]any, error) { panic(errors.New("secret")) }
	})
	w := b.do(ask{method: "GET", path: "/v1/health", token: b.token(incident.Viewer)})
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if !strings.Contains(b.log.String(), "TestPanic") {
		t.Errorf("the log has no stack: %s", b.log)
	}
}

func TestNew_Refuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := incidentweb.New(nil, incidentweb.Options{}); !errors.Is(err, incident.ErrInvalid) {
		t.Errorf("without a service: %v", err)
	}
	if _, err := incidentweb.New(b.svc, incidentweb.Options{Origins: []string{"ops.example.com"}}); !errors.Is(err, incident.ErrInvalid) {
		t.Errorf("an origin without a scheme: %v", err)
	}
}
