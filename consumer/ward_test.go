package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

// scriptedGuard is a guardian's side in memory: what a ward answers is a function, and what earlier
// deaths left is a list.
type scriptedGuard struct {
	ward func(consumer.AloneRun) (consumer.AloneResult, error)
	left consumer.Suspects

	mu       sync.Mutex
	runs     []consumer.AloneRun
	recycled []string
}

func (*scriptedGuard) InFlight() *inflight.Mapping { return nil }

func (g *scriptedGuard) Suspects(string) consumer.Suspects { return g.left }

func (g *scriptedGuard) Recycle(why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recycled = append(g.recycled, why)
}

func (g *scriptedGuard) RunAlone(ctx context.Context, run consumer.AloneRun) (consumer.AloneResult, error) {
	g.mu.Lock()
	g.runs = append(g.runs, run)
	g.mu.Unlock()
	select {
	case <-time.After(10 * time.Millisecond):
		return g.ward(run)
	case <-ctx.Done():
		return consumer.AloneResult{}, ctx.Err()
	}
}

// fresh returns whether each run of a message asked for a fresh ward.
func (g *scriptedGuard) fresh(id string) (asked []bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, run := range g.runs {
		if run.Message.ID == id {
			asked = append(asked, run.Fresh)
		}
	}
	return asked
}

// Answers of a ward.

func survives(run consumer.AloneRun) (consumer.AloneResult, error) {
	return consumer.AloneResult{Attempt: handlers.Attempt{Started: time.Now()}, Fresh: run.Fresh}, nil
}

func dies(run consumer.AloneRun) (consumer.AloneResult, error) {
	a := handlers.Attempt{Started: time.Now(), Outcome: handlers.OutcomeCrashed, Panic: "signal killed"}
	return consumer.AloneResult{Attempt: a, Fresh: run.Fresh}, nil
}

// wardBundle is a consumer with a guard, inside a bubble of virtual time.
type wardBundle struct {
	src     *consumertest.Source
	rec     *consumertest.Recorder
	guard   *scriptedGuard
	sub     consumer.Subscription
	settled atomic.Int64 // calls of Suspect.Settled
	here    atomic.Int64 // runs of the handler in this process
}

func newWardBundle(ward func(consumer.AloneRun) (consumer.AloneResult, error)) *wardBundle {
	b := &wardBundle{
		src: consumertest.NewSource(consumertest.Script{}), rec: consumertest.NewRecorder(),
		guard: &scriptedGuard{ward: ward},
	}
	b.sub = consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
		b.here.Add(1)
		return nil
	})}
	return b
}

// suspect adds what an earlier death left, and returns its message, which the broker has too.
func (b *wardBundle) suspect(id string, named, copied bool) handlers.Message {
	m := handlers.Message{ID: id, Data: []byte("data of " + id), PublishedAt: time.Now().Add(-time.Second)}
	reported := make(chan struct{})
	close(reported)
	s := consumer.Suspect{
		Message: m, HasCopy: copied, Reported: reported, Settled: func() { b.settled.Add(1) },
	}
	if !copied {
		s.Message.Data = nil
	}
	if named {
		s.Named = &handlers.Attempt{Started: time.Now(), Outcome: handlers.OutcomeCrashed, Panic: "panic: poison"}
	}
	b.guard.left.Messages = append(b.guard.left.Messages, s)
	return m
}

// run runs the consumer while f does.
func (b *wardBundle) run(t *testing.T, f func()) {
	t.Helper()
	c, err := consumer.New(b.src, b.sub, consumer.Config{Quarantine: b.rec, Guard: b.guard})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running runner.Group
	running.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	f()
	cancel()
	running.Wait()
	if v := b.src.Violations(); len(v) > 0 {
		t.Error(v)
	}
}

func TestWard_SuspectThatSurvives_IsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(survives)
		m := b.suspect("m-1", false, true)
		b.src.Publish(m) // its redelivery comes while the copy runs
		b.run(t, func() { <-b.src.Quiet() })
		if n := b.here.Load(); n != 0 || len(b.guard.runs) != 1 {
			t.Errorf("it ran %d times here and %d times alone, want once, alone", n, len(b.guard.runs))
		}
		if f := b.rec.Fate("m-1"); f != handlers.FateDone || b.settled.Load() != 1 {
			t.Errorf("fate %q, settled %d times", f, b.settled.Load())
		}
	})
}

// TestWard_NobodyReports: a fate waits for the report of the death, but not for ever.
func TestWard_NobodyReports_FateIsToldAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(survives)
		b.src.Publish(b.suspect("m-1", false, true))
		b.guard.left.Messages[0].Reported = make(chan struct{})
		b.run(t, func() { <-b.src.Quiet() })
		if f := b.rec.Fate("m-1"); f != handlers.FateDone {
			t.Errorf("fate %q", f)
		}
	})
}

