package incidentslack

import (
	"context"
	"strings"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit"
)

const (
	nameInput    = 200 // characters; the domain's
	summaryInput = 3000
	reasonInput  = 2000
)

func askDeclare(_ context.Context, _ *turn, rules *incident.Settings, _ *incident.Incident) ([]slack.Block, error) {
	name := line(inName, "What is wrong?", "One line, as people will know it.", false, nameInput, "")
	blocks := append([]slack.Block{name}, menu(inSeverity, "How bad is it?", "It may call people. You can say it later.", true, severities(rules), "")...)
	blocks = append(blocks, lines(inSummary, "What do you know?", "", true, summaryInput, ""))
	return append(blocks, tick(inPrivate, "Who may see it?", "Only those who take part")), nil
}

// askTest is askDeclare for what has nothing to hide.
func askTest(ctx context.Context, t *turn, rules *incident.Settings, inc *incident.Incident) ([]slack.Block, error) {
	blocks, err := askDeclare(ctx, t, rules, inc)
	return blocks[:len(blocks)-1], err
}

func askAccept(_ context.Context, _ *turn, rules *incident.Settings, inc *incident.Incident) ([]slack.Block, error) {
	blocks := append([]slack.Block{line(inName, "Name", "", false, nameInput, inc.Name)},
		menu(inSeverity, "How bad is it?", "It may call people.", true, severities(rules), inc.Severity)...)
	return append(blocks, tick(inQuiet, "Calls", "Call nobody for it")), nil
}

func askReason(context.Context, *turn, *incident.Settings, *incident.Incident) ([]slack.Block, error) {
	return []slack.Block{lines(inReason, "Why is it none?", "", false, reasonInput, "")}, nil
}

func askMerge(ctx context.Context, t *turn, _ *incident.Settings, inc *incident.Incident) ([]slack.Block, error) {
	open, _, err := t.openIncidents(ctx, choiceMax)
	if err != nil {
		return nil, err
	}
	var all []choice
	for _, o := range open {
		if o.ID == inc.ID {
			continue
		}
		name := o.Name
		if o.Visibility == incident.Private {
			name = "private"
		}
		all = append(all, choice{o.ID, o.Ref() + " " + name})
	}
	blocks := menu(inInto, "It lives on in", "", false, all, "")
	if blocks == nil {
		return nil, sayf("There is no other open incident that %s could live on in.", inc.Ref())
	}
	return append(blocks, lines(inReason, "Why?", "", true, reasonInput, "")), nil
}

// nextUpdates are the promises that a form offers.
func nextUpdates() []choice {
	return []choice{
		{"default", "As the severity asks"}, {"15m", "15 minutes"}, {"30m", "30 minutes"}, {"1h", "1 hour"},
		{"2h", "2 hours"}, {"4h", "4 hours"}, {"24h", "1 day"}, {"none", "None is promised"},
	}
}

func askUpdate(_ context.Context, _ *turn, rules *incident.Settings, inc *incident.Incident) ([]slack.Block, error) {
	var statuses []choice
	for _, s := range active() {
		statuses = append(statuses, choice{string(s), string(s)})
	}
	blocks := []slack.Block{lines(inMessage, "How does it stand?", "Those who are not in the channel read this.", false, inputMax, "")}
	blocks = append(blocks, menu(inStatus, "Status", "", true, statuses, string(inc.Status))...)
	blocks = append(blocks, menu(inSeverity, "Severity", "", true, severities(rules), inc.Severity)...)
	return append(blocks, menu(inNext, "Next update in", "", true, nextUpdates(), "default")...), nil
}

func askEscalate(_ context.Context, _ *turn, rules *incident.Settings, _ *incident.Incident) ([]slack.Block, error) {
	var paths []choice
	for _, p := range rules.Paths {
		paths = append(paths, choice{p.ID, orElse(p.Name, p.ID)})
	}
	blocks := menu(inPath, "Call by this path", "", true, paths, "")
	people := &slack.MultiSelectBlockElement{Type: slack.MultiOptTypeUser, ActionID: inPeople}
	blocks = append(blocks, input(inPeople, "Or call these people", "", true, people))
	return append(blocks, lines(inReason, "Why?", "Those who are called read this.", false, reasonInput, "")), nil
}

func askRole(_ context.Context, t *turn, rules *incident.Settings, inc *incident.Incident) ([]slack.Block, error) {
	all := roles(rules)
	for i, c := range all {
		if holder := inc.Holder(c.value); holder != "" {
			all[i].text += " (now " + cut(holder, 30) + ")"
		}
	}
	initial := incident.LeadRole
	if t.r.Type == slackkit.SlashCommand {
		if name, a := parseCommand(t.r.Value); name == "role" {
			a.ref()
			initial = orElse(a.word(), initial)
		}
	}
	blocks := menu(inRole, "Role", "", false, all, initial)
	return append(blocks, somebody(inPerson, "Who has it from now on?", false, t.r.User),
		lines(inReason, "A note for them", "", true, reasonInput, "")), nil
}

func askSeverity(_ context.Context, _ *turn, rules *incident.Settings, inc *incident.Incident) ([]slack.Block, error) {
	blocks := menu(inSeverity, "How bad is it?", "A worse one may call people.", false, severities(rules), inc.Severity)
	if blocks == nil {
		return nil, sayf("The settings know no severity.")
	}
	return append(blocks, lines(inReason, "Why?", "", true, reasonInput, "")), nil
}

func askResolve(context.Context, *turn, *incident.Settings, *incident.Incident) ([]slack.Block, error) {
	return []slack.Block{lines(inMessage, "How did it end?", "", true, inputMax, "")}, nil
}

// marked is the text of the message that a shortcut was chosen at, "" where there is none.
func (t *turn) marked() string {
	if t.r.Type != slackkit.MessageAction {
		return ""
	}
	return cut(strings.TrimSpace(readable(t.r.Value)), reasonInput)
}

func askAction(_ context.Context, t *turn, _ *incident.Settings, _ *incident.Incident) ([]slack.Block, error) {
	return []slack.Block{lines(inText, "What is to be done now?", "", false, reasonInput, t.marked()), somebody(inOwner, "By whom?", true, "")}, nil
}

func askFollowUp(_ context.Context, t *turn, _ *incident.Settings, _ *incident.Incident) ([]slack.Block, error) {
	return []slack.Block{
		lines(inText, "What is to be done later?", "", false, reasonInput, t.marked()), somebody(inOwner, "By whom?", true, ""),
		line(inPriority, "Priority", "", true, 40, ""),
		input(inDue, "Until when?", "", true, slack.NewDatePickerBlockElement(inDue)),
	}, nil
}
