package workflow

import (
	"errors"
	"time"

	"github.com/theriac/theriac/incident"
)

// mark is put before everything that a test says.
func mark(inc *incident.Incident) string {
	switch {
	case inc.GameDay:
		return "[GAME DAY] "
	case inc.Mode == incident.ModeTest:
		return "[TEST] "
	default:
		return ""
	}
}

// hidden is all that is said of a private incident to those who may not see it.
func (d Deps) hidden(inc *incident.Incident, what string) Card {
	return Card{Title: mark(inc) + inc.Ref(), Text: what, Buttons: d.open(inc)}
}

// open is the button that leads to the incident's page, if there is one.
func (d Deps) open(inc *incident.Incident) []Button {
	if link := d.Link(inc); link != "" {
		return []Button{{Text: "Open", URL: link}}
	}
	return nil
}

// headline is how an incident is announced: newest state, and what can be done about it.
func (d Deps) headline(rules *incident.Settings, inc *incident.Incident) Card {
	if inc.Visibility == incident.Private {
		return d.hidden(inc, "This incident is private.")
	}
	card := Card{
		Title: mark(inc) + inc.Ref() + " " + line(inc.Name, 200),
		Facts: []Fact{
			{"Status", string(inc.Status)},
			{"Severity", orElse(severityName(rules, inc.Severity), "none yet")},
			{"Lead", orElse(inc.Lead(), "nobody yet")},
		},
		Text: lines(inc.Summary, 1000),
	}
	if inc.Channel != nil {
		card.Facts = append(card.Facts, Fact{"Channel", "#" + inc.Channel.Name})
	}
	if inc.LastUpdate != nil {
		card.Facts = append(card.Facts, Fact{"Last update", line(inc.LastUpdate.Message, 300)})
	}
	card.Buttons = append(headlineButtons(inc), d.open(inc)...)
	return card
}

// headlineButtons are those that fit the stage.
func headlineButtons(inc *incident.Incident) []Button {
	switch {
	case inc.Status == incident.Triage:
		return []Button{
			{Text: "Accept", Action: ActAccept, Value: inc.ID, Style: "primary"},
			{Text: "Merge", Action: ActMerge, Value: inc.ID},
			{Text: "Decline", Action: ActDecline, Value: inc.ID, Style: "danger"},
		}
	case inc.Status.Live():
		return []Button{
			{Text: "Join", Action: ActJoin, Value: inc.ID, Style: "primary"},
			{Text: "Subscribe", Action: ActSubscribe, Value: inc.ID},
			{Text: "Update", Action: ActUpdate, Value: inc.ID},
			{Text: "Escalate", Action: ActEscalate, Value: inc.ID},
		}
	default:
		return nil
	}
}

// severityName returns what people call a severity, its id where the settings do not know it.
func severityName(rules *incident.Settings, id string) string {
	for _, s := range rules.Severities {
		if s.ID == id {
			return orElse(s.Name, s.ID)
		}
	}
	return id
}

// severityRank returns how bad a severity is, 0 for one that is not known.
func severityRank(rules *incident.Settings, id string) int {
	for _, s := range rules.Severities {
		if s.ID == id {
			return s.Rank
		}
	}
	return 0
}

// orElse returns text, or other where it is empty.
func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// notFoundIsNil forgets that something is not there.
func notFoundIsNil(err error) error {
	if errors.Is(err, incident.ErrNotFound) {
		return nil
	}
	return err
}

// clock is a moment as people read it.
func clock(t time.Time) string { return t.UTC().Format("15:04 UTC") }
