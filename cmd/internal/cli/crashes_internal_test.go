package cli

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

// deathID is a UUID that sorts by the time of a death.
func deathID(n int) string { return fmt.Sprintf("0192a3b4-0000-7000-8000-%012x", n) }

const deadlyBlock = "goroutine 86 [running labels:{\"theriac\": \"12.4711\"}]:\n" +
	"panic({0x1, 0x2})\n\t/usr/lib/go/src/runtime/panic.go:262 +0x1d\n" +
	"example.com/shop/billing.Apply.func1({0x1, 0x2})\n\t/src/billing/handler.go:118 +0x1d\n" +
	"created by example.com/shop/billing.Apply in goroutine 85\n\t/src/billing/handler.go:110 +0x2d\n"

// death is the report of a worker that died now, of nothing that it said.
func death(n int, flights ...handlers.InFlight) handlers.Crash {
	return handlers.Crash{
		ID: deathID(n), Role: "orders", Incarnation: "orders-1-" + deathID(n), Host: "node-3", Build: "v2.41.0", PID: 4711,
		Started: time.Now().Add(-12 * time.Minute), Died: time.Now(), Exit: "signal killed", Kind: "unknown",
		Tier: "D", Reason: "it left no trace", InFlight: flights,
	}
}

// namedDeath is the report of a worker whose trace names a message.
func namedDeath(n int, flights ...handlers.InFlight) handlers.Crash {
	c := death(n, flights...)
	c.Exit, c.Kind, c.Tier, c.Reason = "exit code 2", "panic", "A", "its own goroutine died of its own fault"
	c.Text, c.Stack = "panic: runtime error: invalid memory address or nil pointer dereference", deadlyBlock
	c.Frames = []handlers.Frame{
		{Func: "panic", File: "panic.go", Line: 262}, {Func: "example.com/shop/billing.Apply.func1", File: "handler.go", Line: 118},
	}
	c.Stderr = "loading 3 templates\n\x1b[31mwarn\x1b[0m slow customer lookup\n"
	c.Notes = []string{`late crash, started by message "1284933119027"`}
	c.Hint = "three culprits in a minute: look at the deployment"
	return c
}

func flight(part handlers.Part, sub string, m handlers.Message, why string) handlers.InFlight {
	f := handlers.InFlight{
		Part: part, Subscription: sub, ID: m.ID, PublishedAt: m.PublishedAt, Started: time.Now().Add(-40 * time.Millisecond), Attempt: 1, Why: why,
	}
	if part == handlers.PartCulprit {
		f.Deaths = 1
	}
	return f
}

// crashed is the evidence of a message that died alone after it killed a worker.
func crashed(n int) handlers.Evidence {
	ev := nilDereference()
	ev.Reason, ev.Confidence, ev.Totals = handlers.ReasonCrashed, handlers.ConfidenceProvenAlone, handlers.Totals{Crashes: n}
	ev.Attempt.Started, ev.Attempt.Ended = time.Now().Add(-12*time.Millisecond), time.Now()
	ev.Attempt.Outcome, ev.Attempt.Worker = handlers.OutcomeCrashed, ""
	return ev
}

func (b *bench) report(c handlers.Crash) {
	b.Helper()
	if err := b.room.ReportCrash(b.Context(), c); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) settle(sub string, m handlers.Message, f handlers.Fate) {
	b.Helper()
	if err := b.room.SettleSuspect(b.Context(), sub, m, f); err != nil {
		b.Fatal(err)
	}
}

// seedDeaths reports three deaths: a deployment that does not start, a silent one with 16 suspects
// of which 11 are cleared and one was held, and a named one whose culprit was held. It returns the
// references of the deaths, oldest first, and of the entries.
func (b *bench) seedDeaths() (deaths, entries []string) {
	b.Helper()
	bad := death(1)
	bad.Role, bad.Host, bad.Exit, bad.Tier, bad.Reason = "nudges", "node-1", "exit code 1", "N", "it died before it was ready"
	bad.Stderr = "config.go:40: no such file: nudges.yaml\n"
	b.report(bad)
	<-time.After(30 * time.Minute)
	entries = append(entries, b.silentDeath())
	<-time.After(time.Minute)
	culprit, bystander := message("1284933119027", `{"customer":null}`), message("1284933119028", `{}`)
	b.report(namedDeath(3, flight(handlers.PartCulprit, "orders", culprit, ""), flight(handlers.PartBystander, "orders", bystander, "")))
	first := crashed(1)
	first.Attempt.Worker = "orders-1"
	if _, err := b.room.RecordAttempt(b.Context(), "orders", culprit, first.Attempt); err != nil {
		b.Fatal(err)
	}
	<-time.After(2 * time.Second)
	entries = append(entries, b.hold("orders", culprit, crashed(2)))
	b.settle("orders", culprit, handlers.FateHeld)
	<-time.After(39 * time.Second)
	for n := range 3 {
		deaths = append(deaths, quarantine.CrashRef(int64(n+1)))
	}
	return deaths, entries
}