func TestWard_DoneSuspect_IsRecognisedWithoutTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(survives)
		m := b.suspect("m-1", false, true)
		b.run(t, func() {
			<-time.After(time.Second)
			b.rec.Fail(errors.New("the store is away"))
			b.src.Publish(m)
			<-b.src.Quiet()
		})
		if n := b.here.Load(); n != 0 {
			t.Errorf("it ran %d times here", n)
		}
	})
}

func TestWard_Convicts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		named bool
		fresh []bool // of the runs
	}{
		"named: one death alone, in a fresh ward":     {true, []bool{true}},
		"silent: two deaths alone, the last in fresh": {false, []bool{false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newWardBundle(dies)
				m := b.suspect("m-1", tc.named, true)
				b.src.Publish(m)
				b.run(t, func() { <-b.src.Quiet() })
				held := b.rec.Held()
				if len(held) != 1 {
					t.Fatalf("%d are held, want the culprit", len(held))
				}
				ev := held[0].Evidence
				if ev.Reason != handlers.ReasonCrashed || ev.Confidence != handlers.ConfidenceProvenAlone || ev.Totals.Crashes != 2 {
					t.Errorf("held for %s, %s, %d crashes", ev.Reason, ev.Confidence, ev.Totals.Crashes)
				}
				if got := b.guard.fresh("m-1"); fmt.Sprint(got) != fmt.Sprint(tc.fresh) {
					t.Errorf("fresh wards asked for: %v, want %v", got, tc.fresh)
				}
				if b.rec.Fate("m-1") != handlers.FateHeld || b.settled.Load() != 1 || b.here.Load() != 0 {
					t.Errorf("fate %q, settled %d times, ran %d times here", b.rec.Fate("m-1"), b.settled.Load(), b.here.Load())
				}
			})
		})
	}
}

// TestWard_DeathInAUsedProcess_NeverConvicts: what ran there before may have left the killer behind.
func TestWard_DeathInAUsedProcess_NeverConvicts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		b := newWardBundle(func(run consumer.AloneRun) (consumer.AloneResult, error) {
			if runs++; runs > 5 {
				return survives(run)
			}
			r, err := dies(run)
			r.Fresh = false // whatever was asked for
			return r, err
		})
		b.src.Publish(b.suspect("m-1", true, true))
		b.run(t, func() { <-b.src.Quiet() })
		if len(b.rec.Held()) != 0 || b.rec.Fate("m-1") != handlers.FateDone {
			t.Errorf("%d held, fate %q", len(b.rec.Held()), b.rec.Fate("m-1"))
		}
	})
}

func TestWard_WithoutACopy_RunsAloneWhenDeliveredAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(dies)
		m := b.suspect("m-1", true, false)
		b.run(t, func() {
			<-time.After(time.Minute)
			if n := len(b.guard.runs); n != 0 {
				t.Errorf("%d runs without the message", n)
			}
			b.src.Publish(m)
			<-b.src.Quiet()
		})
		if held := b.rec.Held(); len(held) != 1 || string(held[0].Message.Data) != string(m.Data) || b.here.Load() != 0 {
			t.Errorf("held %v, ran %d times here", held, b.here.Load())
		}
	})
}

// TestWard_SuspectOfAnotherReplica: the store says that it is suspect.
func TestWard_SuspectOfAnotherReplica_RunsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(survives)
		m := handlers.Message{ID: "m-1", PublishedAt: time.Now()}
		crash := handlers.Crash{ID: "x", InFlight: []handlers.InFlight{{Part: handlers.PartSuspect, Subscription: "orders", ID: "m-1"}}}
		if err := b.rec.ReportCrash(t.Context(), crash); err != nil {
			t.Fatal(err)
		}
		b.src.Publish(m, handlers.Message{ID: "m-2"})
		b.run(t, func() { <-b.src.Quiet() })
		if len(b.guard.runs) != 1 || b.here.Load() != 1 || b.rec.Fate("m-1") != handlers.FateDone {
			t.Errorf("%d runs alone, %d here, fate %q", len(b.guard.runs), b.here.Load(), b.rec.Fate("m-1"))
		}
	})
}

func TestWard_FailingAlone_IsClearedAndRetriedAsEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(func(run consumer.AloneRun) (consumer.AloneResult, error) {
			a := handlers.Attempt{Started: time.Now(), Outcome: handlers.OutcomeFailed, Class: handlers.ClassFailed}
			return consumer.AloneResult{Attempt: a, Fresh: run.Fresh}, nil
		})
		b.src.Publish(b.suspect("m-1", false, true))
		b.run(t, func() { <-b.src.Quiet() })
		if b.rec.Fate("m-1") != handlers.FateCleared || len(b.guard.runs) != 1 || b.here.Load() != 1 {
			t.Errorf("fate %q, %d runs alone, %d here", b.rec.Fate("m-1"), len(b.guard.runs), b.here.Load())
		}
	})
}

