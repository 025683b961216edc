package workflow_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

// issue is what Sentry sends when an issue begins, comes back or is resolved. It names no environment.
func issue(action string) string {
	return fmt.Sprintf(`{"action":%q,"data":{"issue":{"id":"77","title":"nil pointer"}}}`, action)
}

// issueEvent is what Sentry sends when a rule picked an event of the same issue.
func issueEvent(environment string) string {
	return fmt.Sprintf(`{"action":"triggered","data":{"event":{"issue_id":"77","title":"nil pointer","environment":%q}}}`, environment)
}

// dedups are the alerts of an incident.
func dedups(inc incident.Incident) (all []string) {
	for _, a := range inc.Alerts {
		all = append(all, a.Dedup)
	}
	return all
}

// firing counts the alerts of an incident that nobody said are over.
func firing(inc incident.Incident) (n int) {
	for _, a := range inc.Alerts {
		if a.Resolved.IsZero() {
			n++
		}
	}
	return n
}

func end(w *world, id string) {
	w.do(id, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{})
	})
}

// TestSentry_TheIssueAndItsEventAreOneIncident: Sentry tells of one issue twice, as an issue without and as an event
// with an environment, in any order.
func TestSentry_TheIssueAndItsEventAreOneIncident(t *testing.T) {
	t.Parallel()
	for _, bodies := range [][]string{
		{issue("created"), issueEvent("prod")},
		{issueEvent("prod"), issue("created")},
	} {
		w := newWorld(t)
		for n, body := range append(bodies, bodies...) {
			w.alert(fmt.Sprintf("a%d", n), "sentry", body)
			want(t, "incidents", w.count(), 1)
		}
		want(t, "alerts", len(w.newest().Alerts), 2)
		want(t, "count", w.newest().Alerts[1].Count, 2)
		w.alert("over", "sentry", issue("resolved"))
		want(t, "firing", firing(w.newest()), 0)
		want(t, "told", len(w.events(w.newest().ID, incident.EvAlertResolved)), 2)
		w.alert("back", "sentry", issue("unresolved"))
		want(t, "incidents", w.count(), 1)
		want(t, "firing again", firing(w.newest()), 1)
	}
}

// TestSentry_EnvironmentsAreToldApart: what nobody minds in staging must not hide what happens in production. What
// is said of the issue is said of all of them.
func TestSentry_EnvironmentsAreToldApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert("a1", "sentry", issue("created"))
	w.alert("a2", "sentry", issueEvent("staging"))
	staging := w.newest()
	w.alert("a3", "sentry", issueEvent("prod"))
	want(t, "incidents", w.count(), 2)
	prod := w.newest()
	want(t, "alerts", dedups(prod), []string{"77:prod"})
	want(t, "related", prod.Related, []string{staging.ID})
	w.alert("a4", "sentry", issue("unresolved"))
	want(t, "alerts of the first", dedups(w.get(staging.ID)), []string{"77", "77:staging"})
	w.alert("a5", "sentry", issue("resolved"))
	want(t, "firing in staging", firing(w.get(staging.ID)), 0)
	want(t, "firing in prod", firing(w.get(prod.ID)), 0)
	// The one that is left is the issue's.
	end(w, staging.ID)
	w.alert("a6", "sentry", issue("unresolved"))
	want(t, "incidents", w.count(), 2)
	want(t, "alerts of the one that is left", dedups(w.get(prod.ID)), []string{"77:prod", "77"})
	w.alert("a7", "sentry", issueEvent("staging"))
	want(t, "incidents", w.count(), 3)
	w.alert("a8", "sentry", issue("resolved"))
	want(t, "firing", firing(w.newest())+firing(w.get(prod.ID)), 0)
}

// TestSentry_ComesAgainAfterTheEnd: whichever of the issue's incidents it belonged to, it opens none after that.
func TestSentry_ComesAgainAfterTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serviceThat(func(op string) {
		if op == "handled" {
			panic(died{op})
		}
	})
	var all []handlers.Message
	for n, body := range []string{issue("created"), issueEvent("prod"), issueEvent("staging"), issueEvent("dev")} {
		m := alertMessage(w, fmt.Sprintf("a%d", n), "sentry", body)
		if _, dead := w.handle(w.reg("alert.ingest"), m); !dead {
			t.Fatal("it did not die")
		}
		all = append(all, m)
	}
	w.serviceThat(func(string) {})
	want(t, "incidents", w.count(), 3)
	page, err := w.store.List(t.Context(), incident.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range page.Incidents {
		end(w, row.ID)
	}
	w.clock.Advance(20 * time.Minute)
	for _, m := range all {
		w.quietly("alert.ingest", m)
	}
	want(t, "incidents", w.count(), 3)
}

// TestSentry_BothAtOnce: the two requests of a new issue are a moment apart, and two workers take them.
func TestSentry_BothAtOnce(t *testing.T) {
	t.Parallel()
	for _, bodies := range [][]string{
		{issue("created"), issueEvent("prod")},
		{issueEvent("prod"), issue("created")},
	} {
		w := newWorld(t)
		first := alertMessage(w, "a1", "sentry", bodies[0])
		second := alertMessage(w, "a2", "sentry", bodies[1])
		raced := false
		w.serviceThat(func(op string) {
			if op == "create" && !raced {
				raced = true
				w.quietly("alert.ingest", second)
			}
		})
		w.quietly("alert.ingest", first)
		want(t, "incidents", w.count(), 1)
		want(t, "alerts", len(w.newest().Alerts), 2)
	}
}

// TestSentry_OfAStorm: what joined the storm is found there under both names.
func TestSentry_OfAStorm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 10 { // as many as a source may open when it says nothing else
		w.alert(fmt.Sprintf("other%d", n), "sentry", fmt.Sprintf(`{"action":"created","data":{"issue":{"id":"%d","title":"x"}}}`, n))
	}
	for n, body := range []string{issue("created"), issueEvent("prod"), issueEvent("staging"), issue("unresolved")} {
		w.alert(fmt.Sprintf("a%d", n), "sentry", body)
		want(t, "incidents", w.count(), 11)
	}
	w.alert("over", "sentry", issue("resolved"))
	want(t, "firing", firing(w.newest()), 0)
}
