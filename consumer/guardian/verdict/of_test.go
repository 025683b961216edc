package verdict_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/theriac/theriac/consumer/guardian/verdict"
)

type (
	evidence  = verdict.Evidence
	goroutine = verdict.Goroutine
	name      = verdict.Name
	slot      = verdict.Slot
	suspect   = verdict.Suspect
	trace     = verdict.Trace
)

// The slots of most scenarios: three messages in flight, 2.20 the oldest, then
// 1.10, then 3.30; slot 4 is over but not settled, slot 5 is being written.
var (
	one   = name{Slot: 1, Generation: 10}
	two   = name{Slot: 2, Generation: 20}
	three = name{Slot: 3, Generation: 30}
	four  = name{Slot: 4, Generation: 40}
	five  = name{Slot: 5, Generation: 50}
)

const (
	labelled = verdict.WhyLabelled
	running  = verdict.WhyRunning
	inFlight = verdict.WhyInFlight
)

func at(second int) time.Time { return time.Unix(1_700_000_000+int64(second), 0) }

func slots() []slot {
	return []slot{
		{Name: one, State: verdict.Busy, ID: "m-1", Started: at(2)},
		{Name: two, State: verdict.Busy, ID: "m-2", Started: at(1)},
		{Name: three, State: verdict.Busy, ID: "m-3", Started: at(3)},
		{Name: four, State: verdict.Settling, ID: "m-4", Outcome: "ok", Started: at(0)},
		{Name: five, State: verdict.Writing, Started: at(0)},
	}
}

func labels(n ...name) goroutine        { return goroutine{Labels: n} }
func runningLabels(n ...name) goroutine { return goroutine{Labels: n, Running: true} }

// died is a death that printed a complete trace.
func died(own bool, first goroutine, others ...goroutine) evidence {
	return evidence{
		Slots: slots(), Ready: true, Exit: verdict.Exit{Known: true, Code: verdict.CodeRuntime},
		Trace: &trace{Header: true, OwnFault: own, First: first, Others: others, Complete: true},
	}
}

// silent is a death that printed nothing.
func silent(exit verdict.Exit) evidence {
	exit.Known = true
	return evidence{Slots: slots(), Ready: true, Exit: exit}
}

// but returns e with a change.
func (s scenario) but(change func(*evidence)) scenario {
	change(&s.in)
	return s
}

type scenario struct {
	name string
	in   evidence
	want verdict.Verdict
}

func culprit(n name, bystanders ...name) verdict.Verdict {
	return verdict.Verdict{Tier: verdict.TierCulprit, Reason: verdict.ReasonOwnFault, Culprit: n, Bystanders: bystanders}
}

func nobody(r verdict.Reason, notes ...string) verdict.Verdict {
	return verdict.Verdict{Tier: verdict.TierNobody, Reason: r, Bystanders: []name{two, one, three}, Notes: notes}
}

func everybody(tier verdict.Tier, r verdict.Reason, notes ...string) verdict.Verdict {
	return verdict.Verdict{Tier: tier, Reason: r, Notes: notes,
		Suspects: []suspect{{three, inFlight}, {one, inFlight}, {two, inFlight}}}
}

