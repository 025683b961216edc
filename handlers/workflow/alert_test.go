package workflow_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

func generic(dedup, status string) string {
	return fmt.Sprintf(`{"dedup_key":%q,"title":"it hurts","severity":"page","status":%q,"fields":{"host":"db1"}}`, dedup, status)
}

// alert sends one and expects it to be acknowledged.
func (w *world) alert(id, source, body string) {
	w.t.Helper()
	w.quietly("alert.ingest", alertMessage(w, id, source, body))
}

func TestAlert_ResolvedNotesAndEndsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert("a0", "probe", generic("db", "resolved"))
	want(t, "incidents", w.count(), 0)
	w.alert("a1", "probe", generic("db", ""))
	for range 3 {
		w.alert("a2", "probe", generic("db", "resolved"))
	}
	inc := w.newest()
	want(t, "status", inc.Status, incident.Investigating)
	want(t, "resolved", inc.Alerts[0].Resolved.IsZero(), false)
	want(t, "told", len(w.events(inc.ID, incident.EvAlertResolved)), 1)
	if !strings.Contains(inc.Summary, "host: db1") {
		t.Errorf("summary %q", inc.Summary)
	}
}

func TestAlert_AfterTheEndANewOneLinkedToTheLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var last string
	for n := 1; n <= 6; n++ {
		w.clock.Advance(time.Hour)
		w.alert(fmt.Sprintf("a%d", n), "probe", generic("db", ""))
		inc := w.newest()
		want(t, "number", inc.Number, int64(n))
		if n > 1 {
			want(t, "related", inc.Related, []string{last})
		}
		last = inc.ID
		w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Resolve(act, incident.ResolveParams{})
		})
		// What came twice after the end opens nothing.
		w.alert(fmt.Sprintf("b%d", n), "probe", generic("db", "resolved"))
		want(t, "incidents", w.count(), n)
	}
}

// TestAlert_ComesAgainAfterTheEnd: brokers deliver at least once, and what came before the end is no firing
// after it, whether the process came as far as to say that it was handled or died before.
func TestAlert_ComesAgainAfterTheEnd(t *testing.T) {
	t.Parallel()
	for _, dies := range []bool{false, true} {
		for _, again := range []string{"a1", "a2"} {
			w := newWorld(t)
			last := map[string]handlers.Message{}
			for _, id := range []string{"a1", "a2"} {
				last[id] = alertMessage(w, id, "probe", generic("db", ""))
				w.out.step = func(string) {}
				w.crashAt, w.steps = 0, 0
				w.serviceThat(func(op string) {
					if op == "handled" && dies {
						panic(died{op})
					}
				})
				if _, dead := w.handle(w.reg("alert.ingest"), last[id]); dead != dies {
					t.Fatalf("dead: %v", dead)
				}
			}
			w.serviceThat(func(string) {})
			inc := w.newest()
			want(t, "count", inc.Alerts[0].Count, 2)
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.Resolve(act, incident.ResolveParams{})
			})
			w.clock.Advance(20 * time.Minute)
			w.quietly("alert.ingest", last[again])
			want(t, "incidents", w.count(), 1)
			w.alert("a3", "probe", generic("db", ""))
			want(t, "then", w.count(), 2)
			w.quietly("alert.ingest", last[again])
			want(t, "alerts of the next", w.newest().Alerts[0].Count, 1)
		}
	}
}

func TestAlert_AStormIsOneIncident(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 20 {
		for range 2 {
			w.alert(fmt.Sprintf("a%d", n), "probe", generic(fmt.Sprintf("db%d", n), ""))
		}
	}
	want(t, "incidents", w.count(), 4) // three, as the source says, and the storm
	storm := w.newest()
	want(t, "in the storm", len(storm.Alerts), 17)
	if !strings.HasPrefix(storm.Name, "Alert storm from probe") {
		t.Errorf("name %q", storm.Name)
	}
	// Those of the storm are found again.
	w.alert("again", "probe", generic("db19", ""))
	w.alert("over", "probe", generic("db18", "resolved"))
	want(t, "incidents", w.count(), 4)
	want(t, "resolved", len(w.events(storm.ID, incident.EvAlertResolved)), 1)
	// Another source has its own.
	w.alert("else", "sentry", `{"action":"created","data":{"issue":{"id":7,"title":"x"}}}`)
	want(t, "incidents", w.count(), 5)
	// After a while alerts are told apart again.
	w.clock.Advance(11 * time.Minute)
	w.alert("later", "probe", generic("another", ""))
	want(t, "incidents", w.count(), 6)
}

func TestAlert_OldOnesCallNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := alertMessage(w, "a1", "probe", generic("db", ""))
	w.clock.Advance(2 * time.Hour)
	m.PublishedAt = w.clock.Now() // the relay was late, not the alert
	w.quietly("alert.ingest", m)
	want(t, "incidents", w.count(), 1)
	want(t, "escalations", len(w.newest().Escalations), 0)
}

func TestAlert_TwoAtOnceEndInOneIncident(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := alertMessage(w, "a1", "probe", generic("db", ""))
	second := alertMessage(w, "a2", "probe", generic("db", ""))
	raced := false
	w.serviceThat(func(op string) {
		if op == "create" && !raced {
			raced = true
			w.quietly("alert.ingest", second)
		}
	})
	w.quietly("alert.ingest", first)
	want(t, "incidents", w.count(), 1)
	want(t, "count", w.newest().Alerts[0].Count, 2)
}

