package quarantineslack

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/quarantine"
)

// ledger folds the audit rows of a group that were not told yet: what happened to
// each entry becomes one step, whatever the way, and equal steps become one line.
type ledger struct {
	// from is the last row that was told, upTo the last one that was read.
	from, upTo int64
	// poison is the entry whose replay failed last and that is still held, died
	// whether it died of it.
	poison string
	died   bool
	// poisonBefore and diedBefore are how that stood at from.
	poisonBefore string
	diedBefore   bool
	// ran is when this process saw a replay last that was not held again.
	ran   time.Time
	steps map[string]*step // by entry
	acts  []quarantine.AuditRow
}

// step is what happened to one entry.
type step struct {
	ref      string
	from, to quarantine.State
	last     int64
	at       time.Time
	// by is the last person who decided, or the system if none did; why is their reason.
	by  quarantine.Actor
	why string
	// end is what the system said when a replay ended, "" if none did.
	end string
}

func newLedger(told int64, poison string, died bool) *ledger {
	return &ledger{
		from: told, upTo: told, poison: poison, died: died, poisonBefore: poison, diedBefore: died,
		steps: map[string]*step{},
	}
}

// pending reports whether something happened that was not told.
func (l *ledger) pending() bool { return len(l.steps)+len(l.acts) > 0 }

// add takes rows in the order of their numbers.
func (l *ledger) add(rows []quarantine.AuditRow, now time.Time) {
	for _, r := range rows {
		if r.N <= l.upTo {
			continue
		}
		l.upTo = r.N
		switch {
		case r.Verb != "":
			l.acts = append(l.acts, r)
			l.poison = "" // somebody saw it
		case r.From == "" || r.From == r.To: // held for the first time, or a claim given back
		default:
			l.entry(r)
			if r.To == quarantine.StateReplaying || r.To == quarantine.StateReplayed {
				l.ran = now
			}
		}
	}
}

// settling reports whether a replay ended a moment ago: the next one of a batch begins
// when the one before has ended.
func (l *ledger) settling(now time.Time) bool { return now.Sub(l.ran) < settle }

func (l *ledger) entry(r quarantine.AuditRow) {
	s := l.steps[r.Ref]
	if s == nil {
		s = &step{ref: r.Ref, from: r.From}
		l.steps[r.Ref] = s
	}
	system := r.Decision.Actor.Via == "system"
	switch {
	case !system:
		s.by, s.why = r.Decision.Actor, safeReason(r.Decision)
	case s.by.Via == "":
		s.by.Via = "system" // which worker it was makes no difference
	}
	s.end = ""
	if r.From == quarantine.StateReplaying {
		s.end = safeReason(r.Decision)
	}
	s.to, s.last, s.at = r.To, r.N, r.Decision.At
	switch {
	case r.From == quarantine.StateReplaying && r.To == quarantine.StateHeld && !strings.HasPrefix(s.end, "no living worker"):
		l.poison, l.died = r.Ref, s.end == "its worker died" || strings.HasSuffix(s.end, ": crashed")
	case r.Ref == l.poison:
		l.poison = ""
	}
}

// told is the ledger after everything in it was told.
func (l *ledger) told() *ledger {
	next := newLedger(l.upTo, l.poison, l.died)
	next.ran = l.ran
	return next
}

// event is a line of a thread: what happened to some entries, or to the group.
type event struct {
	at   time.Time
	last int64
	// refs are the entries, at most 3; n is how many they are in all.
	refs []string
	n    int
	// what is a verb with a place for the count.
	what eventKind
	by   quarantine.Actor
	why  string
	end  string
	// until ends a snooze or a pause, of the subscription sub.
	until time.Time
	sub   string
}

// eventKind is what happened.
type eventKind string

const (
	eventAsked     eventKind = "asked"
	eventReplayed  eventKind = "replayed"
	eventAgain     eventKind = "held again"
	eventDiscarded eventKind = "discarded"
	eventPaused    eventKind = "paused"
	eventRestored  eventKind = "restored"
	eventTaken     eventKind = "taken"
	eventReleased  eventKind = "released"
	eventSnoozed   eventKind = "snoozed"
)

const eventRefs = 3 // entries that a line names

// events are the lines, oldest first.
func (ls ledgers) events() []event {
	type key struct {
		kind     eventKind
		by       quarantine.Actor
		why, end string
	}
	index := map[key]int{}
	var all []event
	for _, l := range ls {
		for _, r := range l.acts {
			all = append(all, actEvent(r))
		}
		for _, s := range l.steps {
			k := key{s.kind(), s.by, s.why, s.end}
			if k.kind == eventReplayed {
				k.end = "" // "replay 1: ok" and "replay 2: ok" are the same
			}
			i, ok := index[k]
			if !ok {
				i = len(all)
				index[k] = i
				all = append(all, event{what: k.kind, by: s.by, why: s.why, end: k.end})
			}
			e := &all[i]
			e.n++
			e.refs = append(e.refs, s.ref)
			if s.last > e.last {
				e.last, e.at = s.last, s.at
			}
		}
	}
	for i := range all {
		slices.SortFunc(all[i].refs, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
		all[i].refs = all[i].refs[:min(len(all[i].refs), eventRefs)]
	}
	slices.SortFunc(all, func(a, b event) int { return cmp.Compare(a.last, b.last) })
	return all
}

// ledgers are those of the groups of one message.
type ledgers []*ledger

func (ls ledgers) pending() bool {
	return slices.ContainsFunc(ls, func(l *ledger) bool { return l.pending() })
}

func (s *step) kind() eventKind {
	switch s.to {
	case quarantine.StateReplaying:
		return eventAsked
	case quarantine.StateReplayed:
		return eventReplayed
	case quarantine.StateDiscarded:
		return eventDiscarded
	}
	if s.from == quarantine.StateDiscarded {
		return eventRestored
	}
	if s.end == "" { // discarded and restored at once
		return eventRestored
	}
	return eventAgain
}

func actEvent(r quarantine.AuditRow) event {
	kind := map[quarantine.GroupVerb]eventKind{
		quarantine.GroupTake: eventTaken, quarantine.GroupRelease: eventReleased, quarantine.GroupSnooze: eventSnoozed,
	}[r.Verb]
	return event{
		at: r.Decision.At, last: r.N, n: 1, what: kind, by: r.Decision.Actor,
		why: safeReason(r.Decision), until: r.Until,
	}
}
