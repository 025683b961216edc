package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
)

func newPeopleCommand(t *Tool) *cobra.Command {
	return nounCommand("people", "Those whom incidents know: they can be called, invited and given roles", `theriac incident people ls
theriac incident people add ana --name "Ana Lima" --email ana@example.com --role responder --zone Europe/Lisbon
theriac incident people rm ana`, newPeopleListCommand(t), newPeopleAddCommand(t), newPeopleChangeCommand(t), newPeopleRemoveCommand(t))
}

// personJSON is somebody in theriac/1.
type personJSON struct {
	incident.Person
}

type peopleJSON struct {
	output.Head
	People []personJSON `json:"people"`
}

type personAnswerJSON struct {
	output.Head
	Person personJSON `json:"person"`
}

func newPeopleListCommand(t *Tool) *cobra.Command {
	all := false
	c := t.listCommand("people", "List people", func(ctx context.Context, room *incidentRoom) (output.Answer, error) {
		people, err := room.stores.People(ctx)
		return peopleAnswer(people, all, t.now()), err
	})
	c.Flags().BoolVar(&all, "all", false, "also those who left")
	return c
}

func peopleAnswer(people []incident.Person, all bool, now time.Time) output.Answer {
	j := peopleJSON{Head: output.NewHead(), People: []personJSON{}}
	a := output.Answer{Items: []any{}}
	var shown []incident.Person
	for _, p := range people {
		if !all && p.Left(now) {
			continue
		}
		shown = append(shown, p)
		j.People = append(j.People, personJSON{p})
		a.Items = append(a.Items, personAnswerJSON{output.NewHead(), personJSON{p}})
		a.Names = append(a.Names, p.ID)
	}
	a.Value = j
	type person = incident.Person
	a.Layout = output.Rows[person]{Items: shown, Empty: "nobody is known: theriac incident people add ID --name NAME", Columns: []output.Column[person]{
		{Title: "ID", Fixed: true, Human: func(p person) string { return p.ID }},
		{Title: "NAME", Human: func(p person) string { return p.Name }},
		{Title: "ROLE", Fixed: true, Human: func(p person) string { return string(p.Role) }},
		{Title: "EMAIL", Human: func(p person) string { return p.Email }},
		{Title: "SLACK", Human: func(p person) string { return p.SlackID }},
		{Title: "ZONE", Human: func(p person) string { return p.Zone }},
		{Title: "GONE", Human: func(p person) string { return dayOf(p.Gone) }, Machine: func(p person) string { return stamp(p.Gone) }},
		{Title: "PAGER KEY", Wide: true, Human: func(p person) string { return p.PagerKeyEnv }},
	}}
	return a
}

// personFlags are what can be said of somebody.
type personFlags struct {
	output.Options
	name, email, slack, role, zone, pager string
	back                                  bool
}

func (o *personFlags) add(c *cobra.Command, role string) {
	addOutput(c, &o.Options)
	f := c.Flags()
	f.StringVar(&o.name, "name", "", "the name that people read")
	f.StringVar(&o.email, "email", "", "mail address; nobody else has it")
	f.StringVar(&o.slack, "slack", "", "`ID` of their user in Slack, such as U0123ABC")
	f.StringVar(&o.role, "role", role, "viewer, responder or admin")
	f.StringVar(&o.zone, "zone", "", "time zone, such as Europe/Lisbon; nudges heed their evening")
	f.StringVar(&o.pager, "pager-key-env", "", "`NAME` of the environment variable with a routing key of their own")
	noFiles(c.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roles(), cobra.ShellCompDirectiveNoFileComp)))
}

// apply writes what the flags say into a person.
func (o *personFlags) apply(c *cobra.Command, p *incident.Person) error {
	for flag, one := range map[string]struct{ to, say *string }{
		"name": {&p.Name, &o.name}, "email": {&p.Email, &o.email}, "slack": {&p.SlackID, &o.slack},
		"zone": {&p.Zone, &o.zone}, "pager-key-env": {&p.PagerKeyEnv, &o.pager},
	} {
		if c.Flags().Changed(flag) {
			*one.to = *one.say
		}
	}
	if p.Role == "" || c.Flags().Changed("role") {
		role, err := parseRole(o.role)
		if err != nil {
			return err
		}
		p.Role = role
	}
	if o.back {
		p.Gone = time.Time{}
	}
	return checkPerson(*p)
}

// checkPerson looks at what the directory takes as it comes.
func checkPerson(p incident.Person) error {
	if p.ID == "" || p.Name == "" {
		return problem.Errorf(problem.Invalid, "somebody has an id and a --name")
	}
	if err := incident.CheckID("the id", p.ID); err != nil {
		return err
	}
	for _, one := range []struct {
		what, text string
		limit      int
	}{
		{"the name", p.Name, 200}, {"--email", p.Email, 320}, {"--slack", p.SlackID, 64}, {"--pager-key-env", p.PagerKeyEnv, 100},
	} {
		if err := shownLine(one.what, one.text, one.limit); err != nil {
			return err
		}
	}
	if _, err := time.LoadLocation(p.Zone); err != nil || p.Zone == "Local" {
		return problem.Errorf(problem.Invalid, "--zone %.60q: want a time zone such as Europe/Lisbon", p.Zone)
	}
	return nil
}

