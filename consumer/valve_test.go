package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/handlers"
)

var (
	paused   = handlers.Controls{Version: 1, Paused: true}
	flowing  = handlers.Controls{Version: 2}
	shedding = handlers.Controls{Version: 3, Level: handlers.ShedNonCritical}
)

// gated is a handler that says which messages began, and ends each when it is let go.
type gated struct {
	began chan string
	goOn  chan error
}

func newGated() *gated { return &gated{began: make(chan string, 100), goOn: make(chan error, 100)} }

func (g *gated) Handle(ctx context.Context, m handlers.Message) error {
	g.began <- m.ID
	select {
	case err := <-g.goOn:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settlings are how often each message was acked and nacked.
func settlings(src *consumertest.Source) (acks, nacks map[string]int) {
	acks, nacks = map[string]int{}, map[string]int{}
	for _, e := range src.Events() {
		if e.Ack {
			acks[e.ID]++
		} else {
			nacks[e.ID]++
		}
	}
	return acks, nacks
}

func TestPause_InFlightEndsTheRestWaitsAtTheBroker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGated()
		sub := consumer.Subscription{Name: "orders", Handler: g}
		r := start(t, consumertest.Script{}, sub, consumer.Config{MaxRunning: 1})
		r.src.Publish(handlers.Message{ID: "running"})
		<-g.began
		r.src.Publish(handlers.Message{ID: "waiting"})
		synctest.Wait()
		r.rec.Order(paused)
		synctest.Wait()
		obeyed := r.rec.Obeyed()
		want := handlers.Obeyed{Flow: handlers.FlowPaused, NonCritical: handlers.FlowRunning,
			CriticalOnly: handlers.FlowRunning, InFlight: 1, Backlog: -1}
		if diff := cmp.Diff(want, obeyed[len(obeyed)-1]); diff != "" {
			t.Errorf("confirmed (-want +got)\n%s", diff)
		}
		r.src.Publish(handlers.Message{ID: "later"})
		g.goOn <- nil
		<-time.After(time.Hour)
		acks, nacks := settlings(r.src)
		if diff := cmp.Diff(map[string]int{"running": 1}, acks); diff != "" {
			t.Errorf("acks (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int{"waiting": 1}, nacks); diff != "" {
			t.Errorf("nacks (-want +got)\n%s", diff)
		}
		if len(g.began) > 0 {
			t.Errorf("%s began during the pause", <-g.began)
		}
		g.goOn <- nil
		g.goOn <- nil
		r.rec.Order(flowing)
		<-r.src.Quiet()
		if c := r.rec.Calls(); c.RecordAttempt+c.Quarantine != 0 {
			t.Errorf("somebody was charged: %+v", c)
		}
	})
}

// TestPause_CutsNoHandlerShort: a handler may take as long as its deadline, whatever
// a shutdown would leave it.
func TestPause_CutsNoHandlerShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGated()
		sub := consumer.Subscription{Name: "orders", Handler: g, Policy: consumer.Policy{Timeout: time.Hour}}
		r := start(t, consumertest.Script{}, sub, consumer.Config{DrainTimeout: time.Second})
		r.src.Publish(handlers.Message{ID: "slow"})
		<-g.began
		r.rec.Order(paused)
		<-time.After(50 * time.Minute)
		r.rec.Order(flowing)
		<-time.After(5 * time.Minute)
		g.goOn <- nil
		<-r.src.Quiet()
		if acks, nacks := settlings(r.src); acks["slow"] != 1 || len(nacks) != 0 {
			t.Errorf("acks %v, nacks %v, want one ack", acks, nacks)
		}
	})
}

