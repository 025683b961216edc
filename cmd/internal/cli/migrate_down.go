package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/internal/problem"
)

type migrateDownOptions struct {
	output.Options
	roomOption
	dryRun  bool
	confirm string
}

func newMigrateDownCommand(t *Tool) *cobra.Command {
	o := &migrateDownOptions{}
	c := &cobra.Command{
		Use:   "down",
		Short: "Take the newest step of a room back; what it stored is lost",
		Args:  args(0, 0, "migrate down"),
		RunE:  func(c *cobra.Command, _ []string) error { return o.run(c.Context(), t) },
	}
	addOutput(c, &o.Options)
	o.add(c, string(app.QuarantineSchema), "`ROOM` whose step is taken back: quarantine, incident")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would be taken back, change nothing")
	c.Flags().StringVar(&o.confirm, "confirm", "", "the `NAME` of the store, instead of typing it")
	return c
}

func (o *migrateDownOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	rooms, err := o.rooms()
	if err != nil {
		return err
	}
	settings, err := t.beginWrite(o.dryRun)
	if err != nil {
		return err
	}
	return withSchemas(ctx, t, rooms, func(all []schema) error {
		one := all[0]
		newest := len(one.steps) - len(app.Pending(one.steps)) - 1
		if newest < 0 {
			return problem.Errorf(problem.Refused, "no step is applied to %s: nothing to take back", one.store)
		}
		what := fmt.Sprintf("%s of %s", one.steps[newest].Name, one.store)
		if o.dryRun {
			one.steps = one.steps[newest : newest+1]
			return o.print(t, one, fmt.Sprintf("Would take back %s and lose what it stored.   Nothing is done.", what))
		}
		lost := map[app.SchemaRoom]string{app.QuarantineSchema: "held messages", app.IncidentSchema: "incidents"}[one.room]
		if err := t.confirmName(o.confirm, one.room.Place(settings).Name(), "This takes back %s. What the step stored, %s too, is lost.", what, lost); err != nil {
			return err
		}
		if one.steps, err = one.migrator.Down(ctx); err != nil {
			return err
		}
		return o.print(t, one, fmt.Sprintf("taken back  %s   There is no undo for what it stored; the empty schema: theriac migrate up", what))
	})
}

func (o *migrateDownOptions) print(t *Tool, one schema, line string) error {
	a := schemasAnswer(t, []schema{one})
	a.Layout = output.Screen(func(w *term.Writer) { w.Printf("%s\n", line) })
	return t.Print(o.Options, a)
}
