package cli

import (
	"cmp"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// crashJSON is a death in theriac/1. The fields from stack on are left out in lists. Texts that are
// not UTF-8 carry U+FFFD.
type crashJSON struct {
	Ref         string         `json:"ref"`
	ID          string         `json:"id"`
	Seq         int64          `json:"seq"`
	ReportedAt  time.Time      `json:"reported_at"`
	Role        string         `json:"role"`
	Incarnation string         `json:"incarnation"`
	Host        string         `json:"host"`
	Build       string         `json:"build"`
	PID         int            `json:"pid"`
	Started     time.Time      `json:"started"`
	Died        time.Time      `json:"died"`
	Exit        string         `json:"exit"`
	Kind        string         `json:"kind"`
	Tier        string         `json:"tier"`
	Reason      string         `json:"reason"`
	Alone       bool           `json:"alone"`
	Text        string         `json:"text"`
	Title       string         `json:"title"`
	Verdict     string         `json:"verdict"`
	Where       string         `json:"where"`
	Hint        string         `json:"hint,omitempty"`
	StartedBy   string         `json:"started_by,omitempty"`
	Suspects    map[string]int `json:"suspects"`
	Entries     []string       `json:"entries"`

	Stack    string       `json:"stack,omitempty"`
	StackCut bool         `json:"stack_cut,omitempty"`
	Frames   []frameJSON  `json:"frames,omitempty"`
	Stderr   string       `json:"stderr,omitempty"`
	Notes    []string     `json:"notes,omitempty"`
	InFlight []flightJSON `json:"in_flight,omitempty"`
}

type frameJSON struct {
	Func string `json:"func"`
	File string `json:"file"`
	Line int    `json:"line"`
}

// flightJSON is a message that was in flight. State and entry are empty for those that were not
// suspect.
type flightJSON struct {
	Part         string    `json:"part"`
	Subscription string    `json:"subscription"`
	MessageID    string    `json:"message_id"`
	IDCut        bool      `json:"id_cut,omitempty"`
	PublishedAt  time.Time `json:"published_at"`
	Started      time.Time `json:"started"`
	Attempt      int       `json:"attempt"`
	Deaths       int       `json:"deaths"`
	Why          string    `json:"why,omitempty"`
	TraceID      string    `json:"trace_id,omitempty"`
	SpanID       string    `json:"span_id,omitempty"`
	State        string    `json:"state,omitempty"`
	Entry        string    `json:"entry,omitempty"`
}

// crashAnswerJSON is one death as an object of its own.
type crashAnswerJSON struct {
	output.Head
	Crash crashJSON `json:"crash"`
}

func newCrashJSON(c crash) crashJSON {
	return crashJSON{
		Ref: c.Ref, ID: c.ID, Seq: c.Seq, ReportedAt: c.ReportedAt.UTC(),
		Role: c.Role, Incarnation: c.Incarnation, Host: c.Host, Build: c.Build, PID: c.PID,
		Started: c.Started.UTC(), Died: c.Died.UTC(), Exit: c.Exit, Kind: c.Kind, Tier: c.Tier, Reason: c.Reason,
		Alone: c.Alone, Text: c.Text, Title: quarantine.DeathTitle(c.Crash), Verdict: quarantine.DeathVerdict(c.CrashReport),
		Where: c.where, Hint: c.Hint, StartedBy: c.StartedBy,
		Suspects: suspectCounts(c.Suspects), Entries: append([]string{}, c.entries...),
	}
}

func newDossierJSON(d dossier) crashJSON {
	j := newCrashJSON(d.crash)
	j.Stack, j.StackCut, j.Stderr, j.Notes = d.Stack, d.StackCut, d.Stderr, d.Notes
	for _, f := range d.Frames {
		j.Frames = append(j.Frames, frameJSON(f))
	}
	for _, f := range d.InFlight {
		fate := d.fate(f)
		j.InFlight = append(j.InFlight, flightJSON{
			Part: string(f.Part), Subscription: f.Subscription, MessageID: f.ID, IDCut: f.IDCut,
			PublishedAt: f.PublishedAt.UTC(), Started: f.Started.UTC(), Attempt: f.Attempt, Deaths: f.Deaths,
			Why: f.Why, TraceID: f.TraceID, SpanID: f.SpanID, State: string(fate.State), Entry: fate.entry,
		})
	}
	return j
}

// fate is what became of a message that was in flight; the zero suspect for one that was none.
func (d dossier) fate(f handlers.InFlight) suspect {
	if !f.Part.Alone() {
		return suspect{}
	}
	return d.fates[quarantine.SuspectKey(f.Subscription, f.ID, f.PublishedAt)]
}

func suspectCounts(by map[quarantine.SuspectState]int) map[string]int {
	j := map[string]int{}
	for _, s := range quarantine.SuspectStates() {
		j[string(s)] = by[s]
	}
	return j
}

func crashColumns(now time.Time) []output.Column[crash] {
	type c = crash
	return []output.Column[c]{
		{Title: "CRASH", Fixed: true, Human: func(c c) string { return c.Ref }},
		{Title: "AGE", Fixed: true, Human: func(c c) string { return age(diedAt(c.CrashReport), now) }, Machine: func(c c) string { return stamp(diedAt(c.CrashReport)) }},
		{Title: "WORKER", Human: func(c c) string { return worker(c.Crash) }},
		{Title: "HOW IT DIED", Human: func(c c) string { return strings.TrimPrefix(quarantine.DeathTitle(c.Crash), "fatal error: ") }, Machine: func(c c) string { return quarantine.DeathTitle(c.Crash) }},
		{Title: "VERDICT", Human: func(c c) string { return quarantine.DeathVerdict(c.CrashReport) }},
		{Title: "ENTRY", Fixed: true, Human: func(c c) string { return entryCell(c) }, Machine: func(c c) string { return strings.Join(c.entries, " ") }},
		{Title: "WHERE", Human: func(c c) string { return cmp.Or(c.where, noTrace(c.Crash)) }, Machine: func(c c) string { return c.where }},
		{Title: "EXIT", Wide: true, Human: func(c c) string { return c.Exit }},
		{Title: "BUILD", Wide: true, Human: func(c c) string { return c.Build }},
		{Title: "PID", Wide: true, Right: true, Human: func(c c) string { return plain(int64(c.PID)) }},
	}
}

// diedAt is when a process died, by the clock of whoever found it; without that by the store's.
func diedAt(r quarantine.CrashReport) time.Time {
	if r.Died.IsZero() {
		return r.ReportedAt
	}
	return r.Died
}

// worker names the process that died.
func worker(c handlers.Crash) string {
	name := c.Role
	switch {
	case c.Role != "" && c.Host != "":
		name += "/" + c.Host
	case c.Host != "":
		name = c.Host
	}
	name = cmp.Or(name, c.Incarnation, "-")
	if c.Alone {
		name += " (ward)"
	}
	return name
}

func entryCell(c crash) string {
	held := c.Suspects[quarantine.SuspectHeld]
	switch {
	case len(c.entries) == 0:
		return "-"
	case held > 1:
		return c.entries[0] + " +" + count(held-1)
	default:
		return c.entries[0]
	}
}

func noTrace(c handlers.Crash) string {
	if c.Text == "" {
		return "no trace"
	}
	return "-"
}
