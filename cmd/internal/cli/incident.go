package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
)

// The groups of the commands of incidents.
const (
	groupIncidentLook   = "look"
	groupIncidentLife   = "life"
	groupIncidentPeople = "people"
	groupIncidentWork   = "work"
	groupIncidentRules  = "rules"
)

func newIncidentCommand(t *Tool) *cobra.Command {
	o := &incidentListOptions{}
	c := &cobra.Command{
		Use:     "incident",
		Aliases: []string{"inc"},
		Short:   "Declare and run incidents, also while web and workers are down",
		Long: "Declare and run incidents, directly on their store: it works while the web pages, Slack and every worker\n" +
			"are down. Alone it lists what is not over. See: theriac help incidents",
		Example: `theriac incident declare "checkout is down" --severity critical
theriac incident show INC-42
theriac incident update INC-42 "rolling back" --status fixing
theriac incident resolve INC-42`,
		Args: unknownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), t) },
	}
	o.add(c)
	c.AddGroup(
		&cobra.Group{ID: groupIncidentLook, Title: "Look:"},
		&cobra.Group{ID: groupIncidentLife, Title: "Its life:"},
		&cobra.Group{ID: groupIncidentPeople, Title: "Its people:"},
		&cobra.Group{ID: groupIncidentWork, Title: "Work on it:"},
		&cobra.Group{ID: groupIncidentRules, Title: "The rules:"})
	for group, make := range incidentCommands() {
		for _, f := range make {
			add(c, group, f(t))
		}
	}
	return c
}

// incidentCommands are all commands of incidents by their group.
func incidentCommands() map[string][]func(*Tool) *cobra.Command {
	return map[string][]func(*Tool) *cobra.Command{
		groupIncidentLook: {newIncidentListCommand, newIncidentShowCommand, newIncidentTimelineCommand, newIncidentEffectsCommand},
		groupIncidentLife: {newDeclareCommand, newAcceptCommand, newDeclineCommand, newUpdateCommand, newSeverityCommand,
			newIncidentPauseCommand, newIncidentResumeCommand, newMergeCommand, newCancelCommand, newResolveCommand,
			newCloseCommand, newOptOutCommand, newReopenCommand, newImportCommand},
		groupIncidentPeople: {newLeadCommand, newRoleCommand, newJoinCommand, newLeaveCommand, newEscalateCommand, newAckCommand,
			newCallOffCommand, newAskUpdateCommand, newPrivateCommand},
		groupIncidentWork: {newNoteCommand, newEditCommand, newAttachCommand, newActionCommand, newFollowUpCommand, newTaskCommand,
			newNudgeCommand},
		groupIncidentRules: {newIncidentSettingsCommand, newPeopleCommand, newTokenCommand},
	}
}

// lookCommand makes a command that looks at one incident.
func (t *Tool) lookCommand(name, short string, o *output.Options, run func(ctx context.Context, word string) error) *cobra.Command {
	c := &cobra.Command{
		Use: name + " REF", Short: short,
		Args:              args(1, 1, "incident "+name+" REF"),
		ValidArgsFunction: t.completeIncidents(),
		RunE: func(c *cobra.Command, given []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			return run(c.Context(), given[0])
		},
	}
	addOutput(c, o)
	return c
}

// listCommand makes the command that lists all of a noun.
func (t *Tool) listCommand(noun, short string, answer func(context.Context, *incidentRoom) (output.Answer, error)) *cobra.Command {
	var o output.Options
	c := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: short,
		Args: args(0, 0, "incident "+noun+" ls"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			room, err := t.incidentRoom(c.Context(), app.Read)
			if err != nil {
				return err
			}
			a, err := answer(c.Context(), room)
			if err != nil {
				return err
			}
			return t.Print(o, a)
		},
	}
	addOutput(c, &o)
	return c
}

// toChange opens the room of incidents for a command that changes what they know.
func (t *Tool) toChange(ctx context.Context, o output.Options, access app.Access) (*incidentRoom, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if _, err := t.beginWrite(false); err != nil {
		return nil, err
	}
	return t.incidentRoom(ctx, access)
}

