package cli

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/internal/problem"
)

func newMigrateCommand(t *Tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the store's schema up to date, or back",
		Long: "Bring the store's schema up to date, or back. Quarantine and incidents have one each, in one database or in\n" +
			"two files. A Postgres store is never migrated by anything else; an embedded one is migrated by what opens it.",
		Example: `theriac migrate status --check
theriac migrate up --dry-run
theriac migrate up
theriac migrate print > schema.sql       for people with a tool of their own`,
		Args: func(_ *cobra.Command, given []string) error {
			if len(given) == 0 {
				return problem.Errorf(problem.Invalid, "say which: theriac migrate status, up, down or print")
			}
			return problem.Errorf(problem.Invalid, "unknown command %q; want: theriac migrate status, up, down or print", given[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args has refused it
	}
	c.AddCommand(newMigrateStatusCommand(t), newMigrateUpCommand(t), newMigrateDownCommand(t), newMigratePrintCommand(t))
	return c
}

type migrateStatusOptions struct {
	output.Options
	check bool
}

func newMigrateStatusCommand(t *Tool) *cobra.Command {
	o := &migrateStatusOptions{}
	c := &cobra.Command{
		Use:   "status",
		Short: "List the steps of the schema and which are applied",
		Args:  args(0, 0, "migrate status"),
		RunE:  func(c *cobra.Command, _ []string) error { return o.run(c.Context(), t) },
	}
	addOutput(c, &o.Options)
	c.Flags().BoolVar(&o.check, "check", false, "exit with 9 if steps are pending")
	return c
}

func (o *migrateStatusOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	return withSchemas(ctx, t, app.SchemaRooms(), func(all []schema) error {
		if err := t.Print(o.Options, schemasAnswer(t, all)); err != nil {
			return err
		}
		pending := 0
		for _, one := range all {
			if err := one.tooNew(ctx); err != nil {
				return err
			}
			pending += len(app.Pending(one.steps))
		}
		if pending > 0 {
			t.Hint("%s pending   apply: theriac migrate up", plural(pending, "step", "steps"))
			if o.check {
				return &shownError{problem.BadAnswer}
			}
		}
		return nil
	})
}

func newMigratePrintCommand(t *Tool) *cobra.Command {
	o := &roomOption{}
	c := &cobra.Command{
		Use:   "print",
		Short: "Print the SQL of all steps, without touching a database",
		Args:  args(0, 0, "migrate print"),
		RunE: func(*cobra.Command, []string) error {
			s, err := t.Settings()
			if err != nil {
				return err
			}
			rooms, err := o.rooms()
			if err != nil {
				return err
			}
			var sql bytes.Buffer
			for _, room := range rooms {
				fmt.Fprintf(&sql, "-- %s\n\n", room)
				if err := app.PrintSchema(&sql, room, room.Place(s)); err != nil {
					return err
				}
			}
			w := t.Out()
			w.Indented("", sql.String())
			return w.Err()
		},
	}
	o.add(c, "", "only this `ROOM`: quarantine, incident")
	return c
}
