package incidentd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
)

// firstToken is the id of the token that a new installation begins with.
const firstToken = "first-admin"

// settle gives a new installation what it begins with, and returns the text of its first admin token,
// "" where there are tokens already. Where the workspace of this machine runs here it also knows the two people
// who are there, and tells them in #incidents: a service that goes without Slack has people of its own.
func (p program) settle(ctx context.Context, service *incident.Service) (token string, err error) {
	stores := service.Stores()
	tokens, err := stores.Tokens(ctx)
	if err != nil || len(tokens) > 0 {
		return "", err
	}
	if p.hostsSlack() {
		if err := p.introduce(ctx, stores); err != nil {
			return "", err
		}
	}
	text, hash := incidentweb.NewToken()
	err = stores.SaveToken(ctx, incident.Token{
		ID: firstToken, Name: "first admin", Hash: hash, Role: incident.Admin, Created: time.Now().UTC(),
	})
	if errors.Is(err, incident.ErrConflict) {
		return "", nil // another web process was first, and shows its own
	}
	return text, err
}

// introduce stores the people of the workspace of this machine, and the channel that hears of
// incidents, unless somebody decided otherwise already.
func (p program) introduce(ctx context.Context, stores incident.Stores) error {
	for _, person := range []incident.Person{
		{ID: "ana", Name: "Ana", SlackID: slackUserAna, Role: incident.Admin},
		{ID: "ben", Name: "Ben", SlackID: slackUserBen, Role: incident.Responder},
	} {
		_, err := stores.Person(ctx, person.ID)
		if errors.Is(err, incident.ErrNotFound) {
			err = stores.SavePerson(ctx, person)
		}
		if err != nil {
			return err
		}
	}
	settings, err := stores.Settings(ctx)
	if err != nil || settings.Version > 0 {
		return err
	}
	settings.Announce = []incident.Announce{{Channel: announceChannel, Updates: true}}
	settings.Paths = []incident.Path{{ID: "everybody", Name: "Everybody", Levels: []incident.Level{
		{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ana"}}},
		{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ben"}}},
	}}}
	for i := range settings.Severities {
		settings.Severities[i].Path = "everybody"
	}
	_, err = stores.SaveSettings(ctx, incident.Actor{Kind: incident.ByWorkflow, ID: "incidentd", Name: "incidentd"}, settings)
	if errors.Is(err, incident.ErrConflict) {
		return nil
	}
	return err
}

// greet says on standard output where everything is, and the token, this one time. Empty lines around it set
// it apart from the log, with which it shares the terminal.
func (p program) greet(at net.Addr, token string) {
	var text strings.Builder
	fmt.Fprintf(&text, "\nincidentd answers at http://%s\n", at)
	if p.hostsSlack() {
		fmt.Fprintf(&text, "Slack, a workspace of this machine: http://%s\n", p.flags.slackListen)
	}
	fmt.Fprintf(&text, "data in %s\n", p.settings.DataDir)
	if token != "" {
		fmt.Fprintf(&text, "\nadmin token, shown this once:\n  %s\n\nTry:\n"+
			"  curl -sS http://%s/v1/incidents -H 'Authorization: Bearer %s' -H 'Idempotency-Key: 1' \\\n"+
			"       -H 'Content-Type: application/json' -d '{\"name\":\"checkout is down\",\"severity\":\"critical\"}'\n", token, at, token)
	}
	text.WriteString("\n")
	_, _ = fmt.Fprint(p.out, text.String()) // nobody reads it where there is no standard output
}
