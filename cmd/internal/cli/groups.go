package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// groupEntries is how many of its latest entries the page of a group shows.
const groupEntries = 10

type groupsOptions struct {
	output.Options
	limit int
	args  []string
}

func newGroupsCommand(t *Tool) *cobra.Command {
	o := &groupsOptions{}
	c := &cobra.Command{
		Use:   "groups [REF | TERM...]",
		Short: "List groups of entries that are the same problem, or show one",
		Long: "List groups, those with held entries first. With the reference of a group, say why two of its\n" +
			"entries are one group, and list its builds, latest entries, their last changes, and who took it.",
		Example: `theriac groups
theriac groups sub:orders since:1d
theriac groups G-9C1E`,
		ValidArgsFunction: t.completeGroups,
		RunE: func(c *cobra.Command, args []string) error {
			o.args = args
			return o.run(c.Context(), t)
		},
	}
	addOutput(c, &o.Options)
	c.Flags().IntVar(&o.limit, "limit", 30, "at most so many groups, up to 1000")
	return c
}

type groupListJSON struct {
	output.Head
	Groups []groupJSON `json:"groups"`
}

func (o *groupsOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.limit < 1 || o.limit > maxLimit {
		return problem.Errorf(problem.Invalid, "--limit %d: want 1 to %d", o.limit, maxLimit)
	}
	if len(o.args) == 1 && isGroupRef(o.args[0]) {
		err := o.one(ctx, t)
		if !errors.Is(err, quarantine.ErrNotFound) || strings.HasPrefix(strings.ToUpper(o.args[0]), "G-") {
			return err
		}
		// A word to search for may happen to be written in the letters of references.
	}
	q, err := quarantine.ParseQuery(o.args, t.now())
	if err != nil {
		return err
	}
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	q.Limit = o.limit
	groups, err := room.GroupList(ctx, q)
	if err != nil {
		return err
	}
	list := groupListJSON{output.NewHead(), []groupJSON{}}
	a := output.Answer{Items: []any{}}
	for _, g := range groups {
		list.Groups = append(list.Groups, newGroupJSON(g))
		a.Items = append(a.Items, newGroupAnswer(g))
		a.Names = append(a.Names, g.Ref)
	}
	a.Value = list
	a.Layout = output.Rows[quarantine.Group]{Columns: groupColumns(t.now()), Items: groups, Empty: "no group matches"}
	if err := t.Print(o.Options, a); err != nil {
		return err
	}
	if len(groups) == o.limit {
		t.Hint("%d groups shown, there may be more: --limit %d", len(groups), min(2*o.limit, maxLimit))
	}
	return nil
}

// isGroupRef reports whether a word is a reference and not a query term.
func isGroupRef(word string) bool {
	_, ok := quarantine.NormalizeRef("G-", word)
	return ok
}

func (o *groupsOptions) one(ctx context.Context, t *Tool) error {
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	g, err := room.GroupGet(ctx, o.args[0])
	if err != nil {
		return err
	}
	page, err := room.EntryList(ctx, quarantine.Query{Group: g.Fingerprint, Limit: groupEntries})
	if err != nil {
		return err
	}
	acts, err := lastActs(ctx, room, g)
	if err != nil {
		return err
	}
	answer := groupPageJSON{groupAnswerJSON: newGroupAnswer(g), Acts: []actJSON{}}
	for _, a := range acts {
		answer.Acts = append(answer.Acts, newActJSON(a))
	}
	return t.Print(o.Options, output.Answer{Value: answer, Names: []string{g.Ref}, Layout: groupPage(t, g, page.Entries, acts)})
}

// groupPageJSON is a group with what was done to it last, in theriac/1.
type groupPageJSON struct {
	groupAnswerJSON
	Acts []actJSON `json:"acts"`
}

// actJSON is an act on a group in theriac/1.
type actJSON struct {
	Verb    string        `json:"verb"`
	Version int64         `json:"version"`
	Until   *time.Time    `json:"until,omitempty"`
	Decided *decisionJSON `json:"decided"`
}

func newActJSON(a quarantine.AuditRow) actJSON {
	j := actJSON{Verb: string(a.Verb), Version: a.Version, Decided: newDecisionJSON(a.Decision)}
	if !a.Until.IsZero() {
		until := a.Until.UTC()
		j.Until = &until
	}
	return j
}

// lastActs returns the latest acts on a group, newest first. They stand among the
// changes of its entries, which are read through.
func lastActs(ctx context.Context, room *quarantine.Service, g quarantine.Group) ([]quarantine.AuditRow, error) {
	if g.Version == 0 {
		return nil, nil
	}
	var acts []quarantine.AuditRow
	for after := int64(0); ; {
		rows, err := room.GroupAudit(ctx, g.Fingerprint, after, maxLimit)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			after = r.N
			if r.Verb != "" {
				acts = append(acts, r)
			}
		}
		if len(rows) < maxLimit {
			break
		}
	}
	slices.Reverse(acts)
	return acts[:min(len(acts), groupEntries)], nil
}

func groupPage(t *Tool, g quarantine.Group, latest []quarantine.Entry, acts []quarantine.AuditRow) output.Page {
	now := t.now()
	p := output.Page{Word: g.Ref, Title: fmt.Sprintf("%s   %s   %s", g.Subscription, g.Reason, g.Title)}
	add := func(name string, apart bool, lines ...string) {
		if len(lines) > 0 && lines[0] != "" {
			p.Sections = append(p.Sections, output.Section{Name: name, Lines: lines, Apart: apart})
		}
	}
	add("WHERE", false, g.Where)
	add("ENTRIES", false, counts(g.Counts, ""))
	add("TAKEN", false, decided(g.Taken)...)
	if g.IsSnoozed(now) {
		add("QUIET", false, "until "+g.SnoozedUntil.UTC().Format("2006-01-02 15:04:05Z"))
	}
	add("FIRST", false, moment(g.First, now))
	add("LAST", false, moment(g.Last, now))
	add("BUILDS", false, g.Builds...)
	add("ONE GROUP BECAUSE THESE ARE EQUAL", true, g.Basis...)
	var rows, operations []string
	for _, e := range latest {
		rows = append(rows, fmt.Sprintf("%s   %s   %s ago", e.Ref, e.State, age(e.HeldAt, now)))
		if d := e.Decided; d.Actor.Name != "" {
			operations = append(operations, fmt.Sprintf("%s   %s by %s %s ago: %s", e.Ref, e.State, d.Actor.Name, age(d.At, now), d.Reason))
		}
	}
	add("LATEST ENTRIES", true, rows...)
	add("DECIDED AMONG THEM", true, operations...)
	var done []string
	for _, a := range acts {
		done = append(done, operationLine(a, now))
	}
	add("DONE TO THE GROUP", true, done...)
	return p
}
