package quarantinetest

import (
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// RunCrashStepTests checks the step of the schema that brought crash reports, on
// a store that is not empty: step takes it back and makes it again, with the store
// open or closed as its engine needs. What was there before the step must outlive
// that, and nothing may be left of what came with it.
func RunCrashStepTests(t *testing.T, s quarantine.Store, step func() quarantine.Store) {
	t.Helper()
	b := newBundle(t, Harness{Store: s, Other: s})
	held, done, waiting := b.message(), b.message(), b.message()
	b.record(held, outcome(handlers.OutcomeFailed), outcome(handlers.OutcomeCrashed))
	entry := b.hold(b.entry(held))[0]
	b.record(waiting, outcome(handlers.OutcomeFailed))
	b.addCrash(b.crash(inFlight(held, handlers.PartSuspect), inFlight(done, handlers.PartSuspect), inFlight(waiting, handlers.PartSuspect)))
	b.settle(inFlight(done, handlers.PartSuspect), handlers.FateDone)
	before := b.get(entry.ID)

	s = step()
	b.Store, b.Other = s, s
	before.CrashReports = nil
	b.wantEqual(before, b.get(entry.ID), "the entry")
	b.wantEqual(map[string]handlers.Standing{held.ID: handlers.StandingDecided, waiting.ID: handlers.StandingFailing}, b.changes(0), "marks")
	for id, m := range b.marks(0) {
		b.wantEqual(false, m.Suspect, "a suspicion of "+id)
	}
	b.wantEqual(0, len(b.crashes(quarantine.CrashQuery{}).Reports), "reports")
	b.wantEqual(0, len(b.suspectList(quarantine.SuspectQuery{})), "suspects")
	again := b.addCrash(b.crash(inFlight(waiting, handlers.PartSuspect)))
	if again.Seq != 1 || time.Since(again.ReportedAt).Abs() > time.Minute {
		b.Errorf("the first report after the step is %+v", again)
	}
}

// RunNoticeStepTests checks the step of the schema that brought notices, on a store
// that is not empty, as [RunCrashStepTests] does for its own. What stood before the
// step has nothing untold, and is due from its next change on.
func RunNoticeStepTests(t *testing.T, s quarantine.Store, step func() quarantine.Store) {
	t.Helper()
	b := newBundle(t, Harness{Store: s, Other: s})
	held := b.holdIn("a", "b")
	moved := b.move(held[0], quarantine.StateDiscarded)
	b.act(b.groups(quarantine.Query{Group: "a"})[0], quarantine.GroupSnooze)
	b.lead()
	b.put(told(b.notice("group:a")), quarantine.ToldNotice{Key: "digest:1"})
	entry := b.get(moved.ID)

	s = step()
	b.Store, b.Other = s, s
	b.wantEqual(entry, b.get(moved.ID), "the entry")
	b.wantDue()
	b.wantEqual(quarantine.NoticeStats{}, b.stats(), "stats")
	if _, err := s.NoticeGet(b.ctx, "digest:1"); err == nil {
		t.Error("a notice outlived the step back")
	}
	g := b.groups(quarantine.Query{Group: "a"})[0]
	none := quarantine.Decision{}
	if g.Changes != 0 || g.Version != 0 || g.Taken != none || g.Acted != none || !g.SnoozedUntil.IsZero() {
		t.Errorf("the group is %+v", g)
	}
	rows := b.groupAudit("a", 0, 0)
	if len(rows) != 1 || rows[0].EntryID != moved.ID || rows[0].Verb != "" {
		t.Errorf("the audit of the group is %+v, want the one move of its entry", rows)
	}
	b.move(moved, quarantine.StateHeld)
	b.wantDue("group:a")
	b.tell()
}

// RunControlStepTests checks the step of the schema that brought controls, on a store
// that is not empty, as [RunCrashStepTests] does for its own. Nothing is in force
// after it, and what else was recorded is there.
func RunControlStepTests(t *testing.T, s quarantine.Store, step func() quarantine.Store) {
	t.Helper()
	b := newBundle(t, Harness{Store: s, Other: s})
	moved := b.move(b.holdOne(), quarantine.StateDiscarded)
	taken := b.act(b.groups(quarantine.Query{})[0], quarantine.GroupTake)
	b.control(pauseOf("billing", 0))
	b.control(shedTo(handlers.ShedNonCritical, time.Hour))

	s = step()
	b.Store, b.Other = s, s
	b.wantEqual(taken, b.groups(quarantine.Query{})[0], "the group")
	c := b.controls()
	if c.Version != 0 || len(c.InForce) != 0 {
		t.Errorf("after the step %+v is in force", c)
	}
	rows, err := s.Audit(b.ctx, "", 10)
	b.must(err)
	if len(rows) != 2 || rows[0].Verb != quarantine.GroupTake || rows[1].EntryID != moved.ID {
		t.Errorf("the audit is %+v, want what was done to the group and its entry", rows)
	}
	b.wantEqual(int64(1), b.control(pauseOf("billing", 0)).Version, "the version of the first act after the step")
}
