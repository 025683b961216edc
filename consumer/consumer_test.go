package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/handlers"
)

// hostile is an error whose every method misbehaves.
type hostile struct {
	how     string
	release <-chan struct{}
}

func (h *hostile) Error() string {
	switch h.how {
	case "panics":
		var m map[string]int
		m["x"]++
	case "exits":
		runtime.Goexit()
	case "blocks":
		<-h.release
	case "huge":
		return strings.Repeat("x", 100<<20)
	}
	return h.how
}

type cycle struct{ next *cycle }

func (*cycle) Error() string   { return "round" }
func (c *cycle) Unwrap() error { return c.next }

type badString struct{}

func (badString) String() string { panic("no string") }

// worseString panics with itself, so that describing that panic panics again.
type worseString struct{}

func (w worseString) String() string { panic(w) }

type badUnwrap struct{}

func (*badUnwrap) Error() string { return "outer" }
func (*badUnwrap) Unwrap() error { panic("no cause") }

// selfContained cannot be printed: fmt follows it until the stack is used up, which no recover
// survives.
func selfContained() map[string]any {
	m := map[string]any{}
	m["me"] = m
	return m
}

// ways is every in-process way for a handler to end badly, and the outcome and
// reason that follow.
func ways(release <-chan struct{}) []struct {
	name    string
	handle  func(context.Context) error
	outcome handlers.Outcome
	reason  handlers.Reason
	once    bool // quarantined at the first failure
} {
	round := &cycle{}
	round.next = round
	return []struct {
		name    string
		handle  func(context.Context) error
		outcome handlers.Outcome
		reason  handlers.Reason
		once    bool
	}{
		{"error", func(context.Context) error { return errors.New("no") }, handlers.OutcomeFailed, handlers.ReasonFailed, false},
		{"permanent", func(context.Context) error { return fmt.Errorf("w: %w", handlers.Permanent(errors.New("no"))) }, handlers.OutcomeFailed, handlers.ReasonPermanent, true},
		{"undecodable", func(ctx context.Context) error {
			return handlers.Typed(func(context.Context, int, handlers.Message) error { return nil }).Handle(ctx, handlers.Message{Data: []byte("{")})
		}, handlers.OutcomeFailed, handlers.ReasonUndecodable, true},
		{"retry after", func(context.Context) error { return handlers.RetryAfter(errors.New("busy"), time.Second) }, handlers.OutcomeFailed, handlers.ReasonFailed, false},
		{"panic", func(context.Context) error { panic("boom") }, handlers.OutcomePanicked, handlers.ReasonFailed, false},
		{"panic nil", func(context.Context) error { panic(nil) }, handlers.OutcomePanicked, handlers.ReasonFailed, false},
		{"panic with a bad String", func(context.Context) error { panic(badString{}) }, handlers.OutcomePanicked, handlers.ReasonFailed, false},
		{"panic with a String that panics with itself", func(context.Context) error { panic(worseString{}) }, handlers.OutcomePanicked, handlers.ReasonFailed, false},
		{"panic with a map that holds itself", func(context.Context) error { panic(selfContained()) }, handlers.OutcomePanicked, handlers.ReasonFailed, false},
		{"panic with a bad Unwrap", func(context.Context) error { panic(&badUnwrap{}) }, handlers.OutcomePanicked, handlers.ReasonFailed, false},
		{"Unwrap panics", func(context.Context) error { return &badUnwrap{} }, handlers.OutcomePanicked, handlers.ReasonFailed, false},
		{"nil dereference", func(context.Context) error { var m *handlers.Message; return errors.New(m.ID) }, handlers.OutcomePanicked, handlers.ReasonFailed, false},
		{"nil map write", func(context.Context) error { var m map[string]int; m["x"] = 1; return nil }, handlers.OutcomePanicked, handlers.ReasonFailed, false},
		{"goexit", func(context.Context) error { runtime.Goexit(); return nil }, handlers.OutcomeExited, handlers.ReasonFailed, false},
		{"goexit while panicking", func(context.Context) error { defer runtime.Goexit(); panic("boom") }, handlers.OutcomeExited, handlers.ReasonFailed, false},
		{"Error panics", func(context.Context) error { return &hostile{how: "panics"} }, handlers.OutcomeFailed, handlers.ReasonFailed, false},
		{"Error exits", func(context.Context) error { return &hostile{how: "exits"} }, handlers.OutcomeExited, handlers.ReasonFailed, false},
		{"Error blocks", func(context.Context) error { return &hostile{"blocks", release} }, handlers.OutcomeTimedOut, handlers.ReasonHung, false},
		{"Error of a panic exits", func(context.Context) error { panic(&hostile{how: "exits"}) }, handlers.OutcomeExited, handlers.ReasonFailed, false},
		{"error chain is a cycle", func(context.Context) error { return round }, handlers.OutcomeFailed, handlers.ReasonFailed, false},
		{"hang, deadline obeyed", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, handlers.OutcomeTimedOut, handlers.ReasonHung, false},
		{"hang, deadline ignored", func(context.Context) error { <-release; return nil }, handlers.OutcomeTimedOut, handlers.ReasonHung, false},
	}
}

