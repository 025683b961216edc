package incident_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/theriac/theriac/incident"
)

// zones are places whose clocks change by an hour, by half an hour, never, and at midnight.
func zones() []string {
	return []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "Africa/Cairo"}
}

func TestOnCall(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, time.March, 16, 9, 0, 0, 0, berlin) // two weeks before summer time
	rules := incident.Settings{Rotations: []incident.Rotation{
		{ID: "first", People: []string{"ana", "ben", "cleo"}, Start: start.UTC(), Zone: "Europe/Berlin"},
		{ID: "empty", Start: start},
	}}
	for _, c := range []struct {
		rotation, want string
		at             time.Time
	}{
		{"first", "", start.Add(-time.Nanosecond)},
		{"first", "ana", start},
		{"first", "ana", start.AddDate(0, 0, 7).Add(-time.Nanosecond)},
		{"first", "ben", start.AddDate(0, 0, 7)},
		{"first", "ben", time.Date(2026, time.March, 30, 8, 59, 59, 0, berlin)}, // the clocks changed on the 29th
		{"first", "cleo", time.Date(2026, time.March, 30, 9, 0, 0, 0, berlin)},
		{"first", "ana", time.Date(2026, time.April, 6, 9, 0, 0, 0, berlin)},
		{"first", "ben", time.Date(2026, time.October, 26, 8, 59, 0, 0, berlin)}, // week 31; and back on the 25th
		{"first", "cleo", time.Date(2026, time.October, 26, 9, 0, 0, 0, berlin)},
		{"empty", "", start},
		{"unknown", "", start},
	} {
		if got := rules.OnCall(c.rotation, c.at); got != c.want {
			t.Errorf("%s at %v: %q, want %q", c.rotation, c.at, got, c.want)
		}
	}
}

func TestOnCall_HandOversStayAtTheirHour(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(zones()).Draw(t, "zone")
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		// Clocks change in the first hours of a day, so from 4 o'clock on each time of day is there once.
		hour, minute := rapid.IntRange(4, 22).Draw(t, "hour"), rapid.SampledFrom([]int{0, 30}).Draw(t, "minute")
		start := time.Date(2026, time.January, 1+rapid.IntRange(0, 365).Draw(t, "day"), hour, minute, 0, 0, zone)
		people := []string{"ana", "ben", "cleo", "dora", "emil"}[:rapid.IntRange(2, 5).Draw(t, "people")]
		rules := incident.Settings{Rotations: []incident.Rotation{{ID: "r", People: people, Start: start.UTC(), Zone: name}}}

		weeks := rapid.IntRange(0, 520).Draw(t, "weeks")
		begins := time.Date(start.Year(), start.Month(), start.Day()+7*weeks, hour, minute, 0, 0, zone)
		ends := time.Date(start.Year(), start.Month(), start.Day()+7*weeks+7, hour, minute, 0, 0, zone)
		want := people[weeks%len(people)]
		within := begins.Add(time.Duration(rapid.Int64Range(0, int64(ends.Sub(begins))-1).Draw(t, "within")))
		for _, at := range []time.Time{begins, within, ends.Add(-1)} {
			if got := rules.OnCall("r", at.UTC()); got != want {
				t.Fatalf("week %d at %v: %q, want %q", weeks, at, got, want)
			}
		}
		if got := rules.OnCall("r", ends); got == want {
			t.Fatalf("%q has two turns in a row at %v", got, ends)
		}
	})
}

func TestOnCall_AtTheEndsOfTime(t *testing.T) {
	t.Parallel()
	rules := incident.Settings{Rotations: []incident.Rotation{{ID: "r", People: []string{"ana"}, Zone: "no/zone"}}}
	for _, at := range []time.Time{{}, time.Date(9999, time.December, 31, 23, 0, 0, 0, time.UTC)} {
		if got := rules.OnCall("r", at); got != "ana" {
			t.Errorf("%v: %q", at, got)
		}
	}
}

func TestWorkingHours_Contains(t *testing.T) {
	t.Parallel()
	wednesday := time.Date(2026, time.July, 1, 0, 0, 0, 0, time.UTC)
	berlin := incident.WorkingHours{Zone: "Europe/Berlin", From: "08:30", To: "24:00", Days: []time.Weekday{time.Wednesday, time.Sunday}}
	for _, c := range []struct {
		hours incident.WorkingHours
		at    time.Duration
		want  bool
	}{
		{incident.WorkingHours{}, 8*time.Hour + 59*time.Minute, false},
		{incident.WorkingHours{}, 9 * time.Hour, true},
		{incident.WorkingHours{}, 18*time.Hour - 1, true},
		{incident.WorkingHours{}, 18 * time.Hour, false},
		{incident.WorkingHours{}, 3*24*time.Hour + 12*time.Hour, false}, // Saturday
		{incident.WorkingHours{From: "18:00", To: "09:00"}, 12 * time.Hour, true},
		{berlin, 6*time.Hour + 29*time.Minute, false},
		{berlin, 6*time.Hour + 30*time.Minute, true},
		{berlin, 22*time.Hour - 1, true},
		{berlin, 22 * time.Hour, false},              // Thursday there
		{berlin, 24*time.Hour + 10*time.Hour, false}, // Thursday
		{berlin, 96*time.Hour + 10*time.Hour, true},  // Sunday
	} {
		if got := c.hours.Contains(wednesday.Add(c.at)); got != c.want {
			t.Errorf("%+v at %v: %v", c.hours, wednesday.Add(c.at), got)
		}
	}
}
