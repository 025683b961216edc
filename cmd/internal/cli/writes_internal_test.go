package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// inBubble runs a test on a seeded bench with clocks that stand still.
func inBubble(t *testing.T, test func(b *bench, order, first, second string)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		order, first, second := b.seed()
		test(b, order, first, second)
	})
}

func (b *bench) state(ref string) quarantine.State {
	b.Helper()
	e, err := b.room.EntryGet(b.Context(), quarantine.EntryKey{Ref: ref}, quarantine.GetOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return e.State
}

func (b *bench) wantState(ref string, want quarantine.State) {
	b.Helper()
	if got := b.state(ref); got != want {
		b.Errorf("%s is %s, want %s", ref, got, want)
	}
}

func (b *bench) wantSays(r result, words ...string) {
	b.Helper()
	for _, w := range words {
		if !strings.Contains(r.out+r.err, w) {
			b.Errorf("does not say %q:\nstdout: %s\nstderr: %s", w, r.out, r.err)
		}
	}
}

func TestReplay_Succeeds(t *testing.T) {
	inBubble(t, func(b *bench, order, _, _ string) {
		stop := b.worker("orders", func(handlers.Replay) handlers.Outcome { return handlers.OutcomeOK })
		defer stop()
		r := b.pipe("replay", strings.ToLower(order[2:]))
		b.wantCode(r, problem.None)
		b.wantSays(r, "REPLAYED  "+order+"  ok after 12ms on build v2.41.1", "no undo")
		b.wantState(order, quarantine.StateReplayed)
	})
}

func TestReplay_StillPoison(t *testing.T) {
	inBubble(t, func(b *bench, order, _, _ string) {
		stop := b.worker("orders", func(handlers.Replay) handlers.Outcome { return handlers.OutcomeFailed })
		defer stop()
		for n := 1; n <= quarantine.ReplaysFree; n++ {
			r := b.screen("replay", order)
			b.wantCode(r, problem.BadAnswer)
			b.wantSays(r, "STILL POISON", "still wrong", "held again", fmt.Sprintf("replay %d of 3", n))
		}
		r := b.pipe("replay", order)
		b.wantCode(r, problem.Refused)
		b.wantSays(r, "3 times", "force")
		b.wantCode(b.pipe("replay", order, "--force", "-o", "json", "--jq", ".verdict"), problem.BadAnswer)
	})
}

func TestReplay_WithoutWorkerNamesTheSubscription(t *testing.T) {
	inBubble(t, func(b *bench, order, _, _ string) {
		r := b.pipe("replay", order)
		b.wantCode(r, problem.StillRunning)
		b.wantSays(r, "no living worker serves orders")
		b.wantState(order, quarantine.StateHeld)
	})
}

func TestReplay_WaitRunsOut(t *testing.T) {
	inBubble(t, func(b *bench, order, _, _ string) {
		release := make(chan struct{})
		stop := b.worker("orders", func(handlers.Replay) handlers.Outcome { <-release; return handlers.OutcomeOK })
		defer stop()
		r := b.pipe("replay", order, "--wait", "2s")
		b.wantCode(r, problem.StillRunning)
		b.wantSays(r, "theriac show "+order)
		b.wantState(order, quarantine.StateReplaying)
		close(release)
	})
}

func TestReplay_OnlyAsked(t *testing.T) {
	inBubble(t, func(b *bench, order, _, _ string) {
		release := make(chan struct{})
		stop := b.worker("orders", func(handlers.Replay) handlers.Outcome { <-release; return handlers.OutcomeOK })
		defer stop()
		r := b.pipe("replay", order, "--wait", "0", "-o", "json")
		b.wantCode(r, problem.None)
		b.wantSays(r, `"verdict": "asked"`)
		close(release)
	})
}

func TestReplay_Group(t *testing.T) {
	inBubble(t, func(b *bench, _, first, second string) {
		stop := b.worker("payments", func(handlers.Replay) handlers.Outcome { return handlers.OutcomeOK })
		defer stop()
		group := b.groupOf(first)
		b.wantSays(b.pipe("replay", "group:"+group, "--dry-run"), "Would replay 2 entries", first, second, "Nothing is done")
		b.wantCode(b.pipe("replay", "group:"+group, "--yes"), problem.Invalid) // no reason
		b.wantCode(b.pipe("replay", "group:"+group, "--reason", "fixed"), problem.Refused)
		b.wantState(first, quarantine.StateHeld)
		r := b.at(where{terminal: true, answer: "y\n"}, "replay", "group:"+group, "--reason", "fixed")
		b.wantCode(r, problem.None)
		b.wantSays(r, "Replay 2 entries? [y/N]", group+"  2 entries replayed", "no undo")
		b.wantState(first, quarantine.StateReplayed)
		b.wantState(second, quarantine.StateReplayed)
		r = b.pipe("replay", "group:"+group, "--reason", "again", "--yes")
		b.wantCode(r, problem.Refused)
		b.wantSays(r, "no held entry")
	})
}

func TestReplay_GroupStopsAtTheFirstThatFails(t *testing.T) {
	inBubble(t, func(b *bench, _, first, second string) {
		stop := b.worker("payments", func(handlers.Replay) handlers.Outcome { return handlers.OutcomeFailed })
		defer stop()
		r := b.pipe("replay", "group:"+b.groupOf(first), "--reason", "fixed?", "--yes")
		b.wantCode(r, problem.BadAnswer)
		b.wantSays(r, "STILL POISON", first, "1 not touched")
		b.wantState(second, quarantine.StateHeld)
	})
}

func (b *bench) groupOf(ref string) string {
	b.Helper()
	e, err := b.room.EntryGet(b.Context(), quarantine.EntryKey{Ref: ref}, quarantine.GetOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return e.Group
}

func TestDiscard_AndRestore(t *testing.T) {
	inBubble(t, func(b *bench, order, _, _ string) {
		b.wantCode(b.pipe("discard", order), problem.Invalid)
		b.wantSays(b.pipe("discard", order, "--dry-run"), "Would discard 1 entry", "Nothing is done")
		b.wantState(order, quarantine.StateHeld)
		r := b.pipe("discard", order, "--reason", "test order")
		b.wantCode(r, problem.None)
		b.wantSays(r, order+"  discarded", "Undo: theriac restore "+order)
		b.wantState(order, quarantine.StateDiscarded)
		b.wantSays(b.pipe("show", order), "by ana@laptop (cli, as claimed)", "because: test order")
		b.wantSays(b.pipe("why", order), "discarded, will never run")
		b.wantSays(b.pipe("discard", order, "--reason", "x", "--dry-run"), "Left out: "+order+"  is discarded")
		b.wantCode(b.pipe("discard", order, "--reason", "again"), problem.Refused)
		r = b.pipe("restore", order)
		b.wantCode(r, problem.None)
		b.wantSays(r, "Undo: theriac discard "+order)
		b.wantState(order, quarantine.StateHeld)
		b.wantCode(b.pipe("restore", order), problem.Refused)
	})
}

func TestDiscard_SeveralNeedAYes(t *testing.T) {
	inBubble(t, func(b *bench, order, first, _ string) {
		args := []string{"discard", order, first, order, "--reason", "x"}
		for _, w := range []where{{}, {terminal: true, answer: "n\n"}, {terminal: true, answer: "\n"}, {terminal: true}} {
			b.wantCode(b.at(w, args...), problem.Refused)
			b.wantState(order, quarantine.StateHeld)
		}
		r := b.at(where{terminal: true, answer: "y\n"}, args...)
		b.wantCode(r, problem.None)
		b.wantSays(r, "Discard 2 entries? [y/N]", order+"  discarded", first+"  discarded")
	})
}

func TestDiscard_PartlyDone(t *testing.T) {
	inBubble(t, func(b *bench, order, first, second string) {
		b.wantCode(b.pipe("discard", first, "--reason", "x"), problem.None)
		r := b.pipe("discard", order, first, second, "--reason", "x", "--yes")
		b.wantCode(r, problem.PartlyDone)
		b.wantSays(r, "1 of 3 discarded, then: "+first+" is discarded")
		b.wantState(order, quarantine.StateDiscarded)
		b.wantState(second, quarantine.StateHeld)
	})
}

func TestDiscard_FromStdin(t *testing.T) {
	inBubble(t, func(b *bench, order, first, _ string) {
		r := b.at(where{answer: order + "\n" + first + "\n"}, "discard", "-", "--reason", "x", "--yes", "-o", "name")
		b.wantCode(r, problem.None)
		if r.out != order+"\n"+first+"\n" {
			b.Errorf("printed %q", r.out)
		}
		b.wantCode(b.at(where{answer: "\n"}, "discard", "-", "--reason", "x"), problem.Invalid)
	})
}

func TestDiscard_GroupAndBack(t *testing.T) {
	inBubble(t, func(b *bench, order, first, second string) {
		group := b.groupOf(first)
		r := b.pipe("discard", "group:"+group, "--reason", "x", "--yes")
		b.wantCode(r, problem.None)
		b.wantSays(r, "2 entries discarded", "Undo: theriac restore group:"+group)
		b.wantState(second, quarantine.StateDiscarded)
		b.wantState(order, quarantine.StateHeld)
		b.wantCode(b.pipe("restore", "group:"+group), problem.Refused)
		r = b.pipe("restore", "group:"+group, "--yes")
		b.wantCode(r, problem.None)
		b.wantState(first, quarantine.StateHeld)
		b.wantState(second, quarantine.StateHeld)
		b.wantCode(b.pipe("restore", "group:"+group, "--yes"), problem.Refused)
	})
}

// TestDiscard_SomebodyWasFaster has another operator act between the command's reading and writing.
func TestDiscard_SomebodyWasFaster(t *testing.T) {
	inBubble(t, func(b *bench, order, _, _ string) {
		b.between = func() {
			e, err := b.store.EntryGet(b.Context(), quarantine.EntryKey{Ref: order}, quarantine.GetOptions{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := b.room.EntryDiscard(b.Context(), e, quarantine.Decision{Actor: quarantine.Actor{Name: "bo@desk"}, Reason: "mine"}); err != nil {
				b.Fatal(err)
			}
		}
		r := b.pipe("discard", order, "--reason", "late")
		b.wantCode(r, problem.Conflict)
		b.wantSays(r, "bo@desk made it discarded at", "theriac show "+order)
	})
}

func (b *bench) group(ref string) quarantine.Group {
	b.Helper()
	g, err := b.room.GroupGet(b.Context(), ref)
	if err != nil {
		b.Fatal(err)
	}
	return g
}

func TestTake_SnoozeAndRelease(t *testing.T) {
	inBubble(t, func(b *bench, order, first, _ string) {
		group, other := b.groupOf(order), b.groupOf(first)
		r := b.pipe("take", strings.ToLower(group), "--reason", "asking the shop")
		b.wantCode(r, problem.None)
		b.wantSays(r, group+"  taken by ana@laptop   Undo: theriac release "+group)
		want := quarantine.Decision{Actor: quarantine.Actor{Name: "ana@laptop", Via: "cli", Claimed: true}, At: time.Now().UTC(), Reason: "asking the shop"}
		if g := b.group(group); g.Taken != want {
			b.Errorf("taken %+v, want %+v", g.Taken, want)
		}
		b.environ = []string{"THERIAC_ACTOR=bo@desk"}
		b.wantSays(b.pipe("take", "group:"+group), "taken by bo@desk, ana@laptop had it")
		b.wantSays(b.pipe("snooze", "https://ops.example.com/theriac/g/"+group, "--for", "1d"), "quiet until 2000-01-02 00:02:00Z, bo@desk has it", "Undo: theriac release "+group)
		if g := b.group(group); !g.IsSnoozed(time.Now()) || g.IsSnoozed(time.Now().Add(24*time.Hour)) {
			b.Errorf("snoozed until %s", g.SnoozedUntil)
		}
		b.wantSays(b.pipe("release", group, other, "--dry-run"), "Would release 1 group.   Nothing is done.", "Left out: "+other+"  nobody has it")
		b.wantSays(b.pipe("release", group), "released, bo@desk had it   Undo: theriac take "+group)
		if g := b.group(group); g.IsTaken() || g.IsSnoozed(time.Now()) || g.Version != 4 {
			b.Errorf("after the release: %+v", g)
		}
		b.wantCode(b.pipe("release", group), problem.Refused)
		b.wantSays(b.pipe("groups", group), "done to the group\t"+group+"  released by bo@desk (cli)", "taken by ana@laptop (cli) 0s ago: asking the shop")
	})
}

func TestTake_SeveralNeedAYes(t *testing.T) {
	inBubble(t, func(b *bench, order, first, _ string) {
		args := []string{"take", b.groupOf(order), b.groupOf(first), b.groupOf(order)}
		b.wantCode(b.at(where{terminal: true, answer: "n\n"}, args...), problem.Refused)
		if b.group(b.groupOf(order)).IsTaken() {
			b.Error("taken without a yes")
		}
		r := b.at(where{terminal: true, answer: "y\n"}, args...)
		b.wantCode(r, problem.None)
		b.wantSays(r, "Take 2 groups? [y/N]", b.groupOf(first)+"  taken by ana@laptop")
		r = b.at(where{answer: b.groupOf(order) + "\n" + b.groupOf(first) + "\n"}, "release", "-", "--yes", "-o", "name")
		b.wantCode(r, problem.None)
		if r.out != b.groupOf(order)+"\n"+b.groupOf(first)+"\n" {
			b.Errorf("printed %q", r.out)
		}
		b.wantCode(b.pipe("take", b.groupOf(first)), problem.None)
		r = b.pipe("release", b.groupOf(first), b.groupOf(order), "--yes")
		b.wantCode(r, problem.PartlyDone)
		b.wantSays(r, "1 of 2 done, then: nobody has group "+b.groupOf(order))
	})
}

// TestTake_SomebodyWasFaster has another operator act between the command's reading and writing.
func TestTake_SomebodyWasFaster(t *testing.T) {
	inBubble(t, func(b *bench, order, _, _ string) {
		group := b.groupOf(order)
		b.between = func() {
			if _, err := b.room.GroupTake(b.Context(), b.group(group), quarantine.Decision{Actor: quarantine.Actor{Name: "bo@desk"}}); err != nil {
				b.Fatal(err)
			}
		}
		r := b.pipe("take", group)
		b.wantCode(r, problem.Conflict)
		b.wantSays(r, "bo@desk acted at", "theriac groups "+group)
		if who := b.group(group).Taken.Actor.Name; who != "bo@desk" {
			b.Errorf("%s has it", who)
		}
	})
}

func TestWrites_ObeyTheContext(t *testing.T) {
	inBubble(t, func(b *bench, order, _, _ string) {
		b.environ = append(b.environ, writeContext(b.T, "live", "PROD=1\n"))
		r := b.pipe("discard", order, "--reason", "x", "--context", "live")
		b.wantCode(r, problem.None)
		b.wantSays(result{out: r.err}, "PROD  context live, store sqlite:theriac-data/quarantine.db, as ana@laptop")
		b.environ = []string{writeContext(b.T, "audit", "READ_ONLY=1\n")}
		for _, args := range [][]string{{"restore", order}, {"replay", order}, {"discard", order, "--reason", "x"},
			{"take", b.groupOf(order)}, {"release", b.groupOf(order)}, {"snooze", b.groupOf(order), "--for", "1h"}, {"migrate", "up"}, {"migrate", "down", "--confirm", "x"}} {
			r := b.pipe(append(args, "--context", "audit")...)
			b.wantCode(r, problem.NotAllowed)
			b.wantSays(r, "context audit is READ_ONLY")
		}
		b.wantState(order, quarantine.StateDiscarded)
		b.wantCode(b.pipe("restore", order, "--dry-run", "--context", "audit"), problem.None)
	})
}

func TestJSON_OfWritesHasTheSchema(t *testing.T) {
	inBubble(t, func(b *bench, order, first, _ string) {
		group := "group:" + b.groupOf(first)
		for _, args := range [][]string{
			{"discard", order, "--reason", "x", "--dry-run"},
			{"discard", order, "--reason", "x"},
			{"restore", order},
			{"take", group, "--dry-run"},
			{"take", group},
			{"snooze", group, "--for", "24h"},
			{"release", group},
			{"discard", group, "--reason", "x", "--yes"},
		} {
			r := b.pipe(append(args, "-o", "json")...)
			b.wantCode(r, problem.None)
			var v struct{ Schema string }
			if err := json.Unmarshal([]byte(r.out), &v); err != nil || v.Schema != "theriac/1" {
				b.Errorf("%v printed %s (%v)", args, r.out, err)
			}
		}
	})
}

func TestWait_IsInterrupted(t *testing.T) {
	inBubble(t, func(b *bench, order, _, _ string) {
		release := make(chan struct{})
		stop := b.worker("orders", func(handlers.Replay) handlers.Outcome { <-release; return handlers.OutcomeOK })
		defer stop()
		r := b.interruptedAfter(5*time.Second, "replay", order)
		b.wantCode(r, problem.Interrupted)
		b.wantSays(r, "the replay goes on")
		close(release)
	})
}

func TestReplay_GroupIsInterrupted(t *testing.T) {
	inBubble(t, func(b *bench, _, first, second string) {
		release := make(chan struct{})
		runs := 0
		stop := b.worker("payments", func(handlers.Replay) handlers.Outcome {
			if runs++; runs == 2 {
				<-release
			}
			return handlers.OutcomeOK
		})
		defer stop()
		r := b.interruptedAfter(time.Minute, "replay", "group:"+b.groupOf(first), "--reason", "x", "--yes")
		b.wantCode(r, problem.Interrupted)
		b.wantSays(r, "stopped after 1 of 2 entries replayed")
		b.wantState(second, quarantine.StateReplaying)
		close(release)
	})
}