// silentDeath reports a worker that was killed, settles 12 of its 16 suspects, and returns the
// entry of the one that was held.
func (b *bench) silentDeath() string {
	b.Helper()
	var suspects []handlers.Message
	var flights []handlers.InFlight
	for n := range 16 {
		suspects = append(suspects, message(fmt.Sprintf("12849331190%02d", n), `{"n":1}`))
		flights = append(flights, flight(handlers.PartSuspect, "orders", suspects[n], "in flight"))
	}
	b.report(death(2, flights...))
	<-time.After(time.Second)
	for n, m := range suspects[1:12] {
		b.settle("orders", m, []handlers.Fate{handlers.FateDone, handlers.FateCleared}[n%2])
	}
	ev := crashed(2)
	ev.Attempt.Panic, ev.Attempt.Stack, ev.Attempt.Frames = "", "", nil
	ev.Attempt.Errors = []handlers.ErrorLink{{Type: "crash: unknown", Text: "signal killed"}}
	ref := b.hold("orders", suspects[0], ev)
	b.settle("orders", suspects[0], handlers.FateHeld)
	return ref
}

// TestScreens_Deaths compares what is said of deaths with golden files.
func TestScreens_Deaths(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		deaths, entries := b.seedDeaths()
		b.goldens(map[string][]string{
			"deaths-status": {}, "deaths-why": {"why", entries[1]}, "crashes": {"crashes"}, "crashes-sub": {"crashes", "--sub", "orders", "-n", "1"},
			"crash": {"crashes", deaths[2]}, "crash-silent": {"crashes", deaths[1]}, "crash-nobody": {"crashes", deaths[0]},
			"suspects": {"suspects"}, "suspects-all": {"suspects", "--all"}, "suspects-settled": {"suspects", "--crash", deaths[2]},
		})
	})
}

func TestCrashes_Empty(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.wantSays(b.screen("crashes"), "no death matches")
	b.wantSays(b.screen("suspects"), "nobody is suspected")
	b.wantSays(b.screen("suspects", "--all"), "no suspect matches")
	for _, args := range [][]string{{"crashes"}, {"suspects"}} {
		if r := b.pipe(args...); r.out+r.err != "" || r.code != 0 {
			t.Errorf("%v without a death: code %d, %q, %q", args, r.code, r.out, r.err)
		}
	}
	b.wantSays(b.pipe("crashes", "--jq", ".crashes|length"), "0")
	b.wantSays(b.pipe("suspects", "--jq", ".counts.waiting, .crashes"), "0\n0")
}

// TestCrashes_Refs finds one report by everything that may name it.
func TestCrashes_Refs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		deaths, _ := b.seedDeaths()
		ref := deaths[2]
		for _, word := range []string{ref, strings.ToLower(ref), ref[2:], ref[:5], deathID(3), "https://ops.example.com/theriac/crashes/" + ref} {
			r := b.pipe("crashes", word, "-o", "name")
			b.wantCode(r, problem.None)
			if r.out != ref+"\n" {
				b.Errorf("%q found %q, want %q", word, r.out, ref)
			}
		}
	})
}

func TestCrashes_Select(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		deaths, entries := b.seedDeaths()
		for args, want := range map[string]string{
			"crashes -o name":                                 deaths[2] + "\n" + deaths[1] + "\n" + deaths[0],
			"crashes -o name --since 10m":                     deaths[2] + "\n" + deaths[1],
			"crashes -o name --sub nobody":                    "",
			"crashes -o name -n 1":                            deaths[2],
			"crashes -o name -n 1 --after " + deaths[2]:       deaths[1],
			"crashes -n 1 --jq .next":                         deaths[2],
			"crashes --jq .next":                              "",
			"suspects -o name --sub nobody":                   "",
			"suspects -o name -n 1":                           "1284933119012",
			"suspects -o name --all -n 1":                     "1284933119027",
			"suspects --all --jq .suspects|length":            "17",
			"suspects --all -n 5 --jq .suspects|length":       "5",
			"suspects --jq .counts.waiting":                   "4",
			"suspects --all --jq .counts.held,.crashes":       "2\n2",
			"suspects --all --sub x --jq .suspects|length":    "0",
			"suspects --jq .suspects[0].crash":                deaths[1],
			"suspects -o name --crash " + deaths[2]:           "",
			"suspects -o name --all --crash " + deaths[2]:     "1284933119027",
			"crashes --jq [.crashes[].suspects.held]|add":     "2",
			"crashes " + deaths[2] + " --jq .crash.entries[]": entries[1],
		} {
			r := b.pipe(append(strings.Fields(args), "-q")...)
			b.wantCode(r, problem.None)
			if got := strings.TrimSpace(r.out); got != want {
				b.Errorf("theriac %s found %q, want %q", args, got, want)
			}
		}
	})
}

