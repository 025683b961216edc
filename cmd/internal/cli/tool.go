package cli

import (
	"context"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// Tool is what every command is given. It belongs to one command line and is not safe for
// concurrent use.
type Tool struct {
	Streams
	environ []string
	flags   globalFlags
	now     func() time.Time
	open    func(context.Context, config.Endpoint, app.Access) (*app.Room, error)
	access  app.Access // Write once beginWrite allowed it
	room    *app.Room  // nil until a command needs it

	openIncidents func(context.Context, config.Endpoint, app.Access) (incident.Stores, error)
	incidents     incident.Stores // nil until a command needs it
}

// globalFlags are the flags of every command.
type globalFlags struct {
	config.Flags
	noColor, quiet bool
}

func newTool(environ []string, streams Streams) *Tool {
	return &Tool{Streams: streams, environ: environ, now: time.Now, open: app.Open, openIncidents: app.OpenIncidents}
}

// Settings works the settings out from flags, context and environment.
func (t *Tool) Settings() (config.Settings, error) {
	return config.Load(t.flags.Flags, t.environ)
}

// Room opens the store, once, and returns the service on it.
func (t *Tool) Room(ctx context.Context) (*quarantine.Service, error) {
	if t.room != nil {
		return t.room.Service, nil
	}
	s, err := t.Settings()
	if err != nil {
		return nil, err
	}
	room, err := t.open(ctx, s.Store, t.access)
	if err != nil {
		return nil, err
	}
	t.room = room
	return room.Service, nil
}

// Close closes what was opened.
func (t *Tool) Close() {
	if t.room != nil {
		t.room.Close()
		t.room = nil
	}
	t.closeIncidents()
}

// Out returns the writer for answers, Err the one for progress, prompts and hints.
func (t *Tool) Out() *term.Writer { return term.NewWriter(t.Streams.Out, t.color(t.OutTerminal)) }

// Err returns the writer for progress, prompts and hints.
func (t *Tool) Err() *term.Writer { return term.NewWriter(t.Streams.Err, t.color(t.ErrTerminal)) }

func (t *Tool) color(terminal bool) bool {
	s, err := t.Settings()
	return err == nil && s.Look.Color(terminal, t.flags.noColor)
}

// Hint says something on the error stream that a person may like to know, unless -q.
func (t *Tool) Hint(format string, args ...any) {
	if !t.flags.quiet {
		t.Err().Printf(format+"\n", args...)
	}
}

// Print prints an answer as the options ask.
func (t *Tool) Print(o output.Options, a output.Answer) error {
	return output.Print(output.Target{
		Out: t.Streams.Out, Terminal: t.OutTerminal, Color: t.color(t.OutTerminal), Columns: t.Columns,
	}, o, a)
}

// actor is who acts through this command line.
func (t *Tool) actor(s config.Settings) quarantine.Actor {
	return quarantine.Actor{Name: s.Author, Via: "cli", Claimed: true}
}

// beginWrite is called first by every command that changes something. A dry run is a read: it opens
// the store read-only, and a read-only context allows it.
func (t *Tool) beginWrite(dryRun bool) (config.Settings, error) {
	s, err := t.Settings()
	if err != nil || dryRun {
		return s, err
	}
	if s.ReadOnly {
		return s, problem.Errorf(problem.NotAllowed, "context %s is READ_ONLY: nothing was changed; choose another with --context", s.Context)
	}
	if s.Prod {
		w := t.Err()
		w.Paint(term.Red, "PROD")
		w.Printf("  context %s, store %s, as %s\n", s.Context, s.Store, s.Author)
	}
	t.access = app.Write
	return s, nil
}
