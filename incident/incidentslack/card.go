package incidentslack

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/internal/slackkit"
)

// Bounds of a message, in characters. Slack's own are 150 for a header, 2,000 for a field, 3,000 for a
// section; the whole is ours.
const (
	titleMax   = 150
	fieldMax   = 320
	factMax    = 40 // of a fact's name
	factsMax   = 10
	textMax    = 3000
	buttonMax  = 75
	buttonsMax = 10
	messageMax = 4000
	valueMax   = 2000
)

// message lays out a card. Nothing in a card is markup: it is escaped, told not to become links, and cut
// to 4,000 characters in all, its text last.
func message(card workflow.Card) slackkit.Message {
	title := plain(card.Title, titleMax)
	if title == "" {
		title = "Incident"
	}
	m := slackkit.Message{Text: escape(card.Title, titleMax), Blocks: []slack.Block{slack.NewHeaderBlock(slackkit.PlainText(title))}}
	left := messageMax - runes(title) - runes(m.Text)
	actions, used := buttons(card.Buttons)
	left -= used
	var fields []*slack.TextBlockObject
	for _, f := range card.Facts[:min(len(card.Facts), factsMax)] {
		text := "*" + bare(f.Name, factMax) + "*\n" + orDash(escape(f.Value, fieldMax))
		if left -= runes(text); left < 0 {
			break
		}
		fields = append(fields, slackkit.Mrkdwn(text))
	}
	if len(fields) > 0 {
		m.Blocks = append(m.Blocks, slack.NewSectionBlock(nil, fields, nil))
	}
	if text := slackkit.Escape(strings.TrimSpace(card.Text), min(textMax, max(left, 0))); text != "" {
		m.Blocks = append(m.Blocks, slack.NewSectionBlock(slackkit.Mrkdwn(text), nil, nil))
	}
	if m.Text == "" {
		m.Text = title
	}
	if actions != nil {
		m.Blocks = append(m.Blocks, actions)
	}
	return m
}

// buttons lays out what can be pressed, and says how many characters it takes.
func buttons(all []workflow.Button) (*slack.ActionBlock, int) {
	block, used, seen := slack.NewActionBlock(""), 0, map[string]int{}
	for _, b := range all[:min(len(all), buttonsMax)] {
		action := b.Action
		if b.URL != "" {
			action = actOpen
		}
		text := plain(b.Text, buttonMax)
		if text == "" || action == "" || len(b.Value) > valueMax || b.URL != "" && !isLink(b.URL) {
			continue
		}
		// Slack wants each action once in a block; a number at its end is taken off again by actionOf.
		if seen[action]++; seen[action] > 1 {
			action = fmt.Sprintf("%s.%d", action, seen[action])
		}
		e := slack.NewButtonBlockElement(action, b.Value, slackkit.PlainText(text))
		e.URL = b.URL
		if style := slack.Style(b.Style); style == slack.StylePrimary || style == slack.StyleDanger {
			e.Style = style
		}
		used += runes(text)
		block.Elements.ElementSet = append(block.Elements.ElementSet, e)
	}
	if len(block.Elements.ElementSet) == 0 {
		return nil, 0
	}
	return block, used
}

// actionOf returns the action of a button as it was before it was numbered.
func actionOf(id string) string {
	action, _, _ := strings.Cut(id, ".")
	return action
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// actOpen is the action of a button that only leads somewhere.
const actOpen = "inc:open"
