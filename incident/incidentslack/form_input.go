package incidentslack

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit"
)

const (
	inputMax  = 3000 // characters of an input; Slack's
	optionMax = 75   // characters of an option
	choiceMax = 100  // options of a menu
)

// input is a block whose id is that of its element.
func input(id, label, hint string, optional bool, e slack.BlockElement) *slack.InputBlock {
	var below *slack.TextBlockObject
	if hint != "" {
		below = slackkit.PlainText(hint)
	}
	b := slack.NewInputBlock(id, slackkit.PlainText(label), below, e)
	b.Optional = optional
	return b
}

// line asks for a text of so many characters, lines for a longer one. What stands in it comes from
// outside; Slack shows it as it is.
func line(id, label, hint string, optional bool, limit int, initial string) *slack.InputBlock {
	e := slack.NewPlainTextInputBlockElement(nil, id)
	e.MaxLength, e.InitialValue = limit, cut(initial, limit)
	return input(id, label, hint, optional, e)
}

func lines(id, label, hint string, optional bool, limit int, initial string) *slack.InputBlock {
	e := slack.NewPlainTextInputBlockElement(nil, id)
	e.MaxLength, e.InitialValue, e.Multiline = min(limit, inputMax), cut(initial, min(limit, inputMax)), true
	return input(id, label, hint, optional, e)
}

// choice is something to choose.
type choice struct{ value, text string }

// menu asks for one of several. Without any there is no menu.
func menu(id, label, hint string, optional bool, all []choice, initial string) []slack.Block {
	var options []*slack.OptionBlockObject
	var chosen *slack.OptionBlockObject
	for _, c := range all[:min(len(all), choiceMax)] {
		text := plain(c.text, optionMax)
		if text == "" || c.value == "" || len(c.value) > 150 {
			continue
		}
		o := slack.NewOptionBlockObject(c.value, slackkit.PlainText(text), nil)
		if options = append(options, o); c.value == initial {
			chosen = o
		}
	}
	if len(options) == 0 {
		return nil
	}
	e := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, id, options...)
	e.InitialOption = chosen
	return []slack.Block{input(id, label, hint, optional, e)}
}

// tick asks for yes or no.
func tick(id, label, text string) *slack.InputBlock {
	yes := slack.NewOptionBlockObject("yes", slackkit.PlainText(text), nil)
	return input(id, label, "", true, slack.NewCheckboxGroupsBlockElement(id, yes))
}

// somebody asks for a person.
func somebody(id, label string, optional bool, initial string) *slack.InputBlock {
	e := slack.NewOptionsSelectBlockElement(slack.OptTypeUser, nil, id)
	e.InitialUser = initial
	return input(id, label, "", optional, e)
}

// severities are those of the settings, in their order.
func severities(rules *incident.Settings) []choice {
	var all []choice
	for _, s := range rules.Severities {
		all = append(all, choice{s.ID, orElse(s.Name, s.ID)})
	}
	return all
}

// roles are those of the settings, that of the lead in any case.
func roles(rules *incident.Settings) []choice {
	all := []choice{{incident.LeadRole, "Lead"}}
	for _, r := range rules.Roles {
		if r.ID != incident.LeadRole {
			all = append(all, choice{r.ID, orElse(r.Name, r.ID)})
		}
	}
	return all
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// values are what was filled in.
type values struct{ all map[string]string }

// text returns a text, or the value of what was chosen.
func (v values) text(id string) string { return strings.TrimSpace(v.all[id]) }

// ticked reports a yes.
func (v values) ticked(id string) bool { return v.text(id) == "yes" }

// person returns a person as [turn.people] takes one, "" for nobody.
func (v values) person(id string) string {
	if user := v.text(id); user != "" {
		return "@" + user
	}
	return ""
}

// people returns several.
func (v values) people(id string) []string {
	var all []string
	for user := range strings.SplitSeq(v.text(id), ",") {
		if user = strings.TrimSpace(user); user != "" {
			all = append(all, "@"+user)
		}
	}
	return all
}
