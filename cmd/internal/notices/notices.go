// Package notices tells people what is held: it wires quarantineslack to a store, a workspace, the
// ways in for clicks, and the fallbacks, as the settings say.
//
//	store ─► notifier ─► Slack             one message a problem, edited in place
//	            │          └─► clicks ─► notifier.Handle ─► store
//	            └─► PagerDuty, webhook     what Slack did not take in time
//
// Clicks come in over HTTP (a signing secret and an address to listen on), over Socket Mode (an
// app-level token), or not at all; then messages have buttons that answer to nobody, so there is a
// warning. Telling and taking clicks may be in different processes: one calls Tell, the other gives
// what comes in to Handle.
//
// # What happens on failure
//
// Nothing here ends because Slack or the store is away. Run ends early only when clicks can never
// come in: the address is taken, or Slack refuses the app-level token for good.
package notices

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// Path is where clicks come in over HTTP.
const Path = "/slack/interactions"

// Config says what to tell, and whom.
type Config struct {
	// Settings name the workspace and the fallbacks.
	Settings config.Notices
	// Service is the room. Messages offer to pause a subscription where it is a
	// quarantineslack.Flow, too.
	Service quarantineslack.Service
	// Declare opens the incident of a group, see quarantineslack.Config. Nil: messages do not offer it.
	Declare func(context.Context, quarantineslack.Declaration) (quarantineslack.Declared, error)
	// Listen is the host:port on which clicks come in over HTTP; "" listens nowhere.
	Listen string
	// Elsewhere says that clicks come in by another way than those of Run: another process has them, or
	// the caller gives them to Handle. Listen is not used then.
	Elsewhere bool
	// EditEvery is the least time between two edits of a message; 0 is the notifier's default.
	EditEvery time.Duration
	// Logger hears of trouble and its end. Nil discards it.
	Logger *slog.Logger
	// Serving, if not nil, is called once with the address that clicks are taken on.
	Serving func(url string)
}

// Notices are ready to run. Close them.
type Notices struct {
	cfg      Config
	client   *slackkit.Client
	notifier *quarantineslack.Notifier
	verifier *slackkit.Verifier // nil without a way in over HTTP
}

