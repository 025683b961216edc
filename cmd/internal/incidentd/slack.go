package incidentd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/incident/incidentslack"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// workspace is where the Slack workspace of this machine is, as the role that runs it says to the
// others, in a file that only this user can read.
type workspace struct {
	URL      string `json:"url"`
	APIURL   string `json:"api_url"`
	Token    string `json:"token"`
	AppToken string `json:"app_token"`
	Team     string `json:"team"`
}

// The first people and channels of the workspace.
const (
	slackUserAna     = "U0ANA"
	slackUserBen     = "U0BEN"
	announceChannel  = "C0INC"
	announceName     = "incidents"
	quarantineName   = "ops"
	quarantineRoom   = "C0OPS"
	slackPageTimeout = 10 * time.Second
	// ownAllowance lifts Slack's limits, which the workspace of this machine does not have.
	ownAllowance = 1e6
)

// SlackEvents are what the app is told of, as in docs/slack-manifest.yaml.
func SlackEvents() []string {
	return []string{
		"message.channels", "message.groups", "member_joined_channel", "member_left_channel", "reaction_added",
		"pin_added", "channel_rename", "channel_archive", "channel_unarchive",
	}
}

// slack is the role of the workspace that runs where no token is given: a real server for the
// methods that are called, so that the whole workflow runs offline through the same code.
func (p program) slack(ctx context.Context, role guardian.Role) error {
	s, err := slackfake.Start(ctx, slackfake.Config{
		Addr: p.flags.slackListen, TeamName: "Theriac", StateFile: filepath.Join(p.settings.DataDir, "slack.json"),
		Channels: []slackfake.Channel{{ID: announceChannel, Name: announceName}, {ID: quarantineRoom, Name: quarantineName}},
		Events:   SlackEvents(),
		Shortcuts: []slackfake.Shortcut{
			{CallbackID: incidentslack.ShortcutTimeline, Name: "Add to the timeline", Message: true},
			{CallbackID: incidentslack.ShortcutAction, Name: "Make it an action", Message: true},
			{CallbackID: incidentslack.ShortcutFollowUp, Name: "Make it a follow-up", Message: true},
			{CallbackID: incidentslack.ShortcutDeclare, Name: "Declare an incident"},
		},
		BotsUnarchive: true, // so that Reopen is seen to work; in Slack a person has to do it
	})
	if err != nil {
		return problem.Errorf(problem.Unavailable, "the Slack workspace of this machine: %w; choose another --slack-listen", err)
	}
	defer p.closes("Slack workspace", s.Close)
	err = p.tellWorkspace(workspace{URL: s.URL(), APIURL: s.APIURL(), Token: s.Token(), AppToken: s.AppToken(), Team: s.Team()})
	if err != nil {
		return err
	}
	role.Ready()
	<-ctx.Done()
	return nil
}

func (p program) workspaceFile() string {
	return filepath.Join(p.settings.DataDir, "slack-workspace.json")
}

// tellWorkspace writes where it is, at once or not at all.
func (p program) tellWorkspace(w workspace) error {
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	next := p.workspaceFile() + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return fmt.Errorf("say where the Slack workspace is: %w", err)
	}
	return os.Rename(next, p.workspaceFile())
}

// notices are the settings of Slack: those given, or the workspace of this machine, for which it
// waits.
func (p program) notices(ctx context.Context) (config.Notices, error) {
	if !p.ownSlack() {
		return p.incident.Notices, nil
	}
	w, err := p.awaitWorkspace(ctx)
	if err != nil {
		return config.Notices{}, err
	}
	n := p.incident.Notices
	n.SlackToken, n.SlackAppToken, n.SlackAPI, n.SlackTeam = w.Token, w.AppToken, w.APIURL, w.Team
	n.SlackChannel, n.SlackAllowance = quarantineRoom, ownAllowance
	n.SlackUsers = []config.SlackUser{{ID: slackUserAna, Name: "ana", Role: "operator"}, {ID: slackUserBen, Name: "ben", Role: "responder"}}
	return n, nil
}

// awaitWorkspace reads where the workspace is, and waits for it a while.
func (p program) awaitWorkspace(ctx context.Context) (w workspace, err error) {
	ctx, cancel := context.WithTimeout(ctx, slackPageTimeout)
	defer cancel()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		text, err := os.ReadFile(p.workspaceFile())
		if err == nil {
			err = json.Unmarshal(text, &w)
			return w, err
		}
		if !errors.Is(err, os.ErrNotExist) {
			return w, err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return w, problem.Errorf(problem.Unavailable, "no Slack: set THERIAC_SLACK_TOKEN, or run incidentd all, which brings a workspace of its own")
		}
	}
}
