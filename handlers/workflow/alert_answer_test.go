package workflow_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

// pagerDuty is a webhook as PagerDuty sends it, with more than we read.
func pagerDuty(event, key string) string {
	text, err := json.Marshal(key)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"event":{"id":"5ac6","event_type":%q,"resource_type":"incident","agent":{"id":"P1","summary":"Ana Ortega","type":"user_reference"},
		"data":{"id":"PT4","type":"incident","number":12,"status":"x","incident_key":%s,"title":"INC-1"}}}`, event, text)
}

// Whoever answers in the pager itself stops the calls, and is named.
func TestPager_Answered_StopsTheCalls(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"incident.acknowledged", "incident.resolved"} {
		w := newWorld(t)
		inc := w.declare(incident.NewParams{Severity: "critical"})
		w.work()
		id := inc.Escalations[0].ID
		key := "page:" + id + ":1:1:person:ana"
		want(t, "called", len(w.out.pages[key]), 1)
		for range 2 {
			w.alert("p1", "pager", pagerDuty(event, key))
		}
		e := w.get(inc.ID).Escalations[0]
		if e.State != incident.Acked || e.AckedBy == nil || e.AckedBy.Name != "Ana Ortega" || e.AckedBy.ID != "pager" {
			t.Errorf("%s: the escalation is %s, by %+v", event, e.State, e.AckedBy)
		}
		want(t, "told", len(w.events(inc.ID, incident.EvAcked)), 1)
		w.work()
		want(t, "the pager is told", w.out.ended[key], []string{"ack ana"})
		// What we told the pager comes back from it, and is no news.
		w.alert("p2", "pager", pagerDuty("incident.acknowledged", key))
		want(t, "told", len(w.events(inc.ID, incident.EvAcked)), 1)
		want(t, "open", w.get(inc.ID).Status.Open(), true)
	}
}

// What is no answer to a call of ours changes nothing and is acknowledged; what cannot be read is held.
func TestPager_SaysSomethingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	w.work()
	key := "page:" + inc.Escalations[0].ID + ":1:1:person:ana"
	for i, body := range []string{
		pagerDuty("incident.triggered", key), pagerDuty("incident.acknowledged", ""), pagerDuty("incident.acknowledged", "disk:db1"),
		pagerDuty("incident.acknowledged", "page:e9:1:1:person:ana"), pagerDuty("incident.acknowledged", "page"),
		pagerDuty("incident.acknowledged", "channel:"+inc.ID), pagerDuty("incident.acknowledged", key+"\x00"),
		pagerDuty("incident.acknowledged", "page:"+strings.Repeat("x", 100_000)), `{"event":{"event_type":"pagey.ping"}}`,
	} {
		w.alert(fmt.Sprint("p", i), "pager", body)
	}
	want(t, "state", w.get(inc.ID).Escalations[0].State, incident.Paging)
	want(t, "incidents", w.count(), 1)
	for _, body := range []string{"", "{}", "[]", `{"event":7}`} {
		err, _ := w.handle(w.reg("alert.ingest"), alertMessage(w, "broken"+body, "pager", body))
		if !handlers.IsPermanent(err) {
			t.Errorf("%q is answered with %v", body, err)
		}
	}
}

// An escalation that ended meanwhile is nothing to answer.
func TestPager_AnsweredAfterTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	w.work()
	w.do(inc.ID, person("ben"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{})
	})
	w.alert("p1", "pager", pagerDuty("incident.acknowledged", "page:"+inc.Escalations[0].ID+":1:1:person:ana"))
	want(t, "told", len(w.events(inc.ID, incident.EvAcked)), 0)
}
