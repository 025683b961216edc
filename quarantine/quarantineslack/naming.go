package quarantineslack

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

const (
	namingAfter = 3 * time.Second  // for which suspects wait before people hear of them
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

// tellNaming tells of deaths whose suspects wait for longer than people should not
// know of, and how that ends.
func (n *Notifier) tellNaming(ctx context.Context, _ []*job, now time.Time) (bool, error) {
	for i := range n.room.Naming {
		if did, err := n.followNaming(ctx, i, now); did || err != nil {
			return did, err
		}
	}
	for _, s := range n.open {
		if now.Sub(n.crashes[s.Crash]) < namingAfter || !refForm.MatchString(s.Crash) || n.covered(s.Crash) {
			continue
		}
		if did, err := n.postNaming(ctx, s.Crash, now); did || err != nil {
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
		if name := plain(s.Subscription, 40); s.Crash == crash && !slices.Contains(subs, name) && len(subs) < 4 {
			subs = append(subs, name)
		}
	}
	return subs
}

// postNaming tells of a death: in a message of its own, or in one about an earlier
// death of the same subscriptions.
func (n *Notifier) postNaming(ctx context.Context, crash string, now time.Time) (bool, error) {
	subs := n.subsOf(crash)
	for i := range n.room.Naming {
		m := &n.room.Naming[i]
		switch {
		case !slices.Equal(m.Subs, subs):
		case len(m.Crashes) >= crashesMax:
			return false, nil // it says that there are more
		default:
			m.Crashes = append(slices.Clone(m.Crashes), crash)
			m.Quiet = 0
			return true, n.put(ctx, n.roomTold()) // followNaming edits it
		}
	}
	if len(n.room.Naming) >= namingMax {
		return false, nil
	}
	state := namingState{Subs: subs, Crashes: []string{crash}}
	f, err := n.namingFacts(ctx, &state)
	if err != nil {
		return false, err
	}
	m := n.render.naming(f, now)
	place, err := n.send(ctx, m, m.Text)
	if err != nil {
		return true, err
	}
	state.place, state.Hash, state.Edited = placeOf(place), hashOf(m), now.UnixMilli()
	n.room.Naming = append(slices.Clone(n.room.Naming), state)
	return true, n.put(ctx, n.roomTold())
}

// followNaming brings a message about deaths up to date. When nobody waits any more it
// says how it ended, unless the message of a group takes it over first.
func (n *Notifier) followNaming(ctx context.Context, i int, now time.Time) (bool, error) {
	state := n.room.Naming[i]
	if since(state.Edited, now) < n.cfg.EditEvery {
		return false, nil
	}
	f, err := n.namingFacts(ctx, &state)
	if err != nil {
		return false, err
	}
	over := false
	switch {
	case f.by[quarantine.SuspectWaiting] > 0:
		state.Quiet = 0
	case f.by[quarantine.SuspectHeld] == 0:
		f.phase, over = phaseCleared, true
	case state.Quiet == 0:
		n.room.Naming[i].Quiet = now.UnixMilli()
		return true, n.put(ctx, n.roomTold())
	default:
		f.phase, over = phaseNamed, since(state.Quiet, now) >= adoptWithin
		if !over {
			return false, nil
		}
	}
	m := n.render.naming(f, now)
	if !over && hashOf(m) == state.Hash {
		return false, nil
	}
	gone, err := n.update(ctx, state.place, m, m.Text)
	if err != nil {
		return true, err
	}
	naming := slices.Clone(n.room.Naming)
	if over || gone {
		naming = slices.Delete(naming, i, i+1)
	} else {
		state.Hash, state.Edited = hashOf(m), now.UnixMilli()
		naming[i] = state
	}
	n.room.Naming = naming
	return true, n.put(ctx, n.roomTold())
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
			f.died, f.evidence = safeDeath(r), quarantine.DeathEvidence(r.Crash)
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
func safeDeath(r quarantine.CrashReport) string {
	if t := safeTitle(quarantine.DeathTitle(r.Crash)); t != "" {
		return t
	}
	r.Text = ""
	return quarantine.DeathTitle(r.Crash)
}

// namingOf is the message about a death of which e was a suspect, -1 without one.
func (n *Notifier) namingOf(e quarantine.Entry) int {
	return slices.IndexFunc(n.room.Naming, func(m namingState) bool {
		return slices.ContainsFunc(e.CrashReports, func(c string) bool { return slices.Contains(m.Crashes, c) })
	})
}

var _ Chat = (*slackkit.Client)(nil)
