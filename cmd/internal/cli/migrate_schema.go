package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/internal/migrate"
	"github.com/theriac/theriac/internal/problem"
)

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