func TestPausedAtTheStart_NothingIsPulled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
			runs.Add(1)
			return nil
		})}
		rec, src := consumertest.NewRecorder(), consumertest.NewSource(consumertest.Script{})
		rec.Order(paused)
		c, err := consumer.New(src, sub, consumer.Config{Quarantine: rec})
		if err != nil {
			t.Fatal(err)
		}
		src.Publish(handlers.Message{ID: "m"})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		<-time.After(time.Hour)
		if n, s := runs.Load(), c.Stats(); n != 0 || s.Delivered != 0 || s.Flow != handlers.FlowPaused {
			t.Errorf("%d runs, %+v", n, s)
		}
		rec.Order(flowing)
		<-src.Quiet()
		if n, s := runs.Load(), c.Stats(); n != 1 || s.Flow != handlers.FlowRunning {
			t.Errorf("%d runs, %+v", n, s)
		}
		rec.Order(paused)
		synctest.Wait()
		cancel()
		wg.Wait() // a paused consumer ends as any other
	})
}

func TestPause_WhoWaitsForARetryIsHandedBackWithTheRestOfItsWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		sub := consumer.Subscription{Name: "orders", Policy: consumer.Policy{HoldMax: time.Hour}, Handler: handlers.HandlerFunc(
			func(context.Context, handlers.Message) error {
				if runs.Add(1) == 1 {
					return handlers.Again(10 * time.Minute)
				}
				return nil
			})}
		r := start(t, consumertest.Script{}, sub, consumer.Config{})
		r.src.Publish(handlers.Message{ID: "m"})
		<-time.After(4 * time.Minute)
		r.rec.Order(paused)
		synctest.Wait()
		events := r.src.Events()
		if len(events) != 1 || events[0].Ack || events[0].Delay != 6*time.Minute {
			t.Errorf("settled %+v, want handed back for the 6 minutes that are left", events)
		}
		r.rec.Order(flowing)
		<-r.src.Quiet()
		if n := runs.Load(); n != 2 {
			t.Errorf("%d runs, want 2", n)
		}
	})
}

func TestReplay_RunsWhileItsSubscriptionIsPaused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(ctx context.Context, _ handlers.Message) error {
			if _, replayed := handlers.ReplayFrom(ctx); replayed {
				return nil
			}
			return handlers.Permanent(errors.New("no"))
		})}
		r := start(t, consumertest.Script{}, sub, consumer.Config{})
		r.src.Publish(handlers.Message{ID: "m"})
		<-r.src.Quiet()
		r.rec.Order(paused)
		synctest.Wait()
		r.rec.Replay("Q-0001")
		<-time.After(time.Minute)
		if got := r.rec.Finished(); len(got) != 1 || got[0].Attempt.Outcome != handlers.OutcomeOK {
			t.Errorf("finished %+v, want the replay", got)
		}
	})
}

func TestShed_WhatEachLevelDoes(t *testing.T) {
	t.Parallel()
	const runs, pauses, drops = handlers.FlowRunning, handlers.FlowPaused, handlers.FlowDropping
	for _, tt := range []struct {
		class                     consumer.Criticality
		shed                      consumer.Shed
		nonCritical, criticalOnly handlers.Flow
	}{
		{consumer.Critical, consumer.ShedDefault, runs, runs},
		{consumer.Critical, consumer.ShedNever, runs, runs},
		{consumer.NonCritical, consumer.ShedDefault, pauses, pauses},
		{consumer.NonCritical, consumer.ShedPause, pauses, pauses},
		{consumer.NonCritical, consumer.ShedDrop, drops, drops},
		{consumer.NonCritical, consumer.ShedNever, runs, pauses},
	} {
		t.Run(fmt.Sprint(tt.class, " ", tt.shed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sub := consumer.Subscription{Name: "nudges", Criticality: tt.class, Shed: tt.shed,
					Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil })}
				r := start(t, consumertest.Script{}, sub, consumer.Config{})
				levels := []struct {
					order handlers.Controls
					want  handlers.Flow
				}{
					{handlers.Controls{Level: handlers.ShedNothing}, runs},
					{handlers.Controls{Level: handlers.ShedNonCritical}, tt.nonCritical},
					{handlers.Controls{Level: handlers.ShedAllButCritical}, tt.criticalOnly},
					{handlers.Controls{Level: handlers.ShedNonCritical, Paused: true}, pauses},
					{handlers.Controls{Level: "unheard of"}, runs},
				}
				for _, l := range levels {
					r.rec.Order(l.order)
					synctest.Wait()
					got := r.rec.Obeyed()
					last := got[len(got)-1]
					if last.Flow != l.want || last.NonCritical != tt.nonCritical || last.CriticalOnly != tt.criticalOnly {
						t.Errorf("at %+v it says %+v, want %s", l.order, last, l.want)
					}
				}
			})
		})
	}
}

func TestShed_ACriticalSubscriptionDeclaresNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		class consumer.Criticality
		shed  consumer.Shed
		want  string
	}{
		{consumer.Critical, consumer.ShedDrop, "is drop, but it is critical"},
		{consumer.Critical, consumer.ShedPause, "is pause, but it is critical"},
		{consumer.NonCritical, consumer.ShedDrop + 1, "Subscription.Shed is 4"},
		{consumer.NonCritical, consumer.ShedDrop, ""},
	} {
		sub := consumer.Subscription{Name: "nudges", Criticality: tt.class, Shed: tt.shed,
			Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil })}
		err := sub.WithDefaults().Validate()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s, %s: %v, want %q", tt.class, tt.shed, err, tt.want)
		}
	}
}

func TestShedDrop_AcksWithoutRunningAndCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		sub := consumer.Subscription{Name: "nudges", Criticality: consumer.NonCritical, Shed: consumer.ShedDrop,
			Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error { runs.Add(1); return nil })}
		rec, src := consumertest.NewRecorder(), consumertest.NewSource(consumertest.Script{})
		c, err := consumer.New(src, sub, consumer.Config{Quarantine: rec})
		if err != nil {
			t.Fatal(err)
		}
		suspect := handlers.Message{ID: "suspect", PublishedAt: time.Now()}
		if err := rec.ReportCrash(t.Context(), handlers.Crash{ID: "c", InFlight: []handlers.InFlight{
			{Subscription: "nudges", ID: suspect.ID, PublishedAt: suspect.PublishedAt, Part: handlers.PartSuspect}}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		rec.Order(shedding)
		synctest.Wait()
		src.Publish(make([]handlers.Message, 50)...)
		src.Publish(suspect)
		<-src.Quiet()
		if n, s := runs.Load(), c.Stats(); n != 1 || s.Dropped != 50 || s.Flow != handlers.FlowDropping {
			t.Errorf("%d runs, %d dropped, flow %s; want the suspect to run and 50 dropped", n, s.Dropped, s.Flow)
		}
		rec.Order(flowing)
		synctest.Wait()
		src.Publish(make([]handlers.Message, 5)...)
		<-src.Quiet()
		if n, s := runs.Load(), c.Stats(); n != 6 || s.Dropped != 50 {
			t.Errorf("%d runs, %d dropped after the shed", n, s.Dropped)
		}
		cancel()
		wg.Wait()
	})
}

func TestShutdown_DuringAPauseDrainsAsEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGated()
		sub := consumer.Subscription{Name: "orders", Handler: g, Policy: consumer.Policy{Timeout: time.Hour, Grace: time.Second}}
		r := start(t, consumertest.Script{}, sub, consumer.Config{DrainTimeout: 5 * time.Second})
		r.src.Publish(handlers.Message{ID: "m"})
		<-g.began
		r.rec.Order(paused)
		synctest.Wait()
		stopped := time.Now()
		r.cancel()
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(stopped); took != 5*time.Second {
			t.Errorf("Run ended after %v, want the drain of 5 s", took)
		}
		if acks, nacks := settlings(r.src); len(acks) != 0 || nacks["m"] != 1 {
			t.Errorf("acks %v, nacks %v", acks, nacks)
		}
	})
}

