package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

type incidentTimelineOptions struct {
	output.Options
	all   bool
	limit int
	after int64
}

// maxLines is how many events one page of a timeline may hold.
const maxLines = 1000

func newIncidentTimelineCommand(t *Tool) *cobra.Command {
	o := &incidentTimelineOptions{}
	c := t.lookCommand("timeline", "What happened to an incident, oldest first", &o.Options, func(ctx context.Context, word string) error {
		return o.run(ctx, t, word)
	})
	c.Long = "What happened to an incident, oldest first, in the order in which it was recorded; the time shown is when it\n" +
		"happened, as people say. Lines that were edited stand as they read now; --all shows every event."
	c.Example = `theriac incident timeline INC-42
theriac incident timeline INC-42 --all -o jsonl`
	c.Flags().BoolVar(&o.all, "all", false, "every event, with what was edited and removed")
	c.Flags().IntVar(&o.limit, "limit", maxLines, "at most so many events, up to 1000")
	c.Flags().Int64Var(&o.after, "after", 0, "go on after event number `N`")
	return c
}

type incidentTimelineJSON struct {
	output.Head
	Ref    string     `json:"ref"`
	Events []lineJSON `json:"events"`
	// Next is the event to go on after, 0 at the end.
	Next int64 `json:"next"`
}

func (o *incidentTimelineOptions) run(ctx context.Context, t *Tool, word string) error {
	if o.limit < 1 || o.limit > maxLines {
		return problem.Errorf(problem.Invalid, "--limit %d: want 1 to %d", o.limit, maxLines)
	}
	room, inc, err := t.look(ctx, word)
	if err != nil {
		return err
	}
	page, err := room.stores.Events(ctx, incident.EventFilter{IncidentID: inc.ID, AfterSeq: max(o.after, 0), Limit: o.limit})
	if err != nil {
		return err
	}
	later, err := room.laterEdits(ctx, page)
	if err != nil {
		return err
	}
	lines := slices.DeleteFunc(timelineOf(slices.Concat(page.Events, later), o.all), func(l timelineLine) bool {
		return slices.ContainsFunc(later, func(e incident.Event) bool { return e.Seq == l.Seq })
	})
	j := incidentTimelineJSON{Head: output.NewHead(), Ref: inc.Ref(), Events: []lineJSON{}}
	if n := len(page.Events); n > 0 && page.Next != "" {
		j.Next = page.Events[n-1].Seq
	}
	a := output.Answer{Items: []any{}}
	for _, l := range lines {
		one := lineJSON{l.Event, l.text}
		j.Events = append(j.Events, one)
		a.Items = append(a.Items, struct {
			output.Head
			Event lineJSON `json:"event"`
		}{output.NewHead(), one})
		a.Names = append(a.Names, plain(l.Seq))
	}
	a.Value = j
	a.Layout = output.Rows[timelineLine]{Columns: timelineColumns(t.now()), Items: lines, Empty: "nothing happened"}
	if err := t.Print(o.Options, a); err != nil {
		return err
	}
	if j.Next > 0 {
		t.Hint("%s", fmt.Sprintf("%s shown   next: --after %d", plural(len(lines), "line", "lines"), j.Next))
	}
	return nil
}

// laterEdits are the edits and removals behind a page that is not the last: they may be of its lines.
func (r *incidentRoom) laterEdits(ctx context.Context, page incident.EventPage) (edits []incident.Event, err error) {
	n := len(page.Events)
	if n == 0 || page.Next == "" {
		return nil, nil
	}
	last := page.Events[n-1]
	f := incident.EventFilter{
		IncidentID: last.IncidentID, AfterSeq: last.Seq, Limit: maxLines,
		Types: []incident.EventType{incident.EvItemEdited, incident.EvItemRemoved},
	}
	for {
		more, err := r.stores.Events(ctx, f)
		if err != nil {
			return nil, err
		}
		edits = append(edits, more.Events...)
		if more.Next == "" || len(more.Events) == 0 {
			return edits, nil
		}
		f.AfterSeq = more.Events[len(more.Events)-1].Seq
	}
}

func timelineColumns(now time.Time) []output.Column[timelineLine] {
	type l = timelineLine
	return []output.Column[l]{
		{Title: "NO", Right: true, Fixed: true, Human: func(l l) string { return plain(l.Seq) }},
		{Title: "TIME", Fixed: true, Human: func(l l) string { return clock(l.OccurredAt, now) }, Machine: func(l l) string { return stamp(l.OccurredAt) }},
		{Title: "EVENT", Human: func(l l) string { return l.text + l.mark() }},
		{Title: "TYPE", Wide: true, Human: func(l l) string { return string(l.Type) }},
		{Title: "RECORDED", Wide: true, Human: func(l l) string { return clock(l.RecordedAt, now) }, Machine: func(l l) string { return stamp(l.RecordedAt) }},
	}
}

