package quarantine_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

var incident = quarantine.Decision{Actor: ana, Reason: "INC-42"}

// follower is a consumer of one subscription that obeys.
type follower struct {
	mu     sync.Mutex
	orders []handlers.Controls
	hold   chan struct{} // if not nil, apply waits for it
	stop   func()
}

// follow lets a consumer follow until stop is called, or the test ends.
func follow(t testing.TB, s *quarantine.Service, sub string, hold chan struct{}) *follower {
	t.Helper()
	f := &follower{hold: hold}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var group runner.Group
	group.Go(func() {
		if err := s.FollowControls(ctx, sub, f.apply); !errors.Is(err, context.Canceled) {
			t.Errorf("FollowControls: %v", err)
		}
	})
	f.stop = sync.OnceFunc(func() {
		cancel()
		group.Wait()
	})
	t.Cleanup(f.stop)
	return f
}

func (f *follower) apply(c handlers.Controls) handlers.Obeyed {
	if f.hold != nil {
		<-f.hold
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders = append(f.orders, c)
	flow := handlers.FlowRunning
	if c.Paused {
		flow = handlers.FlowPaused
	}
	return handlers.Obeyed{Flow: flow, InFlight: 3, Backlog: -1}
}

// said are the orders so far, each as "version paused level".
func (f *follower) said() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, c := range f.orders {
		all = append(all, fmt.Sprintf("%d %t %s", c.Version, c.Paused, c.Level))
	}
	return all
}

func wantSaid(t *testing.T, f *follower, want ...string) {
	t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, f.said()); diff != "" {
		t.Errorf("orders (-want +got)\n%s", diff)
	}
}

func TestFollowControls_TellsEachChangeOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := quarantinetest.NewStore()
		s := newService(t, store, quarantine.Config{Worker: worker()})
		run(t, s)
		orders, mail := follow(t, s, "orders", nil), follow(t, s, "mail", nil)
		wantSaid(t, orders, "0 false normal")
		must(t, store, quarantine.ControlAct{Verb: quarantine.ControlPause, Subscription: "orders", For: time.Hour, Decision: incident})
		<-time.After(30 * time.Minute)
		wantSaid(t, orders, "0 false normal", "1 true normal")
		wantSaid(t, mail, "0 false normal", "1 false normal")
		must(t, store, quarantine.ControlAct{Verb: quarantine.ControlShed, Level: handlers.ShedNonCritical, Decision: incident})
		<-time.After(2 * time.Second)
		wantSaid(t, orders, "0 false normal", "1 true normal", "2 true non-critical")
		<-time.After(time.Hour) // the pause expires
		wantSaid(t, orders, "0 false normal", "1 true normal", "2 true non-critical", "2 false non-critical")
		wantSaid(t, mail, "0 false normal", "1 false normal", "2 false non-critical")
	})
}

// TestFollowControls_WithoutAStore: the last that is known goes on, and ends when it
// said it would.
func TestFollowControls_WithoutAStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := quarantinetest.NewStore()
		s := newService(t, store, quarantine.Config{Worker: worker()})
		run(t, s)
		orders, mail := follow(t, s, "orders", nil), follow(t, s, "mail", nil)
		must(t, store, quarantine.ControlAct{Verb: quarantine.ControlPause, Subscription: "orders", For: time.Hour, Decision: incident})
		must(t, store, quarantine.ControlAct{Verb: quarantine.ControlPause, Subscription: "mail", Decision: incident})
		<-time.After(2 * time.Second)
		store.Fail(errAway)
		<-time.After(time.Hour - 3*time.Second)
		wantSaid(t, orders, "0 false normal", "2 true normal")
		late := follow(t, s, "orders", nil)
		wantSaid(t, late, "2 true normal")
		<-time.After(2 * time.Second)
		wantSaid(t, orders, "0 false normal", "2 true normal", "2 false normal")
		wantSaid(t, late, "2 true normal", "2 false normal")
		<-time.After(24 * time.Hour)
		wantSaid(t, mail, "0 false normal", "2 true normal")
		store.Fail(nil)
		<-time.After(2 * time.Second)
		wantSaid(t, orders, "0 false normal", "2 true normal", "2 false normal")
	})
}

