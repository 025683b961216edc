package cli

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/internal/migrate"
	"github.com/theriac/theriac/internal/problem"
)

func newMigrateCommand(t *Tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the store's schema up to date, or back",
		Long: "Bring the store's schema up to date, or back. A Postgres store is never migrated by anything else;\n" +
			"an embedded one is migrated by the worker that opens it.",
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

// stepJSON is a step of the schema in theriac/1.
type stepJSON struct {
	Version int64      `json:"version"`
	Name    string     `json:"name"`
	Applied *time.Time `json:"applied"`
}

type stepsJSON struct {
	output.Head
	Store string     `json:"store"`
	Steps []stepJSON `json:"steps"`
}

func stepsAnswer(t *Tool, store string, steps []migrate.Migration) output.Answer {
	now := t.now()
	j := stepsJSON{output.NewHead(), store, []stepJSON{}}
	var names []string
	for _, s := range steps {
		step := stepJSON{Version: s.Version, Name: s.Name}
		if !s.Applied.IsZero() {
			applied := s.Applied.UTC()
			step.Applied = &applied
		}
		j.Steps = append(j.Steps, step)
		names = append(names, s.Name)
	}
	type m = migrate.Migration
	return output.Answer{Value: j, Names: names, Layout: output.Rows[m]{Items: steps, Empty: "no step", Columns: []output.Column[m]{
		{Title: "VERSION", Right: true, Human: func(m m) string { return plain(m.Version) }},
		{Title: "STEP", Fixed: true, Human: func(m m) string { return m.Name }},
		{Title: "APPLIED", Human: func(m m) string {
			if m.Applied.IsZero() {
				return "pending"
			}
			return moment(m.Applied, now)
		}, Machine: func(m m) string { return stamp(m.Applied) }},
	}}}
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
	return withMigrator(ctx, t, func(m app.Migrator, store string) error {
		steps, err := m.Status(ctx)
		if err != nil {
			return err
		}
		if err := t.Print(o.Options, stepsAnswer(t, store, steps)); err != nil {
			return err
		}
		have, err := m.Have(ctx)
		if err != nil {
			return err
		}
		if want := m.Want(); have > want {
			return problem.Errorf(problem.Unavailable, "the schema is at %d, this program knows only %d; use a newer theriac", have, want)
		}
		if n := len(app.Pending(steps)); n > 0 {
			t.Hint("%s pending   apply: theriac migrate up", plural(n, "step", "steps"))
			if o.check {
				return &shownError{problem.BadAnswer}
			}
		}
		return nil
	})
}

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
	return withMigrator(ctx, t, func(m app.Migrator, store string) error {
		if o.dryRun {
			return o.show(ctx, t, m, store)
		}
		done, err := m.Up(ctx)
		if err != nil {
			return err
		}
		a := stepsAnswer(t, store, done)
		a.Layout = output.Screen(func(w *term.Writer) {
			for _, s := range done {
				w.Printf("applied  %s\n", s.Name)
			}
			if len(done) == 0 {
				w.Printf("nothing pending, the schema is at %d\n", m.Want())
			} else {
				w.Printf("the schema is at %d   Undo: theriac migrate down   (what the step stored is lost)\n", m.Want())
			}
		})
		return t.Print(o.Options, a)
	})
}

// show lists what is pending; for an empty store that is all there is, so it shows the SQL too.
func (o *migrateUpOptions) show(ctx context.Context, t *Tool, m app.Migrator, store string) error {
	steps, err := m.Status(ctx)
	if err != nil {
		return err
	}
	pending := app.Pending(steps)
	var sql bytes.Buffer
	if len(pending) == len(steps) {
		if err := m.Print(&sql); err != nil {
			return err
		}
	}
	a := stepsAnswer(t, store, pending)
	a.Layout = output.Screen(func(w *term.Writer) {
		w.Printf("Would apply %s to %s.   Nothing is done.\n", plural(len(pending), "step", "steps"), store)
		for _, s := range pending {
			w.Printf("  %s\n", s.Name)
		}
		w.Indented("", sql.String())
		if sql.Len() == 0 && len(pending) > 0 {
			w.Printf("The SQL of all steps: theriac migrate print\n")
		}
	})
	return t.Print(o.Options, a)
}

type migrateDownOptions struct {
	output.Options
	dryRun  bool
	confirm string
}

func newMigrateDownCommand(t *Tool) *cobra.Command {
	o := &migrateDownOptions{}
	c := &cobra.Command{
		Use:   "down",
		Short: "Take the newest step back; what it stored is lost",
		Args:  args(0, 0, "migrate down"),
		RunE:  func(c *cobra.Command, _ []string) error { return o.run(c.Context(), t) },
	}
	addOutput(c, &o.Options)
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would be taken back, change nothing")
	c.Flags().StringVar(&o.confirm, "confirm", "", "the `NAME` of the store, instead of typing it")
	return c
}

func (o *migrateDownOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	settings, err := t.beginWrite(o.dryRun)
	if err != nil {
		return err
	}
	return withMigrator(ctx, t, func(m app.Migrator, store string) error {
		steps, err := m.Status(ctx)
		if err != nil {
			return err
		}
		newest := len(steps) - len(app.Pending(steps)) - 1
		if newest < 0 {
			return problem.Errorf(problem.Refused, "no step is applied to %s: nothing to take back", store)
		}
		what := fmt.Sprintf("%s of %s", steps[newest].Name, store)
		if o.dryRun {
			a := stepsAnswer(t, store, steps[newest:newest+1])
			a.Layout = output.Screen(func(w *term.Writer) {
				w.Printf("Would take back %s and lose what it stored.   Nothing is done.\n", what)
			})
			return t.Print(o.Options, a)
		}
		if err := t.confirmName(o.confirm, settings.Store.Name(), "This takes back %s. What the step stored, held messages too, is lost.", what); err != nil {
			return err
		}
		done, err := m.Down(ctx)
		if err != nil {
			return err
		}
		a := stepsAnswer(t, store, done)
		a.Layout = output.Screen(func(w *term.Writer) {
			w.Printf("taken back  %s   There is no undo for what it stored; the empty schema: theriac migrate up\n", what)
		})
		return t.Print(o.Options, a)
	})
}

func newMigratePrintCommand(t *Tool) *cobra.Command {
	return &cobra.Command{
		Use:   "print",
		Short: "Print the SQL of all steps, without touching a database",
		Args:  args(0, 0, "migrate print"),
		RunE: func(*cobra.Command, []string) error {
			s, err := t.Settings()
			if err != nil {
				return err
			}
			var sql bytes.Buffer
			if err := app.PrintSchema(&sql, s.Store); err != nil {
				return err
			}
			w := t.Out()
			w.Indented("", sql.String())
			return w.Err()
		},
	}
}

// withMigrator opens the migrations of the chosen store for f.
func withMigrator(ctx context.Context, t *Tool, f func(m app.Migrator, store string) error) error {
	s, err := t.Settings()
	if err != nil {
		return err
	}
	m, err := app.OpenMigrator(ctx, s.Store)
	if err != nil {
		return err
	}
	err = f(m, s.Store.String())
	if closing := m.Close(); err == nil {
		err = closing
	}
	return err
}
