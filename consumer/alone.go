package consumer

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/handlers"
)

// Alone runs messages of one subscription one at a time, under the same
// supervision as a [Consumer] and with neither broker nor quarantine: what a
// ward does. Make one with [NewAlone], keep [Alone.Watch] running, and call
// [Alone.Handle] for one message after another.
type Alone struct{ c *Consumer }

// aloneAnswer is what a run in a ward came to.
type aloneAnswer struct {
	attempt   handlers.Attempt
	delay     time.Duration
	abandoned bool
}

// NewAlone wires the ward's side of a subscription. Of cfg only Guard (its
// table), Observer, Worker, Host, Build and Logger matter. The error joins every
// problem of sub and cfg.
func NewAlone(sub Subscription, cfg Config) (*Alone, error) {
	cfg.MaxRunning, cfg.Quarantine = 1, nil
	c, err := New(nowhere{}, sub, cfg)
	if err != nil {
		return nil, err
	}
	c.flags = inflight.InWard
	return &Alone{c}, nil
}

// Watch keeps deadlines until ctx ends, whose values are what handlers find in
// their contexts. It closes ready when messages can be handled.
func (l *Alone) Watch(ctx context.Context, ready chan<- struct{}) {
	l.c.base, l.c.stop = unlabelled(context.WithoutCancel(ctx)), ctx.Done()
	l.c.labelling = ownLabels(ctx)
	close(ready)
	l.c.watchdog.run(ctx)
}

// Ran is what became of a message that ran alone.
type Ran struct {
	Attempt handlers.Attempt
	// Delay is what the handler named, for classes that name one.
	Delay time.Duration
	// Abandoned: the handler was given up and may still run.
	Abandoned bool
}

// Handle runs one message and returns what came of it. replay is set if the run
// is the replay of an entry.
func (l *Alone) Handle(m handlers.Message, replay *handlers.Replay) Ran {
	answer := make(chan aloneAnswer, 1)
	j := &job{consumer: l.c, delivery: &Delivery{Message: m}, replay: replay}
	j.alone().answer = answer
	l.c.live.add()
	l.c.group.Go(func() { l.c.finish(j, l.c.process(j)) })
	done := <-answer
	return Ran{Attempt: done.attempt, Delay: done.delay, Abandoned: done.abandoned}
}

// answerAlone tells Handle what came of its message. Its frame is large, and must
// not become part of one that every message needs.
//
//go:noinline
func (c *Consumer) answerAlone(a *attempt, rep *report) {
	if rep == nil {
		rep = new(report)
	}
	rec := c.attemptOf(a, rep)
	if c.ender != nil {
		c.observeEnd(a, rec)
	}
	a.free()
	a.job.lone.answer <- aloneAnswer{attempt: rec, delay: rep.delay, abandoned: rep.abandoned}
}

// nowhere is the source of a ward, which pulls nothing.
type nowhere struct{}

func (nowhere) Receive(context.Context, Limits, func(*Delivery)) error {
	return fmt.Errorf("a ward receives nothing")
}

func (nowhere) Abilities() Abilities { return Abilities{} }
