package incidentweb_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
)

// seen counts how often the timeline of an incident says that somebody looked.
func (b *bundle) seen(id string) (n int) {
	b.Helper()
	page, err := b.memory.Events(b.Context(), incident.EventFilter{IncidentID: id, Types: []incident.EventType{incident.EvPrivateSeen}})
	if err != nil {
		b.Fatal(err)
	}
	return len(page.Events)
}

// TestPrivate_IsNotThere sends every request about one incident to a private one: for a token that is
// no admin's each is answered like the same request about one that does not exist.
func TestPrivate_IsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	made := b.want(http.StatusCreated, create(token, "k", `{"name":"canary","visibility":"private","severity":"critical"}`))
	id, _ := made["id"].(string)
	public := b.declare(token, "k2", `{"name":"x"}`)
	before, err := b.memory.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range incidentweb.Table() {
		if !strings.HasPrefix(row.Path, "/v1/incidents/{ref}") || row.Access == "admin" {
			continue
		}
		for _, header := range [][]string{{"If-Match", "77"}, {"If-Match", "1", "Idempotency-Key", "x"}} {
			asks := make([]ask, 2)
			for i, ref := range []string{"INC-1", "INC-99"} {
				path := placeholder.ReplaceAllString(strings.Replace(row.Path, "{ref}", ref, 1), "1")
				asks[i] = ask{method: row.Method, path: path, token: token, header: header}
				if row.Method != http.MethodGet {
					asks[i].body = bodies[row.Method+" "+row.Path]
				}
			}
			hidden, missing := b.do(asks[0]), b.do(asks[1])
			if hidden.Code != http.StatusNotFound || missing.Code != http.StatusNotFound || strings.Contains(hidden.Body.String(), "canary") {
				t.Errorf("%s %s: hidden %d %s; missing %d %s", row.Method, row.Path, hidden.Code, hidden.Body, missing.Code, missing.Body)
			}
			if says := strings.ReplaceAll(missing.Body.String(), "INC-99", "INC-1"); hidden.Body.String() != says {
				t.Errorf("%s %s tells that it is there: %s, not %s", row.Method, row.Path, hidden.Body, says)
			}
		}
	}
	b.want(http.StatusNotFound, ask{method: "POST", path: "/v1/incidents/" + public + "/merge", token: token, body: `{"into":"INC-1"}`})
	for _, query := range []string{"", "?private=true", "?text=canary"} {
		for _, ref := range b.refs(token, query) {
			if ref == "INC-1" {
				t.Errorf("%s lists it", query)
			}
		}
	}
	after, err := b.memory.Get(t.Context(), id)
	if err != nil || after.Seq != before.Seq || after.Version != before.Version {
		t.Errorf("it was touched: %d, %d → %d, %d, %v", before.Version, before.Seq, after.Version, after.Seq, err)
	}
	again := b.want(http.StatusOK, create(token, "k", `{"name":"canary","visibility":"private","severity":"critical"}`))
	if again["name"] != nil || again["ref"] != "INC-1" {
		t.Errorf("its maker, asking again, is shown %v", again)
	}
}