func TestWard_Hang_IsRetriedAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(survives)
		release := make(chan struct{})
		b.sub.Handler = handlers.HandlerFunc(func(context.Context, handlers.Message) error {
			b.here.Add(1)
			<-release
			return nil
		})
		b.src.Publish(handlers.Message{ID: "m-1"})
		b.run(t, func() {
			<-b.src.Quiet()
			close(release)
		})
		if b.here.Load() != 1 || len(b.guard.runs) != 1 {
			t.Errorf("%d runs here, %d alone", b.here.Load(), len(b.guard.runs))
		}
	})
}

func TestWard_ManyAbandoned_AskForANewProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(survives)
		b.sub.Policy.MaxAbandoned = 3
		release := make(chan struct{})
		b.sub.Handler = handlers.HandlerFunc(func(context.Context, handlers.Message) error {
			<-release
			return nil
		})
		for range 3 {
			b.src.Publish(handlers.Message{})
		}
		b.run(t, func() {
			<-b.src.Quiet()
			close(release)
		})
		if len(b.guard.recycled) != 1 {
			t.Errorf("asked %d times for a new process", len(b.guard.recycled))
		}
	})
}

// TestWard_EverythingDies_NobodyIsHeldWhenItIsOver: a bad deploy. Two may be convicted before the
// pattern shows; then the breaker opens, and when something survives they run again.
func TestWard_EverythingDies_NobodyIsHeldWhenItIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mended atomic.Bool
		b := newWardBundle(func(run consumer.AloneRun) (consumer.AloneResult, error) {
			if mended.Load() {
				return survives(run)
			}
			return dies(run)
		})
		for i := range 20 {
			b.src.Publish(b.suspect(fmt.Sprint("m-", i), false, true))
		}
		// The first was convicted before the pattern showed.
		early := handlers.Evidence{Reason: handlers.ReasonCrashed, Confidence: handlers.ConfidenceProvenAlone}
		if _, err := b.rec.Quarantine(t.Context(), "orders", handlers.Message{ID: "early"}, early); err != nil {
			t.Fatal(err)
		}
		b.run(t, func() {
			<-time.After(5 * time.Minute)
			if n := len(b.rec.Held()); n > 3 {
				t.Errorf("%d are held while everything dies", n)
			}
			mended.Store(true)
			<-b.src.Quiet()
			<-time.After(time.Minute) // replays
		})
		replayed := make(map[string]bool)
		for _, f := range b.rec.Finished() {
			if f.Attempt.Outcome == handlers.OutcomeOK {
				replayed[f.Replay.Ref] = true
			}
		}
		for _, h := range b.rec.Held() {
			if !replayed[h.Ref] {
				t.Errorf("%s is still held", h.Message.ID)
			}
		}
		if n := b.src.Unsettled(); n > 0 {
			t.Errorf("%d are not settled", n)
		}
	})
}

// TestWard_CulpritsOfEarlierProcesses_OpenTheBreaker: the guardian remembers them.
func TestWard_CulpritsOfEarlierProcesses_OpenTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(dies)
		for _, id := range []string{"a", "b", "c"} {
			b.guard.left.Culprits = append(b.guard.left.Culprits, consumer.Culprit{ID: id, At: time.Now()})
		}
		b.suspect("c", true, true)
		b.src.Publish(handlers.Message{ID: "m-1"}, handlers.Message{ID: "m-2"})
		b.run(t, func() { <-time.After(10 * time.Minute) })
		if b.here.Load() != 0 || len(b.rec.Held()) != 0 || len(b.rec.Attempts("c")) != 0 {
			t.Errorf("%d ran here, %d are held, %d attempts are charged; want probes alone and nobody charged",
				b.here.Load(), len(b.rec.Held()), len(b.rec.Attempts("c")))
		}
		if n := len(b.guard.runs); n < 30 || n > 90 {
			t.Errorf("%d probes in 10 minutes", n)
		}
	})
}

func TestWard_CannotStart_SuspectsWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		b := newWardBundle(func(run consumer.AloneRun) (consumer.AloneResult, error) {
			if broken.Load() {
				return consumer.AloneResult{}, errors.New("it cannot start")
			}
			return survives(run)
		})
		b.sub.Policy.HoldMax = time.Millisecond // whatever the policy says of others
		b.src.Publish(b.suspect("m-1", true, true))
		b.run(t, func() {
			<-time.After(time.Hour)
			if len(b.rec.Held()) != 0 || b.src.Unsettled() != 1 {
				t.Errorf("%d held, %d unsettled", len(b.rec.Held()), b.src.Unsettled())
			}
			broken.Store(false)
			<-b.src.Quiet()
		})
	})
}

