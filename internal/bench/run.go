package main

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// plan is what the parent is asked to compare.
type plan struct {
	settings []Setting
	stacks   []string
	rounds   int
	messages int64 // 0: each setting's own window
	profile  string
	poison   bool // every message is held
	progress io.Writer
}

// window is how many messages a setting measures by default: two seconds or so.
// With few outstanding the client, which sends its acknowledgements every
// 100 ms, goes no faster than outstanding × 10 a second.
func (s Setting) window() int64 {
	if s.Outstanding < 5000 {
		return 20_000
	}
	return 120_000
}

// prefetch is how many messages the broker may have handed over and not heard
// of yet: the client asks for all outstanding ones on each stream.
func (s Setting) prefetch() int64 { return int64(s.Streams * s.Outstanding) }

// order completes what a worker is told but for the run itself.
func (p plan) order(s Setting, stack string) order {
	o := order{Stack: stack, Setting: s, Messages: p.messages, Poison: p.poison}
	if p.profile != "" {
		o.Profile = p.profile + "." + stack
	}
	if p.poison {
		o.WarmUp = 2000
		return o
	}
	if o.Messages == 0 {
		o.Messages = s.window()
	}
	// What was handed over before the window must weigh no more than what is
	// handed over in it and handled after.
	o.WarmUp = s.prefetch() + 5000
	return o
}

// backlog is how many messages must wait so that the last of an order is
// handed over while there are still more.
func (p plan) backlog() (n int64) {
	for _, s := range p.settings {
		o := p.order(s, "")
		n = max(n, o.WarmUp+o.Messages+s.prefetch()+5000)
	}
	return n
}

// compare runs every stack once in each round of each setting.
func compare(ctx context.Context, p plan, stores *stores) (results []result, err error) {
	b, err := startBroker(ctx, p.backlog())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	for _, s := range p.settings {
		for round := range p.rounds {
			for i := range p.stacks {
				// Each round begins with another stack, so that none gains by its place.
				name := p.stacks[(round+i)%len(p.stacks)]
				o := p.order(s, name)
				got, err := runOnce(ctx, b, stores, o)
				if err != nil {
					return nil, fmt.Errorf("round %d of %s: %w", round+1, name, err)
				}
				fmt.Fprintf(p.progress, "%d×%d  round %d/%d  %-16s %6.0f msgs/s  %5.1f us\n", s.Streams, s.Outstanding,
					round+1, p.rounds, name, float64(o.Messages)/got.Elapsed.Seconds(), perMessage(got.CPU, o.Messages))
				results = append(results, result{order: o, round: round, figures: got})
			}
		}
	}
	return results, nil
}

// runOnce measures one window in a process of its own.
func runOnce(ctx context.Context, b *broker, stores *stores, o order) (got figures, err error) {
	o.Broker = b.addr
	if o.Subscription, err = b.subscribe(ctx); err != nil {
		return figures{}, err
	}
	defer func() { err = errors.Join(err, b.unsubscribe(ctx, o.Subscription)) }()
	var drop func() error
	if o.Store, drop, err = stores.fresh(ctx, o.Stack); err != nil {
		return figures{}, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	worker, err := startChild(ctx, roleWorker)
	if err != nil {
		return figures{}, err
	}
	defer func() { err = errors.Join(err, worker.end()) }()
	if err := worker.tell(o); err != nil {
		return figures{}, err
	}
	if err := worker.hear(&got); err != nil {
		return figures{}, fmt.Errorf("no answer of the worker: %w", err)
	}
	return got, nil
}
