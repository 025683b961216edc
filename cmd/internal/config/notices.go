package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/theriac/theriac/internal/problem"
)

// Notices say whom to tell what is held, and how. Tokens, secrets and addresses are secrets; print
// none of them.
type Notices struct {
	// SlackToken and SlackChannel are the bot's token and the channel's id or #name.
	SlackToken, SlackChannel string
	// SlackAPI is another address of the Web API, or "".
	SlackAPI string
	// SlackTeam is the workspace whose clicks are heard, SlackUsers are the people in it.
	SlackTeam  string
	SlackUsers []SlackUser
	// SlackSecrets sign clicks over HTTP, SlackAppToken opens Socket Mode.
	SlackSecrets  []string
	SlackAppToken string
	// SlackAllowance is how much of Slack's limits one process may use: replicas divide 1 among them.
	// 0 is 1.
	SlackAllowance float64
	// Links is the address of the web pages, or "".
	Links string
	// Critical are the subscriptions whose problems are told first, and by the fallbacks at once.
	Critical []string

	// PagerDutyKey and PagerDutyURL, WebhookURL and WebhookSecrets are the fallbacks; FallbackAfter is
	// how long a notice may wait untold before them, 0 for the default.
	PagerDutyKey, PagerDutyURL string
	WebhookURL                 string
	WebhookSecrets             []string
	FallbackAfter              time.Duration
}

// maxAllowance is for a stand-in that limits nothing.
const maxAllowance = 1e6

// SlackUser is a person of the workspace and what they may do: "viewer", "responder" or "operator".
type SlackUser struct{ ID, Name, Role string }

// noticeVariables are the environment's names. The doc tag is what `theriac help environment` prints.
type noticeVariables struct {
	Token    string `env:"THERIAC_SLACK_TOKEN" doc:"Slack: the bot's token (xoxb-…)"`
	Channel  string `env:"THERIAC_SLACK_CHANNEL" doc:"Slack: id of the channel, or #name"`
	Team     string `env:"THERIAC_SLACK_TEAM" doc:"Slack: id of the workspace (T…) whose clicks are heard"`
	Users    string `env:"THERIAC_SLACK_USERS" doc:"Slack: who may click: U0ANA=ana:operator,U0BEN=ben:responder"`
	Secrets  string `env:"THERIAC_SLACK_SIGNING_SECRET" doc:"Slack: signing secret for clicks over HTTP; two with a comma during a rotation"`
	AppToken string `env:"THERIAC_SLACK_APP_TOKEN" doc:"Slack: app-level token (xapp-…) for clicks over Socket Mode"`
	API      string `env:"THERIAC_SLACK_API_URL" doc:"Slack: another address of its Web API, such as a fake's"`
	Share    string `env:"THERIAC_SLACK_ALLOWANCE" doc:"incidentd: how much of Slack's limits one process may use: replicas divide 1 among them (default 1)"`
	Links    string `env:"THERIAC_LINKS" doc:"address of the web pages, for the button Open"`
	Critical string `env:"THERIAC_CRITICAL" doc:"subscriptions whose problems the fallbacks hear of at once: orders,payments"`

	PagerDutyKey string `env:"THERIAC_PAGERDUTY_KEY" doc:"PagerDuty: integration key of an Events API v2 service, a fallback"`
	PagerDutyURL string `env:"THERIAC_PAGERDUTY_URL" doc:"PagerDuty: another address of its Events API"`
	WebhookURL   string `env:"THERIAC_WEBHOOK_URL" doc:"webhook: where signed notices go, a fallback"`
	Webhook      string `env:"THERIAC_WEBHOOK_SECRET" doc:"webhook: secret that signs (whsec_…); two with a comma during a rotation"`
	After        string `env:"THERIAC_FALLBACK_AFTER" doc:"how long Slack may not take a notice before the fallbacks do (default 60s)"`
}

