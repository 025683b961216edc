package metrics

import (
	"slices"
	"time"
)

const (
	// Stale is how long a process may be silent before its gauges are not told any more. It pushes
	// once a second.
	Stale = 5 * time.Second
	// forgetAfter is how long the numbers of a silent process are kept apart.
	forgetAfter = time.Minute
	// maxSources bounds how many processes are kept apart at a time.
	maxSources = 64
	// maxDead and maxCrashes bound how many incarnations and crash records are remembered.
	maxDead    = 1_000
	maxCrashes = 10_000
)

// ledger keeps the numbers of all processes, of those that are gone as one sum. Its fields are what the
// state file holds. It is not safe for concurrent use.
type ledger struct {
	Gone    []*series `json:"gone"`
	Sources []*source `json:"sources"`
	// Dead are incarnations that were added to what is gone, Crashes the ids of crash records that
	// were counted, both oldest first.
	Dead    []string `json:"dead"`
	Crashes []string `json:"crashes"`

	gone table
}

// source is one process.
type source struct {
	Role        string    `json:"role"`
	Incarnation string    `json:"incarnation"`
	Series      []*series `json:"series"`

	heard  time.Time // zero: only from the state file
	series table
}

func newLedger() *ledger { return &ledger{gone: make(table)} }

// take notes what a process says of itself now. It returns false for one whose successor was heard of.
func (l *ledger) take(role, incarnation string, now time.Time, said table) bool {
	if slices.Contains(l.Dead, incarnation) {
		return false
	}
	at := slices.IndexFunc(l.Sources, func(s *source) bool { return s.Incarnation == incarnation })
	if at < 0 {
		l.bury(func(s *source) bool { return s.Role == role })
		if len(l.Sources) >= maxSources {
			return false
		}
		at = len(l.Sources)
		l.Sources = append(l.Sources, &source{Role: role, Incarnation: incarnation, series: make(table)})
	}
	s := l.Sources[at]
	for key, before := range s.series {
		if !before.sums() {
			continue
		}
		switch after := said[key]; {
		case after == nil:
			said[key] = before
		case after.fellBehind(before):
			l.gone.add(before)
		}
	}
	s.series, s.heard = said, now
	return true
}

// forget adds those to what is gone who were silent for long.
func (l *ledger) forget(now time.Time) {
	l.bury(func(s *source) bool { return !s.heard.IsZero() && now.Sub(s.heard) > forgetAfter })
}

// bury adds sources to what is gone.
func (l *ledger) bury(which func(*source) bool) {
	l.Sources = slices.DeleteFunc(l.Sources, func(s *source) bool {
		if !which(s) {
			return false
		}
		for _, one := range s.series {
			if one.sums() {
				l.gone.add(one)
			}
		}
		l.Dead = remember(l.Dead, s.Incarnation, maxDead)
		return true
	})
	for _, one := range l.gone {
		one.Exemplars = nil // their traces are of processes that are gone
	}
}

// counted reports whether a death was counted, and notes that it is now.
func (l *ledger) counted(id string) bool {
	if slices.Contains(l.Crashes, id) {
		return true
	}
	l.Crashes = remember(l.Crashes, id, maxCrashes)
	return false
}

func remember(all []string, one string, most int) []string {
	all = append(all, one)
	return all[max(0, len(all)-most):]
}

// sum is what there is to tell: sums over all processes, the gauges of each that lives, and which roles
// do, the expected ones included.
func (l *ledger) sum(now time.Time, expected []string) []*series {
	sums, up := make(table), make(map[string]bool)
	for _, role := range expected {
		up[role] = false
	}
	for _, s := range l.gone {
		sums.add(s)
	}
	var told []*series
	for _, from := range l.Sources {
		fresh := !from.heard.IsZero() && now.Sub(from.heard) <= Stale
		for _, s := range from.series {
			switch {
			case s.sums():
				sums.add(s)
			case fresh:
				told = append(told, ofRole(s, from.Role))
			}
		}
		up[from.Role] = up[from.Role] || fresh
	}
	for role, fresh := range up {
		told = append(told, ofRole(&series{
			Name: metricRoleUp, Unit: "{process}", Help: "1 while a process of the role tells its numbers.", Kind: gauge, Value: one(fresh),
		}, role))
	}
	for _, s := range sums {
		told = append(told, s)
	}
	return told
}

// ofRole is a gauge with the name of the role whose it is.
func ofRole(s *series, role string) *series {
	named := *s
	named.Labels = append([]label{{labelRole, role}}, slices.DeleteFunc(slices.Clone(s.Labels), func(l label) bool { return l.Key == labelRole })...)
	return &named
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
