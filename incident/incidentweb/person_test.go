package incidentweb_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
)

// TestUnknownPeople: whoever names somebody who cannot be reached hears so at once, and nothing is done.
func TestUnknownPeople(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people("ana")
	if err := b.memory.SavePerson(t.Context(), incident.Person{ID: "gone", Name: "Gone", Role: incident.Responder, Gone: start.Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	token := b.token(incident.Responder)
	path := "/v1/incidents/" + b.declare(token, "k", `{"name":"x","lead":"ana"}`)
	action := b.want(http.StatusOK, ask{method: "POST", path: path + "/actions", token: token, body: `{"text":"x","owner":"ana"}`})
	actions, _ := action["actions"].([]any)
	first, _ := actions[0].(map[string]any)
	id, _ := first["id"].(string)
	before := b.want(http.StatusOK, ask{method: "GET", path: path, token: token})
	for i, c := range []struct{ method, path, body, field string }{
		{"PUT", path + "/roles/scribe", `{"person":"WHO"}`, "person"},
		{"PUT", path + "/roles/lead", `{"person":"WHO","from":"ana"}`, "person"},
		{"POST", path + "/participants", `{"person":"WHO"}`, "person"},
		{"POST", path + "/participants", `{"person":"WHO","subscribed":true}`, "person"},
		{"POST", path + "/escalations", `{"people":["ana","WHO"],"reason":"x"}`, "people"},
		{"POST", path + "/update-requests", `{"person":"WHO"}`, "person"},
		{"POST", path + "/actions", `{"text":"x","owner":"WHO"}`, "owner"},
		{"PATCH", path + "/actions/" + id, `{"owner":"WHO"}`, "owner"},
		{"POST", path + "/follow-ups", `{"text":"x","owner":"WHO"}`, "owner"},
		{"POST", "/v1/incidents", `{"name":"y","lead":"WHO"}`, "lead"},
	} {
		for who, says := range map[string]string{
			"zoe": "nobody in the directory has the id", "zoe@example.com": "PUT /v1/people/{id}", "gone": "has left",
		} {
			got := b.want(http.StatusBadRequest, ask{
				method: c.method, path: c.path, token: token, body: strings.Replace(c.body, "WHO", who, 1), header: []string{"Idempotency-Key", fmt.Sprintf("%d-%s", i, who)},
			})
			if detail, _ := got["detail"].(string); got["field"] != c.field || !strings.Contains(detail, says) {
				t.Errorf("%s %s, %s: %v", c.method, c.path, who, got)
			}
		}
	}
	after := b.want(http.StatusOK, ask{method: "GET", path: path, token: token})
	if before["version"] != after["version"] || len(b.refs(token, "")) != 1 {
		t.Errorf("something was done: %v", after)
	}
}
