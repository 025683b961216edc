package cli

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/quarantine"
)

// groupJSON is a group in theriac/1.
type groupJSON struct {
	Ref          string           `json:"ref"`
	Fingerprint  string           `json:"fingerprint"`
	Subscription string           `json:"subscription"`
	Title        string           `json:"title"`
	Where        string           `json:"where"`
	Reason       string           `json:"reason"`
	Counts       map[string]int64 `json:"counts"`
	First        time.Time        `json:"first"`
	Last         time.Time        `json:"last"`
	Builds       []string         `json:"builds"`
	Basis        []string         `json:"basis"`
	Version      int64            `json:"version"`
	Taken        *decisionJSON    `json:"taken"`
	SnoozedUntil *time.Time       `json:"snoozed_until"`
	Acted        *decisionJSON    `json:"acted"`
}

func newGroupJSON(g quarantine.Group) groupJSON {
	j := groupJSON{
		Ref: g.Ref, Fingerprint: g.Fingerprint, Subscription: g.Subscription, Title: g.Title, Where: g.Where,
		Reason: string(g.Reason), Counts: map[string]int64{}, First: g.First.UTC(), Last: g.Last.UTC(),
		Builds: append([]string{}, g.Builds...), Basis: append([]string{}, g.Basis...),
		Version: g.Version, Taken: newDecisionJSON(g.Taken), Acted: newDecisionJSON(g.Acted),
	}
	if !g.SnoozedUntil.IsZero() {
		until := g.SnoozedUntil.UTC()
		j.SnoozedUntil = &until
	}
	for _, s := range quarantine.States() {
		j.Counts[string(s)] = g.Counts[s]
	}
	return j
}

type groupAnswerJSON struct {
	output.Head
	Group groupJSON `json:"group"`
}

func newGroupAnswer(g quarantine.Group) groupAnswerJSON {
	return groupAnswerJSON{output.NewHead(), newGroupJSON(g)}
}

func groupColumns(now time.Time) []output.Column[quarantine.Group] {
	type g = quarantine.Group
	held := func(g g) int64 { return g.Counts[quarantine.StateHeld] }
	return []output.Column[g]{
		{Title: "GROUP", Fixed: true, Human: func(g g) string { return g.Ref }},
		{Title: "SUBSCRIPTION", Human: func(g g) string { return g.Subscription }},
		{Title: "WHAT", Human: func(g g) string { return g.Title }},
		{Title: "WHERE", Human: func(g g) string { return g.Where }},
		{Title: "HELD", Right: true, Human: func(g g) string { return count(held(g)) }, Machine: func(g g) string { return plain(held(g)) }},
		{Title: "FIRST", Human: func(g g) string { return age(g.First, now) }, Machine: func(g g) string { return stamp(g.First) }},
		{Title: "LAST", Human: func(g g) string { return age(g.Last, now) }, Machine: func(g g) string { return stamp(g.Last) }},
		{Title: "BUILDS", Human: func(g g) string { return strings.Join(g.Builds, " ") }},
		{Title: "REASON", Wide: true, Human: func(g g) string { return string(g.Reason) }},
		{Title: "OTHER", Wide: true, Human: func(g g) string { return counts(g.Counts, quarantine.StateHeld) }},
		{Title: "TAKEN", Human: func(g g) string { return care(g, now) }, Machine: func(g g) string { return g.Taken.Actor.Name }},
	}
}

// care says in one cell who has a group since when, and that it is quiet.
func care(g quarantine.Group, now time.Time) string {
	cell := "-"
	if d := g.Taken; g.IsTaken() {
		since := d.At.UTC().Format("15:04")
		if now.Sub(d.At) >= 24*time.Hour {
			since = age(d.At, now)
		}
		cell = d.Actor.Name + " " + since
	}
	if g.IsSnoozed(now) {
		cell += ", quiet"
	}
	return cell
}

// counts lists counts by state, without one of them: "2 replaying, 5 discarded".
func counts(by map[quarantine.State]int64, without quarantine.State) string {
	var parts []string
	for _, s := range quarantine.States() {
		if n := by[s]; n > 0 && s != without {
			parts = append(parts, count(n)+" "+string(s))
		}
	}
	return strings.Join(parts, ", ")
}

func plain(n int64) string { return strconv.FormatInt(n, 10) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
