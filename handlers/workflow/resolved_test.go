package workflow_test

import (
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
)

// resolve says that an incident is over.
func (w *world) resolve(id, message string) {
	w.t.Helper()
	w.do(id, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{Message: message})
	})
}

// withFlow lets incidents go on after they were resolved.
func (w *world) withFlow() {
	rules := testSettings()
	rules.Flows = []incident.Flow{{Tasks: []incident.FlowTask{{ID: "postmortem", Stage: incident.Documenting, Text: "Write it down"}}}}
	w.saveSettings(rules)
}

// TestResolved_IsToldToWhoeverHeardOfUpdates: what whoever resolves it says is for people, not for the
// timeline alone.
func TestResolved_IsToldToWhoeverHeardOfUpdates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withFlow()
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	w.resolve(inc.ID, "rolled back")
	w.work()
	for _, place := range []string{"C-all", "C-" + inc.ID} {
		posts := w.out.in(place)
		last := posts[len(posts)-1].latest
		want(t, place+" reads", last.Text, "rolled back")
		want(t, place+" status", last.Facts[0].Value, "resolved")
	}
	want(t, "C-crit", len(w.out.in("C-crit")), 0)
}

// TestResolved_SaysNothingOfWhatWasReopened: somebody was faster than the message.
func TestResolved_SaysNothingOfWhatWasReopened(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withFlow()
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	w.resolve(inc.ID, "rolled back")
	w.do(inc.ID, person("ben"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Reopen(act, "it is back")
	})
	w.work()
	for _, p := range w.out.posts {
		if p.latest.Text == "rolled back" {
			t.Errorf("%s hears that it is over: %+v", p.post.To.Channel, p.latest)
		}
	}
}

// TestResolved_ClosedAtOnce_LeavesTheChannelAlone: it is being put away, and may be gone already.
func TestResolved_ClosedAtOnce_LeavesTheChannelAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	before := len(w.out.in("C-" + inc.ID))
	w.resolve(inc.ID, "")
	w.work()
	want(t, "in the channel", len(w.out.in("C-"+inc.ID)), before)
	posts := w.out.in("C-all")
	want(t, "text", posts[len(posts)-1].latest.Text, "It is over.")
}

// TestResolved_PrivateOneIsANumber outside its channel.
func TestResolved_PrivateOneIsANumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withFlow()
	inc := w.declare(incident.NewParams{Severity: "minor", Visibility: incident.Private, Name: "a secret"})
	w.work()
	w.resolve(inc.ID, "the secret is safe")
	w.work()
	for _, p := range w.out.posts {
		if p.post.To.Channel != "C-"+inc.ID && strings.Contains(p.latest.Title+p.latest.Text, "secret") {
			t.Errorf("%+v reads %+v", p.post.To, p.latest)
		}
	}
}

// TestChannel_TopicFollowsIntoTheTimeAfter: people still write there, and must not read that it is being
// fixed.
func TestChannel_TopicFollowsIntoTheTimeAfter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withFlow()
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	w.resolve(inc.ID, "")
	w.work()
	if topic := w.out.channels[inc.ID].spec.Topic; !strings.Contains(topic, string(incident.Documenting)) {
		t.Errorf("the topic is %q", topic)
	}
}

// TestUpdate_PromisesNothingOfWhatIsOver: an update that is posted late, after the end.
func TestUpdate_PromisesNothingOfWhatIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withFlow()
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	next := incident.UpdateParams{Message: "rolling back", NextIn: 20 * time.Minute}
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ShareUpdate(act, next)
	})
	w.resolve(inc.ID, "")
	w.work()
	for _, p := range w.out.posts {
		for _, f := range p.latest.Facts {
			if f.Name == "Next update by" {
				t.Errorf("%s promises an update: %+v", p.post.To.Channel, p.latest)
			}
		}
	}
}
