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
