package incidentclock_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentclock"
	"github.com/theriac/theriac/incident/incidenttest"
)

// asked are the ids of ticks that a store was asked to keep, with their kinds.
type asked struct {
	*incidenttest.Store
	mu    sync.Mutex
	rows  map[string]incident.Inbound
	takes time.Duration // what the store takes to keep what is asked for in one call
}

func (a *asked) Accept(ctx context.Context, rows ...incident.Inbound) ([]bool, error) {
	pass(a.takes)
	created, err := a.Store.Accept(ctx, rows...)
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, ok := range created {
		if ok {
			a.rows[rows[i].ID] = rows[i]
		}
	}
	return created, err
}

func (a *asked) of(job incident.Job) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(a.rows)) {
		if strings.HasPrefix(id, string(job)+":") {
			ids = append(ids, id)
		}
	}
	return ids
}

// attributes are those of a row that was asked for.
func (a *asked) attributes(id string) map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rows[id].Attributes
}

// stage is an open incident with an escalation, in a store whose time is the bubble's.
func stage(t *testing.T) (*asked, incident.Incident) {
	t.Helper()
	s := incidenttest.NewStore(incidenttest.Options{Now: time.Now})
	rules := incident.DefaultSettings()
	rules.Paths = []incident.Path{{ID: "ops", Name: "Ops", Levels: []incident.Level{{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ben"}}}}}}
	rules.Severities[len(rules.Severities)-1].Path = "ops"
	if _, err := s.SaveSettings(t.Context(), incident.Actor{Kind: incident.ByPerson, ID: "ana"}, rules); err != nil {
		t.Fatal(err)
	}
	svc, err := incident.NewService(incident.Config{Stores: s})
	if err != nil {
		t.Fatal(err)
	}
	inc, _, err := svc.Declare(t.Context(), incident.Actor{Kind: incident.ByPerson, ID: "ana"}, incident.NewParams{
		Name: "disk", Severity: "critical", Keys: []incident.Key{{Text: "k"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &asked{Store: s, rows: map[string]incident.Inbound{}}, inc
}

// declare makes further incidents.
func declare(t *testing.T, s *asked, severity string, n int) {
	t.Helper()
	svc, err := incident.NewService(incident.Config{Stores: s})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		p := incident.NewParams{Name: "disk", Severity: severity, Keys: []incident.Key{{Text: fmt.Sprint(i)}}}
		if _, _, err := svc.Declare(t.Context(), incident.Actor{Kind: incident.ByPerson, ID: "ana"}, p); err != nil {
			t.Fatal(err)
		}
	}
}

// Two clocks ask once for what is due, and again after 2, 4, 8 … minutes while it still is.
func TestClock_Due_IsAskedOnceByTwoAndAgainWhileItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, inc := stage(t)
		for range 2 {
			defer running(t, incidentclock.NewClock(incidentclock.ClockConfig{Store: s}).Run)()
		}
		// The level was due at once, and counts as missed after its 10 minutes.
		pass(incident.PageMaxAge - time.Minute)
		if got := s.of(incident.JobDue); len(got) != 0 {
			t.Fatalf("asked early: %v", got)
		}
		pass(time.Minute + 10*time.Second)
		first := s.of(incident.JobDue)
		if len(first) != 1 || !strings.Contains(first[0], inc.ID) {
			t.Fatalf("asked for %v, want one tick of %s", first, inc.ID)
		}
		pass(20 * time.Minute)
		if got := s.of(incident.JobDue); len(got) != 5 {
			t.Errorf("asked for %v, want it at 0, 2, 4, 8 and 16 minutes", got)
		}
	})
}

// The last tick is that of the clock which ticked last, and stays where it is when none does any more.
func TestClock_LastTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := stage(t)
		last := func() time.Time {
			t.Helper()
			at, err := incidentclock.LastTick(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		if at := last(); !at.IsZero() {
			t.Fatalf("it ticked at %s, and no clock ran yet", at)
		}
		first := running(t, incidentclock.NewClock(incidentclock.ClockConfig{Store: s}).Run)
		pass(2 * time.Second)
		second := running(t, incidentclock.NewClock(incidentclock.ClockConfig{Store: s}).Run)
		for range 20 {
			pass(3 * time.Second)
			if age := time.Since(last()); age > 6*time.Second {
				t.Fatalf("the last tick was %s ago", age)
			}
		}
		first()
		pass(time.Minute)
		if age := time.Since(last()); age > 6*time.Second {
			t.Errorf("with one of them left the last tick was %s ago", age)
		}
		second()
		ended := last()
		pass(time.Hour)
		if at := last(); !at.Equal(ended) {
			t.Errorf("without a clock it ticked at %s", at)
		}
	})
}

// What nobody changes is looked at less and less often, and not all of it in the same beat.
func TestClock_Effects_OfQuietIncidents_AreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := stage(t)
		const all = 20
		declare(t, s, "minor", all-1)
		pass(2 * time.Hour)
		defer running(t, incidentclock.NewClock(incidentclock.ClockConfig{Store: s}).Run)()
		pass(time.Second)
		before := len(s.of(incident.JobEffects))
		for range 20 { // ten minutes
			pass(30 * time.Second)
			now := len(s.of(incident.JobEffects))
			if now-before != all/20 {
				t.Errorf("%d ticks in one beat, want %d", now-before, all/20)
			}
			before = now
		}
	})
}

