package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
)

// maxSettingsFile bounds what is read of a file of settings.
const maxSettingsFile = 1 << 20

func newIncidentSettingsCommand(t *Tool) *cobra.Command {
	c := nounCommand("settings", "Severities, roles, fields, flows, paths, rotations, sources and hours", `theriac incident settings get > settings.json
theriac incident settings put settings.json --dry-run
theriac incident settings put settings.json`, newSettingsGetCommand(t), newSettingsPutCommand(t))
	c.Long = "What an organisation decides about its incidents: one document, with a version. Get it, change it, put it back. It is\n" +
		"refused where somebody else was first, and every problem of it is listed. Secrets are in no settings: they name\n" +
		"environment variables."
	return c
}

func newSettingsGetCommand(t *Tool) *cobra.Command {
	initial := false
	c := &cobra.Command{
		Use:   "get",
		Short: "Print the settings in force, as JSON",
		Example: `theriac incident settings get > settings.json
theriac incident settings get --default > settings.json    where there is no store yet`,
		Args: args(0, 0, "incident settings get"),
		RunE: func(c *cobra.Command, _ []string) error {
			s := incident.DefaultSettings()
			if !initial {
				room, err := t.incidentRoom(c.Context(), app.Read)
				if err != nil {
					return err
				}
				if s, err = room.stores.Settings(c.Context()); err != nil {
					return err
				}
			}
			text, err := json.MarshalIndent(s, "", "  ")
			if err != nil {
				return fmt.Errorf("write the settings: %w", err)
			}
			_, err = t.Streams.Out.Write(append(term.JSON(text), '\n'))
			return err
		},
	}
	c.Flags().BoolVar(&initial, "default", false, "those that are in force before anybody saved any; asks no store")
	return c
}

type settingsPutOptions struct {
	output.Options
	dryRun bool
}

func newSettingsPutCommand(t *Tool) *cobra.Command {
	o := &settingsPutOptions{}
	c := &cobra.Command{
		Use:   "put FILE | -",
		Short: "Check settings and put them in force",
		Long: "Check settings and put them in force, everywhere within 10 s. The version in the file is the one that it was made\n" +
			"from: if somebody has saved another since, nothing is changed and the exit code is 5.",
		Example: `theriac incident settings put settings.json --dry-run
theriac incident settings put settings.json`,
		Args: args(1, 1, "incident settings put FILE"),
		RunE: func(c *cobra.Command, given []string) error { return o.run(c.Context(), t, given[0]) },
	}
	addOutput(c, &o.Options)
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "check them, change nothing")
	return c
}

type settingsAnswerJSON struct {
	output.Head
	DryRun   bool              `json:"dry_run"`
	Settings incident.Settings `json:"settings"`
}

func (o *settingsPutOptions) run(ctx context.Context, t *Tool, path string) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if _, err := t.beginWrite(o.dryRun); err != nil {
		return err
	}
	s, err := t.readSettings(path)
	if err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return t.listProblems(err)
	}
	access := app.Write
	if o.dryRun {
		access = app.Read
	}
	room, err := t.incidentRoom(ctx, access)
	if o.dryRun && isMissing(err) {
		return o.print(t, s, incident.DefaultSettings().Version)
	}
	if err != nil {
		return err
	}
	if o.dryRun {
		have, err := room.stores.Settings(ctx)
		if err != nil {
			return err
		}
		room.hintUnknown(ctx, t, calledBy(s)...)
		return o.print(t, s, have.Version)
	}
	if s, err = room.stores.SaveSettings(ctx, room.by, s); err != nil {
		return err
	}
	room.hintUnknown(ctx, t, calledBy(s)...)
	return o.print(t, s, s.Version)
}

// calledBy are the people whom paths and rotations name, each once.
func calledBy(s incident.Settings) []string {
	var people []string
	for _, path := range s.Paths {
		for _, level := range path.Levels {
			for _, target := range level.Targets {
				if target.Kind == incident.ToPerson {
					people = append(people, target.ID)
				}
			}
		}
	}
	for _, rotation := range s.Rotations {
		people = append(people, rotation.People...)
	}
	slices.Sort(people)
	return slices.Compact(people)
}

// print says what was put in force, or would be on settings that are at the version have.
func (o *settingsPutOptions) print(t *Tool, s incident.Settings, have int64) error {
	if s.Version != have {
		return &incident.ConflictError{Ref: "settings", Version: have, What: fmt.Sprintf("they are at version %d, and these were made from version %d", have, s.Version)}
	}
	a := output.Answer{Value: settingsAnswerJSON{output.NewHead(), o.dryRun, s}, Names: []string{plain(s.Version)}}
	a.Layout = output.Screen(func(w *term.Writer) {
		has := fmt.Sprintf("%s, %s, %s, %s", plural(len(s.Severities), "severity", "severities"), plural(len(s.Roles), "role", "roles"),
			plural(len(s.Paths), "path", "paths"), plural(len(s.Sources), "source", "sources"))
		if o.dryRun {
			w.Printf("settings  are valid: %s   Nothing is done.\n", has)
			return
		}
		w.Printf("settings  version %d: %s   in force everywhere within 10 s   Undo: put those of before, with \"version\": %d\n", s.Version, has, s.Version)
	})
	return t.Print(o.Options, a)
}

// readSettings reads a file of settings, or stdin for "-". A word that settings do not know is refused:
// it would be lost.
func (t *Tool) readSettings(path string) (s incident.Settings, err error) {
	in := t.In
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return s, problem.Errorf(problem.Invalid, "the settings cannot be read: %w", err)
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSettingsFile+1))
	switch {
	case err != nil:
		return s, problem.Errorf(problem.Invalid, "the settings cannot be read: %w", err)
	case len(text) > maxSettingsFile:
		return s, problem.Errorf(problem.Invalid, "the settings are longer than %d bytes", maxSettingsFile)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, problem.Errorf(problem.Invalid, "these are no settings: %w; see how they are written: theriac incident settings get", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return s, problem.Errorf(problem.Invalid, "these are no settings: something follows the document")
	}
	return s, nil
}

// listProblems says all that is wrong with settings, a line each.
func (t *Tool) listProblems(err error) error {
	problems := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		problems = joined.Unwrap()
	}
	w := t.Err()
	w.Paint(term.Red, "theriac:")
	w.Printf(" the settings have %s; nothing was changed\n", plural(len(problems), "problem", "problems"))
	for _, one := range problems {
		w.Printf("  %s\n", one)
	}
	return &shownError{problem.Invalid}
}
