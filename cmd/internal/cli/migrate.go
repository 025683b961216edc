package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// stepJSON is a step of a schema in theriac/1.
type stepJSON struct {
	Room    string     `json:"room"`
	Version int64      `json:"version"`
	Name    string     `json:"name"`
	Applied *time.Time `json:"applied"`
}

// schemaJSON is the schema of a room in theriac/1.
type schemaJSON struct {
	Room    string `json:"room"`
	Store   string `json:"store"`
	Missing string `json:"missing,omitempty"`
}

type stepsJSON struct {
	output.Head
	// Store is that of the first schema; each has its own.
	Store   string       `json:"store"`
	Schemas []schemaJSON `json:"schemas"`
	Steps   []stepJSON   `json:"steps"`
}

// schema is what is known of the schema of one room.
type schema struct {
	room     app.SchemaRoom
	store    string
	migrator app.Migrator // nil where the store was never made
	missing  error        // why
	steps    []migrate.Migration
}

// schemasAnswer shows steps of several rooms, one block each.
func schemasAnswer(t *Tool, all []schema) output.Answer {
	j := stepsJSON{Head: output.NewHead(), Store: all[0].store, Schemas: []schemaJSON{}, Steps: []stepJSON{}}
	a := output.Answer{}
	var blocks output.Blocks
	for _, one := range all {
		of := schemaJSON{Room: string(one.room), Store: one.store}
		block := output.Block{Word: string(one.room), Title: one.store}
		rows := output.Rows[migrate.Migration]{Items: one.steps, Empty: "no step", Columns: stepColumns(t, one.room)}
		if one.missing != nil {
			of.Missing = one.missing.Error()
			rows.Empty = "not made yet; it gets its schema when it is"
		}
		block.Layout = rows
		blocks = append(blocks, block)
		j.Schemas = append(j.Schemas, of)
		for _, s := range one.steps {
			j.Steps = append(j.Steps, newStepJSON(one.room, s))
			a.Names = append(a.Names, s.Name)
		}
	}
	a.Value, a.Layout = j, blocks
	return a
}

func newStepJSON(room app.SchemaRoom, s migrate.Migration) stepJSON {
	step := stepJSON{Room: string(room), Version: s.Version, Name: s.Name}
	if !s.Applied.IsZero() {
		applied := s.Applied.UTC()
		step.Applied = &applied
	}
	return step
}

func stepColumns(t *Tool, room app.SchemaRoom) []output.Column[migrate.Migration] {
	type m = migrate.Migration
	now := t.now()
	return []output.Column[m]{
		{Title: "VERSION", Right: true, Human: func(m m) string { return plain(m.Version) }},
		{Title: "STEP", Fixed: true, Human: func(m m) string { return m.Name }},
		{Title: "APPLIED", Human: func(m m) string {
			if m.Applied.IsZero() {
				return "pending"
			}
			return moment(m.Applied, now)
		}, Machine: func(m m) string { return stamp(m.Applied) }},
		{Title: "ROOM", Wide: true, Human: func(m) string { return string(room) }},
	}
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

// tooNew refuses a schema that a newer program made.
func (s schema) tooNew(ctx context.Context) error {
	if s.migrator == nil {
		return nil
	}
	have, err := s.migrator.Have(ctx)
	if err != nil {
		return err
	}
	if want := s.migrator.Want(); have > want {
		return problem.Errorf(problem.Unavailable, "the schema of the %s is at %d, this program knows only %d; use a newer theriac", s.room, have, want)
	}
	return nil
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

// roomOption is the flag that chooses whose schema is meant.
type roomOption struct{ room string }

func (o *roomOption) add(c *cobra.Command, initial, text string) {
	c.Flags().StringVar(&o.room, "room", initial, text)
	noFiles(c.RegisterFlagCompletionFunc("room", cobra.FixedCompletions(roomNames(), cobra.ShellCompDirectiveNoFileComp)))
}

func roomNames() []string {
	var names []string
	for _, r := range app.SchemaRooms() {
		names = append(names, string(r))
	}
	return names
}

// rooms are those that the flag names, both without it.
func (o *roomOption) rooms() ([]app.SchemaRoom, error) {
	switch {
	case o.room == "":
		return app.SchemaRooms(), nil
	case slices.Contains(roomNames(), o.room):
		return []app.SchemaRoom{app.SchemaRoom(o.room)}, nil
	default:
		return nil, problem.Errorf(problem.Invalid, "--room %q: want one of %s", o.room, strings.Join(roomNames(), ", "))
	}
}

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

// withSchemas opens the migrations of the chosen store for f. Of two rooms one may not have been made
// yet; where none was, that is the error.
func withSchemas(ctx context.Context, t *Tool, rooms []app.SchemaRoom, f func([]schema) error) (err error) {
	s, err := t.Settings()
	if err != nil {
		return err
	}
	var all []schema
	defer func() {
		for _, one := range all {
			if one.migrator != nil {
				err = errors.Join(err, one.migrator.Close())
			}
		}
	}()
	var missing []error
	for _, room := range rooms {
		one := schema{room: room, store: room.Place(s).String()}
		if one.migrator, err = app.OpenMigrator(ctx, room, room.Place(s)); err != nil {
			if _, ok := errors.AsType[*app.MissingError](err); !ok {
				return err
			}
			one.missing, one.migrator = err, nil
			missing = append(missing, err)
		}
		all = append(all, one)
	}
	if len(missing) == len(rooms) {
		return missing[0]
	}
	for i := range all {
		if all[i].migrator == nil {
			continue
		}
		if all[i].steps, err = all[i].migrator.Status(ctx); err != nil {
			return err
		}
	}
	return f(all)
}
