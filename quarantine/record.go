package quarantine

import (
	"context"
	"fmt"

	"github.com/theriac/theriac/handlers"
)

// RecordAttempt stores one finished attempt of m on sub and returns the totals
// after it, over all replicas. OutcomeOK sets them to 0. An error means that
// the totals are unknown. While the store is away the attempt waits in the
// spool and is counted later, and the error wraps [ErrUnavailable].
func (s *Service) RecordAttempt(ctx context.Context, sub string, m handlers.Message, a handlers.Attempt) (handlers.Totals, error) {
	if a.Outcome.IsFailure() || a.Outcome == handlers.OutcomeCrashed {
		// Before the write: its outcome may stay unknown, and a success must
		// then be recorded.
		s.known.raise(sub, m.ID, handlers.StandingFailing)
	}
	totals, err := s.attempts.do(ctx, AttemptRecord{
		Subscription: sub, MessageID: m.ID, Identity: Identity(sub, m.Identity()), Attempt: a,
	})
	if err != nil {
		return handlers.Totals{}, fmt.Errorf("record an attempt of message %s of %s: %w", clean(m.ID, 128), clean(sub, 128), err)
	}
	if a.Outcome == handlers.OutcomeOK {
		s.known.clear(sub, m.ID)
	} else {
		s.known.recorded(sub, m.ID, a.Started.UnixNano())
	}
	return totals, nil
}

func attemptSize(r AttemptRecord) int { return len(r.Attempt.Stack) + 1<<10 }

// attemptLadder is how attempts become durable.
func (s *Service) attemptLadder() ladder[AttemptRecord, handlers.Totals] {
	return ladder[AttemptRecord, handlers.Totals]{
		doing: "record attempts", log: s.log, away: &s.away,
		write: s.recordAttempts, bare: bareRecord, last: s.spoolAttempts,
	}
}

func (s *Service) recordAttempts(ctx context.Context, batch []AttemptRecord) ([]handlers.Totals, error) {
	return within(ctx, s.cfg.WriteTimeout, "record attempts", func(ctx context.Context) ([]handlers.Totals, error) {
		return s.store.RecordAttempts(ctx, batch)
	})
}

func bareRecord(r AttemptRecord) AttemptRecord {
	r.Attempt = bareAttempt(r.Attempt)
	return r
}

// spoolAttempts keeps what it can for later. Its callers do not learn totals, so
// each gets an error whatever the spool says.
func (s *Service) spoolAttempts(batch []*job[AttemptRecord, handlers.Totals], cause error) {
	for _, j := range batch {
		j.settle(handlers.Totals{}, cause)
	}
	if s.spool == nil {
		return
	}
	records := make([]record, len(batch))
	for i, j := range batch {
		records[i] = record{kind: kindAttempt, attempt: j.in}
	}
	for i, err := range s.spool.put(records) {
		if err != nil {
			s.log.Warn("quarantine: an attempt is lost, neither store nor spool could take it", "error", err)
			continue
		}
		in := batch[i].in // its entry must not count it again
		s.known.recorded(in.Subscription, in.MessageID, in.Attempt.Started.UnixNano())
	}
}