// bodies are bodies that the routes of one incident take.
var bodies = map[string]string{
	"PATCH /v1/incidents/{ref}":                        `{"name":"y"}`,
	"POST /v1/incidents/{ref}/merge":                   `{"into":"INC-2"}`,
	"POST /v1/incidents/{ref}/updates":                 `{"message":"x"}`,
	"POST /v1/incidents/{ref}/nudges/{kind}/snooze":    `{"minutes":30}`,
	"PUT /v1/incidents/{ref}/roles/{role}":             `{"person":"ana"}`,
	"POST /v1/incidents/{ref}/participants":            `{"person":"ana","kind":"observer"}`,
	"POST /v1/incidents/{ref}/escalations":             `{"people":["ana"],"reason":"x"}`,
	"POST /v1/incidents/{ref}/timeline":                `{"text":"x"}`,
	"PATCH /v1/incidents/{ref}/timeline/{seq}":         `{"text":"x"}`,
	"POST /v1/incidents/{ref}/actions":                 `{"text":"x"}`,
	"PATCH /v1/incidents/{ref}/actions/{id}":           `{"text":"x"}`,
	"POST /v1/incidents/{ref}/follow-ups":              `{"text":"x"}`,
	"PATCH /v1/incidents/{ref}/follow-ups/{id}":        `{"text":"x"}`,
	"PATCH /v1/incidents/{ref}/tasks/{id}":             `{"state":"done"}`,
	"POST /v1/incidents/{ref}/attachments":             `{"kind":"x","url":"https://example.com"}`,
	"POST /v1/incidents/{ref}/pause":                   `{"reason":"x"}`,
	"POST /v1/incidents/{ref}/make-private":            `{"reason":"x"}`,
	"POST /v1/incidents/{ref}/escalations/{id}/cancel": `{"reason":"x"}`,
}

// TestPrivate_ALookIsWrittenDown: an admin sees it, and the incident says so, once an hour for each.
func TestPrivate_ALookIsWrittenDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people("ana")
	boss, other := b.token(incident.Admin), b.token(incident.Admin)
	made := b.want(http.StatusCreated, create(boss, "k", `{"name":"canary","visibility":"private"}`))
	id, _ := made["id"].(string)
	want := func(n int, what string) {
		t.Helper()
		if got := b.seen(id); got != n {
			t.Errorf("after %s it was seen %d times, want %d", what, got, n)
		}
	}
	want(0, "making it")
	if refs := b.refs(boss, ""); len(refs) != 0 {
		t.Errorf("it is listed without being asked for: %v", refs)
	}
	want(0, "a list of public ones")
	path := "/v1/incidents/INC-1"
	for range 3 {
		b.want(http.StatusOK, ask{method: "GET", path: path, token: boss})
	}
	want(1, "looking")
	b.want(http.StatusOK, ask{method: "GET", path: path + "/timeline", token: other})
	want(2, "another's look")
	b.clock.Advance(time.Hour)
	if refs := b.refs(boss, "?private=true"); len(refs) != 1 {
		t.Errorf("an admin is shown %v", refs)
	}
	want(3, "a list of private ones, an hour later")
	b.want(http.StatusOK, ask{method: "GET", path: path + "/effects", token: other})
	want(4, "effects")
	b.clock.Advance(time.Hour)
	b.want(http.StatusOK, ask{method: "POST", path: path + "/participants", token: boss, body: `{"person":"ana","kind":"observer"}`})
	b.want(http.StatusOK, ask{method: "POST", path: path + "/participants", token: other, body: `{"person":"ana","kind":"observer"}`})
	want(6, "verbs, one of which changed nothing")
}

// TestPrivate_ItsEscalationIsNotThere: the route that names an escalation alone gives its incident away
// neither by its words nor by an id.
func TestPrivate_ItsEscalationIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	b.want(http.StatusCreated, create(token, "k", `{"name":"canary","visibility":"private"}`))
	inc, err := b.svc.Do(t.Context(), "INC-1", incident.Actor{Kind: incident.ByPerson, ID: "ana", Role: incident.Admin},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Escalate(act, incident.EscalateParams{People: []string{"ana"}, Reason: "canary"})
		})
	if err != nil {
		t.Fatal(err)
	}
	id := inc.Escalations[0].ID
	for _, verb := range []string{"ack", "cancel"} {
		hidden := b.do(ask{method: "POST", path: "/v1/escalations/" + id + "/" + verb, token: token})
		missing := b.do(ask{method: "POST", path: "/v1/escalations/nothing/" + verb, token: token})
		if says := strings.ReplaceAll(missing.Body.String(), "nothing", id); hidden.Code != http.StatusNotFound || hidden.Body.String() != says {
			t.Errorf("%s: hidden %d %s; missing %d %s", verb, hidden.Code, hidden.Body, missing.Code, says)
		}
	}
}