// leaky are the ways that leave a goroutine behind on purpose, for ever; they
// run outside a synctest bubble, which would wait for it.
func leaky(name string) bool { return name == "Error blocks" || name == "hang, deadline ignored" }

func policy() consumer.Policy {
	return consumer.Policy{MaxFailures: 3, Timeout: 10 * time.Second, Grace: time.Second, Backoff: consumer.Backoff{Initial: 100 * time.Millisecond}}
}

func TestEveryWayToFail_HasOneOutcomeAndOneEnd(t *testing.T) {
	t.Parallel()
	for _, w := range ways(nil) {
		if leaky(w.name) {
			continue
		}
		for _, key := range []string{"", "key"} {
			t.Run(w.name+"/"+key, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					rec := consumertest.NewRecorder()
					sub := consumer.Subscription{Name: "orders", Policy: policy(), Handler: handlers.HandlerFunc(
						func(ctx context.Context, m handlers.Message) error {
							if string(m.Data) == "good" {
								return nil
							}
							return w.handle(ctx)
						})}
					got := consumertest.Run(t, sub, rec,
						handlers.Message{ID: "bad", OrderingKey: key}, handlers.Message{ID: "good", Data: []byte("good")})
					checkHeld(t, rec, "bad", w.outcome, w.reason)
					want := 3
					if w.once {
						want = 1
					}
					if n := len(got[0].Attempts); n != want {
						t.Errorf("%d attempts, want %d", n, want)
					}
					for i, s := range got[0].Attempts {
						if s.Attempt.Outcome != w.outcome {
							t.Errorf("attempt %d ended %s, want %s", i, s.Attempt.Outcome, w.outcome)
						}
						if verb := s.Decision.Verb; (verb == consumer.VerbQuarantine) != (i == want-1) || verb == consumer.VerbAck {
							t.Errorf("attempt %d was followed by %s", i, verb)
						}
					}
					if good := got[1].Last(); good.Attempt.Outcome != handlers.OutcomeOK || good.Decision.Verb != consumer.VerbAck {
						t.Errorf("the good message ended %s, %s", good.Attempt.Outcome, good.Decision.Verb)
					}
				})
			})
		}
	}
}

func checkHeld(t *testing.T, rec *consumertest.Recorder, id string, outcome handlers.Outcome, reason handlers.Reason) {
	t.Helper()
	held := rec.Held()
	if len(held) != 1 || held[0].Message.ID != id {
		t.Fatalf("held %d messages: %+v", len(held), held)
	}
	if got := held[0].Evidence; got.Reason != reason || got.Attempt.Outcome != outcome {
		t.Errorf("held as %s after %s, want %s after %s", got.Reason, got.Attempt.Outcome, reason, outcome)
	}
}

// TestHandlersThatNeverReturn runs on real time, since their goroutines stay.
func TestHandlersThatNeverReturn(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	for _, w := range ways(release) {
		if !leaky(w.name) {
			continue
		}
		for _, key := range []string{"", "key"} {
			t.Run(w.name+"/"+key, func(t *testing.T) {
				rec := consumertest.NewRecorder()
				p := policy()
				p.MaxFailures, p.Timeout, p.Grace = 2, 20*time.Millisecond, 10*time.Millisecond
				sub := consumer.Subscription{Name: "orders", Policy: p, Handler: handlers.HandlerFunc(
					func(ctx context.Context, _ handlers.Message) error { return w.handle(ctx) })}
				consumertest.Run(t, sub, rec, handlers.Message{ID: "bad", OrderingKey: key})
				checkHeld(t, rec, "bad", handlers.OutcomeTimedOut, handlers.ReasonHung)
				a := rec.Held()[0].Evidence.Attempt
				if !strings.Contains(a.Stack, "consumer_test.") || len(a.Frames) == 0 {
					t.Errorf("the stack does not show where it hangs:\n%s", a.Stack)
				}
			})
		}
	}
	close(release)
}

