package quarantineslack

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers/redact"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

const (
	namingAfter = 3 * time.Second  // for which suspects wait before people hear of them
	subsMax     = 4                // subscriptions that such a message remembers
	namingLook  = time.Second      // between two looks at who waits
	adoptWithin = 10 * time.Second // for which a message about deaths waits to be taken over
)

// lookForSuspects reads who waits to run alone, and since when that is known here. Most
// deaths are settled before anybody need hear of them.
func (n *Notifier) lookForSuspects(ctx context.Context, now time.Time) error {
	if now.Sub(n.lookAt) < namingLook {
		return nil
	}
	waiting, err := n.cfg.Service.SuspectList(ctx, quarantine.SuspectQuery{
		States: []quarantine.SuspectState{quarantine.SuspectWaiting}, Limit: 1000,
	})
	if err != nil {
		return err
	}
	n.lookAt, n.open = now, waiting
	known := map[string]time.Time{}
	for _, s := range waiting {
		at, ok := n.crashes[s.Crash]
		if !ok {
			at = now
		}
		known[s.Crash] = at
	}
	n.crashes = known
	return nil
}

// openNaming notes the deaths whose suspects wait for longer than people should not
// know of. Nothing is told yet.
func (n *Notifier) openNaming(ctx context.Context, now time.Time) error {
	for _, s := range n.open {
		if now.Sub(n.crashes[s.Crash]) < namingAfter || !refForm.MatchString(s.Crash) || n.covered(s.Crash) {
			continue
		}
		if n.note(s.Crash, now) {
			return n.put(ctx, n.roomTold())
		}
	}
	return nil
}

// note takes a death into the message about those of the same subscriptions, or, where
// there are many messages already, into the last one. It reports false for a message
// that is full: that says that there are more.
func (n *Notifier) note(crash string, now time.Time) bool {
	subs := n.subsOf(crash)
	i := slices.IndexFunc(n.room.Naming, func(m namingState) bool { return !m.Over && slices.Equal(m.Subs, subs) })
	if i < 0 && len(n.room.Naming) >= namingMax {
		i = slices.IndexFunc(n.room.Naming, func(m namingState) bool { return !m.Over })
	}
	n.room.Naming = slices.Clone(n.room.Naming)
	switch {
	case i >= 0 && len(n.room.Naming[i].Crashes) < crashesMax:
		m := &n.room.Naming[i]
		m.Crashes, m.Quiet = append(slices.Clone(m.Crashes), crash), 0
		m.Subs = slices.Clone(m.Subs)
		for _, name := range subs {
			if !slices.Contains(m.Subs, name) && len(m.Subs) < subsMax {
				m.Subs = append(m.Subs, name)
			}
		}
		return true
	case i < 0 && len(n.room.Naming) < namingMax:
		n.room.Naming = append(n.room.Naming, namingState{Subs: subs, Crashes: []string{crash}, Since: now.UnixMilli()})
		return true
	default:
		return false
	}
}

// tellNaming tells of those deaths, and how that ends.
func (n *Notifier) tellNaming(ctx context.Context, _ []*job, now time.Time) (bool, error) {
	for i := range n.room.Naming {
		if did, err := n.followNaming(ctx, i, now); did || err != nil {
			return did, err
		}
	}
	return false, nil
}

// covered reports whether a message tells of the death already.
func (n *Notifier) covered(crash string) bool {
	return slices.Contains(n.room.Named, crash) ||
		slices.ContainsFunc(n.room.Naming, func(m namingState) bool { return slices.Contains(m.Crashes, crash) })
}

// named notes the deaths that an entry's message tells of.
func (n *Notifier) named(e quarantine.Entry) {
	for _, c := range e.CrashReports {
		if refForm.MatchString(c) && !slices.Contains(n.room.Named, c) {
			n.room.Named = append(slices.Clone(n.room.Named), c)
		}
	}
	n.room.Named = n.room.Named[max(0, len(n.room.Named)-namedMax):]
}

// subsOf are the subscriptions of the suspects that wait for one death.
func (n *Notifier) subsOf(crash string) []string {
	var subs []string
	for _, s := range n.open {
		if name := plain(s.Subscription, 40); s.Crash == crash && !slices.Contains(subs, name) && len(subs) < subsMax {
			subs = append(subs, name)
		}
	}
	return subs
}

