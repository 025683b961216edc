package quarantine

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
)

// orders is what this process knows of the controls, and what its consumers made of
// them. The zero value is ready to use and knows of none.
type orders struct {
	mu      sync.Mutex
	version int64
	known   []order
	changed chan struct{}           // closed when they change; nil while nobody waits
	follows map[*following]struct{} // consumers
	// breakers are those that are open, by subscription.
	breakers map[string]handlers.Breaker
	told     chan struct{} // holds a token when there is something to confirm
}

// order is a control as this process keeps it: its end is by the process's own
// clock, so that it expires while the store is away, too.
type order struct {
	Control
	ends time.Time // zero: not by itself
}

// following is one consumer that follows.
type following struct {
	sub     string
	version int64
	obeyed  handlers.Obeyed
	began   bool // it was called at least once
}

// learn takes in what the store says. The remaining time of each is counted from
// now, after the answer, so that no order ends here before it ends in the store.
func (o *orders) learn(c Controls, now time.Time) {
	known := make([]order, len(c.InForce))
	for i, one := range c.InForce {
		known[i].Control = one
		if !one.Until.IsZero() {
			known[i].ends = now.Add(one.Until.Sub(c.At))
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	same := c.Version == o.version && slices.EqualFunc(known, o.known, func(a, b order) bool { return a.Control == b.Control })
	o.known = known
	if same {
		return // each poll says so
	}
	o.version = c.Version
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
	o.tellLocked()
}

// of returns what is ordered of a subscription, when that changes by itself (zero:
// never), and what is closed when it may change otherwise.
func (o *orders) of(sub string, now time.Time) (c handlers.Controls, until time.Time, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c = handlers.Controls{Version: o.version, Level: handlers.ShedNothing}
	for _, one := range o.known {
		if one.Subscription != "" && one.Subscription != sub || !one.ends.IsZero() && !one.ends.After(now) {
			continue
		}
		if one.Subscription == "" {
			c.Level = one.Level
		} else {
			c.Paused = true
		}
		if !one.ends.IsZero() && (until.IsZero() || one.ends.Before(until)) {
			until = one.ends
		}
	}
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	return c, until, o.changed
}

func (o *orders) enter(f *following) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.follows == nil {
		o.follows = map[*following]struct{}{}
	}
	f.version = o.version // what it obeys first is no older
	o.follows[f] = struct{}{}
}

// leave forgets a consumer: nothing of it waits for confirmation any more.
func (o *orders) leave(f *following) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.follows, f)
	o.tellLocked()
}

// obeyed notes what a consumer made of an order.
func (o *orders) obeyed(f *following, version int64, what handlers.Obeyed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f.version, f.obeyed, f.began = version, what, true
	o.tellLocked()
}

// breaker notes that a breaker opened or closed.
func (o *orders) breaker(sub string, b handlers.Breaker) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.breakers == nil {
		o.breakers = map[string]handlers.Breaker{}
	}
	delete(o.breakers, sub)
	if b.Open() {
		o.breakers[sub] = handlers.Breaker{OpenSince: time.UnixMilli(b.OpenSince.UnixMilli()).UTC(), Kills: b.Kills} // as it is stored
	}
	o.tellLocked()
}

// bell is told when there may be something to confirm.
func (o *orders) bell() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bellLocked()
}

func (o *orders) bellLocked() chan struct{} {
	if o.told == nil {
		o.told = make(chan struct{}, 1)
	}
	return o.told
}

func (o *orders) tellLocked() {
	select {
	case o.bellLocked() <- struct{}{}:
	default:
	}
}

// done returns the version that all consumers here have obeyed, and what each makes
// of it. One that is yet to come pulls nothing before it obeys what is known by then.
func (o *orders) done() (version int64, obeyed map[string]handlers.Obeyed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	version, obeyed = o.version, map[string]handlers.Obeyed{}
	for f := range o.follows {
		version = min(version, f.version)
		if !f.began {
			continue
		}
		what := f.obeyed
		what.Breaker = o.breakers[f.sub]
		if other, two := obeyed[f.sub]; two {
			what.InFlight += other.InFlight
			what.Backlog = max(what.Backlog, other.Backlog)
		}
		obeyed[f.sub] = what
	}
	return version, obeyed
}

// FollowControls calls apply with what is ordered of sub, at once and whenever that
// changes or expires, until ctx ends, whose error it returns. When apply returns, its
// answer is confirmed to those who wait for it. While the store is away the last that
// is known goes on, and expires when it said it would. Before [Service.Ready] nothing
// is known to be ordered. apply is called by one goroutine.
func (s *Service) FollowControls(ctx context.Context, sub string, apply func(handlers.Controls) handlers.Obeyed) error {
	f := &following{sub: sub}
	s.orders.enter(f)
	defer s.orders.leave(f)
	var last handlers.Controls
	for {
		now, until, changed := s.orders.of(sub, time.Now())
		if !f.began || now != last {
			last = now
			s.orders.obeyed(f, now.Version, apply(now))
		}
		if err := awaitOrder(ctx, until, changed); err != nil {
			return err
		}
	}
}

// BreakerChanged says that the breaker of sub opened or closed in this process. People
// see it with the worker, a moment later; see [SubscriptionStatus].
func (s *Service) BreakerChanged(sub string, b handlers.Breaker) { s.orders.breaker(sub, b) }

// awaitOrder returns when something may have changed, or with ctx's error.
func awaitOrder(ctx context.Context, until time.Time, changed <-chan struct{}) error {
	var expires <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		expires = timer.C
	}
	select {
	case <-changed:
	case <-expires:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// readControls learns what is in force.
func (s *Service) readControls(ctx context.Context) error {
	c, err := within(ctx, s.cfg.WriteTimeout, "read controls", s.store.Controls)
	if err == nil {
		s.orders.learn(c, time.Now())
	}
	return err
}

// confirmLoop confirms in the registry what the consumers here have obeyed, and
// again under each registration.
func (s *Service) confirmLoop(ctx context.Context) error {
	t := trouble{log: s.log, doing: "confirm controls"}
	select {
	case <-s.ready: // until then nobody knows what there is to obey
	case <-ctx.Done():
		return ctx.Err()
	}
	var last confirmation
	for {
		m, err := s.members.wait(ctx)
		if err != nil {
			return err
		}
		bell := s.orders.bell()
		err = s.confirmControls(ctx, m, &last)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if t.note(err); err != nil {
			if err := pause(ctx, s.cfg.PollEvery); err != nil {
				return err
			}
			continue
		}
		select {
		case <-bell:
		case <-m.Lost():
			if err := pause(ctx, s.cfg.PollEvery); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// confirmation is what was confirmed last.
type confirmation struct {
	member  Membership
	version int64
	obeyed  map[string]handlers.Obeyed
}

func (s *Service) confirmControls(ctx context.Context, m Membership, last *confirmation) error {
	version, obeyed := s.orders.done()
	if last.member == m && last.version == version && maps.Equal(last.obeyed, obeyed) {
		return nil
	}
	_, err := within(ctx, s.cfg.WriteTimeout, "confirm controls", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, m.Confirm(ctx, version, maps.Clone(obeyed))
	})
	if err == nil {
		*last = confirmation{m, version, obeyed}
	}
	return err
}
