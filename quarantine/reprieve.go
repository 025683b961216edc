package quarantine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
)

const (
	// reprieveBatch bounds how many entries are read at once, and how many reports.
	reprieveBatch = 1000
	// doubtBefore and doubtAfter are how long before and after the report of a death
	// that looked like a bad deploy a conviction is in doubt: the window of the rule
	// that says so, and the time that reports take to get here.
	doubtBefore = 70 * time.Second
	doubtAfter  = 10 * time.Second
)

// Reprieve asks for the replay of every entry of sub that was held as crashed
// since then and was not decided on by anybody, and returns how many: what was
// convicted before it was known that everything kills. A zero time stands for what
// the last 1,000 reports of deaths say: entries that were held in the minute
// before a death that named its message and looked like a bad deploy. The caller
// is a worker of sub, so nobody asks whether there is one. What somebody acts on
// meanwhile is left to them. With an error the number says how far it came.
func (s *Service) Reprieve(ctx context.Context, sub string, since time.Time, why string) (int, error) {
	d, err := s.doubts(ctx, sub, since)
	if err != nil {
		return 0, fmt.Errorf("reprieve entries of %s: %w", clean(sub, 128), err)
	}
	if d.none() {
		return 0, nil
	}
	q := Query{
		Subscription: sub, States: []State{StateHeld}, Reasons: []handlers.Reason{handlers.ReasonCrashed},
		Since: d.since, OldestFirst: true, Limit: reprieveBatch,
	}
	asked := 0
	for {
		page, err := within(ctx, s.cfg.WriteTimeout, "list entries to reprieve", func(ctx context.Context) (EntryPage, error) {
			return s.store.EntryList(ctx, q)
		})
		var n int
		if err == nil {
			n, err = s.reprieve(ctx, page.Entries, d, Decision{Actor: s.systemActor(), Reason: cut(why, reasonMax)})
			asked += n
		}
		if q.After = page.Next; err == nil && q.After != 0 {
			continue
		}
		if asked > 0 {
			s.bells.ring(sub)
		}
		if err != nil {
			return asked, fmt.Errorf("reprieve entries of %s: %w", clean(sub, 128), err)
		}
		return asked, nil
	}
}

// reprieve asks for the replay of those entries that are in doubt.
func (s *Service) reprieve(ctx context.Context, entries []Entry, d doubts, decision Decision) (asked int, err error) {
	for _, e := range entries {
		if e.Decided.Actor.Name != "" || !d.about(e.HeldAt) {
			continue
		}
		t := Transition{EntryID: e.ID, Version: e.Version, To: StateReplaying, Decision: decision}
		switch err := s.transition(ctx, t); {
		case err == nil:
			asked++
		case !lostRace(err):
			return asked, err
		}
	}
	return asked, nil
}

// doubts say which convictions are not to be trusted: all since a time, or those
// around the reports of deaths that looked like a bad deploy.
type doubts struct {
	since   time.Time
	reports []time.Time // nil: all since then
	asked   bool        // the reports were asked
}

func (s *Service) doubts(ctx context.Context, sub string, since time.Time) (doubts, error) {
	if !since.IsZero() {
		return doubts{since: since}, nil
	}
	page, err := within(ctx, s.cfg.WriteTimeout, "list reports of deaths", func(ctx context.Context) (CrashPage, error) {
		return s.store.CrashList(ctx, CrashQuery{Subscription: sub, Limit: reprieveBatch})
	})
	d := doubts{asked: true}
	for _, r := range page.Reports {
		named := len(r.InFlight) > 0 && r.InFlight[0].Part == handlers.PartCulprit
		if r.Hint == "" || !named {
			continue
		}
		d.reports = append(d.reports, r.ReportedAt)
		if from := r.ReportedAt.Add(-doubtBefore); d.since.IsZero() || from.Before(d.since) {
			d.since = from
		}
	}
	return d, err
}

func (d doubts) none() bool { return d.asked && len(d.reports) == 0 }

// about reports whether what was held then is in doubt.
func (d doubts) about(held time.Time) bool {
	return !d.asked || slices.ContainsFunc(d.reports, func(reported time.Time) bool {
		return held.After(reported.Add(-doubtBefore)) && held.Before(reported.Add(doubtAfter))
	})
}
