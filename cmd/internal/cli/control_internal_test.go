package cli

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

// declares is how a subscription of a test is shed.
type declares struct{ nonCritical, criticalOnly handlers.Flow }

var (
	critical = declares{handlers.FlowRunning, handlers.FlowRunning}
	pauses   = declares{handlers.FlowPaused, handlers.FlowPaused}
	drops    = declares{handlers.FlowDropping, handlers.FlowDropping}
	goesOn   = declares{handlers.FlowRunning, handlers.FlowPaused}
)

// shopSubs are the subscriptions of the fleet.
func shopSubs() map[string]declares {
	return map[string]declares{"orders": critical, "payments": critical, "nudges": pauses, "activity": goesOn, "reminders": drops}
}

// fleet runs workers of these names that obey what people order, with 4 in flight of
// each subscription and a backlog of 340. A worker that is deaf never obeys. The
// caller stops them.
func (b *bench) fleet(subs map[string]declares, deaf *atomic.Bool, names ...string) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var group runner.Group
	for i, name := range names {
		w := quarantine.Worker{Name: name, Host: "node-3", Build: "v2.41.1", PID: 100 + i}
		for sub := range subs {
			w.Subscriptions = append(w.Subscriptions, sub)
		}
		svc, err := quarantine.New(b.store, quarantine.Config{Worker: w})
		if err != nil {
			b.Fatal(err)
		}
		parts := []func(context.Context) error{svc.Run}
		for sub, d := range subs {
			parts = append(parts, func(ctx context.Context) error {
				return svc.FollowControls(ctx, sub, func(c handlers.Controls) handlers.Obeyed {
					if deaf != nil && deaf.Load() && i == 0 {
						<-ctx.Done()
					}
					return d.obey(c)
				})
			})
		}
		group.Go(func() {
			if err := runner.Run(ctx, parts...); err != nil && ctx.Err() == nil {
				b.Errorf("worker: %v", err)
			}
		})
		<-svc.Ready()
	}
	// Registered, and confirmed. From here on workers and people look at different
	// moments, so that each confirmation takes the same time.
	<-time.After(2*time.Second + 50*time.Millisecond)
	return func() { cancel(); group.Wait() }
}

func (d declares) obey(c handlers.Controls) handlers.Obeyed {
	o := handlers.Obeyed{Flow: handlers.FlowRunning, NonCritical: d.nonCritical, CriticalOnly: d.criticalOnly, InFlight: 4, Backlog: 340}
	switch {
	case c.Paused:
		o.Flow = handlers.FlowPaused
	case c.Level == handlers.ShedNonCritical:
		o.Flow = d.nonCritical
	case c.Level == handlers.ShedAllButCritical:
		o.Flow = d.criticalOnly
	}
	return o
}

func TestScreens_Controls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.fleet(shopSubs(), nil, "w-1", "w-2", "w-3")()
		b.goldens(map[string][]string{
			"pause-plan": {"pause", "orders", "--for", "30m", "--dry-run"},
			"shed-plan":  {"shed", "critical-only", "--for", "1h", "--dry-run"},
		})
		if c, err := b.room.Controls(b.Context()); err != nil || c.Version != 0 {
			t.Fatalf("a dry run ordered %+v, %v", c, err)
		}
		for i, form := range []struct {
			suffix string
			run    func(...string) result
			args   []string
		}{
			{".screen.txt", b.screen, nil}, {".pipe.txt", b.pipe, nil}, {".json", b.pipe, []string{"-o", "json"}},
		} {
			write := func(name string, args ...string) {
				r := form.run(append(args, form.args...)...)
				b.wantCode(r, problem.None)
				b.golden(name+form.suffix, r.out+r.err)
			}
			write("pause", "pause", "orders", "--for", "30m", "--reason", "INC-42")
			write("shed", "shed", "non-critical", "--for", "1h", "--reason", "INC-42")
			if i == 0 {
				<-time.After(time.Minute)
				b.goldens(map[string][]string{"controls-status": {}})
			}
			write("shed-more", "shed", "critical-only", "--for", "30s", "--reason", "INC-42, the database is full")
			write("pause-again", "pause", "orders", "--reason", "INC-42")
			write("resume", "resume", "orders")
			write("shed-normal", "shed", "normal")
		}
		b.goldens(map[string][]string{"controls-quiet": {}})
	})
}

func TestPause_NamesWhoHasNotConfirmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var deaf atomic.Bool
		defer b.fleet(map[string]declares{"orders": critical}, &deaf, "w-1", "w-2")()
		deaf.Store(true)
		begun := time.Now()
		r := b.pipe("pause", "orders", "--reason", "INC-42")
		b.wantCode(r, problem.StillRunning)
		b.wantSays(r, "1 of 2 workers confirmed", "1 worker has not confirmed within 10s: w-1 on node-3 (pid 100)", "theriac doctor")
		if took := time.Since(begun); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("it took %s", took)
		}
		r = b.pipe("resume", "orders", "-o", "json")
		b.wantCode(r, problem.StillRunning)
		b.wantSays(r, `"confirmed": 1`, `"w-1 on node-3 (pid 100)"`)
		b.wantSays(b.pipe("doctor"), "1 of 2 workers confirmed: not w-1 on node-3 (pid 100)")
		b.wantCode(b.pipe("pause", "orders", "--reason", "INC-42"), problem.StillRunning)
		b.wantSays(b.pipe([]string{}...), "PAUSED  orders", "1 of 2 workers confirmed")
	})
}

func TestControls_WithoutWorkers(t *testing.T) {
	inBubble(t, func(b *bench, _, _, _ string) {
		r := b.pipe("pause", "orders", "--reason", "INC-42")
		b.wantCode(r, problem.None)
		b.wantSays(r, "orders  paused until somebody ends it   no living worker: it holds for those that start   Undo: theriac resume orders")
		b.wantSays(b.pipe("resume", "orders", "--dry-run"), "orders  resumed", "no living worker serves it", "Nothing is done.")
		b.wantSays(b.pipe("doctor"), "orders is paused until somebody ends it by ana@laptop", "theriac resume orders")
		b.wantCode(b.pipe("resume", "orders"), problem.None)
		b.wantSays(b.pipe("doctor"), "nothing is paused or shed")
	})
}

func TestResume_SaysWhatHoldsItBackStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.fleet(shopSubs(), nil, "w-1")()
		b.wantCode(b.pipe("pause", "nudges", "--reason", "INC-42"), problem.None)
		b.wantCode(b.pipe("shed", "non-critical", "--for", "1h", "--reason", "INC-42"), problem.None)
		b.wantSays(b.pipe("resume", "nudges"), "still paused: the service is shed to non-critical, see theriac shed normal")
	})
}

func TestControls_Refusals(t *testing.T) {
	inBubble(t, func(b *bench, _, _, _ string) {
		for _, tt := range []struct {
			kind problem.Kind
			says string
			args string
		}{
			{problem.Invalid, "pause needs --reason", "pause orders"},
			{problem.Invalid, "0 arguments given", "pause"},
			{problem.NotFound, `no subscription "ordrs"; known: orders, payments`, "pause ordrs --reason x"},
			{problem.NotFound, `no subscription "ordrs"`, "resume ordrs"},
			{problem.Invalid, "want a time such as", "pause orders --reason x --for soon"},
			{problem.Invalid, "at most 366 days", "pause orders --reason x --for 9000d"},
			{problem.Invalid, "want more than nothing", "pause orders --reason x --for 0s"},
			{problem.Refused, "orders is not paused", "resume orders"},
			{problem.Refused, "orders is not paused", "resume orders --dry-run"},
			{problem.Refused, "nothing is shed", "shed normal"},
			{problem.Invalid, "normal has no end", "shed normal --for 1h"},
			{problem.Invalid, "shed needs --reason", "shed non-critical --for 1h"},
			{problem.Invalid, "shed needs --for", "shed non-critical --reason x"},
			{problem.Invalid, `no level "everything", want one of normal, non-critical, critical-only`, "shed everything --reason x --for 1h"},
		} {
			r := b.pipe(strings.Fields(tt.args)...)
			b.wantCode(r, tt.kind)
			b.wantSays(r, tt.says)
		}
		if c, err := b.room.Controls(b.Context()); err != nil || c.Version != 0 {
			b.Errorf("refused, and ordered all the same: %+v, %v", c, err)
		}
	})
}