func TestPanic_NamesThePlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := consumertest.NewRecorder()
		p := policy()
		p.MaxFailures = 1
		consumertest.Run(t, consumer.Subscription{Name: "orders", Policy: p, Handler: handlers.HandlerFunc(dereference)}, rec, handlers.Message{ID: "bad"})
		a := rec.Held()[0].Evidence.Attempt
		if len(a.Frames) == 0 || !strings.HasSuffix(a.Frames[0].Func, "consumer_test.dereference") || a.Frames[0].File != "consumer_test.go" || a.Frames[0].Line == 0 {
			t.Errorf("first frame %+v\n%s", a.Frames, a.Stack)
		}
		if !strings.Contains(a.Panic, "nil pointer dereference") {
			t.Errorf("panic text %q", a.Panic)
		}
		for _, f := range a.Frames {
			if strings.Contains(f.Func, "theriac/consumer.(*Consumer)") {
				t.Errorf("frame %s is ours", f.Func)
			}
		}
	})
}

func dereference(_ context.Context, _ handlers.Message) error {
	var m *handlers.Message
	return errors.New(m.ID)
}

func TestAgain_CountsAsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := consumertest.NewRecorder()
		calls := 0
		sub := consumer.Subscription{Name: "orders", Policy: policy(), Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
			calls++
			if calls <= 10 {
				return handlers.Again(time.Second)
			}
			return nil
		})}
		start := time.Now()
		consumertest.Run(t, sub, rec, handlers.Message{ID: "m"})
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %v, want the 10 named seconds", took)
		}
		if c := rec.Calls(); c.RecordAttempt != 0 || c.Quarantine != 0 {
			t.Errorf("asked the quarantine: %+v", c)
		}
	})
}

func TestSuccess_ClearsTheCounters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := consumertest.NewRecorder()
		calls := 0
		sub := consumer.Subscription{Name: "orders", Policy: policy(), Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
			if calls++; calls%3 == 0 {
				return nil
			}
			return errors.New("not yet")
		})}
		msg := handlers.Message{ID: "m", PublishedAt: time.Now()}
		for range 5 { // the same id comes again and again, failing twice each time
			consumertest.Run(t, sub, rec, msg)
		}
		if len(rec.Held()) != 0 {
			t.Errorf("held after successes in between")
		}
		if n := len(rec.Attempts("m")); n != 15 {
			t.Errorf("history has %d attempts, want all 15", n)
		}
	})
}

func TestSuccessThatNeverFailed_AsksTheQuarantineNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := consumertest.NewRecorder()
		msgs := make([]handlers.Message, 500)
		consumertest.Run(t, consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil })}, rec, msgs...)
		if c := rec.Calls(); c.RecordAttempt+c.Quarantine != 0 || c.Standing != 500 {
			t.Errorf("calls %+v", c)
		}
	})
}

func TestDecided_IsAckedOnSight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := consumertest.NewRecorder()
		var runs atomic.Int64
		sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
			runs.Add(1)
			return handlers.Permanent(errors.New("no"))
		})}
		m := handlers.Message{ID: "m", Data: []byte("one"), PublishedAt: time.Now()}
		consumertest.Run(t, sub, rec, m)
		consumertest.Run(t, sub, rec, m) // a redelivery after a lost ack
		if n := runs.Load(); n != 1 {
			t.Errorf("ran %d times", n)
		}
		m.PublishedAt = m.PublishedAt.Add(time.Second) // the broker reused the id
		sub.Handler = handlers.HandlerFunc(func(context.Context, handlers.Message) error { runs.Add(1); return nil })
		consumertest.Run(t, sub, rec, m)
		if n := runs.Load(); n != 2 {
			t.Errorf("another message with the same id was not run")
		}
	})
}

// running is a consumer in a bubble.
type running struct {
	src    *consumertest.Source
	rec    *consumertest.Recorder
	cancel context.CancelFunc
	ended  chan error
}

