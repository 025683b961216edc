package incidentd

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentslack"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit"
)

// slackPath is where Slack sends commands, clicks and events over HTTP; one address takes all three.
const slackPath = "/slack/"

// intake takes what people do in Slack for incidents. What they ask about the flow of messages goes to the
// quarantine's room.
func (p program) intake(service *incident.Service, client *slackkit.Client, room *lateRoom) (*incidentslack.Intake, error) {
	return incidentslack.NewIntake(incidentslack.IntakeConfig{
		Service: service, Client: client.Share(slackkit.Critical), Link: p.link, Quarantine: p.incident.Notices.Links,
		Command: slackCommand, Controls: shedDesk{room: room.get, command: slackCommand}.order, Served: room.served, Logger: p.log,
	})
}

// door is where one Slack app's requests come in for both rooms: what belongs to incidents goes to the
// intake, which keeps it before Slack is answered, all else to the notices of quarantine.
type door struct {
	intake *incidentslack.Intake
	others slackkit.Handle
}

// Accept keeps what belongs to incidents. What belongs to quarantine is kept by its own request key
// when it is done.
func (d *door) Accept(ctx context.Context, i slackkit.Interaction) error {
	if !d.intake.Takes(i) {
		return nil
	}
	return d.intake.Accept(ctx, i)
}

// Handle answers.
func (d *door) Handle(ctx context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
	if !d.intake.Takes(i) {
		return d.others(ctx, i)
	}
	return d.intake.Handle(ctx, i)
}

// slackWay is how requests come in: over HTTP where there is a signing secret, over connections of our
// own where there is an app token.
type slackWay struct {
	site    *site
	notices config.Notices
	client  *slackkit.Client
	door    *door
}

// openSlack makes the way in, nil where nothing can come in.
func (s *site) openSlack(ctx context.Context) (*slackWay, error) {
	told, err := s.program.notices(ctx)
	if err != nil {
		return nil, err
	}
	if !told.Clickable() {
		s.log.Warn("nothing comes in from Slack: set THERIAC_SLACK_APP_TOKEN, or THERIAC_SLACK_SIGNING_SECRET for requests over HTTP")
		return nil, nil
	}
	client, err := slackkit.New(slackkit.Config{Token: told.SlackToken, APIURL: told.SlackAPI, Logger: s.log})
	if err != nil {
		return nil, err
	}
	intake, err := s.intake(s.service, client, s.room)
	if err != nil {
		return nil, err
	}
	others := &clicks{site: s, told: told}
	return &slackWay{site: s, notices: told, client: client, door: &door{intake: intake, others: others.handle}}, nil
}

// overHTTP returns what takes signed requests, nil where there is no secret.
func (w *slackWay) overHTTP() (*slackkit.Interactions, error) {
	if len(w.notices.SlackSecrets) == 0 {
		return nil, nil
	}
	verifier, err := slackkit.NewVerifier(w.notices.SlackSecrets, nil)
	if err != nil {
		return nil, err
	}
	return slackkit.NewInteractions(slackkit.InteractionsConfig{
		Verifier: verifier, Client: w.client, Team: w.notices.SlackTeam, Handle: w.door.Handle, Accept: w.door.Accept, Logger: w.site.log,
	}), nil
}

// overSocket takes what comes over connections of our own until ctx ends. That Slack refuses us for
// good is said and ends nothing: the API goes on.
func (w *slackWay) overSocket(ctx context.Context) error {
	if w.notices.SlackAppToken == "" {
		return nil
	}
	err := slackkit.Socket(ctx, slackkit.SocketConfig{
		AppToken: w.notices.SlackAppToken, APIURL: w.notices.SlackAPI, Client: w.client, Team: w.notices.SlackTeam,
		Handle: w.door.Handle, Accept: w.door.Accept, Logger: w.site.log,
	})
	if err != nil && ctx.Err() == nil {
		w.site.log.Error("nothing comes in from Slack any more until this process is started again", "err", err)
	}
	return nil
}

// takeSlack takes what people do in Slack, as soon as there is a way in. It never ends the web role.
func (s *site) takeSlack(ctx context.Context) error {
	defer s.entrance.settle(nil)
	way, err := s.openSlack(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error("nothing comes in from Slack", "err", err)
		}
		return nil
	}
	if way == nil {
		s.slack.note(slackNotSet, time.Now())
		return nil
	}
	defer way.client.Close()
	over, err := way.overHTTP()
	if err != nil {
		s.log.Error("Slack's requests over HTTP are not taken", "err", err)
	}
	if over != nil {
		defer over.Close(context.WithoutCancel(ctx))
		s.entrance.settle(over)
	} else {
		s.entrance.settle(nil)
	}
	return runner.Run(ctx,
		func(ctx context.Context) error { return errors.Join(way.overSocket(ctx), s.untilEnd(ctx)) },
		func(ctx context.Context) error {
			return s.slack.watch(ctx, func(ctx context.Context) error {
				_, err := way.client.Check(ctx)
				return err
			})
		})
}

// untilEnd waits for the end of ctx.
func (s *site) untilEnd(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// entrancePatience is how long a request of Slack's is held that comes before it is known whether and
// where it goes. Slack gives up after 3 s and shows the person an error, and never sends a command again.
const entrancePatience = 2 * time.Second

// entrance takes Slack's requests over HTTP. The web role is ready before there is a way in for them: it
// waits neither for Slack nor for a workspace.
type entrance struct {
	once    sync.Once
	settled chan struct{}
	// over takes the requests, nil where they do not come over HTTP. It is set before settled is closed.
	over http.Handler
}

func newEntrance() *entrance { return &entrance{settled: make(chan struct{})} }

// settle says where requests go; the first word holds.
func (e *entrance) settle(over http.Handler) {
	e.once.Do(func() {
		e.over = over
		close(e.settled)
	})
}

// ServeHTTP takes a request of Slack's, or says that none is taken here.
func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	patience, cancel := context.WithTimeout(r.Context(), entrancePatience)
	defer cancel()
	select {
	case <-e.settled:
		if e.over != nil {
			e.over.ServeHTTP(w, r)
			return
		}
	case <-patience.Done():
	}
	http.Error(w, "Slack's requests are not taken here: see the log", http.StatusServiceUnavailable)
}
