package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/slackkit"
)

// clockApart is how far our clock may be from Slack's: beyond it no signed click is believed.
const clockApart = 5 * time.Minute

// slack asks Slack whether the token is good, where there is one.
func (d *doctor) slack(ctx context.Context) (_ finding, ok bool) {
	n, err := config.LoadNotices(d.settings, d.t.environ)
	if err != nil {
		return finding{levelFail, "slack", err.Error(), "theriac help environment"}, true
	}
	if !n.Configured() {
		return finding{}, false
	}
	client, err := slackkit.New(slackkit.Config{Token: n.SlackToken, APIURL: n.SlackAPI})
	if err != nil {
		return finding{levelFail, "slack", err.Error(), "correct THERIAC_SLACK_TOKEN"}, true
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	who, err := client.Check(ctx)
	switch {
	case err != nil && slackkit.IsPermanent(err):
		return finding{levelFail, "slack", err.Error(), "install the app again and give its token in THERIAC_SLACK_TOKEN"}, true
	case err != nil:
		return finding{levelWarn, "slack", err.Error(), "notices wait until Slack answers; look at slack-status.com and at this machine's network"}, true
	case who.ClockAhead.Abs() > clockApart:
		return finding{levelFail, "slack", fmt.Sprintf("this machine's clock is %s from Slack's: no click over HTTP is believed", who.ClockAhead.Abs()),
			"set the clock by NTP"}, true
	case n.SlackTeam != "" && n.SlackTeam != who.TeamID:
		return finding{levelFail, "slack", fmt.Sprintf("the token is of workspace %s, and clicks are taken from %s", who.TeamID, n.SlackTeam),
			"give THERIAC_SLACK_TEAM the id of the token's workspace"}, true
	case len(who.Scopes) > 0 && !slices.Contains(who.Scopes, "chat:write"):
		return finding{levelFail, "slack", "the token may not post: it lacks the scope chat:write", "install the app from docs/slack-manifest.yaml"}, true
	case !n.Clickable():
		return finding{levelWarn, "slack", fmt.Sprintf("workspace %s answers; buttons answer to nobody", who.Team),
			"set THERIAC_SLACK_APP_TOKEN, or THERIAC_SLACK_SIGNING_SECRET and theriac notify --listen"}, true
	default:
		return finding{levelOK, "slack", fmt.Sprintf("workspace %s answers, as %s", who.Team, who.UserID), ""}, true
	}
}
