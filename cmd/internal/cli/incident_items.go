package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
)

func newAttachCommand(t *Tool) *cobra.Command {
	o := &verbOptions{same: "nothing changed: it is attached"}
	a := incident.Attachment{Kind: "link"}
	c := o.command(t, "attach REF URL", "Attach a link: a dashboard, an issue, a call", args(2, 2, "incident attach REF URL"), func(given []string) incident.Verb {
		a.URL = given[1]
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) { return inc.Attach(act, a) }
	})
	c.Example = `theriac incident attach INC-42 https://grafana.example/d/checkout --kind dashboard --title "Checkout"`
	c.Flags().StringVar(&a.Kind, "kind", a.Kind, "what it is: runbook, dashboard, issue, call, …")
	c.Flags().StringVar(&a.Title, "title", "", "what people read")
	noFiles(c.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{"runbook", "dashboard", "issue", "call", "link"}, cobra.ShellCompDirectiveNoFileComp)))
	return c
}

// todoKind is what actions and follow-ups differ in.
type todoKind struct {
	noun   string
	ids    func(*incident.Incident) []string
	change func(*incident.Incident, incident.Act, string, incident.ItemChange) ([]incident.Event, error)
}

func actionKind() todoKind {
	return todoKind{noun: "action", change: (*incident.Incident).ChangeAction, ids: func(inc *incident.Incident) []string {
		var ids []string
		for _, a := range inc.Actions {
			ids = append(ids, a.ID)
		}
		return ids
	}}
}

func followUpKind() todoKind {
	return todoKind{noun: "follow-up", change: (*incident.Incident).ChangeFollowUp, ids: func(inc *incident.Incident) []string {
		var ids []string
		for _, f := range inc.FollowUps {
			ids = append(ids, f.ID)
		}
		return ids
	}}
}

// id finds one by its number in theriac incident show, or by its id.
func (k todoKind) id(inc *incident.Incident, given string) (string, error) {
	ids := k.ids(inc)
	n, err := strconv.Atoi(given)
	if err != nil {
		return given, nil
	}
	if n < 1 || n > len(ids) {
		return "", noNumber(inc, k.noun, given)
	}
	return ids[n-1], nil
}

// ends makes the command that brings one into a state.
func (k todoKind) ends(t *Tool, name, short string, to incident.ItemState) *cobra.Command {
	o := &verbOptions{same: "nothing changed: it is " + string(to)}
	use := k.noun + " " + name + " REF NUMBER"
	c := o.command(t, name+" REF NUMBER", short, args(2, 2, "incident "+use), func(given []string) incident.Verb {
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			id, err := k.id(inc, given[1])
			if err != nil {
				return nil, err
			}
			return k.change(inc, act, id, incident.ItemChange{State: to})
		}
	})
	c.Example = "theriac incident " + k.noun + " " + name + " INC-42 1"
	return c
}

func (k todoKind) all(t *Tool) []*cobra.Command {
	return []*cobra.Command{
		k.ends(t, "done", "It is done", incident.Done),
		k.ends(t, "drop", "Nobody is going to do it", incident.NotDoing),
		k.ends(t, "reopen", "It is to be done after all", incident.Outstanding),
		k.ends(t, "rm", "It was a mistake; the timeline keeps it", incident.Deleted),
	}
}

func newActionCommand(t *Tool) *cobra.Command {
	k := actionKind()
	add := &verbOptions{}
	var owner string
	c := add.command(t, "add REF TEXT", "Note something to do now", args(2, 2, "incident action add REF TEXT"), func(given []string) incident.Verb {
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.AddAction(act, given[1], owner)
		}
	})
	c.Example = `theriac incident action add INC-42 "fail over to eu-west-2" --owner ben`
	c.Flags().StringVar(&owner, "owner", "", "`PERSON` who does it")
	noFiles(c.RegisterFlagCompletionFunc("owner", t.completePeople))
	subs := append([]*cobra.Command{c, k.edit(t)}, k.all(t)...)
	return nounCommand("action", "What is to be done now", `theriac incident action add INC-42 "fail over" --owner ben
theriac incident action done INC-42 1`, subs...)
}

// todoFlags are what can be said of an action or a follow-up.
type todoFlags struct{ text, owner, priority, link, due string }

func (f *todoFlags) add(t *Tool, c *cobra.Command, later bool) {
	c.Flags().StringVar(&f.owner, "owner", "", "`PERSON` who does it")
	noFiles(c.RegisterFlagCompletionFunc("owner", t.completePeople))
	if later {
		c.Flags().StringVar(&f.priority, "priority", "", "how urgent it is, in your words")
		c.Flags().StringVar(&f.link, "link", "", "`URL` of the ticket")
		c.Flags().StringVar(&f.due, "due", "", "`DATE` by which it is to be done: 2022-12-01")
	}
}

// change is what the flags that were given say.
func (f *todoFlags) change(c *cobra.Command) (incident.ItemChange, error) {
	var change incident.ItemChange
	for flag, one := range map[string]struct {
		to  **string
		say *string
	}{"text": {&change.Text, &f.text}, "owner": {&change.Owner, &f.owner}, "priority": {&change.Priority, &f.priority}, "link": {&change.Link, &f.link}} {
		if c.Flags().Changed(flag) {
			*one.to = one.say
		}
	}
	if c.Flags().Changed("due") {
		due, err := parseDate(f.due)
		if err != nil {
			return change, err
		}
		change.Due = &due
	}
	return change, nil
}

// parseDate reads a day, or a moment; empty is none.
func parseDate(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	if text == "" {
		return time.Time{}, nil
	}
	return time.Time{}, problem.Errorf(problem.Invalid, "--due %.60q: want a day such as 2022-12-01", text)
}