// nounCommand makes a command that only holds others.
func nounCommand(noun, short, example string, subs ...*cobra.Command) *cobra.Command {
	var names []string
	for _, sub := range subs {
		names = append(names, sub.Name())
	}
	which := "theriac incident " + noun + " " + strings.Join(names, ", ")
	c := &cobra.Command{
		Use: noun, Short: short, Example: example,
		Args: func(_ *cobra.Command, given []string) error {
			if len(given) == 0 {
				return problem.Errorf(problem.Invalid, "say which: %s", which)
			}
			return problem.Errorf(problem.Invalid, "unknown command %q; want: %s", given[0], which)
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args has refused it
	}
	c.AddCommand(subs...)
	return c
}

// incidentRoom is the open store with the verbs on it, and who uses them.
type incidentRoom struct {
	svc    *incident.Service
	stores incident.Stores
	by     incident.Actor
}

// incidentRoom opens the store of incidents. One that is open for less than is asked is opened again.
func (t *Tool) incidentRoom(ctx context.Context, access app.Access) (*incidentRoom, error) {
	s, err := t.Settings()
	if err != nil {
		return nil, err
	}
	t.closeIncidents()
	if t.incidents, err = t.openIncidents(ctx, config.IncidentStore(s), access); err != nil {
		return nil, err
	}
	svc, err := incident.NewService(incident.Config{Stores: t.incidents, Now: t.now})
	if err != nil {
		return nil, err
	}
	room := &incidentRoom{svc: svc, stores: t.incidents}
	room.by, err = claimedActor(ctx, t.incidents, s.Author, t.now())
	return room, err
}

// closeIncidents closes the store. What was written is committed, so an error has nothing to say.
func (t *Tool) closeIncidents() {
	if t.incidents != nil {
		_ = t.incidents.Close()
		t.incidents = nil
	}
}

// claimedActor is who acts through this command line. The name says that it came this way, and so that
// nobody has checked it. The id is that of a person whom the claim names; for user@host the user will
// do. Who can open the store can do everything, whatever the person's role: it is an admin's.
func claimedActor(ctx context.Context, dir incident.Directory, author string, now time.Time) (incident.Actor, error) {
	by := incident.Actor{Kind: incident.ByPerson, Name: author + " (cli)", Role: incident.Admin}
	p, err := dir.Person(ctx, author)
	user, _, hasHost := strings.Cut(author, "@")
	if errors.Is(err, incident.ErrNotFound) && hasHost && user != "" {
		if p, err = dir.Person(ctx, user); err == nil && p.ID != user {
			return by, nil // somebody else's Slack id or address
		}
	}
	switch {
	case errors.Is(err, incident.ErrNotFound):
		return by, nil
	case err != nil:
		return by, err
	case !p.Left(now):
		by.ID = p.ID
	}
	return by, nil
}

// takesPart reports whether the one at the command line is among the people of an incident.
func (r *incidentRoom) takesPart(inc *incident.Incident) bool {
	if r.by.ID == "" {
		return false
	}
	for _, a := range inc.Assignments {
		if a.Person == r.by.ID {
			return true
		}
	}
	p, ok := inc.ParticipantOf(r.by.ID)
	return ok && p.Left.IsZero()
}

// get loads the incident that a word names: INC-42, 42, its id or the address of its page.
func (r *incidentRoom) get(ctx context.Context, word string) (incident.Incident, error) {
	word = strings.TrimSpace(lastOfURL(word))
	inc, err := r.stores.Get(ctx, word)
	if errors.Is(err, incident.ErrNotFound) {
		return inc, &noIncidentError{word}
	}
	return inc, err
}

// noIncidentError says that a word names no incident.
type noIncidentError struct{ word string }

// Error says what a word may be.
func (e *noIncidentError) Error() string {
	return fmt.Sprintf("no incident %.80q: want a reference such as INC-42", e.word)
}

// Unwrap returns [incident.ErrNotFound].
func (e *noIncidentError) Unwrap() error { return incident.ErrNotFound }

// look loads an incident to show it. Who looks at a private one without taking part in it is written
// into it, once an hour; who cannot be written down does not get to see it.
func (t *Tool) look(ctx context.Context, word string) (*incidentRoom, incident.Incident, error) {
	room, err := t.incidentRoom(ctx, app.Read)
	if err != nil {
		return nil, incident.Incident{}, err
	}
	inc, err := room.get(ctx, word)
	if err != nil || inc.Visibility != incident.Private || room.takesPart(&inc) {
		return room, inc, err
	}
	s, err := t.Settings()
	if err != nil {
		return nil, inc, err
	}
	if s.ReadOnly {
		return nil, inc, problem.Errorf(problem.NotAllowed,
			"%s is private: who looks at it is written into it, and context %s is READ_ONLY; choose another with --context", inc.Ref(), s.Context)
	}
	if room, err = t.incidentRoom(ctx, app.Amend); err != nil {
		return nil, inc, err
	}
	return room, inc, room.witness(ctx, &inc)
}

// witness writes down that somebody looked at a private incident.
func (r *incidentRoom) witness(ctx context.Context, inc *incident.Incident) error {
	act, err := r.svc.Act(ctx, r.by)
	if err != nil {
		return err
	}
	act.Key = "seen:" + r.by.Name + ":" + act.At.Truncate(hour).Format(hourFormat)
	doc := *inc // the event is saved without it
	evs, err := doc.NotePrivateSeen(act)
	if err == nil {
		err = r.svc.Note(ctx, inc, evs...)
	}
	if errors.Is(err, incident.ErrDuplicate) {
		return nil
	}
	return err
}

// incidentNextStep is said below an error of an incident.
func incidentNextStep(err error) string {
	if e, ok := errors.AsType[*incident.TransitionError](err); ok {
		return "Nothing was changed. How it stands: theriac incident show " + e.Ref
	}
	if e, ok := errors.AsType[*incident.GateError](err); ok {
		return "What is open, and how to end it: theriac incident show " + e.Ref
	}
	if e, ok := errors.AsType[*incident.ConflictError](err); ok {
		if !strings.HasPrefix(e.Ref, "INC-") {
			return "Nothing was changed. Get them again, then change: theriac incident settings get"
		}
		return "Nothing was changed. Look again, then decide: theriac incident show " + e.Ref
	}
	if _, ok := errors.AsType[*noIncidentError](err); ok {
		return "Try: theriac incident list stage:all"
	}
	return ""
}
