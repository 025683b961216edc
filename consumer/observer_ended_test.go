package consumer_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/handlers"
)

// witness is an observer that is told of failures early, and gives attempts spans.
type witness struct {
	run     *running
	spans   bool
	panics  bool
	mu      sync.Mutex
	ended   []handlers.Attempt
	settled []handlers.Attempt
	early   []string
}

type spanKey struct{}

func (w *witness) AttemptStarted(ctx context.Context, _ string, m handlers.Message) context.Context {
	return context.WithValue(ctx, spanKey{}, m.ID)
}

func (w *witness) AttemptEnded(ctx context.Context, sub string, m handlers.Message, a handlers.Attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = append(w.ended, a)
	if sub != "orders" || ctx.Value(spanKey{}) != m.ID || ctx.Err() == nil {
		w.early = append(w.early, "the context is not the handler's, or its attempt is not over")
	}
	if len(w.run.rec.Attempts(m.ID)) >= len(w.ended) {
		w.early = append(w.early, "the store was told first")
	}
	if n := len(w.run.src.Events()); n != 0 {
		w.early = append(w.early, "the message was settled first")
	}
	if w.panics {
		panic("the observer's own bug")
	}
}

func (w *witness) AttemptSettled(_ context.Context, s consumer.Settled) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settled = append(w.settled, s.Attempt)
}

func (w *witness) SpanName(ctx context.Context) (traceID [16]byte, spanID [8]byte) {
	if id, _ := ctx.Value(spanKey{}).(string); w.spans && id != "" {
		traceID[0], spanID[0] = id[0], id[0]
	}
	return traceID, spanID
}

// TestAttemptEnded_BeforeAnythingFollows: for every way of failing, once, and
// never for a success.
func TestAttemptEnded_BeforeAnythingFollows(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	for name, tt := range map[string]struct {
		fail   func() error
		want   handlers.Outcome
		panics bool
	}{
		"error":           {func() error { return errors.New("no") }, handlers.OutcomeFailed, false},
		"permanent":       {func() error { return handlers.Permanent(errors.New("no")) }, handlers.OutcomeFailed, false},
		"panic":           {func() error { panic("boom") }, handlers.OutcomePanicked, false},
		"exit":            {func() error { runtime.Goexit(); return nil }, handlers.OutcomeExited, false},
		"observer panics": {func() error { panic("boom") }, handlers.OutcomePanicked, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				sub := consumer.Subscription{Name: "orders", Policy: policy(), Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
					if tries++; tries == 1 {
						return tt.fail()
					}
					return nil
				})}
				w := &witness{spans: true, panics: tt.panics}
				w.run = start(t, consumertest.Script{}, sub, consumer.Config{Observer: w})
				w.run.src.Publish(handlers.Message{ID: "m"})
				select {
				case <-w.run.src.Quiet():
				case <-time.After(time.Hour):
					t.Error("the message is not done")
				}
				synctest.Wait()
				w.mu.Lock()
				defer w.mu.Unlock()
				if len(w.ended) != 1 || w.ended[0].Outcome != tt.want {
					t.Fatalf("told of %d failures, want one that %s: %+v", len(w.ended), tt.want, w.ended)
				}
				for _, e := range w.early {
					t.Error(e)
				}
				if len(w.settled) == 0 || w.settled[0].Outcome != tt.want {
					t.Errorf("settled %+v", w.settled)
				}
				for _, a := range append(w.ended, w.settled...) {
					if a.TraceID != "6d000000000000000000000000000000" {
						t.Errorf("trace id %q", a.TraceID)
					}
				}
			})
		})
	}
}

// TestSpanName_ReachesTheTable, where the span of a process that died is found.
func TestSpanName_ReachesTheTable(t *testing.T) {
	t.Parallel()
	for _, spans := range []bool{true, false} {
		guardians, workers := table(t, 2)
		src := consumertest.NewSource(consumertest.Script{})
		src.Publish(handlers.Message{ID: "m"})
		runObserved(t, workers, src, &witness{spans: spans, run: &running{src: src, rec: consumertest.NewRecorder()}}, time.Minute, func(context.Context, handlers.Message) error {
			slots := guardians.Read().Slots
			if len(slots) != 1 || slots[0].Damage != "" || slots[0].ID != "m" {
				t.Fatalf("the table says %+v", slots)
			}
			if named := slots[0].TraceID == [16]byte{'m'} && slots[0].SpanID == [8]byte{'m'}; named != spans {
				t.Errorf("the table has span %x of trace %x, want one: %t", slots[0].SpanID, slots[0].TraceID, spans)
			}
			return nil
		})
	}
}

// looking is an observer that looks into the table while it takes evidence.
type looking struct {
	*inflight.Table
	t    *testing.T
	seen []string
}

func (*looking) AttemptStarted(ctx context.Context, _ string, _ handlers.Message) context.Context {
	return ctx
}

func (l *looking) AttemptEnded(_ context.Context, _ string, m handlers.Message, a handlers.Attempt) {
	l.look(m, a)
}

func (l *looking) AttemptSettled(_ context.Context, s consumer.Settled) {
	if s.Attempt.Outcome == handlers.OutcomeOK {
		l.look(s.Message, s.Attempt)
	}
}

func (*looking) SpanName(context.Context) (traceID [16]byte, spanID [8]byte) {
	return [16]byte{1}, [8]byte{2}
}

func (l *looking) look(m handlers.Message, a handlers.Attempt) {
	for _, s := range l.Read().Slots {
		if s.ID == m.ID && s.State == inflight.Settling && s.TraceID == [16]byte{1} && s.SpanID == [8]byte{2} {
			l.seen = append(l.seen, a.Outcome.String())
			return
		}
	}
	l.t.Errorf("%s: the table has lost its span before it was told of", a.Outcome)
}

// TestEvidence_ComesBeforeTheSlotIsFree: a process that dies while evidence is being taken leaves the
// span of the attempt in the table, whose handler nobody blames any more.
func TestEvidence_ComesBeforeTheSlotIsFree(t *testing.T) {
	t.Parallel()
	guardians, workers := table(t, 1)
	by := &looking{Table: guardians, t: t}
	src := consumertest.NewSource(consumertest.Script{})
	src.Publish(handlers.Message{ID: "m"})
	tries := 0
	runObserved(t, workers, src, by, time.Minute, func(context.Context, handlers.Message) error {
		switch tries++; tries {
		case 1:
			panic("no")
		case 2:
			return errors.New("no")
		default:
			return nil
		}
	})
	if diff := cmp.Diff([]string{"panicked", "failed", "ok"}, by.seen); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	if left := guardians.Read().Slots; len(left) != 0 {
		t.Errorf("afterwards the table has %+v", left)
	}
}
