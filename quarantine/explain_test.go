package quarantine_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	now := time.Date(2022, 11, 18, 16, 0, 0, 0, time.UTC)
	run := failure(3).Attempt
	run.Outcome, run.Panic = handlers.OutcomePanicked, "runtime error: invalid memory address or nil pointer dereference"
	rerun := failure(9).Attempt
	rerun.Replay = true
	e := quarantine.Entry{
		Ref: "Q-7F3K", Subscription: "orders", Message: message("1284933119027"), Size: 900,
		Reason: handlers.ReasonFailed, Confidence: handlers.ConfidenceCertain,
		Group: "G-9C1E", Title: "nil pointer dereference", Where: "billing.Apply.func1 handler.go:118", Hint: "look at the customer",
		Build: "v2.41.0", Totals: handlers.Totals{Failures: 3}, Attempts: []handlers.Attempt{rerun, run, run},
		HeldAt: now.Add(-10 * time.Minute), State: quarantine.StateHeld, Version: 3, Replays: 1,
		Decided: quarantine.Decision{Actor: quarantine.Actor{Name: "worker w-1"}, At: now.Add(-time.Minute), Reason: "replay 1: failed"},
	}
	g := quarantine.Group{
		Ref: "G-9C1E", Counts: map[quarantine.State]int64{quarantine.StateHeld: 2, quarantine.StateReplayed: 1},
		First: now.Add(-72 * time.Hour), Last: now.Add(-time.Minute), Builds: []string{"v2.40.2", "v2.41.0"},
		Taken:        quarantine.Decision{Actor: quarantine.Actor{Name: "ana\x1b"}, At: now.Add(-time.Minute), Reason: "asking\nthe shop"},
		SnoozedUntil: now.Add(time.Hour),
	}
	want := quarantine.Explanation{
		Ref: "Q-7F3K", MessageID: "1284933119027", Subscription: "orders",
		Published: e.Message.PublishedAt, Held: e.HeldAt, Group: "G-9C1E", GroupEntries: 3,
		Care:  "taken by ana? at 2022-11-18 15:59:00Z: asking the shop   quiet until 2022-11-18 17:00:00Z",
		State: quarantine.StateHeld, Version: 3,
		Standing: "held for 10m, waits for a person; last decided by worker w-1 1m ago: replay 1: failed",
		Kind:     "panicked: nil pointer dereference",
		WhyThis: []string{
			"its run at 2022-11-18 15:44:00Z ended as panicked after 12ms, on build v2",
			"it failed 3 times over all replicas since its last success: as often as the policy allows",
			"certain: its own run ended badly in plain sight",
		},
		Where: "billing.Apply.func1 handler.go:118", Build: "v2.41.0", Hint: "look at the customer",
		History: "3 attempts recorded, newest first: failed (replay), panicked, panicked   failures 3   crashes 0   replays 1",
		LikeIt:  "2 others in G-9C1E, 2 of them held, first 3d ago, last 1m ago, on v2.40.2 v2.41.0",
	}
	if diff := cmp.Diff(want, quarantine.Explain(e, g, now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestExplain_Verdicts(t *testing.T) {
	t.Parallel()
	now := time.Date(2022, 11, 18, 16, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		e    quarantine.Entry
		want []string
	}{
		"crashed": {
			quarantine.Entry{Reason: handlers.ReasonCrashed, Confidence: handlers.ConfidenceProvenAlone, Totals: handlers.Totals{Crashes: 2}},
			[]string{"it killed its process 2 times: as often as the policy allows", "proven: it died alone, with no other message near"},
		},
		"crashed, with its deaths": {
			quarantine.Entry{Reason: handlers.ReasonCrashed, Confidence: handlers.ConfidenceProvenAlone, Totals: handlers.Totals{Crashes: 2},
				Attempts: []handlers.Attempt{
					{Started: started, Ended: started, Outcome: handlers.OutcomeCrashed, Replay: true, Worker: "w-9"},
					{Started: started.Add(time.Minute), Ended: started.Add(time.Minute), Outcome: handlers.OutcomeCrashed},
					{Started: started, Ended: started.Add(time.Second), Outcome: handlers.OutcomeCrashed, Worker: "w-1\n2  forged"},
					{Started: started, Outcome: handlers.OutcomeFailed},
					{Started: started, Outcome: handlers.OutcomeOK},
					{Started: started, Outcome: handlers.OutcomeCrashed, Worker: "w-0"},
				}},
			[]string{
				"the first goroutine of the crash carries the label of this delivery, 2022-11-18 15:41:01Z on worker w-1 2 forged",
				"died alone in a fresh ward process, 2022-11-18 15:42:00Z: 2 of 2 deaths counted",
				"proven: it died alone, with no other message near",
			},
		},
		"crashed once": {
			quarantine.Entry{Reason: handlers.ReasonCrashed, Totals: handlers.Totals{Crashes: 1},
				Attempts: []handlers.Attempt{{Ended: started, Outcome: handlers.OutcomeCrashed}}},
			[]string{"died alone in a fresh ward process, 2022-11-18 15:41:00Z: 1 of 1 death counted"},
		},
		"permanent, once": {
			quarantine.Entry{Reason: handlers.ReasonPermanent, Confidence: handlers.ConfidenceCertain},
			[]string{"the handler said that running it again cannot mend it", "certain: its own run ended badly in plain sight"},
		},
		"undecodable, degraded": {
			quarantine.Entry{Reason: handlers.ReasonUndecodable, Size: 7, Degraded: true},
			[]string{"its payload of 7 bytes could not be decoded; the bytes are kept as received", "some of its evidence could not be stored; the message is whole"},
		},
		"suspected": {
			quarantine.Entry{Reason: handlers.ReasonManual, Confidence: handlers.ConfidenceSuspected},
			[]string{"suspected: it was in flight at a death; nothing proves it"},
		},
		"one failure, a slow run": {
			quarantine.Entry{Reason: handlers.ReasonFailed, Totals: handlers.Totals{Failures: 1}, Attempts: []handlers.Attempt{
				{Started: started, Ended: started.Add(3141592 * time.Microsecond), Outcome: handlers.OutcomeFailed},
			}},
			[]string{"its run at 2022-11-18 15:41:00Z ended as failed after 3.14s, on build unknown",
				"it failed once over all replicas since its last success: as often as the policy allows"},
		},
	} {
		if diff := cmp.Diff(tt.want, quarantine.Explain(tt.e, quarantine.Group{}, now).WhyThis); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	linked := quarantine.Explain(quarantine.Entry{CrashReports: []string{"C-4M2P"}}, quarantine.Group{}, now)
	if diff := cmp.Diff([]string{"C-4M2P"}, linked.CrashReports); diff != "" {
		t.Errorf("crash reports (-want +got):\n%s", diff)
	}
	lone := quarantine.Explain(quarantine.Entry{Group: "G-9C1E"}, quarantine.Group{Counts: map[quarantine.State]int64{"held": 1}}, now)
	if lone.LikeIt != "nothing else in G-9C1E" || lone.History != "failures 0   crashes 0   replays 0" {
		t.Errorf("alone: %q, %q", lone.LikeIt, lone.History)
	}
}

func TestExplain_EveryReasonAndState(t *testing.T) {
	t.Parallel()
	now := time.Now()
	kinds, standings := map[string]bool{}, map[string]bool{}
	for _, r := range append(handlers.Reasons(), "of a newer version") {
		x := quarantine.Explain(quarantine.Entry{Reason: r, Title: "boom"}, quarantine.Group{}, now)
		if !strings.HasSuffix(x.Kind, ": boom") || kinds[x.Kind] {
			t.Errorf("%s: kind %q", r, x.Kind)
		}
		kinds[x.Kind] = true
	}
	for _, s := range append(quarantine.States(), "of a newer version") {
		x := quarantine.Explain(quarantine.Entry{State: s}, quarantine.Group{}, now)
		if x.Standing == "" || standings[x.Standing] {
			t.Errorf("%s: standing %q", s, x.Standing)
		}
		standings[x.Standing] = true
	}
	hung := quarantine.Explain(quarantine.Entry{Reason: handlers.ReasonHung, Title: "hung: passed its deadline and its grace"}, quarantine.Group{}, now)
	if hung.Kind != "hung: passed its deadline and its grace" {
		t.Errorf("kind %q says it twice", hung.Kind)
	}
	panicked := quarantine.Explain(quarantine.Entry{Reason: handlers.ReasonFailed, Title: "panic: no customer",
		Attempts: []handlers.Attempt{{Started: now, Outcome: handlers.OutcomePanicked}}}, quarantine.Group{}, now)
	if panicked.Kind != "panicked: no customer" {
		t.Errorf("kind %q says it twice", panicked.Kind)
	}
}

// TestExplain_HostileEntry_StaysOnItsLines: nothing of a stranger's text may
// begin a line or reach a terminal raw.
func TestExplain_HostileEntry_StaysOnItsLines(t *testing.T) {
	t.Parallel()
	const evil = "a\r\nWHERE  elsewhere\x1b[2J\x00\xff\u202e"
	e := quarantine.Entry{
		Subscription: evil, Reason: handlers.Reason(evil), Title: evil, Where: evil, Hint: evil, Build: evil, State: quarantine.State(evil), Group: "G-1",
		Message: handlers.Message{ID: evil}, Degraded: true, Confidence: handlers.ConfidenceSuspected,
		Decided:  quarantine.Decision{Actor: quarantine.Actor{Name: evil}, Reason: evil},
		Attempts: []handlers.Attempt{{Started: started, Build: evil, Outcome: 200}},
	}
	x := quarantine.Explain(e, quarantine.Group{Builds: []string{evil}, Counts: map[quarantine.State]int64{"held": 3}}, time.Now())
	for _, s := range append([]string{x.MessageID, x.Subscription, x.Standing, x.Kind, x.Where, x.Build, x.History, x.LikeIt, x.Hint}, x.WhyThis...) {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x1b\x00\u202e") {
			t.Errorf("%q", s)
		}
	}
}