// New wires them. It connects to nothing; its errors are of kind Invalid.
func New(cfg Config) (*Notices, error) {
	s := cfg.Settings
	if !s.Configured() {
		return nil, problem.Errorf(problem.Invalid, "nobody to tell: set THERIAC_SLACK_TOKEN and THERIAC_SLACK_CHANNEL; see: theriac help environment")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Notices{cfg: cfg}
	if err := errors.Join(n.connect(), n.wayIn()); err != nil {
		return nil, problem.Errorf(problem.Invalid, "%w", err)
	}
	return n, nil
}

func (n *Notices) connect() error {
	s := n.cfg.Settings
	client, err := slackkit.New(slackkit.Config{Token: s.SlackToken, APIURL: s.SlackAPI, Logger: n.cfg.Logger})
	if err != nil {
		return err
	}
	fallbacks, err := fallbacks(s)
	if err != nil {
		return err
	}
	users := make(map[string]quarantineslack.User, len(s.SlackUsers))
	for _, u := range s.SlackUsers {
		users[u.ID] = quarantineslack.User{Name: u.Name, Role: quarantineslack.Role(u.Role)}
	}
	n.client = client
	flow, _ := n.cfg.Service.(quarantineslack.Flow) // nil: there is none
	n.notifier, err = quarantineslack.New(quarantineslack.Config{
		Service: n.cfg.Service, Client: client, Channel: s.SlackChannel, Links: s.Links, Team: s.SlackTeam, Users: users,
		Flow: flow, Declare: n.cfg.Declare,
		Fallbacks: fallbacks, Policy: notify.Policy{After: s.FallbackAfter, AlwaysCritical: true, AlwaysCrashLoop: true, AlwaysBadDeploy: true},
		Critical:  func(sub string) bool { return slices.Contains(s.Critical, sub) },
		EditEvery: n.cfg.EditEvery, Logger: n.cfg.Logger,
	})
	return err
}

// fallbacks are those that are set.
func fallbacks(s config.Notices) ([]notify.Sender, error) {
	var all []notify.Sender
	if s.PagerDutyKey != "" {
		pd, err := notify.NewPagerDuty(notify.PagerDutyConfig{RoutingKey: s.PagerDutyKey, URL: s.PagerDutyURL, ClientURL: s.Links})
		if err != nil {
			return nil, err
		}
		all = append(all, pd)
	}
	if s.WebhookURL != "" {
		hook, err := notify.NewWebhook(notify.WebhookConfig{URL: s.WebhookURL, Secrets: s.WebhookSecrets})
		if err != nil {
			return nil, err
		}
		all = append(all, hook)
	}
	return all, nil
}

// wayIn checks how clicks come in.
func (n *Notices) wayIn() (err error) {
	s := n.cfg.Settings
	switch {
	case n.cfg.Elsewhere:
	case n.cfg.Listen != "" && len(s.SlackSecrets) == 0:
		return errors.New("clicks over HTTP need THERIAC_SLACK_SIGNING_SECRET: whoever finds the address could send them otherwise")
	case n.cfg.Listen == "" && len(s.SlackSecrets) > 0 && s.SlackAppToken == "":
		return errors.New("THERIAC_SLACK_SIGNING_SECRET is for clicks over HTTP: say where with --listen, or use Socket Mode with THERIAC_SLACK_APP_TOKEN")
	case n.cfg.Listen != "":
		n.verifier, err = slackkit.NewVerifier(s.SlackSecrets, nil)
		return err
	case s.SlackAppToken == "":
		n.cfg.Logger.Warn("buttons in Slack will answer to nobody: clicks come in over Socket Mode with THERIAC_SLACK_APP_TOKEN, or over HTTP with THERIAC_SLACK_SIGNING_SECRET and --listen")
	}
	return nil
}

// Close gives up idle connections.
func (n *Notices) Close() { n.client.Close() }

// Check asks Slack who we are.
func (n *Notices) Check(ctx context.Context) (slackkit.Identity, error) { return n.client.Check(ctx) }

// Tell tells until ctx ends, takes no clicks, and then returns nil. Any number of processes may do so
// with one store and channel: one of them tells, and another goes on when that one is gone. Neither
// Slack nor the store ends it.
func (n *Notices) Tell(ctx context.Context) error { return n.notifier.Run(ctx) }

// Handle answers a click that came in elsewhere. It may be called in a process that does not tell, and
// by many goroutines at once.
func (n *Notices) Handle(ctx context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
	return n.notifier.Handle(ctx, i)
}

// Run tells, and takes clicks, until ctx ends, and then returns nil.
func (n *Notices) Run(ctx context.Context) error {
	parts := []func(context.Context) error{n.Tell}
	switch {
	case n.cfg.Elsewhere:
	case n.verifier != nil:
		parts = append(parts, n.serve)
	case n.cfg.Settings.SlackAppToken != "":
		parts = append(parts, func(ctx context.Context) error {
			return slackkit.Socket(ctx, slackkit.SocketConfig{
				AppToken: n.cfg.Settings.SlackAppToken, APIURL: n.cfg.Settings.SlackAPI, Client: n.client,
				Team: n.cfg.Settings.SlackTeam, Handle: n.notifier.Handle, Logger: n.cfg.Logger,
			})
		})
	}
	return runner.Run(ctx, parts...)
}

// serve takes clicks over HTTP until ctx ends.
func (n *Notices) serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", n.cfg.Listen)
	if err != nil {
		return problem.Errorf(problem.Unavailable, "listen for clicks: %w; choose another --listen", err)
	}
	clicks := slackkit.NewInteractions(slackkit.InteractionsConfig{
		Verifier: n.verifier, Client: n.client, Team: n.cfg.Settings.SlackTeam, Handle: n.notifier.Handle, Logger: n.cfg.Logger,
	})
	mux := http.NewServeMux()
	mux.Handle(Path, clicks)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(n.cfg.Logger.Handler(), slog.LevelDebug),
	}
	if n.cfg.Serving != nil {
		n.cfg.Serving("http://" + listener.Addr().String() + Path)
	}
	return runner.Run(ctx,
		func(context.Context) error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
		func(ctx context.Context) error {
			<-ctx.Done()
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			err := server.Shutdown(ending)
			clicks.Close(ending)
			return err
		})
}
