package consumer

import (
	"context"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

// nullSource delivers what the benchmark gives it.
type nullSource struct{ run func(func(*Delivery)) }

func (s nullSource) Receive(_ context.Context, _ Limits, deliver func(*Delivery)) error {
	s.run(deliver)
	return nil
}
func (nullSource) Abilities() Abilities { return Abilities{Engine: "null"} }

type nullSettler struct{}

func (nullSettler) Ack(context.Context) error                 { return nil }
func (nullSettler) Nack(context.Context, time.Duration) error { return nil }

// BenchmarkPipeline is the cost of the stages for a message that succeeds,
// beside the same handler called bare.
func BenchmarkPipeline(b *testing.B) {
	h := handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil })
	msg := handlers.Message{ID: "1284933119027", Data: make([]byte, 1024)}
	fresh := func() *Delivery { return &Delivery{Message: msg, Settler: nullSettler{}} }
	cfg := Config{}
	run := func(b *testing.B, each func(deliver func(*Delivery))) {
		src := nullSource{run: func(deliver func(*Delivery)) {
			b.ResetTimer()
			each(deliver)
			b.StopTimer()
		}}
		c, err := New(src, Subscription{Name: "orders", Handler: h}, cfg)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		if err := c.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d := fresh()
			if h.Handle(b.Context(), d.Message) == nil {
				_ = d.Settler.Ack(b.Context())
			}
		}
	})
	b.Run("theriac", func(b *testing.B) {
		run(b, func(deliver func(*Delivery)) {
			for range b.N {
				deliver(fresh())
			}
		})
	})
	withTable := func(b *testing.B, each func(deliver func(*Delivery))) {
		table, err := inflight.Create(inflight.Config{Incarnation: "bench", Slots: 256})
		if err != nil {
			b.Fatal(err)
		}
		mapping, err := inflight.Open(table.File())
		if err != nil {
			b.Fatal(err)
		}
		defer func() { cfg.Guard = nil }()
		cfg.Guard = tableGuard{table: mapping}
		run(b, each)
	}
	// With the table that outlives the process: a copy of the message, a label.
	b.Run("theriac-in-flight", func(b *testing.B) {
		withTable(b, func(deliver func(*Delivery)) {
			for range b.N {
				deliver(fresh())
			}
		})
	})
	onNew := func(deliver func(*Delivery)) func(n int) {
		return func(n int) {
			var group runner.Group
			for range n {
				group.Go(func() { deliver(fresh()) })
				group.Wait()
			}
		}
	}
	b.Run("theriac-in-flight-new-goroutine", func(b *testing.B) {
		withTable(b, func(deliver func(*Delivery)) { onNew(deliver)(b.N) })
	})
	// As clients call it: on a goroutine of its own, whose stack is still small.
	// A stage that no longer fits into it shows here: growing it costs more than
	// all stages together.
	b.Run("theriac-new-goroutine", func(b *testing.B) {
		run(b, func(deliver func(*Delivery)) { onNew(deliver)(b.N) })
	})
	b.Run("bare-new-goroutine", func(b *testing.B) {
		b.ReportAllocs()
		var group runner.Group
		for b.Loop() {
			group.Go(func() {
				d := fresh()
				if h.Handle(b.Context(), d.Message) == nil {
					_ = d.Settler.Ack(b.Context())
				}
			})
			group.Wait()
		}
	})
	b.Run("theriac-parallel", func(b *testing.B) {
		run(b, func(deliver func(*Delivery)) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					deliver(fresh())
				}
			})
		})
	})
	b.Run("theriac-in-flight-parallel", func(b *testing.B) {
		withTable(b, func(deliver func(*Delivery)) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					deliver(fresh())
				}
			})
		})
	})
}

// tableGuard is a guard that has a table and is asked for nothing else.
type tableGuard struct {
	Guard
	table *inflight.Mapping
}

func (g tableGuard) InFlight() *inflight.Mapping { return g.table }

func (tableGuard) Suspects(string) Suspects { return Suspects{} }
