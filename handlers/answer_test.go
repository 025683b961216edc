package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
)

type ring struct{ next error }

func (*ring) Error() string   { return "ring" }
func (r *ring) Unwrap() error { return r.next }

type fan struct{ all []error }

func (*fan) Error() string     { return "fan" }
func (f *fan) Unwrap() []error { return f.all }

func TestClass(t *testing.T) {
	t.Parallel()
	plain := errors.New("no")
	round := &ring{}
	round.next = round
	wide := &fan{}
	wide.all = []error{wide, wide, wide}
	tests := []struct {
		name  string
		err   error
		class handlers.ErrorClass
		delay time.Duration
	}{
		{"nil", nil, handlers.ClassNone, 0},
		{"plain", plain, handlers.ClassFailed, 0},
		{"permanent", handlers.Permanent(plain), handlers.ClassPermanent, 0},
		{"permanent of nil", handlers.Permanent(nil), handlers.ClassNone, 0},
		{"undecodable", handlers.Undecodable(plain), handlers.ClassUndecodable, 0},
		{"undecodable of nil", handlers.Undecodable(nil), handlers.ClassNone, 0},
		{"retry after", handlers.RetryAfter(plain, time.Minute), handlers.ClassRetryAfter, time.Minute},
		{"retry after of nil", handlers.RetryAfter(nil, time.Minute), handlers.ClassNone, 0},
		{"retry after a negative time", handlers.RetryAfter(plain, -1), handlers.ClassRetryAfter, 0},
		{"again", handlers.Again(time.Second), handlers.ClassAgain, time.Second},
		{"wrapped", fmt.Errorf("a: %w", fmt.Errorf("b: %w", handlers.Permanent(plain))), handlers.ClassPermanent, 0},
		{"joined, the strongest wins", errors.Join(handlers.Again(time.Second), handlers.RetryAfter(plain, time.Minute), handlers.Permanent(plain)), handlers.ClassPermanent, 0},
		{"joined, with its own delay", errors.Join(handlers.RetryAfter(plain, time.Minute), handlers.Again(time.Second)), handlers.ClassAgain, time.Second},
		{"permanent inside again", fmt.Errorf("%w", errors.Join(handlers.Again(1), fmt.Errorf("x: %w", handlers.Permanent(plain)))), handlers.ClassPermanent, 0},
		{"a cycle", round, handlers.ClassFailed, 0},
		{"a cycle that fans out", wide, handlers.ClassFailed, 0},
		{"a chain that ends in nil", &ring{}, handlers.ClassFailed, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := handlers.Class(tt.err); got != tt.class {
				t.Errorf("class %s, want %s", got, tt.class)
			}
			if got := handlers.Delay(tt.err); got != tt.delay {
				t.Errorf("delay %s, want %s", got, tt.delay)
			}
			if got, want := handlers.IsPermanent(tt.err), tt.class >= handlers.ClassPermanent; got != want {
				t.Errorf("permanent %t, want %t", got, want)
			}
		})
	}
}

func TestAnswers_KeepTheirCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for _, err := range []error{handlers.Permanent(cause), handlers.Undecodable(cause), handlers.RetryAfter(cause, 1)} {
		if !errors.Is(err, cause) || err.Error() != "cause" {
			t.Errorf("%v lost its cause", err)
		}
	}
	if text := handlers.Again(time.Second).Error(); text != "again in 1s" {
		t.Errorf("Again says %q", text)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	all := handlers.Outcomes()
	if len(all) != 8 {
		t.Fatalf("%d outcomes, want eight", len(all))
	}
	failures := []handlers.Outcome{handlers.OutcomeFailed, handlers.OutcomePanicked, handlers.OutcomeExited, handlers.OutcomeTimedOut}
	for _, o := range all {
		back, err := handlers.ParseOutcome(o.String())
		if err != nil || back != o {
			t.Errorf("%s reads back as %s, %v", o, back, err)
		}
		if o.IsFailure() != slices.Contains(failures, o) {
			t.Errorf("%s counts as a failure: %t", o, o.IsFailure())
		}
	}
	if _, err := handlers.ParseOutcome("fine"); err == nil {
		t.Error("an unknown outcome was read")
	}
}

