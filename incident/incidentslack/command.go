package incidentslack

import (
	"context"
	"fmt"
	"strings"

	"github.com/theriac/theriac/incident"
)

// command is one word after the slash command.
type command struct {
	name, usage, help string
	// least is the role that it takes, incident.Responder where it is "".
	least incident.Role
	// form is opened where the arguments do not say enough; "" for a command without one.
	form string
	// enough reports whether they do, after the reference was read. Nil: if there are any beside it.
	enough func(ref string, a *args) bool
	// inPlace commands do not wait for a handler.
	inPlace bool
	run     func(ctx context.Context, t *turn, ref string, a *args) (string, error)
}

// commands returns all of them, in the order of help.
func commands() []command {
	return []command{
		{name: "declare", usage: "declare [NAME]", help: "declare an incident", form: formDeclare, inPlace: true, run: runDeclare(incident.ModeStandard)},
		{name: "update", usage: "update [INC] [TEXT]", help: "tell people how it stands", form: formUpdate, run: runUpdate},
		{name: "status", usage: "status [INC] [investigating|fixing|monitoring] [TEXT]", help: "show it, or change the status", least: incident.Viewer, enough: always, run: runStatus},
		{name: "severity", usage: "severity [INC] [SEVERITY] [REASON]", help: "say how bad it is", form: formSeverity, run: runSeverity},
		{name: "lead", usage: "lead [INC] [me|@PERSON] [NOTE]", help: "give the lead to somebody", form: formLead, run: runRole(incident.LeadRole)},
		{name: "role", usage: "role [INC] [ROLE me|@PERSON] [NOTE]", help: "give a role to somebody", form: formLead, enough: rolePerson, run: runRole("")},
		{name: "escalate", usage: "escalate [INC] [@PEOPLE|PATH] [REASON]", help: "call people", form: formEscalate, run: runEscalate},
		{name: "ack", usage: "ack [INC]", help: "answer a call: I have it", enough: always, inPlace: true, run: runAck},
		{name: "invite", usage: "invite [INC] @PEOPLE", help: "bring people in", enough: always, run: runInvite},
		{name: "action", usage: "action [INC] [@OWNER] [TEXT]", help: "note something to do now", form: formAction, run: runAction},
		{name: "followup", usage: "followup [INC] [@OWNER] [TEXT]", help: "note something to do later", form: formFollowUp, run: runFollowUp},
		{name: "timeline", usage: "timeline [INC] [TEXT]", help: "show the latest lines, or write one", least: incident.Viewer, enough: always, run: runTimeline},
		{name: "request-update", usage: "request-update [INC] [@PERSON]", help: "ask for an update", enough: always, run: runRequestUpdate},
		{name: "summary", usage: "summary [INC] TEXT", help: "say in short what it is", enough: always, run: runSummary},
		{name: "pause", usage: "pause [INC] REASON", help: "let it rest, with a reason", enough: always, run: withReason((*incident.Incident).Pause)},
		{name: "resume", usage: "resume [INC]", help: "go on with a paused one", enough: always, run: runResume},
		{name: "merge", usage: "merge [INC] into INC [REASON]", help: "let it go on as part of another", form: formMerge, enough: namesOne, run: runMerge},
		{name: "cancel", usage: "cancel [INC] REASON", help: "it was a false alarm", enough: always, run: withReason((*incident.Incident).Cancel)},
		{name: "resolve", usage: "resolve [INC] [TEXT]", help: "say that it is over", form: formResolve, run: runResolve},
		{name: "reopen", usage: "reopen [INC] REASON", help: "say that it is not over", enough: always, run: withReason((*incident.Incident).Reopen)},
		{name: "test", usage: "test [NAME]", help: "declare a test: it pages only you", form: formTest, inPlace: true, run: runDeclare(incident.ModeTest)},
		{name: "list", usage: "list", help: "show what is open", least: incident.Viewer, enough: always, run: runList},
		{name: "shed", usage: "shed [LEVEL SPAN REASON|normal]", help: "hold back what is not critical, or show what is", enough: always, run: runShed},
		{name: "quarantine", usage: "quarantine", help: "where the quarantined messages are", least: incident.Viewer, enough: always, run: runQuarantine},
		{name: "help", usage: "help", help: "this list", least: incident.Viewer, enough: always, run: runHelp},
	}
}

func always(string, *args) bool { return true }

// namesOne reports an incident by its reference.
func namesOne(ref string, _ *args) bool { return ref != "" }

// rolePerson reports a role with somebody who is to have it.
func rolePerson(_ string, a *args) bool {
	b := *a
	b.word()
	return b.name() != ""
}

// parseCommand reads the word of a command. No word is a declaration.
func parseCommand(text string) (name string, a *args) {
	a = newArgs(text)
	name = strings.ToLower(a.word())
	if name == "" {
		name = "declare"
	}
	return name, a
}

// commandDeed returns what a typed command asks for.
func (in *Intake) commandDeed(r request) deed {
	name, a := parseCommand(r.Value)
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		ref := ""
		if !c.inPlace || c.name == "ack" {
			ref = a.ref()
		}
		return c.deed(ref, a)
	}
	return says(fmt.Sprintf("There is no `%s %s`. `%s help` lists what there is.", in.cfg.Command, bare(name, 30), in.cfg.Command))
}

// deed is what a command asks for with its arguments.
func (c command) deed(ref string, a *args) deed {
	enough := !a.empty()
	if c.enough != nil {
		enough = c.enough(ref, a)
	}
	if !enough {
		return opens(c.form, ref)
	}
	d := waits(func(ctx context.Context, t *turn) (string, error) { return c.run(ctx, t, ref, a) })
	if c.least != "" {
		d.least = c.least
	}
	if c.inPlace {
		d.how = inPlace
	}
	return d
}

// people returns the ids of people that arguments name.
func (t *turn) people(ctx context.Context, names ...string) ([]string, error) {
	var ids []string
	for _, name := range names {
		switch user, slack := strings.CutPrefix(name, "@"); {
		case name == "me":
			ids = append(ids, t.person.ID)
		case slack:
			p, err := t.bySlack(ctx, user)
			if err != nil {
				return nil, err
			}
			ids = append(ids, p.ID)
		default:
			p, err := t.stores.Person(ctx, name)
			if _, final := words(err); err != nil && final {
				return nil, sayf("Nobody knows %s. Nothing was done.", escape(name, 60))
			}
			if err == nil && p.Left(t.cfg.Now()) {
				err = sayf("%s has left, says the directory. Nothing was done.", escape(p.Name, 80))
			}
			if err != nil {
				return nil, err
			}
			ids = append(ids, p.ID)
		}
	}
	return ids, nil
}

// one is people for a single name, "" for none.
func (t *turn) one(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	ids, err := t.people(ctx, name)
	if err != nil {
		return "", err
	}
	return ids[0], nil
}