func start(t *testing.T, script consumertest.Script, sub consumer.Subscription, cfg consumer.Config) *running {
	t.Helper()
	r := &running{src: consumertest.NewSource(script), rec: consumertest.NewRecorder(), ended: make(chan error, 1)}
	cfg.Quarantine = r.rec
	c, err := consumer.New(r.src, sub, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	var wg sync.WaitGroup
	wg.Go(func() { r.ended <- c.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		for _, v := range r.src.Violations() {
			t.Error(v)
		}
	})
	return r
}

func TestStoreDown_RetriesAndNeverAcks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, bad := range []error{errors.New("no"), handlers.Permanent(errors.New("no"))} {
			sub := consumer.Subscription{Name: "orders", Policy: policy(), Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error { return bad })}
			r := start(t, consumertest.Script{}, sub, consumer.Config{})
			r.rec.Fail(errors.New("store is gone"))
			r.src.Publish(handlers.Message{ID: "m"})
			<-time.After(time.Hour)
			for _, e := range r.src.Events() {
				if e.Ack {
					t.Fatal("acknowledged without a durable copy")
				}
			}
			r.rec.Fail(nil)
			<-r.src.Quiet()
			if len(r.rec.Held()) != 1 {
				t.Errorf("not held after the store returned")
			}
			r.cancel()
		}
	})
}

func TestDrain_RunningEndWaitingAreHandedBackNobodyIsCharged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := make(chan string, 10)
		sub := consumer.Subscription{Name: "orders", Policy: policy(), Handler: handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
			began <- m.ID
			switch m.ID {
			case "quick":
				<-time.After(time.Second)
				return nil
			case "slow":
				<-ctx.Done()
				return ctx.Err()
			default: // ignores its context for a while
				<-time.After(time.Minute)
				return errors.New("too late")
			}
		})}
		sub.Policy.Timeout = time.Hour
		r := start(t, consumertest.Script{}, sub, consumer.Config{MaxRunning: 3, DrainTimeout: 5 * time.Second})
		r.src.Publish(handlers.Message{ID: "quick"}, handlers.Message{ID: "slow"}, handlers.Message{ID: "deaf"})
		for range 3 {
			<-began
		}
		r.src.Publish(handlers.Message{ID: "waiting"})
		synctest.Wait()
		stopped := time.Now()
		r.cancel()
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(stopped); took != 6*time.Second {
			t.Errorf("Run ended after %v, want drain 5 s and grace 1 s", took)
		}
		acks, nacks := map[string]int{}, map[string]int{}
		for _, e := range r.src.Events() {
			if e.Ack {
				acks[e.ID]++
			} else {
				nacks[e.ID]++
			}
		}
		if acks["quick"] != 1 || len(acks) != 1 {
			t.Errorf("acks %v", acks)
		}
		if nacks["slow"] != 1 || nacks["deaf"] != 1 || nacks["waiting"] != 1 || len(nacks) != 3 {
			t.Errorf("nacks %v", nacks)
		}
		if c := r.rec.Calls(); c.RecordAttempt+c.Quarantine != 0 {
			t.Errorf("somebody was charged: %+v", c)
		}
		<-time.After(2 * time.Minute) // lets the deaf handler end
	})
}

func TestLostAcks_AreRecognised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lose := func(_ handlers.Message, n int) error {
			if n < 3 {
				return errors.New("reply lost")
			}
			return nil
		}
		var runs atomic.Int64
		sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
			runs.Add(1)
			return handlers.Permanent(errors.New("no"))
		})}
		r := start(t, consumertest.Script{OnAck: lose}, sub, consumer.Config{})
		r.src.Publish(handlers.Message{ID: "m"})
		<-r.src.Quiet()
		if runs.Load() != 1 || len(r.rec.Held()) != 1 {
			t.Errorf("ran %d times, held %d", runs.Load(), len(r.rec.Held()))
		}
		r.cancel()
	})
}

func TestReplay_RunsThroughTheSameHandlerWithItsProvenance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fixed atomic.Bool
		sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
			rep, replayed := handlers.ReplayFrom(ctx)
			if replayed != fixed.Load() || replayed && rep.Ref != "Q-0001" {
				t.Errorf("provenance %+v, %t", rep, replayed)
			}
			if fixed.Load() && string(m.Data) == "payload" {
				return nil
			}
			return handlers.Permanent(errors.New("no"))
		})}
		r := start(t, consumertest.Script{}, sub, consumer.Config{})
		r.src.Publish(handlers.Message{ID: "m", Data: []byte("payload")})
		<-r.src.Quiet()
		fixed.Store(true)
		r.rec.Replay("Q-0001")
		synctest.Wait()
		got := r.rec.Finished()
		if len(got) != 1 || got[0].Attempt.Outcome != handlers.OutcomeOK || !got[0].Attempt.Replay {
			t.Errorf("finished %+v", got)
		}
		r.cancel()
	})
}