func TestTyped(t *testing.T) {
	t.Parallel()
	type order struct{ N int }
	var got order
	h := handlers.Typed(func(_ context.Context, o order, m handlers.Message) error {
		got = o
		return errors.New(m.ID)
	})
	if err := h.Handle(t.Context(), handlers.Message{ID: "id", Data: []byte(`{"N":3}`)}); err == nil || err.Error() != "id" || got.N != 3 {
		t.Errorf("decoded %+v, answered %v", got, err)
	}
	err := h.Handle(t.Context(), handlers.Message{Data: []byte("{")})
	if handlers.Class(err) != handlers.ClassUndecodable || !strings.Contains(err.Error(), "order") {
		t.Errorf("a broken payload answers %v (%s)", err, handlers.Class(err))
	}
}

func TestMux(t *testing.T) {
	t.Parallel()
	answer := func(text string) handlers.Handler {
		return handlers.HandlerFunc(func(context.Context, handlers.Message) error { return errors.New(text) })
	}
	mux := handlers.NewMux("type").On("a", answer("A")).On("", answer("empty"))
	ask := func(attrs map[string]string) string {
		return mux.Handle(t.Context(), handlers.Message{Attributes: attrs}).Error()
	}
	got := []string{ask(map[string]string{"type": "a"}), ask(map[string]string{"type": ""})}
	if diff := cmp.Diff([]string{"A", "empty"}, got); diff != "" {
		t.Error(diff)
	}
	err := mux.Handle(t.Context(), handlers.Message{})
	if !handlers.IsPermanent(err) || !strings.Contains(err.Error(), `known: , a`) {
		t.Errorf("a message without the attribute: %v", err)
	}
	mux.Otherwise(answer("other"))
	if got := ask(map[string]string{"type": "b"}); got != "other" {
		t.Errorf("fallback answered %q", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a second handler for one value was taken")
		}
	}()
	mux.On("a", answer("again"))
}

// TestChain_OrderChangesNoDecision: middleware in both orders gives the same
// answer to the consumer.
func TestChain_OrderChangesNoDecision(t *testing.T) {
	t.Parallel()
	var order []string
	named := func(name string) handlers.Middleware {
		return func(next handlers.Handler) handlers.Handler {
			return handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
				order = append(order, name)
				return fmt.Errorf("%s: %w", name, next.Handle(ctx, m))
			})
		}
	}
	h := handlers.HandlerFunc(func(context.Context, handlers.Message) error { return handlers.Permanent(errors.New("no")) })
	for _, mw := range [][]handlers.Middleware{{named("a"), named("b")}, {named("b"), named("a")}} {
		if c := handlers.Class(handlers.Chain(h, mw...).Handle(t.Context(), handlers.Message{})); c != handlers.ClassPermanent {
			t.Errorf("class %s", c)
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "b", "a"}, order); diff != "" {
		t.Error(diff)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 2, 3, 4, 567_891_234, time.FixedZone("x", 3600))
	m := handlers.Message{ID: "1", Data: []byte("d"), PublishedAt: at}
	same := m
	same.PublishedAt = at.UTC().Truncate(time.Microsecond)
	if m.Identity() != same.Identity() {
		t.Error("a stored publish time makes another identity")
	}
	for name, other := range map[string]handlers.Message{
		"id":   {ID: "2", Data: m.Data, PublishedAt: at},
		"data": {ID: "1", Data: []byte("e"), PublishedAt: at},
		"time": {ID: "1", Data: m.Data, PublishedAt: at.Add(time.Millisecond)},
	} {
		if m.Identity() == other.Identity() {
			t.Errorf("another %s makes the same identity", name)
		}
	}
	if n := (handlers.Message{ID: "ab", Data: []byte("abc"), Attributes: map[string]string{"k": "vv"}, OrderingKey: "o"}).Size(); n != 9 {
		t.Errorf("size %d, want 9", n)
	}
}

func TestReplayFrom(t *testing.T) {
	t.Parallel()
	if _, ok := handlers.ReplayFrom(t.Context()); ok {
		t.Error("a plain context carries a replay")
	}
	r, ok := handlers.ReplayFrom(handlers.WithReplay(t.Context(), handlers.Replay{Ref: "Q-1", Number: 2}))
	if !ok || r.Ref != "Q-1" || r.Number != 2 {
		t.Errorf("got %+v, %t", r, ok)
	}
}