// noControls is a store whose controls cannot be read.
type noControls struct {
	*quarantinetest.Store
	mu     sync.Mutex
	broken bool
}

func (n *noControls) Controls(ctx context.Context) (quarantine.Controls, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.broken {
		return quarantine.Controls{}, errAway
	}
	return n.Store.Controls(ctx)
}

func TestReady_NotBeforeTheControlsAreKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &noControls{Store: quarantinetest.NewStore(), broken: true}
		must(t, store, quarantine.ControlAct{Verb: quarantine.ControlPause, Subscription: "orders", Decision: incident})
		s := newService(t, store, quarantine.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		var group runner.Group
		group.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		<-time.After(time.Minute)
		select {
		case <-s.Ready():
			t.Error("ready although nobody knows whether it is paused")
		default:
		}
		store.mu.Lock()
		store.broken = false
		store.mu.Unlock()
		<-s.Ready()
		wantSaid(t, follow(t, s, "orders", nil), "1 true normal")
		cancel()
		group.Wait()
	})
}

func TestWaitConfirmed_WhoHasDoneItAndWhoHasNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := quarantinetest.NewStore()
		one, two := worker(), worker()
		one.Subscriptions, two.Name = []string{"orders", "mail"}, "w-2"
		first, second := newService(t, store, quarantine.Config{Worker: one}), newService(t, store, quarantine.Config{Worker: two})
		run(t, first)
		run(t, second)
		hold := make(chan struct{}, 10)
		follow(t, first, "orders", nil)
		slow := follow(t, first, "mail", hold)
		follow(t, second, "orders", nil)
		hold <- struct{}{} // its start
		operator := newService(t, store, quarantine.Config{})
		c, err := operator.Pause(t.Context(), "orders", 0, incident)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		got, err := operator.WaitConfirmed(t.Context(), c.Version, quarantine.ConfirmPatience)
		if err != nil || got.Living() != 2 || len(got.Confirmed) != 1 || got.Missing[0].Name != "w-1" {
			t.Errorf("confirmed %+v, missing %+v, %v; want w-1 missing", got.Confirmed, got.Missing, err)
		}
		if took := time.Since(begun); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("it waited for %s", took)
		}
		hold <- struct{}{}
		begun = time.Now()
		got, err = operator.WaitConfirmed(t.Context(), c.Version, quarantine.ConfirmPatience)
		if took := time.Since(begun); err != nil || len(got.Missing) != 0 || took > 2*time.Second {
			t.Errorf("missing %+v after %s, %v", got.Missing, took, err)
		}
		obeyed, ok := got.Of("orders")
		if want := (handlers.Obeyed{Flow: handlers.FlowPaused, InFlight: 6, Backlog: -1}); !ok || obeyed != want {
			t.Errorf("orders is %+v, want %+v", obeyed, want)
		}
		if obeyed, _ := got.Of("mail"); obeyed.Flow != handlers.FlowRunning {
			t.Errorf("mail is %+v", obeyed)
		}
		if _, ok := got.Of("nudges"); ok {
			t.Error("nobody serves nudges")
		}
		// A consumer that has ended keeps nobody waiting.
		hold <- struct{}{}
		slow.stop()
		if c, err = operator.Resume(t.Context(), "orders", quarantine.Decision{Actor: ana}); err != nil {
			t.Fatal(err)
		}
		if got, err = operator.WaitConfirmed(t.Context(), c.Version, quarantine.ConfirmPatience); err != nil || len(got.Missing) != 0 {
			t.Errorf("missing %+v, %v", got.Missing, err)
		}
	})
}