func TestAlert_EndedOnItsWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert("a1", "probe", generic("db", ""))
	old, ended := w.newest(), false
	plain := w.svc
	w.serviceThat(func(op string) {
		if op == "get" && !ended { // found by its key, and not loaded yet
			ended = true
			if _, err := plain.Do(t.Context(), old.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.Cancel(act, "nothing")
			}); err != nil {
				t.Error(err)
			}
		}
	})
	w.alert("a2", "probe", generic("db", ""))
	want(t, "incidents", w.count(), 2)
	want(t, "related", w.newest().Related, []string{old.ID})
}

func TestAlert_Sources(t *testing.T) {
	t.Parallel()
	two := `{"version":"4","groupKey":"g","status":"firing","commonLabels":{"severity":"page","alertname":"Slow"},"externalURL":"https://am.example",
		"alerts":[{"status":"firing","fingerprint":"f1","labels":{"alertname":"Slow"}},{"status":"firing","fingerprint":"f2","annotations":{"summary":"very slow"}}]}`
	for _, c := range []struct {
		name, source, body string
		incidents          int
		title, dedup       string
	}{
		{"a group", "groups", two, 1, "Slow", "g"},
		{"each alert", "prom", two, 2, "very slow", "f2"},
		{"no alerts", "prom", `{"version":"4","alerts":[]}`, 0, "", ""},
		{"an issue", "sentry", `{"action":"created","data":{"issue":{"id":"77","title":"nil pointer","web_url":"https://s.example/77"}}}`, 1, "nil pointer", "77"},
		{"an issue again", "sentry", `{"action":"unresolved","data":{"issue":{"id":77,"title":"nil pointer"}}}`, 1, "nil pointer", "77"},
		{"an issue given to somebody", "sentry", `{"action":"assigned","data":{"issue":{"id":"77"}}}`, 0, "", ""},
		{"an event", "sentry", `{"action":"triggered","data":{"event":{"issue_id":"77","title":"nil pointer","tags":[["environment","prod"]]}}}`, 1, "nil pointer", "77:prod"},
		{"something else", "sentry", `{"action":"created","data":{"installation":{}}}`, 0, "", ""},
		{"a title that shows nothing", "probe", `{"dedup_key":"x","title":"\u200b\ufeff"}`, 1, "x", "x"},
		{"a key that shows nothing, too", "probe", `{"dedup_key":"\u200b","title":"\u200b"}`, 1, "without a name", "\u200b"},
		{"a bad link", "probe", `{"dedup_key":"x","url":"javascript:alert(1)"}`, 1, "x", "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.alert("a1", c.source, c.body)
			want(t, "incidents", w.count(), c.incidents)
			if c.incidents == 0 {
				return
			}
			inc := w.newest()
			want(t, "name", inc.Name, c.title)
			want(t, "dedup", inc.Alerts[0].Dedup, c.dedup)
			if strings.Contains(inc.Alerts[0].URL, "javascript") {
				t.Error("the link is kept")
			}
		})
	}
}

func TestAlert_Refused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, source, body string }{
		{"an unknown source", "nobody", "{}"},
		{"no JSON", "probe", "hello"},
		{"no key", "probe", `{"title":"x"}`},
		{"another version", "prom", `{"version":"3","groupKey":"g"}`},
		{"no group", "groups", `{"version":"4"}`},
		{"no fingerprint", "prom", `{"version":"4","alerts":[{}]}`},
		{"no issue id", "sentry", `{"action":"created","data":{"issue":{}}}`},
		{"an issue id of another kind", "sentry", `{"action":"created","data":{"issue":{"id":{}}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			err, _ := w.handle(w.reg("alert.ingest"), alertMessage(w, "a1", c.source, c.body))
			if !handlers.IsPermanent(err) {
				t.Errorf("answered %v", err)
			}
			want(t, "incidents", w.count(), 0)
		})
	}
}

// FuzzAlert lets a source say anything. It is answered, and nothing that it says can be seen as
// something else.
func FuzzAlert(f *testing.F) {
	for _, source := range []string{"probe", "sentry", "prom", "groups", "pager"} {
		for _, body := range []string{
			generic("db", ""), generic("db", "resolved"), "{}", "null", "[]", `{"dedup_key":"\u0000\u202e","title":"\ud800"}`,
			`{"action":"created","data":{"issue":{"id":"77","title":"x"}}}`, `{"action":"triggered","data":{"event":{"issue_id":7,"tags":[["environment","p"]]}}}`,
			pagerDuty("incident.acknowledged", "page:e:1:1:person:ana"),
			`{"version":"4","groupKey":"g","alerts":[{"fingerprint":"f","labels":{"severity":"page"}}]}`,
		} {
			f.Add(source, body)
		}
	}
	f.Fuzz(func(t *testing.T, source, body string) {
		if source == "" || strings.Contains(source, "\x00") {
			source = "probe"
		}
		w := newWorld(t)
		m := handlers.Message{ID: "a1", Data: []byte(body), PublishedAt: morning, Attributes: map[string]string{workflow.AttrSource: source, incident.AttrID: "a1"}}
		err, dead := w.handle(w.reg("alert.ingest"), m)
		if dead || (err != nil && !handlers.IsPermanent(err)) {
			t.Fatalf("answered %v", err)
		}
		n := w.count()
		if err, _ := w.handle(w.reg("alert.ingest"), m); err == nil && w.count() != n {
			t.Fatalf("%d incidents became %d", n, w.count())
		}
		if n > 0 {
			if inc := w.newest(); inc.Name == "" || strings.ContainsAny(inc.Name, "\x00\n\u202e") {
				t.Fatalf("name %q", inc.Name)
			}
		}
	})
}