func newPeopleAddCommand(t *Tool) *cobra.Command {
	o := &personFlags{}
	c := &cobra.Command{
		Use:               "add ID",
		Short:             "Add somebody",
		Example:           `theriac incident people add ana --name "Ana Lima" --email ana@example.com --role responder`,
		Args:              args(1, 1, "incident people add ID"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, given []string) error {
			return o.save(c, t, app.Write, func(room *incidentRoom) (incident.Person, error) {
				_, err := room.personByID(c.Context(), given[0])
				switch {
				case err == nil:
					return incident.Person{}, problem.Errorf(problem.Refused, "%s is there already; change what is known: theriac incident people change %s", given[0], given[0])
				case !errors.Is(err, incident.ErrNotFound):
					return incident.Person{}, err
				}
				return incident.Person{ID: given[0]}, nil
			}, "added", "theriac incident people rm ")
		},
	}
	o.add(c, string(incident.Responder))
	return c
}

func newPeopleChangeCommand(t *Tool) *cobra.Command {
	o := &personFlags{}
	c := &cobra.Command{
		Use:               "change ID",
		Short:             "Change what is known of somebody",
		Example:           `theriac incident people change ana --zone Europe/Vienna`,
		Args:              args(1, 1, "incident people change ID"),
		ValidArgsFunction: t.completePeople,
		RunE: func(c *cobra.Command, given []string) error {
			return o.save(c, t, app.Amend, func(room *incidentRoom) (incident.Person, error) {
				return room.personByID(c.Context(), given[0])
			}, "changed", "")
		},
	}
	o.add(c, "")
	c.Flags().BoolVar(&o.back, "back", false, "they had left and are here again")
	return c
}

func newPeopleRemoveCommand(t *Tool) *cobra.Command {
	o := &personFlags{}
	c := &cobra.Command{
		Use:   "rm ID",
		Short: "Note that somebody left; what they did stays theirs",
		Long: "Note that somebody left: nobody calls or invites them, and readiness counts without them. Nobody is ever deleted,\n" +
			"since the past is theirs. Take them out of paths and rotations as well: theriac incident settings get",
		Example:           `theriac incident people rm ana`,
		Args:              args(1, 1, "incident people rm ID"),
		ValidArgsFunction: t.completePeople,
		RunE: func(c *cobra.Command, given []string) error {
			return o.save(c, t, app.Amend, func(room *incidentRoom) (incident.Person, error) {
				p, err := room.personByID(c.Context(), given[0])
				if !p.Left(t.now()) {
					p.Gone = t.now().UTC()
				}
				return p, err
			}, "is gone", "theriac incident people change --back ")
		},
	}
	addOutput(c, &o.Options)
	return c
}

// personByID finds somebody by id alone: who has it for an address is somebody else.
func (r *incidentRoom) personByID(ctx context.Context, id string) (incident.Person, error) {
	p, err := r.stores.Person(ctx, id)
	if errors.Is(err, incident.ErrNotFound) || err == nil && p.ID != id {
		return incident.Person{}, &noPersonError{id}
	}
	return p, err
}

// noPersonError says that an id names nobody.
type noPersonError struct{ id string }

// Error says where those who are known are listed.
func (e *noPersonError) Error() string {
	return "nobody has the id " + e.id + "; known: theriac incident people ls"
}

// Unwrap returns [incident.ErrNotFound].
func (e *noPersonError) Unwrap() error { return incident.ErrNotFound }

// save stores somebody as the flags say.
func (o *personFlags) save(c *cobra.Command, t *Tool, access app.Access, load func(*incidentRoom) (incident.Person, error), said, undo string) error {
	ctx := c.Context()
	room, err := t.toChange(ctx, o.Options, access)
	if err != nil {
		return err
	}
	p, err := load(room)
	if err != nil {
		return err
	}
	if err := o.apply(c, &p); err != nil {
		return err
	}
	if err := room.stores.SavePerson(ctx, p); err != nil {
		if errors.Is(err, incident.ErrConflict) {
			return problem.Errorf(problem.Conflict, "%s: somebody else has this address or Slack id; who: theriac incident people ls --all", p.ID)
		}
		return err
	}
	if undo != "" {
		undo = "   Undo: " + undo + p.ID
	}
	return t.Print(o.Options, output.Answer{Value: personAnswerJSON{output.NewHead(), personJSON{p}}, Names: []string{p.ID}, Layout: output.Screen(func(w *term.Writer) {
		w.Printf("%s  %s   %s, %s%s\n", p.ID, said, p.Name, p.Role, undo)
	})})
}
