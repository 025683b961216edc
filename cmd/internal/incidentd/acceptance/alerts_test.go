package acceptance

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/runner"
)

// manyAlerts: the same alert, a thousand times, from several senders at once, is one incident that
// counts them.
func (s *service) manyAlerts(t *testing.T) {
	const senders = 8
	all := int64(1000)
	if raced {
		all = 200
	}
	var sent, failed atomic.Int64
	send := func(context.Context) error {
		for {
			n := sent.Add(1)
			if n > all {
				return nil
			}
			body := map[string]any{"dedup_key": "disk", "title": "a disk is full", "fields": map[string]any{"n": n}}
			if err := s.api.alert(t.Context(), "storm", body); err != nil {
				failed.Add(1)
			}
		}
	}
	var runs []func(context.Context) error
	for range senders {
		runs = append(runs, send)
	}
	check(t, runner.Run(t.Context(), runs...))
	if n := failed.Load(); n > 0 {
		t.Errorf("%d alerts were not taken", n)
	}
	var inc incident.Incident
	took := eventually(t, "all alerts are counted", func() bool {
		found := s.api.named(t, "a disk is full")
		if len(found) == 0 {
			return false
		}
		inc = s.api.see(t, found[0].Ref())
		return len(inc.Alerts) == 1 && int64(inc.Alerts[0].Count) >= all
	})
	t.Logf("counted %s after the last one was sent", took)
	if found := s.api.named(t, "a disk is full"); len(found) != 1 || int64(inc.Alerts[0].Count) != all {
		t.Errorf("%d incidents, %d alerts counted; want 1 and %d", len(found), inc.Alerts[0].Count, all)
	}
	check(t, s.api.alert(t.Context(), "storm", map[string]any{"dedup_key": "disk", "title": "a disk is full", "status": "resolved"}))
	eventually(t, "it is noted that the alert is over", func() bool { return !s.api.see(t, inc.Ref()).Alerts[0].Resolved.IsZero() })
	if now := s.api.see(t, inc.Ref()); now.Status != incident.Triage {
		t.Errorf("an alert that is over made it %s", now.Status)
	}
	s.api.post(t, inc.Ref(), "decline", map[string]any{"reason": fmt.Sprint("it was one of ", all)})
}