// TestOf_WaysOfDying has a scenario for every way of dying that the design
// lists and that is a death.
func TestOf_WaysOfDying(t *testing.T) {
	t.Parallel()
	const cut = "the dump is not complete, so everything in flight is suspect"
	late := everybody(verdict.TierStale, verdict.ReasonStaleLabel, `late crash, started by message "m-4", whose handler was over (ok)`)
	late.StartedBy = "m-4"
	ended := everybody(verdict.TierStale, verdict.ReasonStaleLabel, `late crash, started by message "m-0"`)
	ended.StartedBy = "m-0"
	former := name{Slot: 1, Generation: 9}
	runAll(t, []scenario{
		{"panic in a child", died(true, runningLabels(two)), culprit(two, one, three)},
		{"panic in a child, not yet reaped", died(true, runningLabels(one)), culprit(one, two, three)},
		{"panic in a grandchild, dump cut", died(true, runningLabels(three)), culprit(three, two, one)},
		{"child panics after its handler returned", died(true, labels(four)), late},
		{"child panics after its message ended", died(true, labels(former)), ended},
		{"panic in AfterFunc, a finalizer or a cleanup", died(true, goroutine{}),
			everybody(verdict.TierStale, verdict.ReasonNoLabel)},
		{"thread limit", died(false, goroutine{}, runningLabels(one), labels(three)),
			verdict.Verdict{Tier: verdict.TierStale, Reason: verdict.ReasonNoLabel,
				Suspects: []suspect{{one, running}, {three, inFlight}, {two, inFlight}}}},
		{"shared lazy goroutine panics", died(true, labels(name{Slot: 2, Generation: 3})),
			everybody(verdict.TierStale, verdict.ReasonStaleLabel, "background goroutine, started during 2.3, which ended long ago")},
		{"two children panic at once", died(true, runningLabels(one), runningLabels(two)), culprit(one, two, three)},
		{"concurrent map access", died(false, runningLabels(one), runningLabels(three), labels(two)),
			verdict.Verdict{Tier: verdict.TierDetector, Reason: verdict.ReasonDetector,
				Suspects: []suspect{{one, labelled}, {three, running}}, Bystanders: []name{two}}},
		{"concurrent map access, dump cut", died(false, runningLabels(one), runningLabels(three)),
			verdict.Verdict{Tier: verdict.TierDetector, Reason: verdict.ReasonDetector, Notes: []string{cut},
				Suspects: []suspect{{one, labelled}, {three, running}, {two, inFlight}}}},
		{"unlock of an unlocked mutex", died(true, runningLabels(one)), culprit(one, two, three)},
		{"stack overflow", died(true, runningLabels(two)), culprit(two, one, three)},
		{"make with a huge length", died(false, runningLabels(two)),
			verdict.Verdict{Tier: verdict.TierDetector, Reason: verdict.ReasonDetector,
				Suspects: []suspect{{two, labelled}}, Bystanders: []name{one, three}}},
		{"os.Exit", silent(verdict.Exit{Code: 3}), everybody(verdict.TierNoTrace, verdict.ReasonNoTrace)},
		{"log.Fatal", silent(verdict.Exit{Code: 1}), everybody(verdict.TierNoTrace, verdict.ReasonNoTrace)},
		{"C exit(0)", silent(verdict.Exit{}), everybody(verdict.TierNoTrace, verdict.ReasonNoTrace)},
		{"cgo SIGSEGV on a Go thread", died(true, runningLabels(one)), culprit(one, two, three)},
		{"cgo abort()", died(true, runningLabels(one)), culprit(one, two, three)},
		{"memory: runtime's own limit", died(false, goroutine{Labels: []name{three}, Running: true, Allocating: true}, runningLabels(one)),
			verdict.Verdict{Tier: verdict.TierDetector, Reason: verdict.ReasonDetector,
				Suspects: []suspect{{three, labelled}, {one, running}}, Bystanders: []name{two}}},
		{"memory: watchdog", died(false, runningLabels(one), goroutine{Labels: []name{three}, Allocating: true}, labels(two)),
			verdict.Verdict{Tier: verdict.TierDetector, Reason: verdict.ReasonMemory,
				Suspects: []suspect{{three, labelled}, {one, running}}, Bystanders: []name{two}}},
		{"memory: watchdog, dump cut", died(false, goroutine{}, goroutine{Labels: []name{three}, Allocating: true}),
			verdict.Verdict{Tier: verdict.TierDetector, Reason: verdict.ReasonMemory, Notes: []string{cut},
				Suspects: []suspect{{three, labelled}, {one, inFlight}, {two, inFlight}}}},
		{"memory: watchdog, nobody at work", died(false, labels(one), labels(two)),
			everybody(verdict.TierStale, verdict.ReasonMemory, "nobody in flight was seen at work")},
		{"memory: watchdog had to kill", silent(verdict.Exit{Signal: 9}), everybody(verdict.TierNoTrace, verdict.ReasonNoTrace)},
		{"stood still", died(false, goroutine{}, runningLabels(two)),
			verdict.Verdict{Tier: verdict.TierDetector, Reason: verdict.ReasonStill,
				Suspects: []suspect{{two, running}}, Bystanders: []name{one, three}}},
		{"stood still, and was killed", silent(verdict.Exit{Signal: 9}), everybody(verdict.TierNoTrace, verdict.ReasonNoTrace)},
		{"OOM kill, read by the next guardian", evidence{Slots: slots(), Ready: true}, everybody(verdict.TierNoTrace, verdict.ReasonNoTrace)},
		{"SIGKILL from outside", silent(verdict.Exit{Signal: 9}), everybody(verdict.TierNoTrace, verdict.ReasonNoTrace)},
		{"SIGSEGV on a thread made by C", silent(verdict.Exit{Signal: 11}), everybody(verdict.TierNoTrace, verdict.ReasonNoTrace)},
		{"hang", died(false, runningLabels(two)), verdict.Verdict{Tier: verdict.TierNobody, Reason: verdict.ReasonHung,
			TimedOut: []name{one}, Bystanders: []name{two, three}}},
		{"SIGBUS elsewhere", died(false, runningLabels(one)), verdict.Verdict{Tier: verdict.TierDetector,
			Reason: verdict.ReasonDetector, Suspects: []suspect{{one, labelled}}, Bystanders: []name{two, three}}},
		{"SIGBUS on the table", died(false, runningLabels(one)), nobody(verdict.ReasonTableFault,
			"not charged: the fault was in the in-flight table; see that its disk is not full, or keep it in memory")},
		{"death before ready", died(true, runningLabels(one)), nobody(verdict.ReasonNotReady)},
		{"death with no slot busy", died(true, goroutine{}), verdict.Verdict{Tier: verdict.TierNobody, Reason: verdict.ReasonNoMessage}},
		{"late crash with no slot busy", died(true, labels(former)), verdict.Verdict{Tier: verdict.TierNobody,
			Reason: verdict.ReasonNoMessage, StartedBy: "m-0", Notes: []string{`late crash, started by message "m-0"`}}},
		{"death during a requested shutdown", died(true, runningLabels(one)),
			nobody(verdict.ReasonStopping, "not charged: shutdown")},
		{"drain overran", silent(verdict.Exit{Signal: 9}), nobody(verdict.ReasonStopping, "not charged: shutdown")},
		{"replaced by the guardian", silent(verdict.Exit{Signal: 9}), nobody(verdict.ReasonRecycled, "not charged: the process was replaced")},
		{"clean exit", silent(verdict.Exit{Code: 77}), nobody(verdict.ReasonClean)},
	}, map[string]func(*evidence){
		"panic in a child, not yet reaped":     func(e *evidence) { e.Exit = verdict.Exit{} },
		"panic in a grandchild, dump cut":      func(e *evidence) { e.Trace.Complete = false },
		"child panics after its message ended": func(e *evidence) { e.History = map[name]string{former: "m-0"} },
		"concurrent map access, dump cut":      func(e *evidence) { e.Trace.Complete = false },
		"cgo abort()":                          func(e *evidence) { e.Exit = verdict.Exit{Known: true, Signal: 6} },
		"memory: watchdog":                     func(e *evidence) { e.Ended = verdict.EndedMemory },
		"memory: watchdog, dump cut":           func(e *evidence) { e.Ended, e.Trace.Complete = verdict.EndedMemory, false },
		"memory: watchdog, nobody at work":     func(e *evidence) { e.Ended = verdict.EndedMemory },
		"memory: watchdog had to kill":         func(e *evidence) { e.Ended = verdict.EndedMemory },
		"stood still":                          func(e *evidence) { e.Ended = verdict.EndedStill },
		"stood still, and was killed":          func(e *evidence) { e.Ended = verdict.EndedStill },
		"hang":                                 func(e *evidence) { e.Ended, e.Slots[0].Overdue = verdict.EndedHang, true },
		"SIGBUS on the table":                  func(e *evidence) { e.TableFault = true },
		"death before ready":                   func(e *evidence) { e.Ready = false },
		"death with no slot busy":              func(e *evidence) { e.Slots = e.Slots[3:] },
		"late crash with no slot busy":         func(e *evidence) { e.Slots, e.History = e.Slots[3:], map[name]string{former: "m-0"} },
		"death during a requested shutdown":    func(e *evidence) { e.Stopping = true },
		"drain overran":                        func(e *evidence) { e.Stopping = true },
		"replaced by the guardian":             func(e *evidence) { e.Ended = verdict.EndedRecycle },
		"clean exit":                           func(e *evidence) { e.Clean = true },
	})
}

