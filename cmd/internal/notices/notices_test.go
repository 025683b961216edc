package notices_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/notices"
	"github.com/theriac/theriac/consumer/guardian/verdict"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
)

func room(t *testing.T) *quarantine.Service {
	t.Helper()
	store, err := quarantinelite.Open(t.Context(), quarantinelite.Config{Path: filepath.Join(t.TempDir(), "quarantine.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	service, err := quarantine.New(store, quarantine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return service
}

func workspace(t *testing.T) *slackfake.Server {
	t.Helper()
	s, err := slackfake.Start(t.Context(), slackfake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func settings(s *slackfake.Server) config.Notices {
	return config.Notices{
		SlackToken: s.Token(), SlackChannel: "C0OPS", SlackAPI: s.APIURL(), SlackTeam: s.Team(),
		SlackUsers: []config.SlackUser{{ID: "U0ANA", Name: "ana", Role: "operator"}},
	}
}

// TestNotices_FromEntryToClick: the whole way, with clicks over HTTP and over Socket Mode.
func TestNotices_FromEntryToClick(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"http", "socket"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			slack, service := workspace(t), room(t)
			cfg := notices.Config{Settings: settings(slack), Service: service, EditEvery: 100 * time.Millisecond}
			serving := make(chan string, 1)
			if way == "http" {
				cfg.Settings.SlackSecrets, cfg.Listen = []string{slack.SigningSecret()}, "127.0.0.1:0"
				cfg.Serving = func(url string) { serving <- url }
			} else {
				cfg.Settings.SlackAppToken = slack.AppToken()
			}
			n, err := notices.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			if who, err := n.Check(t.Context()); err != nil || who.TeamID != slack.Team() {
				t.Errorf("Check: %+v, %v", who, err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var group runner.Group
			group.Go(func() {
				if err := n.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			defer group.Wait()
			defer cancel()
			if way == "http" {
				slack.SetRequestURL(<-serving)
			}
			hold(t, service)
			wait(t, slack, func() bool { return len(slack.Messages("C0OPS")) == 1 })
			m := slack.Messages("C0OPS")[0]
			if !strings.HasPrefix(m.Text, "CONTAINED orders: 1 message held") {
				t.Errorf("said %q", m.Text)
			}
			if way == "socket" {
				wait(t, slack, func() bool { return slack.Sockets() == 1 })
			}
			if err := slack.Press(t.Context(), "C0OPS", m.TS, "q:take", "U0ANA"); err != nil {
				t.Fatal(err)
			}
			wait(t, slack, func() bool { return strings.HasPrefix(slack.Messages("C0OPS")[0].Text, "TAKEN") })
			groups, err := service.GroupList(t.Context(), quarantine.Query{})
			if err != nil || len(groups) != 1 || groups[0].Taken.Actor.Name != "ana" || groups[0].Taken.Actor.Via != "slack" {
				t.Errorf("groups %+v, %v", groups, err)
			}
		})
	}
}

// TestNotices_TellAndHandleInDifferentProcesses: one tells and has no way in, the other takes clicks and
// tells nothing.
func TestNotices_TellAndHandleInDifferentProcesses(t *testing.T) {
	t.Parallel()
	slack, service := workspace(t), room(t)
	open := func() *notices.Notices {
		// A signing secret without an address to listen on is fine: clicks are somebody else's.
		cfg := notices.Config{Settings: settings(slack), Service: service, EditEvery: 100 * time.Millisecond, Elsewhere: true}
		cfg.Settings.SlackSecrets, cfg.Settings.SlackAppToken = []string{slack.SigningSecret()}, slack.AppToken()
		n, err := notices.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.Close)
		return n
	}
	teller, clicks := open(), open()
	ctx, cancel := context.WithCancel(t.Context())
	var group runner.Group
	group.Go(func() {
		if err := teller.Tell(ctx); err != nil {
			t.Error(err)
		}
	})
	defer group.Wait()
	defer cancel()
	hold(t, service)
	wait(t, slack, func() bool { return len(slack.Messages("C0OPS")) == 1 })
	if slack.Sockets() != 0 {
		t.Error("the one that tells takes clicks")
	}
	group.Go(func() {
		err := slackkit.Socket(ctx, slackkit.SocketConfig{
			AppToken: slack.AppToken(), APIURL: slack.APIURL(), Team: slack.Team(), Handle: clicks.Handle, Client: client(t, slack),
		})
		if err != nil {
			t.Error(err)
		}
	})
	wait(t, slack, func() bool { return slack.Sockets() == 1 })
	if err := slack.Press(t.Context(), "C0OPS", slack.Messages("C0OPS")[0].TS, "q:take", "U0ANA"); err != nil {
		t.Fatal(err)
	}
	wait(t, slack, func() bool { return strings.HasPrefix(slack.Messages("C0OPS")[0].Text, "TAKEN") })
}

func client(t *testing.T, slack *slackfake.Server) *slackkit.Client {
	t.Helper()
	c, err := slackkit.New(slackkit.Config{Token: slack.Token(), APIURL: slack.APIURL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func hold(t *testing.T, service *quarantine.Service) {
	t.Helper()
	m := handlers.Message{ID: "1", Data: []byte("{}"), PublishedAt: time.Unix(1, 0)}
	ev := handlers.Evidence{Reason: handlers.ReasonFailed, Totals: handlers.Totals{Failures: 3}}
	if _, err := service.Quarantine(t.Context(), "orders", m, ev); err != nil {
		t.Fatal(err)
	}
}

func wait(t *testing.T, slack *slackfake.Server, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := slack.Wait(ctx, done); err != nil {
		t.Fatalf("%v; the channel says %+v", err, slack.Messages("C0OPS"))
	}
}

func TestNew_Refusals(t *testing.T) {
	t.Parallel()
	full := config.Notices{SlackToken: "xoxb-hunter2", SlackChannel: "C0OPS", SlackTeam: "T1"}
	for want, change := range map[string]func(*notices.Config){
		"THERIAC_SLACK_TOKEN":          func(c *notices.Config) { c.Settings = config.Notices{} },
		"THERIAC_SLACK_SIGNING_SECRET": func(c *notices.Config) { c.Listen = "127.0.0.1:0" },
		"--listen":                     func(c *notices.Config) { c.Settings.SlackSecrets = []string{"hunter2"} },
	} {
		cfg := notices.Config{Settings: full, Service: room(t)}
		change(&cfg)
		_, err := notices.New(cfg)
		if problem.Of(err) != problem.Invalid || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// TestRun_AddressTaken: clicks could never come in.
func TestRun_AddressTaken(t *testing.T) {
	t.Parallel()
	slack := workspace(t)
	cfg := notices.Config{Settings: settings(slack), Service: room(t), Listen: strings.TrimSuffix(strings.TrimPrefix(slack.URL(), "http://"), "/")}
	cfg.Settings.SlackSecrets = []string{slack.SigningSecret()}
	n, err := notices.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.Run(t.Context()); problem.Of(err) != problem.Unavailable {
		t.Errorf("got %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestOfDeployment_KnowsTheWordsOfTheGuardian: the two rooms do not know each other.
func TestOfDeployment_KnowsTheWordsOfTheGuardian(t *testing.T) {
	t.Parallel()
	for reason, want := range map[verdict.Reason]bool{
		verdict.ReasonNotReady: true, verdict.ReasonNoMessage: true,
		verdict.ReasonStopping: false, verdict.ReasonClean: false, verdict.ReasonRecycled: false, verdict.ReasonHung: false,
	} {
		c := handlers.Crash{Tier: string(verdict.TierNobody), Reason: string(reason)}
		if got := quarantine.OfDeployment(c); got != want {
			t.Errorf("%q: %t", reason, got)
		}
	}
}