func TestClock_Effects_AreAskedOncePerPeriodAndNotForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := stage(t)
		for range 3 {
			defer running(t, incidentclock.NewClock(incidentclock.ClockConfig{Store: s}).Run)()
		}
		pass(4*time.Minute + time.Second)
		got := s.of(incident.JobEffects)
		if len(got) != 9 {
			t.Errorf("%d ticks in 4 minutes, want one for each half minute, the first included", len(got))
		}
		for _, id := range got {
			said := s.attributes(id)
			if said["at"] == "" || said[incident.AttrNotAfter] == "" || said[incident.AttrIncident] == "" {
				t.Errorf("%s says %v", id, said)
			}
		}
	})
}

// A nudge that nobody worked off is asked for again each five minutes, with a row of its own: the last
// may have been dropped as stale, or while work was shed, and however long that was, what is due still
// comes soon after.
func TestClock_Nudge_IsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := stage(t)
		defer running(t, incidentclock.NewClock(incidentclock.ClockConfig{Store: s}).Run)()
		pass(2*time.Minute + time.Second) // nobody leads
		if got := s.of(incident.JobNudge); len(got) != 1 {
			t.Fatalf("asked for %v, want one nudge", got)
		}
		pass(2 * time.Hour)
		before := len(s.of(incident.JobNudge))
		if before != 25 {
			t.Errorf("asked for %d times in two hours, want 25", before)
		}
		pass(5 * time.Minute)
		if got := s.of(incident.JobNudge); len(got) != before+1 {
			t.Errorf("asked for %d times in five minutes, want once", len(got)-before)
		}
	})
}

// More is due than one query returns, and all of it stays due since nobody works it off: the newest is
// asked for all the same.
func TestClock_AsksForEverythingThatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := stage(t)
		const all = 1203 // two full pages and a rest
		declare(t, s, "critical", all-1)
		defer running(t, incidentclock.NewClock(incidentclock.ClockConfig{Store: s}).Run)()
		pass(3*time.Minute + time.Second) // nobody leads
		if got := len(s.of(incident.JobNudge)); got != all {
			t.Errorf("%d nudges are asked for, want %d", got, all)
		}
		pass(incident.PageMaxAge - 2*time.Minute) // nobody pages
		if got := len(s.of(incident.JobDue)); got != all {
			t.Errorf("%d steps of escalations are asked for, want %d", got, all)
		}
	})
}

