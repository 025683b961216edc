package notify_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/theriac/theriac/internal/notify"
)

func TestPolicy_Next(t *testing.T) {
	t.Parallel()
	none := notify.Memory{}
	tried := notify.Memory{Trying: notify.Trigger, Episode: 1, Changes: 4}
	closing := notify.Memory{Trying: notify.Resolve, Episode: 1, Changes: 6}
	open := notify.Memory{Triggered: true, Episode: 1, Changes: 5}
	acknowledged := notify.Memory{Triggered: true, Acknowledged: true, Episode: 1, Changes: 6}
	over := notify.Memory{Episode: 1, Changes: 7}
	waits := func(d time.Duration) notify.Facts {
		return notify.Facts{Key: "k", Open: true, Waiting: d, Changes: 10}
	}
	with := func(f notify.Facts, change func(*notify.Facts)) notify.Facts { change(&f); return f }
	isOver := func(f *notify.Facts) { f.Open = false }
	isTaken := func(f *notify.Facts) { f.Taken = true }
	critical := func(f *notify.Facts) { f.Critical = true }
	tests := []struct {
		name   string
		policy notify.Policy
		facts  notify.Facts
		memory notify.Memory
		want   notify.Action // "" is nothing
	}{
		{"AllTold", notify.Policy{}, waits(0), none, ""},
		{"WaitsNotLongEnough", notify.Policy{}, waits(time.Minute - 1), none, ""},
		{"WaitsLongEnough", notify.Policy{}, waits(time.Minute), none, notify.Trigger},
		{"WaitsForItsOwnTime", notify.Policy{After: time.Hour}, waits(time.Minute), none, ""},
		{"NeverByTime", notify.Policy{After: -1}, waits(24 * time.Hour), none, ""},
		{"CriticalIsNoReason", notify.Policy{}, with(waits(0), critical), none, ""},
		{"AlwaysCritical", notify.Policy{AlwaysCritical: true}, with(waits(0), critical), none, notify.Trigger},
		{"AlwaysCritical_IsNot", notify.Policy{AlwaysCritical: true, AlwaysCrashLoop: true, AlwaysBadDeploy: true}, waits(0), none, ""},
		{"AlwaysCrashLoop", notify.Policy{AlwaysCrashLoop: true}, with(waits(0), func(f *notify.Facts) { f.CrashLoop = true }), none, notify.Trigger},
		{"AlwaysCrashLoop_OtherReason", notify.Policy{AlwaysCrashLoop: true}, with(waits(0), critical), none, ""},
		{"AlwaysBadDeploy", notify.Policy{AlwaysBadDeploy: true, After: -1}, with(waits(0), func(f *notify.Facts) { f.BadDeploy = true }), none, notify.Trigger},
		{"Over_NeverTold", notify.Policy{}, with(waits(time.Hour), isOver), none, ""},
		{"Taken_NeverTold", notify.Policy{AlwaysCritical: true}, with(with(waits(time.Hour), critical), isTaken), none, ""},
		{"Open_StillWaits", notify.Policy{}, waits(time.Hour), open, ""},
		{"Open_AlwaysTold", notify.Policy{AlwaysCritical: true}, with(waits(0), critical), open, ""},
		{"Open_Taken", notify.Policy{}, with(waits(time.Hour), isTaken), open, notify.Acknowledge},
		{"Open_TakenAndTold", notify.Policy{}, with(waits(0), isTaken), open, notify.Acknowledge},
		{"Open_Over", notify.Policy{}, with(waits(0), isOver), open, notify.Resolve},
		{"Open_TakenAndOver", notify.Policy{}, with(with(waits(0), isTaken), isOver), open, notify.Resolve},
		{"Acknowledged_Taken", notify.Policy{}, with(waits(time.Hour), isTaken), acknowledged, ""},
		{"Acknowledged_GivenBack", notify.Policy{}, waits(time.Hour), acknowledged, ""},
		{"Acknowledged_Over", notify.Policy{}, with(waits(time.Hour), isOver), acknowledged, notify.Resolve},
		{"Over_StaysOver", notify.Policy{}, with(waits(time.Hour), isOver), over, ""},
		{"Over_ComesAgain", notify.Policy{}, waits(time.Hour), over, notify.Trigger},
		{"Over_ComesAgain_Told", notify.Policy{}, waits(0), over, ""},
		{"Tried_StillWaits", notify.Policy{}, waits(time.Hour), tried, notify.Trigger},
		{"Tried_ToldMeanwhile", notify.Policy{}, waits(0), tried, ""},
		{"Tried_Over", notify.Policy{}, with(waits(0), isOver), tried, notify.Resolve},
		{"Tried_Taken", notify.Policy{}, with(waits(time.Hour), isTaken), tried, notify.Acknowledge},
		{"Closing_Over", notify.Policy{}, with(waits(0), isOver), closing, notify.Resolve},
		{"Closing_ComesAgain", notify.Policy{}, waits(time.Hour), closing, notify.Trigger},
		{"Closing_ComesAgain_Told", notify.Policy{}, waits(0), closing, ""},
		{"Closing_ComesAgain_Taken", notify.Policy{}, with(waits(0), isTaken), closing, notify.Acknowledge},
		{"LateReader_Over", notify.Policy{}, notify.Facts{Changes: 4}, open, ""},
		{"LateReader_Waits", notify.Policy{}, notify.Facts{Open: true, Waiting: time.Hour, Changes: 6}, over, ""},
		{"SameChanges", notify.Policy{}, notify.Facts{Changes: 5}, open, notify.Resolve},
		{"NoCounter", notify.Policy{}, notify.Facts{Open: true, Waiting: time.Hour}, notify.Memory{Episode: 3}, notify.Trigger},
		{"NegativeWait", notify.Policy{}, waits(-time.Hour), none, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := tt.policy.Next(tt.facts, tt.memory)
			if got != tt.want || ok != (tt.want != "") {
				t.Fatalf("Next = %q %t, want %q", got, ok, tt.want)
			}
			if !ok {
				return
			}
			// Whatever is told is told once: before its answer it is asked for again, afterwards not.
			before := tt.memory.Before(got, tt.facts)
			if again, ok := tt.policy.Next(tt.facts, before); again != got || !ok {
				t.Errorf("before its answer, Next = %q %t, want %q again", again, ok, got)
			}
			after := before.After(got, tt.facts)
			if again, ok := tt.policy.Next(tt.facts, after); ok {
				t.Errorf("afterwards, Next = %q", again)
			}
			if diff := cmp.Diff(after, tt.memory.After(got, tt.facts)); diff != "" {
				t.Errorf("Before changes After (-with +without):\n%s", diff)
			}
			first, retry := tt.facts.Draft(got, tt.memory), tt.facts.Draft(got, before)
			if diff := cmp.Diff(first, retry); diff != "" || first.ID() != retry.ID() || first.Episode == 0 {
				t.Errorf("a retry is another alert (-first +retry):\n%s", diff)
			}
		})
	}
}

