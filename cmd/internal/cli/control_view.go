package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// controlView is an act on the flow of messages and what came of it.
type controlView struct {
	act           quarantine.ControlAct
	before, after quarantine.Controls
	confirmed     quarantine.Confirmations
	now           time.Time
	dryRun        bool
}

// controlJSON is a control in theriac/1.
type controlJSON struct {
	Subscription string     `json:"subscription,omitempty"`
	Level        string     `json:"level,omitempty"`
	By           string     `json:"by"`
	Via          string     `json:"via"`
	Claimed      bool       `json:"claimed"`
	Since        time.Time  `json:"since"`
	Until        *time.Time `json:"until,omitempty"`
	Reason       string     `json:"reason,omitempty"`
	Version      int64      `json:"version"`
}

func newControlsJSON(c quarantine.Controls) []controlJSON {
	all := []controlJSON{}
	for _, one := range c.InForce {
		j := controlJSON{
			Subscription: one.Subscription, Level: string(one.Level), By: one.Ordered.Actor.Name, Via: one.Ordered.Actor.Via,
			Claimed: one.Ordered.Actor.Claimed, Since: one.Ordered.At.UTC(), Reason: one.Ordered.Reason, Version: one.Version,
		}
		if !one.Until.IsZero() {
			until := one.Until.UTC()
			j.Until = &until
		}
		all = append(all, j)
	}
	return all
}

// controlAnswerJSON is what an act did, or would do, in theriac/1.
type controlAnswerJSON struct {
	output.Head
	DryRun       bool          `json:"dry_run"`
	Verb         string        `json:"verb"`
	Subscription string        `json:"subscription,omitempty"`
	Level        string        `json:"level,omitempty"`
	Version      int64         `json:"version"`
	InForce      []controlJSON `json:"in_force"`
	Workers      workersJSON   `json:"workers"`
	// InFlight and Backlog are those of a paused subscription, as its workers said.
	InFlight *int   `json:"in_flight,omitempty"`
	Backlog  *int64 `json:"backlog,omitempty"`
	// Effects are what a level does, by subscription.
	Effects *effectsJSON `json:"effects,omitempty"`
}

type workersJSON struct {
	Living    int      `json:"living"`
	Confirmed int      `json:"confirmed"`
	Missing   []string `json:"missing"`
}

type effectsJSON struct {
	Paused    []string `json:"paused"`
	Dropped   []string `json:"dropped"`
	Untouched []string `json:"untouched"`
	Unknown   []string `json:"unknown"`
}

func (v controlView) answer() output.Answer {
	name := v.act.Subscription
	if v.act.Verb == quarantine.ControlShed {
		name = string(v.act.Level)
	}
	return output.Answer{Value: v.json(), Names: []string{name}, Layout: output.Screen(func(w *term.Writer) {
		w.Printf("%s\n", v.line())
	})}
}

func (v controlView) json() controlAnswerJSON {
	j := controlAnswerJSON{
		Head: output.NewHead(), DryRun: v.dryRun, Verb: string(v.act.Verb), Subscription: v.act.Subscription, Level: string(v.act.Level),
		Version: v.after.Version, InForce: newControlsJSON(v.after),
		Workers: workersJSON{Living: v.confirmed.Living(), Missing: []string{}},
	}
	if v.dryRun {
		j.InForce, j.Version = newControlsJSON(v.before), v.before.Version
	} else {
		j.Workers.Confirmed = len(v.confirmed.Confirmed)
		j.Workers.Missing = append(j.Workers.Missing, workerNames(v.confirmed.Missing)...)
	}
	switch v.act.Verb {
	case quarantine.ControlShed:
		e := effectsOf(v.confirmed, v.act.Level)
		j.Effects = &effectsJSON{none(e.paused), none(e.dropped), none(e.untouched), none(e.unknown)}
	case quarantine.ControlPause:
		if o, ok := v.confirmed.Of(v.act.Subscription); ok && !v.dryRun {
			j.InFlight = &o.InFlight
			if o.Backlog >= 0 {
				j.Backlog = &o.Backlog
			}
		}
	}
	return j
}

