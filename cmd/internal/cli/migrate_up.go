package cli

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
)

type migrateUpOptions struct {
	output.Options
	dryRun bool
}

func newMigrateUpCommand(t *Tool) *cobra.Command {
	o := &migrateUpOptions{}
	c := &cobra.Command{
		Use:   "up",
		Short: "Apply the pending steps",
		Args:  args(0, 0, "migrate up"),
		RunE:  func(c *cobra.Command, _ []string) error { return o.run(c.Context(), t) },
	}
	addOutput(c, &o.Options)
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would be applied, change nothing")
	return c
}

func (o *migrateUpOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if _, err := t.beginWrite(o.dryRun); err != nil {
		return err
	}
	return withSchemas(ctx, t, app.SchemaRooms(), func(all []schema) error {
		if o.dryRun {
			return o.show(t, all)
		}
		for i, one := range all {
			if one.migrator == nil {
				continue
			}
			done, err := one.migrator.Up(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", one.room, err)
			}
			all[i].steps = done
		}
		a := schemasAnswer(t, all)
		a.Layout = output.Screen(func(w *term.Writer) {
			for _, one := range all {
				one.applied(w)
			}
		})
		return t.Print(o.Options, a)
	})
}

// applied says what was done to the schema of a room.
func (s schema) applied(w *term.Writer) {
	for _, step := range s.steps {
		w.Printf("applied  %s\n", step.Name)
	}
	switch {
	case s.migrator == nil:
	case len(s.steps) == 0:
		w.Printf("%s: nothing pending, the schema is at %d\n", s.room, s.migrator.Want())
	default:
		w.Printf("%s: the schema is at %d   Undo: theriac migrate down --room %s   (what the step stored is lost)\n", s.room, s.migrator.Want(), s.room)
	}
}

// show lists what is pending; for an empty store that is all there is, so it shows the SQL too.
func (o *migrateUpOptions) show(t *Tool, all []schema) error {
	var text bytes.Buffer
	w := term.NewWriter(&text, false)
	for i, one := range all {
		if one.migrator == nil {
			continue
		}
		pending := app.Pending(one.steps)
		w.Printf("%s: Would apply %s to %s.   Nothing is done.\n", one.room, plural(len(pending), "step", "steps"), one.store)
		for _, s := range pending {
			w.Printf("  %s\n", s.Name)
		}
		switch len(pending) {
		case 0:
		case len(one.steps):
			var sql bytes.Buffer
			if err := one.migrator.Print(&sql); err != nil {
				return err
			}
			w.Indented("", sql.String())
		default:
			w.Printf("The SQL of all steps: theriac migrate print --room %s\n", one.room)
		}
		all[i].steps = pending
	}
	a := schemasAnswer(t, all)
	a.Layout = output.Screen(func(w *term.Writer) { w.Indented("", text.String()) })
	return t.Print(o.Options, a)
}
