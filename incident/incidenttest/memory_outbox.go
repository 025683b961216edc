package incidenttest

import (
	"context"
	"slices"
	"time"

	"github.com/theriac/theriac/incident"
)

// lease is how long a relay has what it took.
const lease = 10 * time.Second

// enqueueLocked makes something be published, and wakes who waits for that.
func (s *Store) enqueueLocked(w *waiting) {
	if !w.queued {
		w.queued = true
		s.queue = append(s.queue, w)
	}
	close(s.woken)
	s.woken = make(chan struct{})
}

// Unpublished implements [incident.Outbox].
func (s *Store) Unpublished(ctx context.Context, limit int) ([]incident.Outgoing, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	now := s.now()
	s.queue = slices.DeleteFunc(s.queue, func(w *waiting) bool {
		w.queued = !w.since.IsZero()
		return !w.queued
	})
	// What was asked for again is old and stands at the end.
	slices.SortStableFunc(s.queue, func(a, b *waiting) int { return a.at.Compare(b.at) })
	var out []incident.Outgoing
	for _, w := range s.nextLocked(now, limit) {
		w.leased, w.again = now.Add(lease), false
		o := w.out()
		o.Stored = w.at
		if s.events[w.id] != nil {
			o.Since = w.since
		}
		out = append(out, o)
	}
	return out, nil
}

// nextLocked returns what goes out next: first what people wait for, then chores, which have some places
// in any case.
func (s *Store) nextLocked(now time.Time, limit int) []*waiting {
	var people, chores []*waiting
	for _, w := range s.queue {
		switch {
		case !w.due(now):
		case w.chore:
			chores = append(chores, w)
		default:
			people = append(people, w)
		}
	}
	limit = max(limit, 0)
	people = people[:min(len(people), limit-min(len(chores), incident.ChorePlaces(limit)))]
	return slices.Concat(people, chores[:min(len(chores), limit-len(people))])
}

func (w *waiting) due(now time.Time) bool {
	return !w.since.IsZero() && !w.since.After(now) && !w.leased.After(now)
}

// MarkPublished implements [incident.Outbox].
func (s *Store) MarkPublished(ctx context.Context, ids ...string) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, id := range ids {
		for _, w := range s.waitingLocked(id) {
			w.leased = time.Time{}
			if !w.again {
				w.since = time.Time{}
			}
			w.again = false
		}
	}
	return nil
}

func (s *Store) waitingLocked(id string) (all []*waiting) {
	if e := s.events[id]; e != nil {
		all = append(all, e.waiting)
	}
	if r := s.inbound[id]; r != nil {
		all = append(all, r.waiting)
	}
	return all
}

// Republish implements [incident.Outbox].
func (s *Store) Republish(ctx context.Context, eventIDs ...string) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	now := s.now()
	for _, id := range eventIDs {
		e := s.events[id]
		if e == nil {
			continue
		}
		w := e.waiting
		w.again = w.leased.After(now) && !w.since.IsZero()
		if w.again || w.since.IsZero() {
			w.since = now
		}
		s.enqueueLocked(w)
	}
	return nil
}

// Wake implements [incident.Outbox].
func (s *Store) Wake(ctx context.Context, patience time.Duration) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	woken, now := s.woken, s.now()
	due := slices.ContainsFunc(s.queue, func(w *waiting) bool { return w.due(now) })
	s.mu.Unlock()
	if due {
		return nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-woken:
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}