// A store that is so slow that a beat has time for one page only keeps nothing waiting for ever.
func TestClock_ComesToTheEndInSeveralBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := stage(t)
		s.takes = 15 * time.Second // of the 20 that a beat has
		const all = 1203
		declare(t, s, "minor", all-1)
		defer running(t, incidentclock.NewClock(incidentclock.ClockConfig{Store: s}).Run)()
		pass(6 * time.Minute)
		nudged := map[string]bool{}
		for _, id := range s.of(incident.JobNudge) {
			nudged[s.attributes(id)[incident.AttrIncident]] = true
		}
		if len(nudged) != all {
			t.Errorf("nudges of %d incidents are asked for, want %d", len(nudged), all)
		}
	})
}

// The digest comes on working days from nine, also when the clock started later that morning, and once.
func TestClock_Digest_ComesOnWeekdaysFromNine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a bubble begins on Saturday, 1 January 2000, in UTC
		s, _ := stage(t)
		defer running(t, incidentclock.NewClock(incidentclock.ClockConfig{Store: s}).Run)()
		pass(48*time.Hour + 8*time.Hour)
		if got := s.of(incident.JobDigest); len(got) != 0 {
			t.Fatalf("asked for at the weekend, or before nine: %v", got)
		}
		pass(2 * time.Hour)
		got := s.of(incident.JobDigest)
		if len(got) != 1 || s.attributes(got[0])[incident.AttrDate] != "2000-01-03" {
			t.Fatalf("asked for %v", got)
		}
		pass(2 * 24 * time.Hour)
		if got := s.of(incident.JobDigest); len(got) != 3 {
			t.Errorf("asked for %v, want three days", got)
		}
	})
}

// alarms keeps what was raised.
type alarms struct{ got []incidentclock.Alarm }

func (a *alarms) Raise(_ context.Context, alarm incidentclock.Alarm) error {
	a.got = append(a.got, alarm)
	return nil
}

func (a *alarms) Beat(context.Context) error {
	a.got = append(a.got, incidentclock.Alarm{Subject: "all is well"})
	return nil
}

func (a *alarms) subjects() []string {
	var all []string
	for _, alarm := range a.got {
		kind, _, _ := strings.Cut(alarm.Subject, ":")
		if !slices.Contains(all, kind) {
			all = append(all, kind)
		}
	}
	return all
}

// What is late is said, and while anything is the heartbeat stops; a store that cannot be read is said
// as well.
func TestWatchdog_SaysWhatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := stage(t)
		a := &alarms{}
		w := incidentclock.NewWatchdog(incidentclock.WatchdogConfig{Watch: s, Alarmer: a, Heartbeat: a})
		w.Look(t.Context())
		if got := a.subjects(); !slices.Equal(got, []string{"all is well"}) {
			t.Fatalf("at first it says %v", got)
		}
		accept(t, s.Store, row(1)) // an alert of which no incident comes, and which nobody publishes
		pass(15 * time.Minute)
		a.got = nil
		w.Look(t.Context())
		got := a.subjects()
		for _, want := range []incident.FindingKind{
			incident.PagedWithoutIncident, incident.PageNotSent, incident.EscalationLate, incident.NoChannel, incident.NotPublished,
		} {
			if !slices.Contains(got, string(want)) {
				t.Errorf("it says %v, and not %s", got, want)
			}
		}
		if slices.Contains(got, "all is well") {
			t.Error("the heartbeat goes on while something is late")
		}
		for _, alarm := range a.got {
			if alarm.Title == "" || alarm.At.IsZero() {
				t.Errorf("an alarm that says little: %+v", alarm)
			}
		}
		a.got = nil
		s.Fail(errors.New("the disk is gone"))
		w.Look(t.Context())
		if got := a.subjects(); !slices.Equal(got, []string{"store"}) {
			t.Errorf("without a store it says %v", got)
		}
	})
}
