package quarantine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// reapEvery is how often dead workers are looked for, with heartbeats. With
// [ReportAfter] it must be done before a broker delivers again what they were
// running: of Cloud Pub/Sub's shortest lease at least 5 s are left.
const reapEvery = time.Second

// membership is this process's registration and what it claims under it.
type membership struct {
	mu      sync.Mutex
	current Membership        // nil without one
	changed chan struct{}     // closed when current changes; made by those who wait
	claims  map[string]*claim // by entry id

	claiming   sync.Mutex // held around each call of ClaimReplay
	sweepUntil time.Time  // claims of unknown outcome may exist until then
}

// claim is one replay that this process runs.
type claim struct {
	member Membership
	result *Transition // set when it ran but the store did not take the result yet
}

// memberLoop keeps the process registered: it joins, proves itself alive, joins
// again under a new incarnation when its lock may be gone, looks for the dead,
// and leaves when ctx ends.
func (s *Service) memberLoop(ctx context.Context) error {
	t := trouble{log: s.log, doing: "join the registry"}
	for {
		m, err := s.join(ctx)
		if t.note(err); err != nil {
			if err := pause(ctx, s.cfg.PollEvery); err != nil {
				return err
			}
			continue
		}
		s.members.set(m)
		err = s.serve(ctx, m)
		s.members.set(nil)
		if err != nil {
			s.leave(ctx, m)
			return err
		}
		s.log.Warn("quarantine: the registration was lost; joining again under a new incarnation", "incarnation", m.Incarnation())
		s.members.dropClaims(m)
	}
}

func (s *Service) join(ctx context.Context) (m Membership, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	err = safely("join the registry", func() error {
		m, err = s.store.Join(ctx, s.cfg.Worker)
		return err
	})
	return m, err
}

// serve proves m alive until it is lost (nil) or ctx ends (its error).
func (s *Service) serve(ctx context.Context, m Membership) error {
	t := trouble{log: s.log, doing: "keep the registration alive"}
	var reaped time.Time
	for {
		err := s.beat(ctx, m)
		if now := time.Now(); err == nil && now.Sub(reaped) >= reapEvery {
			reaped, err = now, s.reap(ctx)
		}
		if t.note(err); errors.Is(err, ErrNoWorker) {
			return nil // the store says so before the lock does
		}
		timer := time.NewTimer(s.cfg.PollEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-m.Lost():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// beat is what a member does each time: it proves itself, delivers results that
// the store did not take, and gives back what it claimed without knowing.
func (s *Service) beat(ctx context.Context, m Membership) error {
	_, err := within(ctx, s.cfg.WriteTimeout, "heartbeat", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, m.Heartbeat(ctx)
	})
	if err != nil {
		return err
	}
	s.deliverResults(ctx)
	s.sweepClaims(ctx, m)
	return nil
}

// reap looks for the dead. What they were running is known here at once.
func (s *Service) reap(ctx context.Context) error {
	dead, err := within(ctx, s.cfg.WriteTimeout, "look for dead workers", s.store.ReapWorkers)
	for _, w := range dead {
		s.log.Warn("quarantine: a worker is dead; what it was replaying is held again, and what it was running runs alone",
			"worker", w.Name, "host", w.Host, "pid", w.PID, "incarnation", w.Incarnation)
	}
	if len(dead) > 0 {
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
	return err
}

// leave ends the registration with a tombstone, after a last try to deliver
// results. The store gives back what is still claimed.
func (s *Service) leave(ctx context.Context, m Membership) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.WriteTimeout)
	defer cancel()
	s.deliverResults(ctx)
	if err := safely("leave the registry", func() error { return m.Leave(ctx) }); err != nil {
		s.log.Warn("quarantine: left without a tombstone; the others will find this worker dead", "error", err)
	}
}

// set changes the registration and wakes who waits for one.
func (b *membership) set(m Membership) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current = m
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// wait returns a registration that is not lost, as soon as there is one.
func (b *membership) wait(ctx context.Context) (Membership, error) {
	for {
		b.mu.Lock()
		m := b.current
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		if m != nil && !isLost(m) {
			return m, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}

// registered returns the registration, nil without one or if it is lost.
func (b *membership) registered() Membership {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current == nil || isLost(b.current) {
		return nil
	}
	return b.current
}

func isLost(m Membership) bool {
	select {
	case <-m.Lost():
		return true
	default:
		return false
	}
}

// dropClaims forgets what was claimed under a registration that is lost: its
// results would be refused, and the reaping holds the entries again.
func (b *membership) dropClaims(m Membership) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, c := range b.claims {
		if c.member == m {
			delete(b.claims, id)
		}
	}
}

// add remembers a claim.
func (b *membership) add(entryID string, m Membership) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.claims == nil {
		b.claims = map[string]*claim{}
	}
	b.claims[entryID] = &claim{member: m}
}

// get returns the member that claimed the entry, or an error wrapping
// [ErrClaimLost].
func (b *membership) get(entryID, ref string) (Membership, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.claims[entryID]
	if c == nil || isLost(c.member) {
		return nil, fmt.Errorf("finish the replay of %s: %w", ref, ErrClaimLost)
	}
	return c.member, nil
}

func (b *membership) remove(entryID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.claims, entryID)
}

// keep remembers a result for the member loop to deliver.
func (b *membership) keep(t Transition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.claims[t.EntryID]; c != nil {
		c.result = &t
	}
}

// results returns the results that wait.
func (b *membership) results() []Transition {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Transition
	for _, c := range b.claims {
		if c.result != nil {
			all = append(all, *c.result)
		}
	}
	return all
}

func (b *membership) has(entryID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.claims[entryID] != nil
}
