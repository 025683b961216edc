package incidents

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
)

// quietFor is how long nothing may change before all is quiet.
const quietFor = 3 * time.Second

// effect reports whether an effect has ended, in whatever way.
func (s *site) effect(ctx context.Context, key string) (bool, error) {
	row, err := s.stores.Effect(ctx, key)
	if errors.Is(err, incident.ErrNotFound) {
		return false, nil
	}
	return row.State == incident.EffectDone || row.State == incident.EffectFailed, err
}

// unpublished is how many events and rows wait for the broker.
func (s *site) unpublished(ctx context.Context) (int, error) {
	findings, err := s.stores.Audit(ctx, incident.AuditLimits{
		Alert: time.Hour, Page: time.Hour, Escalation: time.Hour, Channel: time.Hour, Publish: time.Nanosecond,
	})
	for _, f := range findings {
		if f.Kind == incident.NotPublished {
			return f.Count, err
		}
	}
	return 0, err
}

// awaitQuiet waits until nothing waits for the broker and Slack was not called for a while.
func (s *site) awaitQuiet(ctx context.Context, patience time.Duration) error {
	calls, since := -1, time.Now()
	err := await(ctx, patience, 100*time.Millisecond, func() (bool, error) {
		waiting, err := s.unpublished(ctx)
		if err != nil {
			return false, err
		}
		if n := len(s.slack.Calls()); n != calls || waiting > 0 {
			calls, since = n, time.Now()
		}
		return time.Since(since) > quietFor, nil
	})
	if errors.Is(err, errLate) {
		return problem.Errorf(problem.BadAnswer, "it did not come to rest within %s", patience)
	}
	return err
}
