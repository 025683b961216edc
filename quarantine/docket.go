package quarantine

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers"
)

// ReportCrash stores a death. Its culprit and suspects stand as suspects here at
// once, whether the store takes the report or not, and in every other replica
// with its next poll, until SettleSuspect says more. Reporting it again changes
// nothing. An error wraps [ErrUnavailable] where another moment may do better; a
// report whose texts the store refuses is stored without them.
func (s *Service) ReportCrash(ctx context.Context, c handlers.Crash) error {
	c, err := StoredCrash(c)
	if err != nil {
		return fmt.Errorf("report a crash: %w", err)
	}
	suspects := SuspectsOf(c)
	for _, f := range suspects { // until it is stored no other replica can have cleared them
		s.known.suspect(f.Subscription, f.MessageID, false)
	}
	report, err := s.addCrash(ctx, c)
	if err != nil && refusesData(err) {
		s.log.Warn("quarantine: a crash report is stored without its texts, which the store refused", "id", c.ID, "error", err)
		report, err = s.addCrash(ctx, bareCrash(c))
	}
	if err != nil {
		return fmt.Errorf("report the crash of %s on %s: %w", clean(c.Role, 64), clean(c.Host, 128), err)
	}
	for _, f := range suspects {
		s.known.suspect(f.Subscription, f.MessageID, true)
	}
	if report.Suspects[SuspectWaiting] < len(suspects) {
		s.unsuspect(ctx, suspects)
	}
	return nil
}

func (s *Service) addCrash(ctx context.Context, c handlers.Crash) (CrashReport, error) {
	return within(ctx, s.cfg.WriteTimeout, "store a crash report", func(ctx context.Context) (CrashReport, error) {
		return s.store.AddCrash(ctx, c)
	})
}

// unsuspect clears here what was settled already when a report was stored a
// second time, and waits under no other report. Without an answer of the store
// they run alone once more.
func (s *Service) unsuspect(ctx context.Context, suspects []Suspect) {
	for _, f := range suspects {
		q := SuspectQuery{Subscription: f.Subscription, MessageID: f.MessageID, States: []SuspectState{SuspectWaiting}, Limit: 1}
		waiting, err := within(ctx, s.cfg.WriteTimeout, "look for suspects", func(ctx context.Context) ([]Suspect, error) {
			return s.store.SuspectList(ctx, q)
		})
		if err != nil {
			return
		}
		if len(waiting) == 0 {
			s.known.cleared(f.Subscription, f.MessageID)
		}
	}
}

// bareCrash is what is left of a report without any text from outside.
func bareCrash(c handlers.Crash) handlers.Crash {
	bare := handlers.Crash{
		ID: c.ID, PID: c.PID, Started: c.Started, Died: c.Died, Alone: c.Alone,
		Notes: []string{"the rest of the report could not be stored"},
	}
	for _, f := range c.InFlight {
		f.Why, f.TraceID, f.SpanID, f.Handler = "", "", "", ""
		bare.InFlight = append(bare.InFlight, f)
	}
	return bare
}

// SettleSuspect says what became of a suspect. It is durable when nil is
// returned; an error wraps [ErrUnavailable] where another moment may do better.
// With FateDone a redelivery of m stands as decided from then on. Many callers at
// once share a few transactions. A message that is no suspect may be settled too.
func (s *Service) SettleSuspect(ctx context.Context, sub string, m handlers.Message, f handlers.Fate) error {
	if SuspectAfter(f) == "" {
		return fmt.Errorf("settle message %s of %s: no such fate %q: %w", clean(m.ID, 128), clean(sub, 128), clean(string(f), 32), ErrInvalid)
	}
	_, err := s.fates.do(ctx, SuspectFate{
		Subscription: sub, MessageID: m.ID, PublishedAt: m.PublishedAt.UTC().Truncate(time.Microsecond),
		Identity: Identity(sub, m.Identity()), Fate: f,
	})
	if err != nil {
		return fmt.Errorf("settle message %s of %s as %s: %w", clean(m.ID, 128), clean(sub, 128), f, err)
	}
	if f != handlers.FateCleared {
		s.known.raise(sub, m.ID, handlers.StandingDecided)
	}
	s.known.cleared(sub, m.ID)
	return nil
}

func fateSize(f SuspectFate) int { return len(f.MessageID) + 256 }

// fateLadder is how fates become durable: they hold no text of their own, so
// there is nothing to leave out, and nowhere else to put them.
func (s *Service) fateLadder() ladder[SuspectFate, struct{}] {
	return ladder[SuspectFate, struct{}]{
		doing: "settle suspects", log: s.log, away: &s.away,
		write: func(ctx context.Context, batch []SuspectFate) ([]struct{}, error) {
			return within(ctx, s.cfg.WriteTimeout, "settle suspects", func(ctx context.Context) ([]struct{}, error) {
				return make([]struct{}, len(batch)), s.store.SettleSuspects(ctx, batch)
			})
		},
		bare: func(f SuspectFate) SuspectFate { return f }, last: settleAll[SuspectFate, struct{}],
	}
}

// CrashGet returns one crash report, whole. It returns an error wrapping
// [ErrNotFound] or *[AmbiguousError].
func (s *Service) CrashGet(ctx context.Context, key CrashKey) (CrashReport, error) {
	return s.store.CrashGet(ctx, key)
}

// CrashList returns the crash reports that match, newest first, each without
// stack, frames, standard error and notes, and with the first of its suspects
// only.
func (s *Service) CrashList(ctx context.Context, q CrashQuery) (CrashPage, error) {
	return s.store.CrashList(ctx, q)
}

// SuspectList returns the suspects that match, in the order in which they were
// reported.
func (s *Service) SuspectList(ctx context.Context, q SuspectQuery) ([]Suspect, error) {
	return s.store.SuspectList(ctx, q)
}
