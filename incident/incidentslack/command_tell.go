package incidentslack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/theriac/theriac/incident"
)

// listed is how many incidents a list shows.
const listed = 20

func runList(ctx context.Context, t *turn, _ string, _ *args) (string, error) {
	open, more, err := t.openIncidents(ctx, listed)
	if err != nil {
		return "", err
	}
	if len(open) == 0 {
		return "Nothing is open.", nil
	}
	lines := []string{"*Open incidents*"}
	for _, inc := range open {
		lines = append(lines, "• "+t.oneLine(&inc))
	}
	if more {
		lines = append(lines, "and more")
	}
	return strings.Join(lines, "\n"), nil
}

// oneLine names an incident in a list. A private one is its number only: a list is no look at it.
func (t *turn) oneLine(inc *incident.Incident) string {
	if inc.Visibility == incident.Private {
		return inc.Ref() + " (private), " + string(inc.Status)
	}
	test := ""
	if inc.Mode == incident.ModeTest {
		test = "[TEST] "
	}
	return fmt.Sprintf("%s %s%s, %s, %s%s", inc.Ref(), test, escape(inc.Name, 120), inc.Status, orDash(escape(inc.Severity, 40)), t.linkTo(inc))
}

// openIncidents returns those that are open and that the person may see.
func (t *turn) openIncidents(ctx context.Context, limit int) ([]incident.Incident, bool, error) {
	page, err := t.stores.List(ctx, incident.Filter{
		Stages: []incident.Stage{incident.StageTriage, incident.StageActive, incident.StagePaused},
		For:    &incident.Reader{Person: t.person.ID, Role: t.person.Role}, Limit: limit,
	})
	return page.Incidents, page.Next != "", err
}

func runShed(ctx context.Context, t *turn, _ string, a *args) (string, error) {
	if t.cfg.Controls != nil {
		return t.control(ctx, ControlOrder{By: t.by, Key: t.r.key(), Args: a.text()})
	}
	level := "critical-only"
	switch asked := strings.ToLower(a.text()); asked {
	case "normal":
		return "Run `theriac shed normal` where you have the command line.", nil
	case "non-critical":
		level = asked
	}
	return "Run `theriac shed " + level + " --for 1h --reason \"…\"` where you have the command line; `theriac shed normal` takes it back.", nil
}

// control asks for an order about the flow of messages.
func (t *turn) control(ctx context.Context, o ControlOrder) (string, error) {
	text, err := t.cfg.Controls(ctx, o)
	if err != nil && !errors.Is(err, incident.ErrUnavailable) {
		err = sayf("It was not done: %s.", escape(err.Error(), wordsMax))
	}
	return escape(text, 1000), err
}

func runQuarantine(_ context.Context, t *turn, _ string, _ *args) (string, error) {
	if link := t.cfg.Quarantine; isLink(link) && !strings.ContainsAny(link, "<>|") {
		return "Quarantined messages: <" + link + "|open the page>. Or run `theriac ls`.", nil
	}
	return "Run `theriac ls` to see the quarantined messages.", nil
}

func runHelp(_ context.Context, t *turn, _ string, _ *args) (string, error) {
	lines := []string{"In the channel of an incident INC may be left out. `" + t.cfg.Command + "` alone declares one."}
	for _, c := range commands() {
		lines = append(lines, "`"+t.cfg.Command+" "+c.usage+"`  "+c.help)
	}
	return strings.Join(lines, "\n"), nil
}