func TestOf_Pitfalls(t *testing.T) {
	t.Parallel()
	const damaged = "damaged slots in the table: 1; what they ran is not known"
	const badHeader = "the header of the in-flight table is damaged; what else ran is not known"
	foreign, zero := name{Slot: 999, Generation: 1}, name{Slot: 1}
	future := name{Slot: 1, Generation: 11}
	runAll(t, []scenario{
		{"77 without the clean flag", silent(verdict.Exit{Code: 77}), everybody(verdict.TierNoTrace, verdict.ReasonNoTrace)},
		{"the clean flag without 77", silent(verdict.Exit{}), everybody(verdict.TierNoTrace, verdict.ReasonNoTrace)},
		{"header not reached", died(true, runningLabels(one)), everybody(verdict.TierNoTrace, verdict.ReasonNoHeader)},
		{"a trace, but the exit code is not the runtime's", died(true, runningLabels(one)),
			everybody(verdict.TierNoTrace, verdict.ReasonExitCode, "the crash pipe holds a trace, but exit code 1 is not the runtime's 2")},
		{"a live label behind a foreign one", died(true, runningLabels(foreign, one)), culprit(one, two, three)},
		{"a live label before a stale one", died(true, runningLabels(one, four)), culprit(one, two, three)},
		{"the same live label twice", died(true, runningLabels(one, one)), culprit(one, two, three)},
		{"two live labels", died(true, runningLabels(three, one)), verdict.Verdict{Tier: verdict.TierDetector,
			Reason: verdict.ReasonTwoLabels, Suspects: []suspect{{three, labelled}, {one, labelled}}, Bystanders: []name{two}}},
		{"a live label beside one of a damaged slot", died(true, runningLabels(three, one)), verdict.Verdict{Tier: verdict.TierDetector,
			Reason: verdict.ReasonDamagedLabel, Suspects: []suspect{{three, labelled}}, Bystanders: []name{two}, Damaged: []int{1}, Notes: []string{damaged}}},
		{"header damaged: everybody, the labelled first", died(true, runningLabels(one), runningLabels(three)), verdict.Verdict{Tier: verdict.TierStale,
			Reason: verdict.ReasonHeaderDamaged, Suspects: []suspect{{one, labelled}, {three, running}, {two, inFlight}}, Notes: []string{badHeader}}},
		{"header damaged, but the guardian asked for a shutdown", died(true, runningLabels(one)), nobody(verdict.ReasonStopping, "not charged: shutdown", badHeader)},
		{"header damaged, no trace", silent(verdict.Exit{Signal: 9}), everybody(verdict.TierNoTrace, verdict.ReasonNoTrace, badHeader)},
		{"header damaged, and no slot is busy", died(true, runningLabels(one)), verdict.Verdict{Tier: verdict.TierNobody,
			Reason: verdict.ReasonTableDamaged, Notes: []string{badHeader}}},
		{"the first block broke off", died(true, runningLabels(one)), verdict.Verdict{Tier: verdict.TierDetector, Reason: verdict.ReasonCut,
			Suspects: []suspect{{one, labelled}}, Bystanders: []name{two, three}}},
		{"label of a slot that is being written", died(true, runningLabels(five)),
			everybody(verdict.TierStale, verdict.ReasonStaleLabel, "label 5.50 is of no message that was ever begun")},
		{"label of a generation to come", died(true, runningLabels(future)),
			everybody(verdict.TierStale, verdict.ReasonStaleLabel, "label 1.11 is of no message that was ever begun")},
		{"label of generation 0", died(true, runningLabels(zero)),
			everybody(verdict.TierStale, verdict.ReasonStaleLabel, "label 1.0 is of no message that was ever begun")},
		{"label of a damaged slot", died(true, runningLabels(one)), verdict.Verdict{Tier: verdict.TierStale,
			Reason: verdict.ReasonStaleLabel, Suspects: []suspect{{three, inFlight}, {two, inFlight}}, Damaged: []int{1},
			Notes: []string{"label 1.10 is of a damaged slot and is not believed", damaged}}},
		{"a slot that occurs twice is damaged", died(true, runningLabels(one)), verdict.Verdict{Tier: verdict.TierStale,
			Reason: verdict.ReasonStaleLabel, Suspects: []suspect{{three, inFlight}, {two, inFlight}}, Damaged: []int{1},
			Notes: []string{"label 1.10 is of a damaged slot and is not believed", damaged}}},
		{"an unknown state is damaged", silent(verdict.Exit{Signal: 9}), verdict.Verdict{Tier: verdict.TierNoTrace,
			Reason: verdict.ReasonNoTrace, Suspects: []suspect{{three, inFlight}, {two, inFlight}}, Damaged: []int{1}, Notes: []string{damaged}}},
		{"ids in notes are quoted", died(true, labels(four)), verdict.Verdict{Tier: verdict.TierStale,
			Reason: verdict.ReasonStaleLabel, StartedBy: "\x1b[31m\xff", Suspects: []suspect{{three, inFlight}, {one, inFlight}, {two, inFlight}},
			Notes: []string{`late crash, started by message "\x1b[31m\xff", whose handler was over (ok)`}}},
		{"youngest first, then the highest slot", silent(verdict.Exit{Signal: 9}), verdict.Verdict{Tier: verdict.TierNoTrace,
			Reason: verdict.ReasonNoTrace, Suspects: []suspect{{three, inFlight}, {two, inFlight}, {one, inFlight}}}},
	}, map[string]func(*evidence){
		"the clean flag without 77":                             func(e *evidence) { e.Clean = true },
		"header not reached":                                    func(e *evidence) { e.Trace.Header = false },
		"a trace, but the exit code is not the runtime's":       func(e *evidence) { e.Exit.Code = 1 },
		"header damaged: everybody, the labelled first":         func(e *evidence) { e.HeaderDamaged, e.Ready = true, false },
		"header damaged, but the guardian asked for a shutdown": func(e *evidence) { e.HeaderDamaged, e.Ready, e.Stopping = true, false, true },
		"header damaged, and no slot is busy":                   func(e *evidence) { e.HeaderDamaged, e.Ready, e.Slots = true, false, nil },
		"the first block broke off":                             func(e *evidence) { e.Trace.FirstCut = true },
		"header damaged, no trace":                              func(e *evidence) { e.HeaderDamaged, e.Ready = true, false },
		"a live label beside one of a damaged slot":             func(e *evidence) { e.Slots[0].Damaged = true },
		"label of a damaged slot":                               func(e *evidence) { e.Slots[0].Damaged = true },
		"a slot that occurs twice is damaged":                   func(e *evidence) { e.Slots = append(e.Slots, e.Slots[0]) },
		"an unknown state is damaged":                           func(e *evidence) { e.Slots[0].State = 7 },
		"ids in notes are quoted":                               func(e *evidence) { e.Slots[3].ID = "\x1b[31m\xff" },
		"youngest first, then the highest slot": func(e *evidence) {
			for i := range e.Slots {
				e.Slots[i].Started = at(0)
			}
		},
	})
}