// TestConfirmation_IsMadeAgainUnderANewRegistration: the row of the old one has ended.
func TestConfirmation_IsMadeAgainUnderANewRegistration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &joins{Store: quarantinetest.NewStore()}
		s := newService(t, store, quarantine.Config{Worker: worker()})
		run(t, s)
		follow(t, s, "orders", nil)
		c, err := s.Pause(t.Context(), "orders", 0, incident)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(3 * time.Second)
		store.Kill(store.last())
		if got, err := s.WaitConfirmed(t.Context(), c.Version, time.Second/2); err != nil || got.Living() != 0 {
			t.Errorf("a dead worker counts: %+v, %v", got, err)
		}
		<-time.After(5 * time.Second)
		got, err := s.Confirmations(t.Context(), c.Version)
		if err != nil || len(got.Confirmed) != 1 || len(got.Missing) != 0 {
			t.Errorf("%+v, %v; want the new registration to have confirmed", got, err)
		}
	})
}

// joins remembers the last membership.
type joins struct {
	*quarantinetest.Store
	mu     sync.Mutex
	member quarantine.Membership
}

func (j *joins) Join(ctx context.Context, w quarantine.Worker) (quarantine.Membership, error) {
	m, err := j.Store.Join(ctx, w)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.member = m
	return m, err
}

func (j *joins) last() quarantine.Membership {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.member
}

func TestControls_NeedAReasonUnlessTheyEndOne(t *testing.T) {
	t.Parallel()
	s := newService(t, quarantinetest.NewStore(), quarantine.Config{})
	bare := quarantine.Decision{Actor: ana}
	if _, err := s.Pause(t.Context(), "orders", 0, bare); kind(err) != "invalid" {
		t.Errorf("a pause without a reason: %v", err)
	}
	if _, err := s.Shed(t.Context(), handlers.ShedNonCritical, time.Hour, bare); kind(err) != "invalid" {
		t.Errorf("a shed without a reason: %v", err)
	}
	if _, err := s.Pause(t.Context(), "orders", 0, incident); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Shed(t.Context(), handlers.ShedNonCritical, time.Hour, incident); err != nil {
		t.Fatal(err)
	}
	st, err := s.Status(t.Context())
	if err != nil || len(st.Controls.InForce) != 2 {
		t.Errorf("status: %+v, %v", st.Controls, err)
	}
	if _, err := s.Shed(t.Context(), handlers.ShedNothing, 0, bare); err != nil {
		t.Error(err)
	}
	if _, err := s.Resume(t.Context(), "orders", bare); err != nil {
		t.Error(err)
	}
	if _, err := s.Resume(t.Context(), "orders", bare); kind(err) != "refused" {
		t.Errorf("a second resume: %v", err)
	}
	if c, err := s.Controls(t.Context()); err != nil || c.Version != 4 || len(c.InForce) != 0 {
		t.Errorf("in force: %+v, %v", c, err)
	}
}

func must(t *testing.T, store quarantine.Store, a quarantine.ControlAct) {
	t.Helper()
	if _, err := store.ControlAct(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

func TestObeyed_RoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		flow := rapid.Map(rapid.SampledFrom([]string{"", "running", "paused", "dropping", "other\xff"}), func(s string) handlers.Flow { return handlers.Flow(s) })
		obeyed := rapid.MapOf(rapid.String(), rapid.Custom(func(t *rapid.T) handlers.Obeyed {
			return handlers.Obeyed{
				Flow: flow.Draw(t, "flow"), NonCritical: flow.Draw(t, "non-critical"), CriticalOnly: flow.Draw(t, "critical-only"),
				InFlight: rapid.Int().Draw(t, "in flight"), Backlog: rapid.Int64().Draw(t, "backlog"),
				Breaker: rapid.SampledFrom([]handlers.Breaker{{}, {OpenSince: time.UnixMilli(1).UTC()}, {OpenSince: time.UnixMilli(2).UTC(), Kills: true}}).Draw(t, "breaker"),
			}
		})).Draw(t, "obeyed")
		got, err := quarantine.DecodeObeyed(quarantine.EncodeObeyed(obeyed))
		if err != nil || len(got) != len(obeyed) || len(obeyed) > 0 && !reflect.DeepEqual(obeyed, got) {
			t.Errorf("%v became %v, %v", obeyed, got, err)
		}
	})
}