// edit makes the command that changes what one says.
func (k todoKind) edit(t *Tool) *cobra.Command {
	o := &verbOptions{same: "nothing changed: it says so already"}
	f := &todoFlags{}
	c := o.command(t, "edit REF NUMBER", "Change what it says", args(2, 2, "incident "+k.noun+" edit REF NUMBER"), nil)
	c.Example = "theriac incident " + k.noun + " edit INC-42 1 --owner ana"
	c.Flags().StringVar(&f.text, "text", "", "what is to be done")
	f.add(t, c, k.noun == "follow-up")
	c.RunE = func(c *cobra.Command, given []string) error {
		change, err := f.change(c)
		if err != nil {
			return err
		}
		return o.runIn(c.Context(), t, given[0], func(context.Context, *incidentRoom) (incident.Verb, error) {
			return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				id, err := k.id(inc, given[1])
				if err != nil {
					return nil, err
				}
				return k.change(inc, act, id, change)
			}, nil
		})
	}
	return c
}

func newFollowUpCommand(t *Tool) *cobra.Command {
	k := followUpKind()
	o := &verbOptions{}
	f := &todoFlags{}
	c := o.command(t, "add REF TEXT", "Note something to do later", args(2, 2, "incident follow-up add REF TEXT"), nil)
	c.Example = `theriac incident follow-up add INC-42 "alert on the queue's age" --owner ana --due 2022-12-01`
	f.add(t, c, true)
	c.RunE = func(c *cobra.Command, given []string) error {
		due, err := parseDate(f.due)
		if err != nil {
			return err
		}
		return o.runIn(c.Context(), t, given[0], func(context.Context, *incidentRoom) (incident.Verb, error) {
			return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.AddFollowUp(act, incident.FollowUp{Text: given[1], Owner: f.owner, Priority: f.priority, Link: f.link, Due: due})
			}, nil
		})
	}
	subs := append([]*cobra.Command{c, k.edit(t)}, k.all(t)...)
	return nounCommand("follow-up", "What is to be done later", `theriac incident follow-up add INC-42 "alert on the queue's age" --owner ana
theriac incident follow-up done INC-42 1`, subs...)
}

func newTaskCommand(t *Tool) *cobra.Command {
	done := &verbOptions{same: "nothing changed: it has ended"}
	end := done.command(t, "done REF TASK", "A task of the time after is done", args(2, 2, "incident task done REF TASK"), func(given []string) incident.Verb {
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.CompleteTask(act, given[1])
		}
	})
	end.Example = `theriac incident task done INC-42 postmortem`
	skipped := &verbOptions{same: "nothing changed: it has ended"}
	skip := skipped.command(t, "skip REF TASK --reason TEXT", "Do without a task, and say why", args(2, 2, "incident task skip REF TASK"), func(given []string) incident.Verb {
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.SkipTask(act, given[1], skipped.reason)
		}
	})
	skip.Example = `theriac incident task skip INC-42 debrief --reason "one person, five minutes"`
	skipped.needsReason(skip)
	for _, c := range []*cobra.Command{end, skip} {
		completeSecond(t.forStages(c, incident.StagePost), t.completeTasks)
	}
	return nounCommand("task", "What is asked for before an incident closes", `theriac incident task done INC-42 postmortem
theriac incident task skip INC-42 debrief --reason "one person, five minutes"`, end, skip)
}

// nudgeKinds are what people are reminded of.
func nudgeKinds() []string {
	return []string{
		string(incident.NudgeTriage), string(incident.NudgeLead), string(incident.NudgeSeverity), string(incident.NudgeUpdate),
		string(incident.NudgeRegroup), string(incident.NudgeRest), string(incident.NudgeOpen), string(incident.NudgeEntry),
		string(incident.NudgeTasks), string(incident.NudgeFollowUp), string(incident.NudgePublic),
	}
}

func newNudgeCommand(t *Tool) *cobra.Command {
	snoozed := &verbOptions{}
	span := "30m"
	snooze := snoozed.command(t, "snooze REF KIND", "Be quiet about something for 30, 60 or 90 minutes", args(2, 2, "incident nudge snooze REF KIND"), nil)
	snooze.Example = `theriac incident nudge snooze INC-42 update --for 60m`
	snooze.Flags().StringVar(&span, "for", span, "30m, 60m or 90m")
	snooze.RunE = func(c *cobra.Command, given []string) error {
		d, err := time.ParseDuration(span)
		if err != nil {
			return problem.Errorf(problem.Invalid, "--for %.60q: want 30m, 60m or 90m", span)
		}
		return snoozed.runIn(c.Context(), t, given[0], func(context.Context, *incidentRoom) (incident.Verb, error) {
			return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.SnoozeNudge(act, incident.NudgeKind(given[1]), int(d/time.Minute))
			}, nil
		})
	}
	stopped := &verbOptions{same: "nothing changed: it is stopped"}
	stop := stopped.command(t, "stop REF KIND", "Never remind of it again in this incident", args(2, 2, "incident nudge stop REF KIND"), func(given []string) incident.Verb {
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.StopNudge(act, incident.NudgeKind(given[1]))
		}
	})
	stop.Example = `theriac incident nudge stop INC-42 update`
	for _, c := range []*cobra.Command{snooze, stop} {
		c.Long = c.Short + ".\nKinds: " + strings.Join(nudgeKinds(), ", ")
		completeSecond(c, cobra.FixedCompletions(nudgeKinds(), cobra.ShellCompDirectiveNoFileComp))
	}
	return nounCommand("nudge", "What people are reminded of", `theriac incident nudge snooze INC-42 update --for 60m
theriac incident nudge stop INC-42 update`, snooze, stop)
}