// followNaming brings a message about deaths up to date. When nobody waits any more it
// says how it ended, unless the message of a group takes it over first.
func (n *Notifier) followNaming(ctx context.Context, i int, now time.Time) (bool, error) {
	state := n.room.Naming[i]
	switch {
	case state.Over && state.Alert.open():
		return false, nil
	case state.Over:
		return true, n.replaceNaming(ctx, i, nil)
	case state.posted() && since(state.Edited, now) < n.cfg.EditEvery:
		return false, nil
	}
	f, err := n.namingFacts(ctx, &state)
	if err != nil {
		return false, err
	}
	waiting := f.by[quarantine.SuspectWaiting] > 0
	switch {
	case waiting:
		state.Quiet = 0
	case !state.posted(): // over before anybody heard of it
		state.Over = true
		return true, n.replaceNaming(ctx, i, &state)
	case f.by[quarantine.SuspectHeld] == 0:
		f.phase, state.Over = phaseCleared, true
	case state.Quiet == 0:
		state.Quiet = now.UnixMilli()
		return true, n.replaceNaming(ctx, i, &state)
	case since(state.Quiet, now) < adoptWithin:
		return false, nil
	default:
		f.phase, state.Over = phaseNamed, true
	}
	m := n.render.naming(f, now)
	if state.posted() && !state.Over && hashOf(m) == state.Hash {
		return false, nil
	}
	if err := n.show(ctx, &state.shown, m, now); err != nil {
		return true, err
	}
	return true, n.replaceNaming(ctx, i, &state)
}

// replaceNaming puts one message about deaths in place of another, or of nothing.
func (n *Notifier) replaceNaming(ctx context.Context, i int, state *namingState) error {
	n.room.Naming = replaced(n.room.Naming, i, state)
	return n.put(ctx, n.roomTold())
}

// replaced is all with another value in place i, or without it for nil.
func replaced[T any](all []T, i int, value *T) []T {
	all = slices.Clone(all)
	if value == nil {
		return slices.Delete(all, i, i+1)
	}
	all[i] = *value
	return all
}

// namingFacts reads what became of the suspects of some deaths.
func (n *Notifier) namingFacts(ctx context.Context, state *namingState) (namingFacts, error) {
	f := namingFacts{phase: phaseNaming, subs: state.Subs, crashes: state.Crashes, by: map[quarantine.SuspectState]int{}}
	seen := map[[32]byte]quarantine.SuspectState{}
	for i, c := range state.Crashes {
		r, err := n.cfg.Service.CrashGet(ctx, quarantine.CrashKey{Ref: c})
		if errors.Is(err, quarantine.ErrNotFound) {
			continue
		}
		if err != nil {
			return f, err
		}
		if r.Alone {
			f.wards++
		} else {
			f.workers++
		}
		if i == 0 {
			f.died, f.evidence = safeDeath(n.cfg.Redact, r), quarantine.DeathEvidence(r.Crash)
		}
		suspects, err := n.cfg.Service.SuspectList(ctx, quarantine.SuspectQuery{Crash: c, Limit: 1000})
		if err != nil {
			return f, err
		}
		for _, s := range suspects { // the same message may be suspect in several deaths
			key := s.Key()
			if old, ok := seen[key]; !ok || old == quarantine.SuspectWaiting || s.State == quarantine.SuspectHeld {
				seen[key] = s.State
			}
		}
	}
	for _, s := range seen {
		f.by[s]++
	}
	return f, nil
}

// safeDeath says how a process ended, without what it printed.
func safeDeath(safe *redact.Redactor, r quarantine.CrashReport) string {
	if t := safeTitle(safe, quarantine.DeathTitle(r.Crash)); t != "" {
		return t
	}
	r.Text = ""
	return quarantine.DeathTitle(r.Crash)
}

// namingOf is the message about a death of which e was a suspect, -1 without one.
func (n *Notifier) namingOf(e quarantine.Entry) int {
	return slices.IndexFunc(n.room.Naming, func(m namingState) bool {
		return !m.Over && slices.ContainsFunc(e.CrashReports, func(c string) bool { return slices.Contains(m.Crashes, c) })
	})
}

var _ Chat = (*slackkit.Client)(nil)