func TestOf_Ward(t *testing.T) {
	t.Parallel()
	alone := []slot{{Name: one, State: verdict.Busy, Started: at(1), InWard: true}}
	lone := func(e evidence) evidence {
		e.Slots = alone
		return e
	}
	tests := []struct {
		name   string
		in     evidence
		alone  bool
		charge int
	}{
		{"named", lone(died(true, runningLabels(one))), true, 1},
		{"detector", lone(died(false, runningLabels(one))), true, 1},
		{"no label", lone(died(true, goroutine{})), true, 1},
		{"silent", lone(silent(verdict.Exit{Signal: 9})), true, 1},
		{"ended for a hang", func() evidence { e := lone(silent(verdict.Exit{Signal: 9})); e.Ended = verdict.EndedHang; return e }(), false, 0},
		{"header damaged", func() evidence { e := lone(silent(verdict.Exit{Signal: 9})); e.HeaderDamaged = true; return e }(), false, 0},
		{"stopping", func() evidence { e := lone(silent(verdict.Exit{Signal: 9})); e.Stopping = true; return e }(), false, 0},
		{"in production", func() evidence { e := silent(verdict.Exit{Signal: 9}); e.Slots = e.Slots[:1]; return e }(), false, 0},
		{"beside a damaged slot", func() evidence {
			e := silent(verdict.Exit{Signal: 9})
			e.Slots = []slot{alone[0], {Name: two, Damaged: true}}
			return e
		}(), false, 0},
		{"beside another", func() evidence {
			e := silent(verdict.Exit{Signal: 9})
			e.Slots = []slot{alone[0], {Name: two, State: verdict.Busy, InWard: true}}
			return e
		}(), false, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := verdict.Of(test.in)
			if v.Alone != test.alone || v.Charge(one) != test.charge {
				t.Errorf("alone %v, charged %d; want %v, %d: %+v", v.Alone, v.Charge(one), test.alone, test.charge, v)
			}
		})
	}
}