func TestWard_None_RunsHere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(func(consumer.AloneRun) (consumer.AloneResult, error) {
			return consumer.AloneResult{}, consumer.ErrNoWard
		})
		b.src.Publish(b.suspect("m-1", false, false))
		b.run(t, func() { <-b.src.Quiet() })
		if b.here.Load() != 1 || b.rec.Fate("m-1") != handlers.FateDone {
			t.Errorf("%d runs here, fate %q", b.here.Load(), b.rec.Fate("m-1"))
		}
	})
}

// TestWard_None_ProbesRunHere: the place in the breaker's door is not lost on the way.
func TestWard_None_ProbesRunHere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(func(consumer.AloneRun) (consumer.AloneResult, error) {
			return consumer.AloneResult{}, consumer.ErrNoWard
		})
		for _, id := range []string{"a", "b", "c"} {
			b.guard.left.Culprits = append(b.guard.left.Culprits, consumer.Culprit{ID: id, At: time.Now()})
		}
		b.src.Publish(handlers.Message{}, handlers.Message{}, handlers.Message{})
		b.run(t, func() {
			select {
			case <-b.src.Quiet():
			case <-time.After(time.Hour):
				t.Errorf("after an hour %d messages wait", b.src.Unsettled())
			}
		})
	})
}

// TestWard_StoreAway_NobodyIsConvicted: deaths that cannot be counted do not count.
func TestWard_StoreAway_NobodyIsConvicted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(dies)
		b.sub.Policy.Breaker.Off = true
		m := b.suspect("m-1", true, true)
		b.src.Publish(m)
		b.rec.Fail(errors.New("the store is away"))
		b.run(t, func() {
			<-time.After(10 * time.Minute)
			if n := len(b.guard.runs); n > 70 { // one each HoldMax
				t.Errorf("%d wards died in 10 minutes for one message", n)
			}
			b.rec.Fail(nil)
			<-b.src.Quiet()
		})
		if len(b.rec.Held()) != 1 {
			t.Errorf("%d are held when the store is back", len(b.rec.Held()))
		}
	})
}

func TestWard_ReplayOfACrash_RunsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(dies)
		b.src.Publish(b.suspect("m-1", true, true))
		b.run(t, func() {
			<-b.src.Quiet()
			if _, err := b.rec.Reprieve(t.Context(), "orders", time.Unix(1, 0), "test"); err != nil {
				t.Error(err)
			}
			<-time.After(time.Minute)
		})
		finished := b.rec.Finished()
		if len(finished) != 1 || finished[0].Attempt.Outcome != handlers.OutcomeCrashed || b.here.Load() != 0 {
			t.Errorf("finished %+v, ran %d times here", finished, b.here.Load())
		}
	})
}

// adopting is a source that can settle what another process had.
type adopting struct {
	*consumertest.Source
	mu      sync.Mutex
	settled map[string]string
}

func (a *adopting) Adopt(token string) (consumer.Adopted, error) {
	if token == "forged" {
		return nil, errors.New("no lease")
	}
	return &adoptedLease{a, token}, nil
}

type adoptedLease struct {
	of    *adopting
	token string
}

func (l *adoptedLease) note(what string) error {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	l.of.settled[l.token] += what
	return nil
}

func (l *adoptedLease) Ack(context.Context) error { return l.note("ack") }
func (l *adoptedLease) Nack(_ context.Context, wait time.Duration) error {
	return l.note(fmt.Sprint("nack ", wait))
}
func (l *adoptedLease) Extend() error { return nil }

func TestWard_LeasesOfTheDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWardBundle(survives)
		b.suspect("m-1", false, true)
		b.guard.left.Messages[0].Token = "suspect"
		b.suspect("m-2", false, true)
		b.guard.left.Messages[1].Token = "forged"
		b.suspect("m-3", false, false)
		b.guard.left.Messages[2].Token = "too large to copy"
		b.guard.left.Bystanders = []string{"near 1", "forged", "near 2"}
		src := &adopting{Source: b.src, settled: make(map[string]string)}
		c, err := consumer.New(src, b.sub, consumer.Config{Quarantine: b.rec, Guard: b.guard})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
		want := map[string]string{"suspect": "ack", "too large to copy": "nack 3s", "near 1": "nack 0s", "near 2": "nack 0s"}
		if fmt.Sprint(src.settled) != fmt.Sprint(want) {
			t.Errorf("settled %v, want %v", src.settled, want)
		}
		if b.rec.Fate("m-2") != handlers.FateDone {
			t.Errorf("the one with a forged lease: %q", b.rec.Fate("m-2"))
		}
	})
}