func newNoteCommand(t *Tool) *cobra.Command {
	o := &verbOptions{}
	var at string
	var editLine, removeLine int64
	c := o.command(t, "note REF [TEXT]", "Write a line into the timeline, or mend one", args(1, 2, "incident note REF TEXT"), nil)
	c.Long = "Write a line into the timeline, at the time that it is about. --edit changes the text or the time of one, --remove\n" +
		"hides one; the original stays in the list. Numbers are those of: theriac incident timeline REF"
	c.Example = `theriac incident note INC-42 "the bank confirms an outage" --at 10m
theriac incident note INC-42 "the bank denies an outage" --edit 17
theriac incident note INC-42 --remove 17`
	c.Flags().StringVar(&at, "at", "", "when: 10m for ten minutes ago, or RFC 3339")
	c.Flags().Int64Var(&editLine, "edit", 0, "change line number `N`")
	c.Flags().Int64Var(&removeLine, "remove", 0, "hide line number `N`")
	c.RunE = func(c *cobra.Command, given []string) error {
		occurred, err := parseMoment("--at", at, t.now())
		if err != nil {
			return err
		}
		text := ""
		if len(given) > 1 {
			text = given[1]
		}
		if editLine != 0 && removeLine != 0 || removeLine != 0 && (text != "" || at != "") {
			return problem.Errorf(problem.Invalid, "--remove stands alone: without a text, --at or --edit")
		}
		return o.runIn(c.Context(), t, given[0], func(ctx context.Context, room *incidentRoom) (incident.Verb, error) {
			return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				if editLine == 0 && removeLine == 0 {
					return inc.AddItem(act, text, occurred)
				}
				line, err := room.line(ctx, inc, cmp.Or(editLine, removeLine))
				if err != nil {
					return nil, err
				}
				if removeLine != 0 {
					return inc.RemoveItem(act, line)
				}
				return inc.EditItem(act, line, text, occurred)
			}, nil
		})
	}
	return c
}

// line loads an event by its number. Events never change, so that it does not matter when.
func (r *incidentRoom) line(ctx context.Context, inc *incident.Incident, seq int64) (incident.Event, error) {
	page, err := r.stores.Events(ctx, incident.EventFilter{IncidentID: inc.ID, AfterSeq: max(seq-1, 0), Limit: 1})
	if err != nil {
		return incident.Event{}, err
	}
	if len(page.Events) == 0 || page.Events[0].Seq != seq {
		return incident.Event{}, problem.Errorf(problem.NotFound, "%s has no line %d; the lines: theriac incident timeline %s", inc.Ref(), seq, inc.Ref())
	}
	return page.Events[0], nil
}

// parseMoment reads a time: a span before now, or RFC 3339. Empty is no time.
func parseMoment(field, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if span, err := quarantine.ParseSpan(text); err == nil {
		return now.Add(-span), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, problem.Errorf(problem.Invalid, "%s %.60q: want how long ago, such as 10m, or a time such as 2022-11-18T15:40:00Z", field, text)
	}
	return at, nil
}

func newIncidentEffectsCommand(t *Tool) *cobra.Command {
	o := &output.Options{}
	c := t.lookCommand("effects", "What was done to the world outside: pages, the channel, posts", o, func(ctx context.Context, word string) error {
		return t.showEffects(ctx, *o, word)
	})
	c.Long = "What was done to the world outside for an incident. Each happens once for its key. One that is waiting was\n" +
		"given back undone, and one that is claimed is being done, or its worker died doing it."
	c.Example = `theriac incident effects INC-42`
	return c
}

// effectJSON is an effect in theriac/1.
type effectJSON struct {
	Key        string     `json:"key"`
	State      string     `json:"state"`
	Attempt    int        `json:"attempt"`
	InDoubt    bool       `json:"in_doubt"`
	ExternalID string     `json:"external_id,omitempty"`
	Result     string     `json:"result,omitempty"`
	EventID    string     `json:"event_id,omitempty"`
	Claimed    *time.Time `json:"claimed,omitempty"`
	Finished   *time.Time `json:"finished,omitempty"`
	NotBefore  *time.Time `json:"not_before,omitempty"`
}

type effectsAnswerJSON struct {
	output.Head
	Ref     string       `json:"ref"`
	Effects []effectJSON `json:"effects"`
}

// orNull is a time in JSON, null for none.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (t *Tool) showEffects(ctx context.Context, o output.Options, word string) error {
	room, inc, err := t.look(ctx, word)
	if err != nil {
		return err
	}
	effects, err := room.stores.EffectList(ctx, inc.ID)
	if err != nil {
		return err
	}
	j := effectsAnswerJSON{Head: output.NewHead(), Ref: inc.Ref(), Effects: []effectJSON{}}
	a := output.Answer{}
	for _, e := range effects {
		j.Effects = append(j.Effects, effectJSON{
			Key: e.Key, State: string(e.State), Attempt: e.Attempt, InDoubt: e.InDoubt, ExternalID: e.ExternalID, Result: e.Result,
			EventID: e.EventID, Claimed: orNull(e.Claimed), Finished: orNull(e.Finished), NotBefore: orNull(e.NotBefore),
		})
		a.Names = append(a.Names, e.Key)
	}
	a.Value = j
	a.Layout = output.Rows[incident.Effect]{Columns: effectColumns(t.now()), Items: effects, Empty: "nothing was done yet: it is the workers of incidentd who do it"}
	return t.Print(o, a)
}

func effectColumns(now time.Time) []output.Column[incident.Effect] {
	type e = incident.Effect
	return []output.Column[e]{
		{Title: "EFFECT", Human: func(e e) string { return shortKey(e) }, Machine: func(e e) string { return e.Key }},
		{Title: "STATE", Fixed: true, Human: func(e e) string {
			if e.InDoubt {
				return string(e.State) + ", in doubt"
			}
			return string(e.State)
		}},
		{Title: "TRIES", Right: true, Human: func(e e) string { return strconv.Itoa(e.Attempt) }},
		{Title: "WHEN", Human: func(e e) string { return clock(effectTime(e), now) }, Machine: func(e e) string { return stamp(effectTime(e)) }},
		{Title: "RESULT", Human: func(e e) string { return strings.Join(present(e.ExternalID, lineOf(e.Result)), "   ") }},
	}
}

// shortKey is a key without the incident's own id, which would fill the screen.
func shortKey(e incident.Effect) string {
	return strings.ReplaceAll(e.Key, e.IncidentID, "…")
}

func effectTime(e incident.Effect) time.Time {
	if e.Finished.IsZero() {
		return e.Claimed
	}
	return e.Finished
}