func TestOf_ChargesTheCulpritOnly(t *testing.T) {
	t.Parallel()
	v := verdict.Of(died(true, runningLabels(one)))
	if v.Charge(one) != 1 || v.Charge(two) != 0 || v.Charge(name{}) != 0 {
		t.Errorf("charges %d, %d, %d; want 1 for the culprit, 0 for others and nobody", v.Charge(one), v.Charge(two), v.Charge(name{}))
	}
	v = verdict.Of(died(false, runningLabels(one)))
	if v.Charge(one) != 0 || v.Charge(name{}) != 0 {
		t.Errorf("a suspect is charged %d, nobody %d", v.Charge(one), v.Charge(name{}))
	}
}

func TestName_IsTheLabel(t *testing.T) {
	t.Parallel()
	if got := fmt.Sprint(name{Slot: 12, Generation: 4711}); got != "12.4711" {
		t.Errorf("got %q", got)
	}
}

// runAll runs scenarios, each after the change of its name.
func runAll(t *testing.T, scenarios []scenario, changes map[string]func(*evidence)) {
	t.Helper()
	for _, s := range scenarios {
		if change := changes[s.name]; change != nil {
			s = s.but(change)
			delete(changes, s.name)
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got := verdict.Of(s.in)
			if diff := cmp.Diff(s.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
	for name := range changes {
		t.Errorf("a change for %q, which is no scenario", name)
	}
}