// TestMemory_NextEpisode_IsNotYetAcknowledged: the resolve of an acknowledged alert and the next trigger were both
// lost. Whoever takes the problem then must stop the pages of the second.
func TestMemory_NextEpisode_IsNotYetAcknowledged(t *testing.T) {
	t.Parallel()
	f := notify.Facts{Key: "k", Open: true, Taken: true}
	m := notify.Memory{Triggered: true, Acknowledged: true, Episode: 1}.Before(notify.Resolve, f).Before(notify.Trigger, f)
	if action, _ := (notify.Policy{}).Next(f, m); action != notify.Acknowledge || m.EpisodeOf(action) != 2 {
		t.Errorf("Next = %q of episode %d, want acknowledge of 2", action, m.EpisodeOf(action))
	}
}

func TestFacts_Draft(t *testing.T) {
	t.Parallel()
	m := notify.Memory{Episode: 2}
	want := notify.Alert{Key: "k", Action: notify.Trigger, Episode: 3, Severity: notify.SeverityError}
	if diff := cmp.Diff(want, notify.Facts{Key: "k"}.Draft(notify.Trigger, m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, f := range []notify.Facts{{Critical: true}, {CrashLoop: true}, {BadDeploy: true}} {
		if got := f.Draft(notify.Trigger, m).Severity; got != notify.SeverityCritical {
			t.Errorf("%+v is %s", f, got)
		}
	}
}

func TestMemory_JSON(t *testing.T) {
	t.Parallel()
	full := notify.Memory{Triggered: true, Acknowledged: true, Trying: notify.Resolve, Episode: 2, Changes: 17}
	for _, m := range []notify.Memory{{}, full} {
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var got notify.Memory
		if err := json.Unmarshal(data, &got); err != nil || got != m {
			t.Errorf("%s: %+v, %v", data, got, err)
		}
	}
	if data, _ := json.Marshal(full); string(data) != `{"triggered":true,"acknowledged":true,"trying":"resolve","episode":2,"changes":17}` {
		t.Errorf("stored as %s, which older rows are not", data)
	}
}

// world is a problem, a notifier that may die at any moment, and the people at the other end.
type world struct {
	policy notify.Policy
	facts  notify.Facts
	seen   []notify.Facts // all that ever was, for late readers
	stored notify.Memory

	// The other end, which drops repeats by id as a receiver does.
	ids    map[string]bool
	open   bool
	pages  int
	opened int // how often the problem came
}

// arrive is the other end.
func (w *world) arrive(a notify.Alert) {
	if w.ids[a.ID()] {
		return
	}
	w.ids[a.ID()] = true
	switch a.Action {
	case notify.Trigger:
		// It may be open: the resolve of the last episode need not have arrived.
		w.open = true
		w.pages++
	case notify.Resolve:
		w.open = false
	}
}

// step is one turn of a notifier that reads facts and may be cut short at each point.
func (w *world) step(f notify.Facts, cut int) {
	action, ok := w.policy.Next(f, w.stored)
	if !ok || cut == 0 {
		return
	}
	a := f.Draft(action, w.stored)
	w.stored = w.stored.Before(action, f)
	if cut == 1 { // it died, or nothing arrived
		return
	}
	w.arrive(a)
	if cut == 2 { // the answer was lost, or it died
		return
	}
	w.stored = w.stored.After(action, f)
}

// change lets the problem become something else.
func (w *world) change(change func(*notify.Facts)) {
	change(&w.facts)
	w.facts.Changes++
	w.seen = append(w.seen, w.facts)
}

// TestPolicy_AnyOrder_NobodyIsToldTwiceAndNothingIsLeftOpen plays random lives of a problem with deaths of the
// notifier, lost answers and late readers.
func TestPolicy_AnyOrder_NobodyIsToldTwiceAndNothingIsLeftOpen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &world{
			policy: notify.Policy{AlwaysCritical: rapid.Bool().Draw(t, "always critical")},
			facts:  notify.Facts{Key: "k"}, ids: map[string]bool{},
		}
		w.change(func(*notify.Facts) {})
		cut := rapid.IntRange(0, 3)
		t.Repeat(map[string]func(*rapid.T){
			"opens": func(*rapid.T) {
				if !w.facts.Open {
					w.opened++
					w.change(func(f *notify.Facts) { f.Open = true })
				}
			},
			"ends":  func(*rapid.T) { w.change(func(f *notify.Facts) { f.Open, f.Taken, f.Waiting = false, false, 0 }) },
			"taken": func(*rapid.T) { w.change(func(f *notify.Facts) { f.Taken = f.Open }) },
			"free":  func(*rapid.T) { w.change(func(f *notify.Facts) { f.Taken = false }) },
			"worse": func(*rapid.T) { w.change(func(f *notify.Facts) { f.Critical = true }) },
			"waits": func(*rapid.T) { w.facts.Waiting += 45 * time.Second },
			"told":  func(*rapid.T) { w.facts.Waiting = 0 },
			"step":  func(t *rapid.T) { w.step(w.facts, cut.Draw(t, "cut")) },
			"late": func(t *rapid.T) {
				w.step(rapid.SampledFrom(w.seen).Draw(t, "facts"), cut.Draw(t, "cut"))
			},
			"": func(t *rapid.T) {
				if w.pages > w.opened {
					t.Fatalf("paged %d times for %d problems", w.pages, w.opened)
				}
			},
		})
		w.change(func(f *notify.Facts) { f.Open, f.Taken = false, false })
		for range 3 {
			w.step(w.facts, 3)
		}
		if w.open {
			t.Fatalf("an alert is left open: %+v", w.stored)
		}
		if again, ok := w.policy.Next(w.facts, w.stored); ok {
			t.Fatalf("there is always more to tell: %s", again)
		}
		// And the next problem is told, whatever came before.
		pages := w.pages
		w.change(func(f *notify.Facts) { f.Open, f.Waiting = true, time.Hour })
		w.step(w.facts, 3)
		if w.pages != pages+1 {
			t.Fatalf("the next problem is not told: %+v", w.stored)
		}
	})
}
