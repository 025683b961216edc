package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// TestPause_StopsAndLosesNothing on real brokers and stores: what is published during
// a pause is not run, a replay is, and pauses in the middle of the flow cost nobody a
// message.
func TestPause_StopsAndLosesNothing(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) engine{"sqlite": embeddedEngine, "postgres": distributedEngine} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOracle()
			e := open(t)
			service, stop := o.run(t, e)
			defer stop()
			<-service.Ready()
			e.publish(t, 20, func(i int) string { return fmt.Sprintf("good-before-%d", i) })
			e.publish(t, 1, func(int) string { return "poison" })
			o.await(t, 20)
			awaitHeld(t, service, 1)

			confirmed(t, service, quarantine.ControlPause)
			before := o.count()
			e.publish(t, 50, func(i int) string { return fmt.Sprintf("good-during-%d", i) })
			replayed(t, service)
			<-time.After(2 * time.Second)
			if n := o.count() - before; n != 1 {
				t.Errorf("%d runs during the pause, want the replay alone", n)
			}
			confirmed(t, service, quarantine.ControlResume)
			o.await(t, 50)

			for round := range 4 {
				e.publish(t, 300, func(i int) string { return fmt.Sprintf("good-%d-%d", round, i) })
				confirmed(t, service, quarantine.ControlPause)
				confirmed(t, service, quarantine.ControlResume)
			}
			o.await(t, 1200)
		})
	}
}

// count is how often handlers ran in all.
func (o *oracle) count() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, runs := range o.runs {
		n += runs
	}
	return n
}

// confirmed orders something and waits until the worker does it.
func confirmed(t *testing.T, service *quarantine.Service, verb quarantine.ControlVerb) {
	t.Helper()
	c, err := service.ControlAct(t.Context(), quarantine.ControlAct{Verb: verb, Subscription: subscription,
		Decision: quarantine.Decision{Actor: quarantine.Actor{Name: "ana", Via: "cli"}, Reason: "INC-42"}})
	check(t, err)
	who, err := service.WaitConfirmed(t.Context(), c.Version, patience)
	check(t, err)
	if len(who.Confirmed) != 1 || len(who.Missing) != 0 {
		t.Fatalf("%s: confirmed by %d, missing %+v", verb, len(who.Confirmed), who.Missing)
	}
	want := handlers.FlowRunning
	if verb == quarantine.ControlPause {
		want = handlers.FlowPaused
	}
	if o, ok := who.Of(subscription); !ok || o.Flow != want {
		t.Errorf("%s: the worker says %+v, want %s", verb, o, want)
	}
}

// replayed runs the held entry again, and waits for the end of that.
func replayed(t *testing.T, service *quarantine.Service) {
	t.Helper()
	page, err := service.EntryList(t.Context(), quarantine.Query{States: []quarantine.State{quarantine.StateHeld}})
	check(t, err)
	entry, err := service.EntryReplay(t.Context(), page.Entries[0], quarantine.ReplayParams{
		Decision: quarantine.Decision{Actor: quarantine.Actor{Name: "ana", Via: "cli"}, Reason: "INC-42"}})
	check(t, err)
	after, err := service.EntryReplayWait(t.Context(), entry, 50*time.Millisecond)
	check(t, err)
	if after.State != quarantine.StateHeld || after.Replays != 1 {
		t.Errorf("after the replay it is %s with %d replays, want held again", after.State, after.Replays)
	}
}