// TestPause_ASourceThatEndsBadlyIsCalledAgain: what will not mend shows then.
func TestPause_ASourceThatEndsBadlyIsCalledAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil })}
		r := start(t, consumertest.Script{IgnoreCancel: true}, sub, consumer.Config{})
		synctest.Wait()
		r.rec.Order(paused)
		synctest.Wait()
		r.src.Fail(errors.New("stuck"))
		synctest.Wait()
		select {
		case err := <-r.ended:
			t.Fatalf("Run ended: %v", err)
		default:
		}
		r.rec.Order(flowing)
		r.src.Publish(handlers.Message{ID: "m"})
		<-r.src.Quiet()
		r.src.Fail(errors.New("gone"))
		if err := <-r.ended; err == nil || !strings.Contains(err.Error(), "gone") {
			t.Errorf("Run ended with %v, want the source's error", err)
		}
	})
}

// TestPausesAtAnyMoment_LoseNothing opens and closes the valve while messages flow,
// fail and wait. Run it often under -race.
func TestPausesAtAnyMoment_LoseNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 300
		var mu sync.Mutex
		done := map[string]int{}
		sub := consumer.Subscription{Name: "orders", Policy: consumer.Policy{MaxFailures: 1000, Breaker: consumer.BreakerPolicy{Off: true}},
			Handler: handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
				<-time.After(time.Duration(len(m.ID)) * time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				if done[m.ID]++; done[m.ID] == 1 {
					return errors.New("once")
				}
				return nil
			})}
		r := start(t, consumertest.Script{}, sub, consumer.Config{MaxRunning: 7, MaxOutstanding: 50})
		for i := range n {
			r.src.Publish(handlers.Message{ID: strings.Repeat("x", i%13) + fmt.Sprint(i), OrderingKey: []string{"", "k"}[i%2]})
		}
		for i := range 200 {
			r.rec.Order([]handlers.Controls{paused, flowing}[i%2])
			<-time.After(time.Duration(1+i%9) * time.Millisecond)
		}
		r.rec.Order(flowing)
		<-r.src.Quiet()
		acks, _ := settlings(r.src)
		if len(acks) != n || len(r.rec.Held()) != 0 {
			t.Errorf("%d messages acked, %d held, want %d acked", len(acks), len(r.rec.Held()), n)
		}
		for id, acked := range acks {
			if acked != 1 || done[id] != 2 {
				t.Errorf("%s: %d acks, %d runs, want 1 and 2", id, acked, done[id])
			}
		}
	})
}

// TestPause_WhatADeadProcessLeftIsNamedAllTheSame: its message is here already, and
// until it is known to kill nobody may run it.
func TestPause_WhatADeadProcessLeftIsNamedAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(dies)
		b.suspect("poison", true, true)
		b.rec.Order(paused)
		b.run(t, func() {
			<-time.After(time.Minute)
			if held := b.rec.Held(); len(held) != 1 || held[0].Message.ID != "poison" || b.here.Load() != 0 {
				t.Errorf("held %+v, %d runs here", held, b.here.Load())
			}
		})
	})
}

// TestPause_AHandlerThatNeverReturnsHoldsTheResumeForABoundedTime.
func TestPause_AHandlerThatNeverReturnsHoldsTheResumeForABoundedTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		began := make(chan string, 10)
		sub := consumer.Subscription{Name: "orders", Policy: consumer.Policy{Timeout: 30 * time.Second, Grace: time.Second, MaxFailures: 1},
			Handler: handlers.HandlerFunc(func(_ context.Context, m handlers.Message) error {
				began <- m.ID
				if m.ID == "deaf" {
					<-release
				}
				return nil
			})}
		r := start(t, consumertest.Script{}, sub, consumer.Config{DrainTimeout: time.Second, SettleTimeout: time.Second})
		r.src.Publish(handlers.Message{ID: "deaf"})
		<-began
		<-time.After(time.Minute) // it is given up, and holds the source's goroutine
		r.rec.Order(paused)
		synctest.Wait()
		r.rec.Order(flowing)
		r.src.Publish(handlers.Message{ID: "next"})
		resumed := time.Now()
		<-began
		if took := time.Since(resumed); took > 32*time.Second {
			t.Errorf("the next message began after %s, want deadline, grace and settling at most", took)
		}
		close(release)
		<-r.src.Quiet()
	})
}
