package replica

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

// Payload is a message of a drill.
type Payload struct {
	// Key is what its effect is claimed by.
	Key string `json:"key"`
	// Way is the way of dying of poison, "" for a good message.
	Way string `json:"way,omitempty"`
	// Reads: the message reads what all messages share, while it waits. Starts: it starts the
	// background goroutine.
	Reads  bool `json:"reads,omitempty"`
	Starts bool `json:"starts,omitempty"`
	// Child: the handler makes a span of its own before it tells that it runs.
	Child bool `json:"child,omitempty"`
	// Secret is carried along, and in what is said when it dies.
	Secret string `json:"secret,omitempty"`
}

// shop is the service of a drill: a handler, and what its messages share as they do in real
// services, a cache and a lazily started goroutine.
type shop struct {
	line   *Line
	role   string
	tracer trace.Tracer
	memory int64 // the bound on this process, 0 for none

	shared map[int]int
	lazily sync.Once
	jobs   chan func()
}

// scene is one run of the handler.
type scene struct {
	*shop
	key    string
	secret string
}

// Handle does what the message or the drill says.
func (s *shop) Handle(ctx context.Context, m handlers.Message) error {
	var p Payload
	if err := json.Unmarshal(m.Data, &p); err != nil {
		return handlers.Undecodable(err)
	}
	r, err := s.line.begin(ctx, Began{Role: s.role, Key: p.Key, ID: m.ID, Span: spanIn(ctx), Child: s.child(ctx, p)})
	if err != nil {
		return err
	}
	defer r.end()
	here := &scene{shop: s, key: p.Key, secret: p.Secret}
	if p.Way != "" {
		return here.die(ctx, p.Way)
	}
	if p.Starts {
		s.startBackground()
	}
	order, err := s.await(r, p.Reads)
	if err != nil {
		return err
	}
	return here.obey(ctx, order)
}

func (s *scene) obey(ctx context.Context, o Order) error {
	switch {
	case o.Known:
		return nil
	case o.Fail != "":
		return errors.New(o.Fail)
	case o.Way != "":
		return s.die(ctx, o.Way)
	}
	select {
	case <-time.After(o.Work):
		return s.commit(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *scene) commit(ctx context.Context) error { return s.line.Commit(ctx, s.key) }

// await waits for the drill's order, reading meanwhile what all messages share.
func (s *shop) await(r *run, reads bool) (o Order, err error) {
	if !reads {
		return r.order()
	}
	answered := make(chan struct{})
	var waiter runner.Group
	waiter.Go(func() {
		defer close(answered)
		o, err = r.order()
	})
	pause := time.NewTicker(time.Millisecond)
	defer pause.Stop()
	for {
		select {
		case <-answered:
			waiter.Wait()
			return o, err
		case <-pause.C:
			for i := range 1000 {
				_ = s.shared[i&7]
			}
		}
	}
}

// startBackground starts the goroutine that all messages share, once.
func (s *shop) startBackground() {
	s.lazily.Do(func() {
		s.jobs = make(chan func())
		unowned(func() {
			for job := range s.jobs {
				job()
			}
		})
	})
}

func (s *scene) die(ctx context.Context, name string) error {
	if name == KilledAfterPanic {
		panic(errSaid(s.secret))
	}
	way, ok := Find(name)
	if !ok {
		return handlers.Permanent(fmt.Errorf("no way of dying is called %q", name))
	}
	return way.act(ctx, s)
}