// LoadNotices works out whom to tell, from the context that s was loaded with, else the environment.
// Its error, of kind Invalid, joins every problem and shows no value.
func LoadNotices(s Settings, environ []string) (Notices, error) {
	values, _, _, err := resolve(s.Context, environ)
	if err != nil {
		return Notices{}, err
	}
	v, err := env.ParseAsWithOptions[noticeVariables](env.Options{Environment: values})
	if err != nil {
		return Notices{}, problem.Errorf(problem.Invalid, "the environment cannot be read")
	}
	n := Notices{
		SlackToken: v.Token, SlackChannel: v.Channel, SlackAPI: v.API, SlackTeam: v.Team,
		SlackSecrets: list(v.Secrets), SlackAppToken: v.AppToken, Links: v.Links, Critical: list(v.Critical),
		PagerDutyKey: v.PagerDutyKey, PagerDutyURL: v.PagerDutyURL, WebhookURL: v.WebhookURL, WebhookSecrets: list(v.Webhook),
	}
	var errs []error
	if n.SlackUsers, err = slackUsers(v.Users); err != nil {
		errs = append(errs, err)
	}
	if v.After != "" {
		if n.FallbackAfter, err = time.ParseDuration(v.After); err != nil {
			errs = append(errs, errors.New("THERIAC_FALLBACK_AFTER is a duration, such as 60s or 5m"))
		}
	}
	if v.Share != "" {
		n.SlackAllowance, err = strconv.ParseFloat(v.Share, 64)
		if err != nil || !(n.SlackAllowance > 0 && n.SlackAllowance <= maxAllowance) {
			errs = append(errs, errors.New("THERIAC_SLACK_ALLOWANCE is a number above 0, such as 0.5 with two replicas"))
		}
	}
	if errs = append(errs, n.check()...); len(errs) > 0 {
		return Notices{}, problem.Errorf(problem.Invalid, "%w", errors.Join(errs...))
	}
	return n, nil
}

// Configured reports whether there is anybody to tell.
func (n Notices) Configured() bool { return n.SlackToken != "" }

// Clickable reports whether clicks can come in.
func (n Notices) Clickable() bool { return len(n.SlackSecrets) > 0 || n.SlackAppToken != "" }

func (n Notices) check() (errs []error) {
	wants := func(have bool, name string, missing bool, what string) {
		if have && missing {
			errs = append(errs, fmt.Errorf("%s is set, and %s is not", name, what))
		}
	}
	wants(n.SlackToken != "", "THERIAC_SLACK_TOKEN", n.SlackChannel == "", "THERIAC_SLACK_CHANNEL")
	wants(n.Clickable(), "a way for clicks", n.SlackTeam == "", "THERIAC_SLACK_TEAM, the workspace they come from")
	wants(n.Clickable(), "a way for clicks", n.SlackToken == "", "THERIAC_SLACK_TOKEN")
	wants(n.WebhookURL != "", "THERIAC_WEBHOOK_URL", len(n.WebhookSecrets) == 0, "THERIAC_WEBHOOK_SECRET")
	return errs
}

// slackUsers reads U0ANA=ana:operator,U0BEN=ben. A role that is not named is responder.
func slackUsers(text string) ([]SlackUser, error) {
	var users []SlackUser
	for _, word := range list(text) {
		id, rest, ok := strings.Cut(word, "=")
		name, role, named := strings.Cut(rest, ":")
		if !named {
			role = "responder"
		}
		if !ok || id == "" || name == "" || !slices.Contains([]string{"viewer", "responder", "operator"}, role) {
			return nil, errors.New("THERIAC_SLACK_USERS is a list such as U0ANA=ana:operator,U0BEN=ben:responder; roles are viewer, responder, operator")
		}
		users = append(users, SlackUser{id, name, role})
	}
	return users, nil
}

// list splits words at commas.
func list(text string) []string {
	var words []string
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}