// TestCrash_LongTexts are cut on a screen, which says so, and whole for who asks.
func TestCrash_LongTexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var flights []handlers.InFlight
		for n := range 1100 {
			flights = append(flights, flight(handlers.PartSuspect, "orders", message(fmt.Sprint("m-", n), ""), "in flight"))
		}
		c := namedDeath(1, flights...)
		c.Tier, c.StackCut, c.Stack = "B", true, c.Stack+strings.Repeat("main.deeper()\n\t/src/deeper.go:1\n", 100)
		c.Stderr = strings.Repeat("tick\n", 99) + "last words\n"
		b.report(c)
		ref := quarantine.CrashRef(1)
		r := b.screen("crashes", ref, "--no-color")
		b.wantSays(r, "… 1,060 messages more", "… 149 lines more", "… 80 lines before", "last words", "1100 suspects, 1100 waiting")
		if n := strings.Count(r.out, "\n"); n > 160 {
			b.Errorf("%d lines on a screen", n)
		}
		for _, r := range []result{b.screen("crashes", ref, "-o", "wide"), b.pipe("crashes", ref)} {
			b.wantSays(r, "m-1099", "last words", "(the stack was longer)")
			if strings.Contains(r.out, "… ") || strings.Count(r.out, "tick") != 99 || strings.Count(r.out, "main.deeper()") != 100 {
				b.Error("something was left out for who asked for all")
			}
		}
		b.wantSays(b.pipe("suspects", "-n", "1000"), "1,100 suspects of 1 death: 1,100 waiting", "there may be more")
		b.wantSays(b.screen("--no-color"), "NAMING  orders  at least 1,000 suspects wait to run alone")
	})
}

// TestStatus_BreakerOpen: that quarantining has stopped, since when and why; a message alone is not held
// then, so without it the screen would be quiet.
func TestStatus_BreakerOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		svc, err := quarantine.New(b.store, quarantine.Config{Worker: quarantine.Worker{Name: "w-1", Subscriptions: []string{"orders", "x; reboot"}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running runner.Group
		running.Go(func() { _ = svc.Run(ctx) })
		for _, sub := range []string{"orders", "x; reboot"} {
			running.Go(func() { _ = svc.FollowControls(ctx, sub, critical.obey) })
		}
		defer running.Wait()
		defer cancel()
		<-svc.Ready()
		svc.BreakerChanged("orders", handlers.Breaker{OpenSince: time.Now()})
		svc.BreakerChanged("x; reboot", handlers.Breaker{OpenSince: time.Now(), Kills: true})
		<-time.After(3 * time.Minute)
		r := b.screen("--no-color")
		b.wantSays(r, "BREAKER OPEN  orders  for 3m in 1 of 1 worker: failures spread over many different messages", "nothing is quarantined",
			"BREAKER OPEN  x; reboot  for 3m in 1 of 1 worker: different messages kill the process and none succeeds, which looks like a bad deploy", "roll back")
		if strings.Contains(r.out, "--sub x; reboot") {
			b.Errorf("said:\n%s", r.out)
		}
		b.wantSays(b.pipe("--jq", ".word, .blocks[0].reason"), "BREAKER OPEN\nfailures spread over many different messages\n")
		svc.BreakerChanged("orders", handlers.Breaker{})
		svc.BreakerChanged("x; reboot", handlers.Breaker{})
		<-time.After(time.Minute)
		b.wantSays(b.screen("--no-color"), "QUIET")
	})
}

// TestStatus_Naming: who waits stands above what is contained, and what a shell would obey is no
// part of a command to copy.
func TestStatus_Naming(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.hold("orders", message("held", ""), badCard(1))
		one, other := message("m-1", ""), message("m-2", "")
		b.report(death(1, flight(handlers.PartSuspect, "orders", one, "in flight"), flight(handlers.PartSuspect, "x; reboot", other, "")))
		<-time.After(2 * time.Hour)
		b.wantSays(b.pipe("--jq", ".word, .suspects, .deaths_last_hour"), "NAMING\n2\n0\n")
		r := b.screen("--no-color")
		b.wantSays(r, "NAMING  orders  1 suspect waits to run alone, oldest 2h", "orders/node-3 died 2h ago: signal killed", "CONTAINED  orders", "theriac suspects ")
		if strings.Index(r.out, "NAMING") > strings.Index(r.out, "CONTAINED") || strings.Contains(r.out, "--sub x; reboot") || strings.Contains(r.out, "Died ") {
			b.Errorf("said:\n%s", r.out)
		}
		b.settle("orders", one, handlers.FateDone)
		b.settle("x; reboot", other, handlers.FateCleared)
		b.wantSays(b.pipe("--jq", ".word, .suspects"), "CONTAINED\n0")
	})
}
