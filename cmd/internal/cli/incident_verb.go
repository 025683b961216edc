package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
)

// verbOptions are the flags of a command that does something to an incident.
type verbOptions struct {
	output.Options
	dryRun  bool
	version int64
	reason  string
	// undo is the command that takes it back, with the reference where %s stands; "" where there is none.
	undo string
	// same is said where the verb changed nothing.
	same string
}

func (o *verbOptions) add(c *cobra.Command) {
	addOutput(c, &o.Options)
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would change, change nothing")
	c.Flags().Int64Var(&o.version, "if-version", 0, "only if the incident is at version `N`: you decided by what you saw")
}

// needsReason adds the flag of a verb that others will ask about.
func (o *verbOptions) needsReason(c *cobra.Command) {
	c.Flags().StringVar(&o.reason, "reason", "", "why; it stands in the timeline (required)")
	run := c.RunE
	c.RunE = func(c *cobra.Command, given []string) error {
		if o.reason == "" {
			return problem.Errorf(problem.Invalid, `%s needs --reason "…": it stands in the timeline and is shown to others`, c.Name())
		}
		return run(c, given)
	}
}

// mayReason adds the flag of a verb that takes a reason and does without.
func (o *verbOptions) mayReason(c *cobra.Command) {
	c.Flags().StringVar(&o.reason, "reason", "", "why; it stands in the timeline")
}

// command makes a command whose first argument is an incident. Words are completed for it alone.
func (o *verbOptions) command(t *Tool, use, short string, check cobra.PositionalArgs, verb func(given []string) incident.Verb) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: check,
		ValidArgsFunction: t.completeIncidents(),
		RunE: func(c *cobra.Command, given []string) error {
			return o.runIn(c.Context(), t, given[0], func(context.Context, *incidentRoom) (incident.Verb, error) {
				return verb(given), nil
			})
		},
	}
	o.add(c)
	return c
}

// runIn does a verb that is made with the store at hand, and says what came of it.
func (o *verbOptions) runIn(ctx context.Context, t *Tool, word string, verb func(context.Context, *incidentRoom) (incident.Verb, error)) error {
	room, inc, err := o.begin(ctx, t, word)
	if err != nil {
		return err
	}
	v, err := verb(ctx, room)
	if err != nil {
		return err
	}
	done := incidentWrite{dryRun: o.dryRun, same: o.same}
	if o.dryRun {
		done.inc, done.events, err = room.plan(ctx, inc, v, o.version)
		done.changed = len(done.events) > 0
	} else {
		done.inc, done.events, done.changed, err = room.do(ctx, inc, v, o.options()...)
	}
	if err == nil && !done.changed && !o.dryRun && done.inc.Visibility == incident.Private && !room.takesPart(&done.inc) {
		err = room.witness(ctx, &done.inc) // it is shown, and nothing else of it is written down
	}
	if err != nil {
		return err
	}
	if o.undo != "" {
		done.undo = fmt.Sprintf(o.undo, done.inc.Ref())
	}
	return t.Print(o.Options, done.answer())
}

// begin opens the store for a write, or for a look at what it would do.
func (o *verbOptions) begin(ctx context.Context, t *Tool, word string) (*incidentRoom, incident.Incident, error) {
	if err := o.Validate(); err != nil {
		return nil, incident.Incident{}, err
	}
	if o.version < 0 {
		return nil, incident.Incident{}, problem.Errorf(problem.Invalid, "--if-version %d: versions begin with 1", o.version)
	}
	if o.dryRun {
		return t.look(ctx, word)
	}
	if _, err := t.beginWrite(false); err != nil {
		return nil, incident.Incident{}, err
	}
	room, err := t.incidentRoom(ctx, app.Amend)
	if err != nil {
		return nil, incident.Incident{}, err
	}
	inc, err := room.get(ctx, word)
	return room, inc, err
}

func (o *verbOptions) options() []incident.Option {
	if o.version == 0 {
		return nil
	}
	return []incident.Option{incident.IfVersion(o.version)}
}

// do runs a verb and returns how the incident then stands and what happened. Where somebody else was
// first the service runs the verb again on what stands then.
func (r *incidentRoom) do(ctx context.Context, before incident.Incident, verb incident.Verb, opts ...incident.Option) (
	after incident.Incident, evs []incident.Event, changed bool, err error,
) {
	var seen int64
	after, err = r.svc.Do(ctx, before.ID, r.by, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		seen = inc.Seq
		evs, err := verb(inc, act)
		changed = len(evs) > 0
		return evs, err
	}, opts...)
	if err != nil || !changed {
		return after, nil, false, err
	}
	return after, r.happened(ctx, after, seen), true, nil
}

// happened returns the events that a verb and what followed by itself left behind. They are stored; one
// who cannot read them any more hears nothing of them, and that is no failure of what was done.
func (r *incidentRoom) happened(ctx context.Context, inc incident.Incident, after int64) []incident.Event {
	page, err := r.stores.Events(ctx, incident.EventFilter{IncidentID: inc.ID, AfterSeq: after, Limit: maxLines})
	if err != nil {
		return nil
	}
	var evs []incident.Event
	for _, e := range page.Events {
		if e.Seq <= inc.Seq {
			evs = append(evs, e)
		}
	}
	return evs
}

// plan runs a verb on what was loaded and saves nothing.
func (r *incidentRoom) plan(ctx context.Context, inc incident.Incident, verb incident.Verb, version int64) (incident.Incident, []incident.Event, error) {
	if version != 0 && version != inc.Version {
		return inc, nil, &incident.ConflictError{Ref: inc.Ref(), What: "it has changed since you looked", Version: inc.Version, At: inc.Times.Updated}
	}
	act, err := r.svc.Act(ctx, r.by)
	if err != nil {
		return inc, nil, err
	}
	evs, err := verb(&inc, act)
	if err != nil || len(evs) == 0 {
		return inc, nil, err
	}
	moved, err := inc.Advance(act)
	return inc, append(evs, moved...), err
}

// hintUnknown says that nobody of that name is known, or that they have left: a name that was misspelt calls
// nobody.
func (r *incidentRoom) hintUnknown(ctx context.Context, t *Tool, people ...string) {
	for _, person := range people {
		if person == "" {
			continue
		}
		switch p, err := r.stores.Person(ctx, person); {
		case errors.Is(err, incident.ErrNotFound) || err == nil && p.ID != person:
			t.Hint("%s is not among those that incidents know, so they can be neither called nor invited; known: theriac incident people ls", person)
		case err == nil && p.Left(t.now()):
			t.Hint("%s has left, so they can be neither called nor invited; who is here: theriac incident people ls", person)
		}
	}
}
