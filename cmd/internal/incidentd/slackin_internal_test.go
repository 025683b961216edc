package incidentd

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// A command that comes when the web role is ready and the way in from Slack is not yet open is held:
// Slack would show the person an error, and would not send it again.
func TestEntrance_CommandBeforeTheWayIn(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	for name, tt := range map[string]struct {
		notices config.Notices
		want    int
	}{
		"over HTTP": {config.Notices{SlackToken: "xoxb-1", SlackAPI: "http://127.0.0.1:1/api/", SlackTeam: "T1", SlackSecrets: []string{secret}}, http.StatusOK},
		"nothing":   {config.Notices{SlackToken: "xoxb-1", SlackAPI: "http://127.0.0.1:1/api/"}, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, handler := siteOf(t, tt.notices)
			body := url.Values{
				"team_id": {"T1"}, "channel_id": {"C1"}, "user_id": {"U1"}, "command": {"/inc"}, "text": {"declare early"}, "trigger_id": {"1"},
			}.Encode()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, slackPath+"commands", strings.NewReader(body))
			r.Header = slackfake.Sign(secret, time.Now(), []byte(body))
			w := httptest.NewRecorder()
			ctx, cancel := context.WithCancel(t.Context())
			var group runner.Group
			defer group.Wait()
			defer cancel()
			group.Go(func() {
				if err := s.takeSlack(ctx); err != nil {
					t.Error(err)
				}
			})
			handler.ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("answered with %d, want %d: %s", w.Code, tt.want, w.Body)
			}
		})
	}
}

// While there is no telling whether requests come in, each is answered before Slack gives up.
func TestEntrance_NeverSettled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun, w := time.Now(), httptest.NewRecorder()
		newEntrance().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, slackPath, nil))
		if took := time.Since(begun); w.Code != http.StatusServiceUnavailable || took >= 3*time.Second {
			t.Errorf("answered with %d after %v", w.Code, took)
		}
	})
}

func siteOf(t *testing.T, told config.Notices) (*site, http.Handler) {
	t.Helper()
	stores := incidenttest.NewStore(incidenttest.Options{})
	service, err := incident.NewService(incident.Config{Stores: stores})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{stores: stores, service: service, entrance: newEntrance(), program: program{
		settings: config.Settings{DataDir: t.TempDir()}, incident: config.Incident{Notices: told}, log: slog.New(slog.DiscardHandler),
	}}
	handler, err := s.handler()
	if err != nil {
		t.Fatal(err)
	}
	return s, handler
}
