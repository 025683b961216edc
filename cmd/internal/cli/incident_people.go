package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
)

// roleFlags are those of the commands that give a role away.
type roleFlags struct {
	verbOptions
	from, note string
	nobody     bool
}

func newLeadCommand(t *Tool) *cobra.Command {
	o := &roleFlags{}
	c := o.command(t, "lead REF PERSON", "Make somebody lead, or hand the lead over", args(1, 2, "incident lead REF PERSON"), nil)
	c.Example = `theriac incident lead INC-42 ana
theriac incident lead INC-42 ben --from ana --note "ana's shift ends"`
	c.RunE = func(c *cobra.Command, given []string) error {
		return o.give(c.Context(), t, given[0], incident.LeadRole, given[1:])
	}
	o.addRole(t, c)
	return completeSecond(c, t.completePeople)
}

func newRoleCommand(t *Tool) *cobra.Command {
	o := &roleFlags{}
	c := o.command(t, "role REF ROLE PERSON", "Give somebody a role, or hand it over", args(2, 3, "incident role REF ROLE PERSON"), nil)
	c.Example = `theriac incident role INC-42 communications cleo
theriac incident role INC-42 communications --nobody`
	c.RunE = func(c *cobra.Command, given []string) error {
		return o.give(c.Context(), t, given[0], given[1], given[2:])
	}
	o.addRole(t, c)
	incidents := c.ValidArgsFunction
	c.ValidArgsFunction = func(c *cobra.Command, given []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch len(given) {
		case 0:
			return incidents(c, given, typed)
		case 1:
			return t.completeRoles(c, given, typed)
		default:
			return t.completePeople(c, given, typed)
		}
	}
	return c
}

func (o *roleFlags) addRole(t *Tool, c *cobra.Command) {
	c.Flags().StringVar(&o.from, "from", "", "`PERSON` who hands it over; it fails if they do not hold it any more")
	c.Flags().StringVar(&o.note, "note", "", "what the next one has to know")
	c.Flags().BoolVar(&o.nobody, "nobody", false, "take the role from whoever holds it")
	noFiles(c.RegisterFlagCompletionFunc("from", t.completePeople))
}

func (o *roleFlags) give(ctx context.Context, t *Tool, word, role string, to []string) error {
	switch {
	case o.nobody && (len(to) > 0 || o.from != "" || o.note != ""):
		return problem.Errorf(problem.Invalid, "--nobody stands alone: without a person, --from or --note")
	case !o.nobody && len(to) == 0:
		return problem.Errorf(problem.Invalid, "name who gets the role, or --nobody")
	case o.note != "" && o.from == "":
		return problem.Errorf(problem.Invalid, "--note goes with a hand-over: say --from whom")
	}
	o.same = "nothing changed: nobody held it"
	err := o.runIn(ctx, t, word, func(ctx context.Context, room *incidentRoom) (incident.Verb, error) {
		if !o.nobody {
			o.same = "nothing changed: " + to[0] + " holds it"
			room.hintUnknown(ctx, t, to[0])
		}
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			switch {
			case o.nobody:
				return inc.Unassign(act, role)
			case o.from != "":
				return inc.HandOver(act, role, o.from, to[0], o.note)
			default:
				return inc.AssignRole(act, role, to[0])
			}
		}, nil
	})
	var held *incident.ConflictError
	if !o.nobody && o.from == "" && o.version == 0 && errors.As(err, &held) && plainWord(held.By.ID) && plainWord(to[0]) {
		command := "lead " + held.Ref
		if role != incident.LeadRole {
			command = "role " + held.Ref + " " + role
		}
		t.Hint("hand it over: theriac incident %s %s --from %s", command, to[0], held.By.ID)
	}
	return err
}

// person is who is named, or the one at the command line.
func (r *incidentRoom) person(given []string) (string, error) {
	switch {
	case len(given) > 0:
		return given[0], nil
	case r.by.ID != "":
		return r.by.ID, nil
	default:
		return "", problem.Errorf(problem.Invalid, "%s is nobody of: theriac incident people ls; name a person, or set THERIAC_ACTOR", strings.TrimSuffix(r.by.Name, " (cli)"))
	}
}

func newJoinCommand(t *Tool) *cobra.Command {
	o := &verbOptions{same: "nothing changed: they take part"}
	kind, updates := string(incident.Worker), false
	c := o.command(t, "join REF [PERSON]", "Take part, or bring somebody in", args(1, 2, "incident join REF [PERSON]"), nil)
	c.Example = `theriac incident join INC-42
theriac incident join INC-42 cleo --as observer --updates`
	c.Flags().StringVar(&kind, "as", kind, "responder, collaborator or observer")
	c.Flags().BoolVar(&updates, "updates", false, "and get every update by direct message")
	noFiles(c.RegisterFlagCompletionFunc("as", cobra.FixedCompletions([]string{"responder", "collaborator", "observer"}, cobra.ShellCompDirectiveNoFileComp)))
	c.RunE = func(c *cobra.Command, given []string) error {
		return o.runIn(c.Context(), t, given[0], func(ctx context.Context, room *incidentRoom) (incident.Verb, error) {
			person, err := room.person(given[1:])
			if err != nil {
				return nil, err
			}
			room.hintUnknown(ctx, t, person)
			return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				evs, err := inc.Join(act, person, incident.ParticipantKind(kind))
				if err != nil || !updates {
					return evs, err
				}
				more, err := inc.Subscribe(act, person, true)
				return append(evs, more...), err
			}, nil
		})
	}
	return completeSecond(c, t.completePeople)
}

