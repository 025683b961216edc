package acceptance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/quarantine"
)

// poisonedOrders: a message that kills its process costs one death, is held, and has an incident with
// its entry, which does not close before somebody decided about the entry.
func (s *service) poisonedOrders(t *testing.T) {
	shop := openFor(t, s)
	b, room := s.bus(t), s.room(t)
	for n, way := range []string{panicsInChild, exits, isKilled} {
		for g := range 5 { // with nothing but poison the breaker opens: that is a bad deploy, and no poison
			check(t, b.Publish(t.Context(), ordersTopic, handlers.Message{ID: fmt.Sprint("good-", n, "-", g), Data: []byte("an order")}))
		}
		eventually(t, "good orders are worked off", func() bool { return s.workedOff(t, ordersTopic, orders) })
		deaths := shop.started(shopRole)
		check(t, b.Publish(t.Context(), ordersTopic, handlers.Message{ID: fmt.Sprint("poison-", n), Data: []byte(way)}))
		inc, took := s.ofPoison(t)
		t.Logf("%s: known as an incident after %s", way, took)
		if n := shop.started(shopRole) - deaths; n != 1 {
			t.Errorf("%s: %d workers died, want 1", way, n)
		}
		if len(inc.Escalations) != 1 {
			t.Errorf("%s: %d escalations, want one, since orders are critical", way, len(inc.Escalations))
		}
		if n > 0 {
			s.api.post(t, inc.Ref(), "decline", map[string]any{"reason": "one of them is enough"})
			continue
		}
		s.closesOnceDecided(t, room, inc)
	}
}

// ofPoison waits for the incident of the order that was poisoned last.
func (s *service) ofPoison(t *testing.T) (inc incident.Incident, took time.Duration) {
	t.Helper()
	took = eventually(t, "there is an incident with the entry", func() bool {
		all := s.api.all(t)
		if len(all) == 0 || all[0].Origin.Kind != incident.ByQuarantine || all[0].Status != incident.Triage {
			return false
		}
		inc = s.api.see(t, all[0].Ref())
		return len(inc.Entries) == 1 && inc.Entries[0].Subscription == orders && len(inc.Escalations) > 0
	})
	return inc, took
}

// closesOnceDecided accepts and resolves an incident, and then decides about its entry.
func (s *service) closesOnceDecided(t *testing.T, room *quarantine.Service, inc incident.Incident) {
	t.Helper()
	ref := inc.Entries[0].Ref
	s.api.post(t, inc.Ref(), "accept", map[string]any{"severity": "minor"})
	eventually(t, "the channel is there", func() bool { return s.api.see(t, inc.Ref()).Channel != nil })
	if got := s.api.post(t, inc.Ref(), "resolve", nil); got.Status != incident.Documenting {
		t.Errorf("resolved with an open entry it is %s", got.Status)
	}
	said := s.api.want(t, http.StatusConflict, http.MethodPost, "/v1/incidents/"+inc.Ref()+"/close", nil)
	if !strings.Contains(string(said), ref) {
		t.Errorf("the refusal does not name %s: %s", ref, said)
	}
	// As an admin, which the token is.
	if _, err := s.api.do(t.Context(), http.MethodPost, "/v1/incidents/"+inc.Ref()+"/opt-out", map[string]any{"reason": "enough"}); err != nil {
		t.Fatal(err)
	}
	if now := s.api.see(t, inc.Ref()); now.Status != incident.Documenting {
		t.Errorf("with %s undecided it is %s", ref, now.Status)
	}
	entry := s.entry(t, room, ref)
	if entry.Reason != handlers.ReasonCrashed || !strings.Contains(entry.Where, "order") {
		t.Errorf("%s is held for %s at %q, want a crash in order", ref, entry.Reason, entry.Where)
	}
	_, err := room.EntryDiscard(t.Context(), entry, quarantine.Decision{Actor: quarantine.Actor{Name: "ana", Via: "cli"}, Reason: "an order of a test"})
	check(t, err)
	took := eventually(t, "the decision closed it", func() bool { return s.api.see(t, inc.Ref()).Status == incident.Closed })
	t.Logf("closed %s after the decision", took)
	decided := s.api.timeline(t, inc.Ref(), incident.EvEntryDecided)
	if len(decided) != 1 || !strings.Contains(decided[0].Line, "an order of a test") || !strings.Contains(decided[0].Line, "ana") {
		t.Errorf("the timeline says of the decision: %+v", decided)
	}
}

// entry is what is held under a reference.
func (s *service) entry(t *testing.T, room *quarantine.Service, ref string) quarantine.Entry {
	t.Helper()
	page, err := room.EntryList(t.Context(), quarantine.Query{})
	check(t, err)
	at := slices.IndexFunc(page.Entries, func(e quarantine.Entry) bool { return e.Ref == ref })
	if at < 0 {
		t.Fatalf("%s is not held", ref)
	}
	return page.Entries[at]
}

// poisonedPipeline: what channel.create cannot read is held and told by the backup notifier, once, and
// nothing is published about it: incidents go on.
func (s *service) poisonedPipeline(t *testing.T) {
	const subscription = "incident-events--channel-create"
	b, room := s.bus(t), s.room(t)
	held := func() (n int) {
		page, err := room.EntryList(t.Context(), quarantine.Query{Subscription: subscription})
		check(t, err)
		return len(page.Entries)
	}
	for n := range 3 {
		check(t, b.Publish(t.Context(), incident.TopicEvents, handlers.Message{
			ID: fmt.Sprint("corrupt-", n), Data: []byte(`{"id":"01`),
			Attributes: map[string]string{incident.AttrKind: incident.KindEvent, incident.AttrType: string(incident.EvUnassign)},
		}))
	}
	eventually(t, "they are held", func() bool { return held() == 3 })
	eventually(t, "the backup notifier told of it", func() bool { return len(s.alarms(t, subscription)) > 0 })
	s.api.declare(t, "the pipeline goes on", "minor")
	var inc incident.Incident
	eventually(t, "the next incident has its channel", func() bool {
		inc = s.api.see(t, s.api.named(t, "the pipeline goes on")[0].Ref())
		return inc.Channel != nil
	})
	if n := len(s.alarms(t, subscription)); n != 1 {
		t.Errorf("the backup notifier told of it %d times, want once", n)
	}
	for _, i := range s.api.all(t) {
		for _, e := range s.api.see(t, i.Ref()).Entries {
			if e.Subscription == subscription {
				t.Errorf("%s was opened for a poison of the pipeline", i.Ref())
			}
		}
	}
}
