package incident

import (
	"slices"
	"time"
)

// week is in seconds, since durations end at 292 years.
const week = 7 * 24 * 60 * 60

// OnCall returns who has the turn of a rotation at a moment, "" for nobody: no such rotation, nobody
// in it, or a moment before its start. Hand-overs are at the same hour of the clock on the wall all
// year, so the week in which the clocks change is an hour shorter or longer.
func (s *Settings) OnCall(rotation string, at time.Time) string {
	i := slices.IndexFunc(s.Rotations, func(r Rotation) bool { return r.ID == rotation })
	if i < 0 || len(s.Rotations[i].People) == 0 || at.Before(s.Rotations[i].Start) {
		return ""
	}
	r := s.Rotations[i]
	turn := r.turn(at)
	return r.People[turn%int64(len(r.People))]
}

// turn counts the hand-overs between the start and a moment after it.
func (r Rotation) turn(at time.Time) int64 {
	zone := zoneOf(r.Zone)
	n := (at.Unix() - r.Start.Unix()) / week
	// An estimate is off by one at most, where the clocks changed in between.
	for n > 0 && at.Before(r.handOver(n, zone)) {
		n--
	}
	for !at.Before(r.handOver(n+1, zone)) {
		n++
	}
	return n
}

// handOver returns when the n-th turn begins, counted from 0.
func (r Rotation) handOver(n int64, zone *time.Location) time.Time {
	start := r.Start.In(zone)
	return time.Date(start.Year(), start.Month(), start.Day()+int(7*n),
		start.Hour(), start.Minute(), start.Second(), start.Nanosecond(), zone)
}

// zoneOf returns a time zone by its IANA name, UTC where there is none or the machine does not know
// it. Validate has looked at all that stand in settings.
func zoneOf(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
