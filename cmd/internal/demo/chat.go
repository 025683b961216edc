package demo

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/notices"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
	"github.com/theriac/theriac/quarantine"
)

// firstNotice is how long the report waits for what is told in Slack, where nothing was told yet.
const firstNotice = 2 * time.Second

// chat is a Slack workspace on this machine, in which people are told what is held. It is always the
// fake one, whatever the environment names: a demo's poison is nobody's business.
type chat struct {
	workspace *slackfake.Server
	group     runner.Group
	end       context.CancelFunc
	ended     chan error
}

const chatChannel = "C0OPS"

// openChat starts the workspace and tells it what is held.
func (d *demo) openChat(ctx context.Context) (_ *chat, err error) {
	c := &chat{ended: make(chan error, 1)}
	c.workspace, err = slackfake.Start(ctx, slackfake.Config{
		TeamName: "Theriac demo", Channels: []slackfake.Channel{{ID: chatChannel, Name: "ops"}}, Every: time.Second,
	})
	if err != nil {
		return nil, err
	}
	n, err := notices.New(notices.Config{
		Settings: config.Notices{
			SlackToken: c.workspace.Token(), SlackChannel: chatChannel, SlackAPI: c.workspace.APIURL(),
			SlackTeam: c.workspace.Team(), SlackAppToken: c.workspace.AppToken(),
			SlackUsers: []config.SlackUser{{ID: "U0ANA", Name: "ana", Role: "operator"}, {ID: "U0BEN", Name: "ben", Role: "viewer"}},
		},
		Service: d.service, Logger: d.log.logger(),
	})
	if err != nil {
		return nil, errors.Join(err, c.workspace.Close())
	}
	aside, end := context.WithCancel(context.WithoutCancel(ctx))
	c.end = end
	c.group.Go(func() {
		defer n.Close()
		c.ended <- n.Run(aside)
	})
	return c, nil
}

// told waits until something is told, for a moment, and returns what the channel says.
func (c *chat) told(ctx context.Context, service *quarantine.Service) []string {
	if st, err := service.NoticeStats(ctx); err == nil && st.Due > 0 {
		waiting, cancel := context.WithTimeout(ctx, firstNotice)
		defer cancel()
		_ = c.workspace.Wait(waiting, func() bool { return len(c.workspace.Messages(chatChannel)) > 0 })
	}
	var lines []string
	for _, m := range c.workspace.Messages(chatChannel) {
		if m.ThreadTS == "" {
			lines = append(lines, m.Text)
		}
	}
	return lines
}

// url is the workspace's page.
func (c *chat) url() string {
	if c == nil {
		return ""
	}
	return c.workspace.URL()
}

// close ends both.
func (c *chat) close() error {
	if c == nil {
		return nil
	}
	c.end()
	c.group.Wait()
	return errors.Join(<-c.ended, c.workspace.Close())
}