// none is a list that is never null in JSON.
func none(names []string) []string { return append([]string{}, names...) }

// line is the screen: what, until when, what it means, who has done it, and how to
// undo it.
func (v controlView) line() string {
	var parts []string
	switch v.act.Verb {
	case quarantine.ControlPause:
		parts = v.pauseParts()
	case quarantine.ControlResume:
		parts = v.resumeParts()
	default:
		parts = v.shedParts()
	}
	if v.dryRun {
		return "Would be: " + strings.Join(append(parts, v.served(), "Nothing is done."), "   ")
	}
	return strings.Join(append(parts, confirmedText(v.confirmed), "Undo: "+v.undo()), "   ")
}

func (v controlView) pauseParts() []string {
	set, _ := v.act.Set(v.after)
	parts := []string{v.act.Subscription + "  paused " + untilText(set.Until, v.now)}
	if had, ok := v.before.Pause(v.act.Subscription); ok {
		parts = append(parts, fmt.Sprintf("%s had paused it %s", had.Ordered.Actor.Name, untilText(had.Until, v.now)))
	}
	if o, ok := v.confirmed.Of(v.act.Subscription); ok && !v.dryRun {
		parts = append(parts, fmt.Sprintf("%s in flight %s ending", count(o.InFlight), isAre(o.InFlight)))
		if o.Backlog >= 0 {
			parts = append(parts, "backlog "+count(o.Backlog))
		}
	}
	return parts
}

func (v controlView) resumeParts() []string {
	parts := []string{v.act.Subscription + "  resumed"}
	if had, ok := v.before.Pause(v.act.Subscription); ok {
		parts = append(parts, fmt.Sprintf("%s had paused it %s", had.Ordered.Actor.Name, untilText(had.Until, v.now)))
	}
	if o, ok := v.confirmed.Of(v.act.Subscription); ok && !v.dryRun && o.Flow != handlers.FlowRunning {
		parts = append(parts, fmt.Sprintf("still %s: the service is shed to %s, see theriac shed normal", flowWord(o.Flow), v.after.Shed().Level))
	}
	return parts
}

func (v controlView) shedParts() []string {
	level := v.act.Level
	if level == handlers.ShedNothing {
		return []string{fmt.Sprintf("shedding ended, it was %s", v.before.Shed().Level)}
	}
	set, _ := v.act.Set(v.after)
	parts := []string{fmt.Sprintf("shed to %s %s", level, untilText(set.Until, v.now))}
	return append(parts, effectsOf(v.confirmed, level).parts()...)
}

// served says how many workers would do it.
func (v controlView) served() string {
	if v.act.Subscription == "" {
		return plural(v.confirmed.Living(), "worker", "workers")
	}
	n := 0
	for _, w := range v.confirmed.Confirmed {
		if slices.Contains(w.Subscriptions, v.act.Subscription) {
			n++
		}
	}
	if n == 0 {
		return "no living worker serves it"
	}
	return plural(n, "worker serves it", "workers serve it")
}

// undo is the command that takes the act back.
func (v controlView) undo() string {
	switch {
	case v.act.Verb == quarantine.ControlPause:
		return "theriac resume " + v.act.Subscription
	case v.act.Verb == quarantine.ControlResume:
		return "theriac pause " + v.act.Subscription + ` --reason "…"`
	case v.before.Shed().Level == handlers.ShedNothing || v.before.Shed().Level == v.act.Level:
		return "theriac shed normal"
	default:
		return fmt.Sprintf(`theriac shed %s --for … --reason "…"`, v.before.Shed().Level)
	}
}

// effects is what a level does to the subscriptions.
type effects struct{ paused, dropped, untouched, unknown []string }