// TestObeyed_OfABuildWithoutBreakers: a worker of the build before says nothing of them, and one of this
// build is understood by it.
func TestObeyed_OfABuildWithoutBreakers(t *testing.T) {
	t.Parallel()
	closed := map[string]handlers.Obeyed{"mail": {Flow: handlers.FlowRunning}, "orders": {Flow: handlers.FlowPaused, InFlight: 12, Backlog: -1}}
	const before = "\x01\x02\x04mail\arunning\x00\x00\x00\x00\x06orders\x06paused\x00\x00\x18\x01"
	if got, err := quarantine.DecodeObeyed([]byte(before)); err != nil || !reflect.DeepEqual(got, closed) {
		t.Errorf("decoded %v, %v", got, err)
	}
	if got := string(quarantine.EncodeObeyed(closed)); !strings.HasPrefix(got, before) {
		t.Errorf("encoded %q, want what the build before reads, and more behind it", got)
	}
}

// TestBreaker_IsSeenByOperators while a living worker says so.
func TestBreaker_IsSeenByOperators(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := quarantinetest.NewStore()
		operator := newService(t, store, quarantine.Config{})
		workers := make([]*quarantine.Service, 2)
		for i := range workers {
			w := worker()
			w.Name = fmt.Sprint("w-", i)
			workers[i] = newService(t, store, quarantine.Config{Worker: w})
			run(t, workers[i])
			follow(t, workers[i], "orders", nil)
		}
		want := func(what string, breaker handlers.Breaker, n int) {
			t.Helper()
			after(2 * time.Second)
			st, err := operator.Status(t.Context())
			if err != nil || len(st.Subscriptions) != 1 || st.Subscriptions[0].Breaker != breaker || st.Subscriptions[0].Breakers != n {
				t.Errorf("%s: %+v, %v; want %+v in %d", what, st.Subscriptions, err, breaker, n)
			}
			if builds := len(st.Subscriptions[0].BreakerBuilds); builds != min(n, 1) {
				t.Errorf("%s: %d builds, want the one they share", what, builds)
			}
			if got, err := operator.Breakers(t.Context()); err != nil || !reflect.DeepEqual(got, st.Subscriptions) {
				t.Errorf("%s: breakers are %+v, %v; want what the status says: %+v", what, got, err, st.Subscriptions)
			}
		}
		at := time.UnixMilli(time.Now().UnixMilli()).UTC()
		first, later := handlers.Breaker{OpenSince: at}, handlers.Breaker{OpenSince: at.Add(time.Second), Kills: true}
		want("at first", handlers.Breaker{}, 0)
		workers[1].BreakerChanged("orders", later)
		want("one", later, 1)
		workers[0].BreakerChanged("orders", first)
		want("both", first, 2)
		workers[1].BreakerChanged("mail", later) // which it does not serve
		workers[0].BreakerChanged("orders", handlers.Breaker{})
		want("one closed", later, 1)
		workers[1].BreakerChanged("orders", handlers.Breaker{})
		want("all closed", handlers.Breaker{}, 0)
	})
}

// FuzzDecodeObeyed: what stands in a worker's row is not trusted.
func FuzzDecodeObeyed(f *testing.F) {
	f.Add([]byte{})
	f.Add(quarantine.EncodeObeyed(map[string]handlers.Obeyed{"orders": {Flow: handlers.FlowPaused, InFlight: 12, Backlog: -1, Breaker: handlers.Breaker{OpenSince: time.Unix(1, 0), Kills: true}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		obeyed, err := quarantine.DecodeObeyed(b)
		if err != nil {
			return
		}
		again, err := quarantine.DecodeObeyed(quarantine.EncodeObeyed(obeyed))
		if err != nil || len(again) != len(obeyed) {
			t.Errorf("%v became %v, %v", obeyed, again, err)
		}
	})
}