func newLeaveCommand(t *Tool) *cobra.Command {
	o := &verbOptions{same: "nothing changed: they have left"}
	c := o.command(t, "leave REF [PERSON]", "Take part no longer; who holds a role hands it over first", args(1, 2, "incident leave REF [PERSON]"), nil)
	c.Example = `theriac incident leave INC-42`
	c.RunE = func(c *cobra.Command, given []string) error {
		return o.runIn(c.Context(), t, given[0], func(_ context.Context, room *incidentRoom) (incident.Verb, error) {
			person, err := room.person(given[1:])
			if err != nil {
				return nil, err
			}
			return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.Leave(act, person)
			}, nil
		})
	}
	return completeSecond(c, t.completePeople)
}

func newEscalateCommand(t *Tool) *cobra.Command {
	o := &verbOptions{undo: `theriac incident call-off %s --reason "…"`}
	var p incident.EscalateParams
	c := o.command(t, "escalate REF --path PATH | --people A,B", "Call people, at any hour", args(1, 1, "incident escalate REF --path PATH"), nil)
	c.Long = "Call people: a path of the settings, level after level until somebody answers, or people by name, all at once. It is\n" +
		"stored, and sent by the workers of incidentd."
	c.Example = `theriac incident escalate INC-42 --path payments --reason "we need the bank's side"
theriac incident escalate INC-42 --people ana,ben --reason "you know this code"`
	c.Flags().StringVar(&p.Path, "path", "", "`PATH` of the settings")
	c.Flags().StringSliceVar(&p.People, "people", nil, "people, by id, parted by commas")
	noFiles(c.RegisterFlagCompletionFunc("path", t.completePaths))
	noFiles(c.RegisterFlagCompletionFunc("people", t.completePeople))
	c.RunE = func(c *cobra.Command, given []string) error {
		p.Reason = o.reason
		return o.runIn(c.Context(), t, given[0], func(ctx context.Context, room *incidentRoom) (incident.Verb, error) {
			room.hintUnknown(ctx, t, p.People...)
			return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) { return inc.Escalate(act, p) }, nil
		})
	}
	o.needsReason(c)
	return t.forStages(c, incident.StageTriage, incident.StageActive, incident.StagePaused)
}

// escalationOf finds an escalation by its number in theriac incident show, or by its id; "" for none
// given.
func escalationOf(inc *incident.Incident, given []string) (string, error) {
	if len(given) == 0 {
		return "", nil
	}
	if n, err := strconv.Atoi(given[0]); err == nil {
		if n < 1 || n > len(inc.Escalations) {
			return "", noNumber(inc, "escalation", given[0])
		}
		return inc.Escalations[n-1].ID, nil
	}
	return given[0], nil
}

// noNumber says that a part of an incident has no such number.
func noNumber(inc *incident.Incident, what, given string) error {
	return problem.Errorf(problem.NotFound, "%s has no %s %.60q; they are numbered in: theriac incident show %s", inc.Ref(), what, given, inc.Ref())
}

func newAckCommand(t *Tool) *cobra.Command {
	o := &verbOptions{same: "nothing changed: your answer is noted"}
	c := o.command(t, "ack REF [ESCALATION]", "Answer a call: nobody else is called", args(1, 2, "incident ack REF [ESCALATION]"), func(given []string) incident.Verb {
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			id, err := escalationOf(inc, given[1:])
			if err != nil {
				return nil, err
			}
			return inc.Ack(act, id)
		}
	})
	c.Long = "Answer whatever the incident calls people for, or one escalation by its number in theriac incident show. The first\n" +
		"answer stops the calls; later ones are noted."
	c.Example = `theriac incident ack INC-42`
	return c
}

func newCallOffCommand(t *Tool) *cobra.Command {
	o := &verbOptions{}
	c := o.command(t, "call-off REF [ESCALATION] --reason TEXT", "End a call that nobody has to answer any more", args(1, 2, "incident call-off REF [ESCALATION]"), func(given []string) incident.Verb {
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			id, err := escalationOf(inc, given[1:])
			if err == nil && id == "" {
				id, err = onlyPaging(inc)
			}
			if err != nil {
				return nil, err
			}
			return inc.CancelEscalation(act, id, o.reason)
		}
	})
	c.Example = `theriac incident call-off INC-42 --reason "found the right people in the hall"`
	o.needsReason(c)
	return c
}

// onlyPaging is the one escalation that calls people now.
func onlyPaging(inc *incident.Incident) (string, error) {
	id := ""
	for _, e := range inc.Escalations {
		if e.State != incident.Paging {
			continue
		}
		if id != "" {
			return "", problem.Errorf(problem.Invalid, "%s calls people for several reasons; name one by its number in: theriac incident show %s", inc.Ref(), inc.Ref())
		}
		id = e.ID
	}
	if id == "" {
		return "", problem.Errorf(problem.NotFound, "%s calls nobody now", inc.Ref())
	}
	return id, nil
}

func newAskUpdateCommand(t *Tool) *cobra.Command {
	o := &verbOptions{}
	c := o.command(t, "ask-update REF [PERSON]", "Ask whoever leads, or a person, for an update", args(1, 2, "incident ask-update REF [PERSON]"), func(given []string) incident.Verb {
		person := ""
		if len(given) > 1 {
			person = given[1]
		}
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.RequestUpdate(act, person)
		}
	})
	c.Example = `theriac incident ask-update INC-42`
	return completeSecond(t.forStages(c, incident.StageActive), t.completePeople)
}

func newPrivateCommand(t *Tool) *cobra.Command {
	o := &verbOptions{same: "nothing changed: it is private"}
	c := o.command(t, "private REF", "Hide it from all but its people and admins; there is no way back", args(1, 1, "incident private REF"), func([]string) incident.Verb {
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.MakePrivate(act, o.reason)
		}
	})
	c.Example = `theriac incident private INC-42 --reason "personal data"`
	o.mayReason(c)
	return c
}