// effectsOf asks what the workers said that their subscriptions declare. Of those
// whose workers have said nothing nobody knows.
func effectsOf(c quarantine.Confirmations, level handlers.ShedLevel) effects {
	flows := map[string]handlers.Flow{}
	for _, w := range slices.Concat(c.Missing, c.Confirmed) {
		for _, sub := range w.Subscriptions {
			if _, said := flows[sub]; !said {
				flows[sub] = ""
			}
		}
		for sub, o := range w.Obeyed {
			flows[sub] = declared(o, level)
		}
	}
	var e effects
	for sub, flow := range flows {
		to := &e.unknown
		switch flow {
		case handlers.FlowPaused:
			to = &e.paused
		case handlers.FlowDropping:
			to = &e.dropped
		case handlers.FlowRunning:
			to = &e.untouched
		}
		*to = append(*to, sub)
	}
	for _, names := range [][]string{e.paused, e.dropped, e.untouched, e.unknown} {
		slices.Sort(names)
	}
	return e
}

func declared(o handlers.Obeyed, level handlers.ShedLevel) handlers.Flow {
	switch level {
	case handlers.ShedNonCritical:
		return o.NonCritical
	case handlers.ShedAllButCritical:
		return o.CriticalOnly
	default:
		return handlers.FlowRunning
	}
}

func (e effects) parts() []string {
	var parts []string
	for _, one := range []struct {
		word  string
		names []string
	}{{"paused", e.paused}, {"dropped, as declared", e.dropped}, {"untouched", e.untouched}, {"not known yet", e.unknown}} {
		if len(one.names) > 0 {
			parts = append(parts, one.word+": "+strings.Join(one.names, ", "))
		}
	}
	return parts
}

// confirmedText is the sentence that matters.
func confirmedText(c quarantine.Confirmations) string {
	if c.Living() == 0 {
		return "no living worker: it holds for those that start"
	}
	return fmt.Sprintf("%d of %s confirmed", len(c.Confirmed), plural(c.Living(), "worker", "workers"))
}

// untilText is the end of a control: to the minute, to the second where it is near.
func untilText(until, now time.Time) string {
	until, now = until.UTC(), now.UTC()
	switch {
	case until.IsZero():
		return "until somebody ends it"
	case until.Sub(now) < 10*time.Minute:
		return "until " + until.Format("15:04:05Z")
	case until.Sub(now) < 12*time.Hour:
		return "until " + until.Format("15:04Z")
	default:
		return "until " + until.Format("2006-01-02 15:04Z")
	}
}

func flowWord(f handlers.Flow) string {
	if f == "" {
		return "held back by some workers"
	}
	return string(f)
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// controlBlocks say what somebody holds back, for the status screen.
func controlBlocks(st overview) []block {
	var blocks []block
	for _, c := range st.Controls.InForce {
		by := fmt.Sprintf("%s by %s (%s) %s ago", untilText(c.Until, st.At), c.Ordered.Actor.Name, c.Ordered.Actor.Via, age(c.Ordered.At, st.At))
		if c.Ordered.Reason != "" {
			by += ": " + c.Ordered.Reason
		}
		confirmed := quarantine.ConfirmationsOf(st.Workers, c.Version)
		if len(confirmed.Missing) > 0 {
			by += "   " + confirmedText(confirmed)
		}
		b := block{Word: wordPaused, Subscription: c.Subscription, Workers: len(confirmed.Confirmed), text: by,
			details: []string{"theriac resume " + c.Subscription + "   lets it pull again"}}
		if c.Subscription == "" {
			b.Word, b.text = wordShed, "to "+string(c.Level)+" "+by
			b.details = append(effectsOf(confirmed, c.Level).parts(), "theriac shed normal   ends it")
		}
		blocks = append(blocks, b)
	}
	slices.SortStableFunc(blocks, func(a, b block) int { return strings.Compare(a.Word, b.Word) }) // PAUSED before SHED
	return blocks
}
