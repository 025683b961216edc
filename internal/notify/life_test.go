package notify_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/notify/notifyfake"
)

// notifier does what a caller of this package does in each of its turns, and forgets everything but what it
// stored.
type notifier struct {
	policy notify.Policy
	sender notify.Sender
	stored []byte
}

// turn sends what is to be sent, and returns what that was and whether it was taken.
func (n *notifier) turn(t *testing.T, f notify.Facts) (notify.Action, bool) {
	t.Helper()
	var memory notify.Memory
	if n.stored != nil {
		if err := json.Unmarshal(n.stored, &memory); err != nil {
			t.Fatal(err)
		}
	}
	action, ok := n.policy.Next(f, memory)
	if !ok {
		return "", false
	}
	a := f.Draft(action, memory)
	a.Title, a.Source, a.At = "CONTAINED orders: 1 message held", "orders-eu", at
	memory = memory.Before(action, f)
	n.store(t, memory)
	if err := send(t, n.sender, a); err != nil {
		return action, false
	}
	n.store(t, memory.After(action, f))
	return action, true
}

func (n *notifier) store(t *testing.T, m notify.Memory) {
	t.Helper()
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	n.stored = data
}

// TestLifeOfAProblem_WhileTheOtherSideFails plays two episodes of one problem. Half of all calls fail, most of
// them after they had their effect; people are told each thing once.
func TestLifeOfAProblem_WhileTheOtherSideFails(t *testing.T) {
	t.Parallel()
	pd, pdServer := newPagerDuty(t, nil)
	hook, hookServer := newWebhook(t, nil)
	lost := notifyfake.Fault{Taken: true, Reset: true}
	waiting := notify.Facts{Key: "group:1", Open: true, Waiting: time.Minute, Changes: 1}
	taken := notify.Facts{Key: "group:1", Open: true, Taken: true, Waiting: 2 * time.Minute, Changes: 2}
	over := notify.Facts{Key: "group:1", Changes: 3}
	again := notify.Facts{Key: "group:1", Open: true, Waiting: time.Hour, Changes: 4}
	turns := []struct {
		facts notify.Facts
		fault notifyfake.Fault // none if zero
		want  notify.Action
		taken bool
	}{
		{notify.Facts{Key: "group:1", Open: true, Waiting: time.Second, Changes: 1}, notifyfake.Fault{}, "", false},
		{waiting, notifyfake.Fault{Status: http.StatusServiceUnavailable}, notify.Trigger, false},
		{waiting, lost, notify.Trigger, false},
		{waiting, notifyfake.Fault{}, notify.Trigger, true},
		{waiting, notifyfake.Fault{}, "", false},
		{taken, lost, notify.Acknowledge, false},
		{taken, notifyfake.Fault{}, notify.Acknowledge, true},
		{taken, notifyfake.Fault{}, "", false},
		{over, lost, notify.Resolve, false},
		{over, notifyfake.Fault{}, notify.Resolve, true},
		{waiting, notifyfake.Fault{}, "", false}, // a late reader
		{again, lost, notify.Trigger, false},
		// It is over before anybody knows whether that arrived.
		{notify.Facts{Key: "group:1", Changes: 5}, notifyfake.Fault{}, notify.Resolve, true},
		{notify.Facts{Key: "group:1", Changes: 5}, notifyfake.Fault{}, "", false},
	}
	for _, r := range []struct {
		sender notify.Sender
		server *notifyfake.Server
	}{{pd, &pdServer.Server}, {hook, &hookServer.Server}} {
		n := &notifier{sender: r.sender}
		for i, turn := range turns {
			if turn.fault != (notifyfake.Fault{}) {
				r.server.Order(turn.fault)
			}
			if action, ok := n.turn(t, turn.facts); action != turn.want || ok != turn.taken {
				t.Fatalf("%s, turn %d: %q, taken: %t; want %q, %t", r.sender.Name(), i, action, ok, turn.want, turn.taken)
			}
		}
	}
	var pages [][]string
	for _, a := range pdServer.Alerts() {
		if a.State != notifyfake.Resolved {
			t.Errorf("left open: %+v", a)
		}
		pages = append(pages, a.Actions)
	}
	if diff := cmp.Diff([][]string{
		{"trigger", "trigger", "acknowledge", "acknowledge", "resolve"}, {"trigger", "resolve"},
	}, pages); diff != "" {
		t.Errorf("PagerDuty (-want +got):\n%s", diff)
	}
	var told []string
	for _, d := range hookServer.Deliveries() {
		told = append(told, d.Type)
	}
	if diff := cmp.Diff([]string{
		"theriac.notice.triggered", "theriac.notice.acknowledged", "theriac.notice.resolved",
		"theriac.notice.triggered", "theriac.notice.resolved",
	}, told); diff != "" || hookServer.Repeats() != 3 {
		t.Errorf("webhook, %d repeats (-want +got):\n%s", hookServer.Repeats(), diff)
	}
}
