package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

type crashesOptions struct {
	output.Options
	sub, since, after string
	limit             int
	ref               string
}

func newCrashesCommand(t *Tool) *cobra.Command {
	o := &crashesOptions{}
	c := &cobra.Command{
		Use:   "crashes [REF]",
		Short: "List the deaths of processes, or say how one died and of which message",
		Long: "List the deaths of processes, newest first, with the entry that is held for each. With the reference of\n" +
			"one, print its report: the evidence, what was in flight, the goroutine that died and the last words.",
		Example: `theriac crashes
theriac crashes C-4M2P
theriac crashes --sub orders --since 1d
theriac crashes C-4M2P --jq .crash.stack`,
		Args:              args(0, 1, "crashes [REF]"),
		ValidArgsFunction: t.completeCrashes,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.ref = args[0]
			}
			return o.run(c.Context(), t)
		},
	}
	addOutput(c, &o.Options)
	c.Flags().StringVar(&o.sub, "sub", "", "only those that a message of this `SUBSCRIPTION` may have caused")
	c.Flags().StringVar(&o.since, "since", "", "only those reported since `TIME`: 2h, 7d, 2026-11-22, or RFC 3339")
	c.Flags().IntVarP(&o.limit, "limit", "n", 30, "at most so many, up to 1000")
	c.Flags().StringVar(&o.after, "after", "", "go on below this `REF`")
	noFiles(c.RegisterFlagCompletionFunc("sub", t.completeSubs))
	return c
}

func (o *crashesOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.limit < 1 || o.limit > maxLimit {
		return problem.Errorf(problem.Invalid, "--limit %d: want 1 to %d", o.limit, maxLimit)
	}
	if o.ref != "" {
		if o.sub != "" || o.since != "" || o.after != "" {
			return problem.Errorf(problem.Invalid, "--sub, --since and --after select from the list; a report stands alone: theriac crashes REF")
		}
		return o.one(ctx, t)
	}
	q := quarantine.CrashQuery{Subscription: o.sub, Limit: o.limit}
	if o.since != "" {
		terms, err := quarantine.ParseQuery([]string{"since:" + o.since}, t.now())
		if err != nil {
			return err
		}
		q.Since = terms.Since
	}
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	if o.after != "" {
		r, err := findCrash(ctx, room, o.after)
		if err != nil {
			return err
		}
		q.After = r.Seq
	}
	return o.list(ctx, t, room, q)
}

type crashListJSON struct {
	output.Head
	Crashes []crashJSON `json:"crashes"`
	Next    string      `json:"next"`
}

func (o *crashesOptions) list(ctx context.Context, t *Tool, room *quarantine.Service, q quarantine.CrashQuery) error {
	page, err := room.CrashList(ctx, q)
	if err != nil {
		return err
	}
	list := crashListJSON{Head: output.NewHead(), Crashes: []crashJSON{}}
	a := output.Answer{Items: []any{}}
	var rows []crash
	ledger := newLedger(room)
	for _, r := range page.Reports {
		row, err := ledger.row(ctx, r)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		list.Crashes = append(list.Crashes, newCrashJSON(row))
		a.Items = append(a.Items, crashAnswerJSON{output.NewHead(), newCrashJSON(row)})
		a.Names = append(a.Names, r.Ref)
	}
	if page.Next != 0 && len(rows) > 0 {
		list.Next = rows[len(rows)-1].Ref
	}
	a.Value = list
	a.Layout = output.Rows[crash]{Columns: crashColumns(t.now()), Items: rows, Empty: "no death matches"}
	if err := t.Print(o.Options, a); err != nil {
		return err
	}
	switch {
	case list.Next != "":
		t.Hint("%s shown, there are more: --after %s", plural(len(rows), "death", "deaths"), list.Next)
	case len(rows) > 0 && !o.Machine(t.OutTerminal):
		t.Hint("Next     theriac crashes %s", rows[0].Ref)
	}
	return nil
}

// one prints one report.
func (o *crashesOptions) one(ctx context.Context, t *Tool) error {
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	r, err := findCrash(ctx, room, o.ref)
	if err != nil {
		return err
	}
	d, err := newLedger(room).dossier(ctx, r)
	if err != nil {
		return err
	}
	machine := o.Machine(t.OutTerminal)
	err = t.Print(o.Options, output.Answer{
		Value: crashAnswerJSON{output.NewHead(), newDossierJSON(d)}, Names: []string{r.Ref},
		Layout: crashPage(t.now(), d, machine || o.Format == string(output.Wide)),
	})
	if err == nil && !machine {
		nextAfterCrash(t, d)
	}
	return err
}

func nextAfterCrash(t *Tool, d dossier) {
	switch {
	case len(d.entries) > 0:
		t.Hint("Next     theriac why %s   theriac replay %s", d.entries[0], d.entries[0])
	case d.Suspects[quarantine.SuspectWaiting] > 0:
		t.Hint("Next     theriac suspects --crash %s", d.Ref)
	}
}
