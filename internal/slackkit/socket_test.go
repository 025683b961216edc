package slackkit_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// plugged is an app that takes clicks over Socket Mode until stop.
type plugged struct {
	*slackfake.Server
	client *slackkit.Client
	heard  chan slackkit.Interaction
	greet  chan struct{} // one for each connection
	cancel context.CancelFunc
	result chan error
}

// ended waits for Socket to end by itself, stop ends it.
func (p *plugged) ended() error { return <-p.result }
func (p *plugged) stop() error  { p.cancel(); return p.ended() }

func plug(t *testing.T, change func(*slackkit.SocketConfig)) *plugged {
	t.Helper()
	return plugInto(t, fake(t, slackfake.Config{}), change)
}

func plugInto(t *testing.T, s *slackfake.Server, change func(*slackkit.SocketConfig)) *plugged {
	t.Helper()
	p := &plugged{Server: s, heard: make(chan slackkit.Interaction, 100), greet: make(chan struct{}, 1000)}
	p.client = client(t, p.Server, nil)
	cfg := slackkit.SocketConfig{
		AppToken: p.AppToken(), Client: p.client, Team: p.Team(), MinBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond,
		Connected: func() { p.greet <- struct{}{} },
		Handle: func(_ context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
			p.heard <- i
			return slackkit.Answer{Text: "heard"}, nil
		},
	}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running runner.Group
	p.cancel, p.result = cancel, make(chan error, 1)
	running.Go(func() { p.result <- slackkit.Socket(ctx, cfg) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return p
}

// connected waits for the next connection.
func (p *plugged) connected(t *testing.T) {
	t.Helper()
	select {
	case <-p.greet:
	case <-t.Context().Done():
	}
}

func (p *plugged) button(t *testing.T) slackkit.Place {
	t.Helper()
	return (&way{client: p.client}).message(t)
}

func TestSocket_Press_IsHandledAndAnswered(t *testing.T) {
	t.Parallel()
	p := plug(t, nil)
	p.connected(t)
	place := p.button(t)
	if err := p.Press(t.Context(), place.Channel, place.TS, "q:take", "U0ANA"); err != nil {
		t.Fatal(err)
	}
	if i := <-p.heard; i.ActionID != "q:take" || i.User != "U0ANA" {
		t.Errorf("heard %v", i)
	}
	if err := p.Wait(t.Context(), func() bool { return len(p.Ephemerals()) == 1 }); err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err != nil {
		t.Errorf("Socket returned %v, want nil since it was asked to end", err)
	}
}

func TestSocket_SameEnvelopeTwice_OneEffect(t *testing.T) {
	t.Parallel()
	p := plug(t, nil)
	p.connected(t)
	place := p.button(t)
	payload, err := p.PressPayload(place.Channel, place.TS, "q:take", "", "U0ANA")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.DeliverTwice(t.Context(), payload); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Deliver(t.Context(), payload); err != nil { // another envelope, the same click
		t.Fatal(err)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if n := len(p.heard); n != 1 {
		t.Errorf("heard %d times, want once", n)
	}
}

func TestSocket_ConnectionEnds_AnotherFollows(t *testing.T) {
	t.Parallel()
	p := plug(t, nil)
	for _, end := range []func(){p.DropSockets, p.Disconnect, p.DropSockets} {
		p.connected(t)
		end()
	}
	p.connected(t)
	place := p.button(t)
	if err := p.Press(t.Context(), place.Channel, place.TS, "q:take", "U0ANA"); err != nil {
		t.Fatal(err)
	}
	<-p.heard
}

// opened is how often a connection was asked for.
func opened(s *slackfake.Server) int {
	n := 0
	for _, call := range s.Calls() {
		if call.Method == "apps.connections.open" {
			n++
		}
	}
	return n
}

func TestSocket_SlackAway_TriesAgain(t *testing.T) {
	t.Parallel()
	p := plug(t, nil)
	p.connected(t)
	p.Fail("apps.connections.open", slackfake.Broken(), slackfake.Fault{Reset: true}, slackfake.Fault{Cut: true},
		slackfake.Fault{Body: `{"ok":true,"url":"wss://evil.example/"}`}, slackfake.Fault{Body: `{"ok":true,"url":"http://127.0.0.1/"}`})
	p.DropSockets()
	p.connected(t)
	if n := opened(p.Server); n != 7 {
		t.Errorf("asked for a connection %d times, want 7", n)
	}
}

func TestSocket_BadToken_EndsWithWhatToDo(t *testing.T) {
	t.Parallel()
	p := plug(t, func(cfg *slackkit.SocketConfig) { cfg.AppToken = "xapp-wrong" })
	if refusal, ok := errors.AsType[*slackkit.PermanentError](p.ended()); !ok || refusal.Code != "invalid_auth" {
		t.Errorf("ended with %v, want invalid_auth", refusal)
	}
}

func TestSocket_OtherSideSilent_IsGivenUp(t *testing.T) {
	t.Parallel()
	p := plug(t, func(cfg *slackkit.SocketConfig) { cfg.Quiet = 50 * time.Millisecond }) // pings come every 5 s
	if err := p.Wait(t.Context(), func() bool { return opened(p.Server) >= 3 }); err != nil {
		t.Fatal(err)
	}
}

func TestSocket_ForeignTeam_IsAcknowledgedAndDropped(t *testing.T) {
	t.Parallel()
	p := plug(t, func(cfg *slackkit.SocketConfig) { cfg.Team = "T0OTHER" })
	p.connected(t)
	place := p.button(t)
	if err := p.Press(t.Context(), place.Channel, place.TS, "q:take", "U0ANA"); err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if len(p.heard) != 0 {
		t.Error("a click of another workspace was handled")
	}
}

func TestSocket_LinkDisabled_EndsWithWhatToDo(t *testing.T) {
	t.Parallel()
	p := plug(t, nil)
	p.connected(t)
	p.DisableSockets()
	if refusal, ok := errors.AsType[*slackkit.PermanentError](p.ended()); !ok || refusal.Code != "link_disabled" {
		t.Errorf("ended with %v, want link_disabled", refusal)
	}
}

func TestSocket_MissingParts_AreNamed(t *testing.T) {
	t.Parallel()
	if err := slackkit.Socket(t.Context(), slackkit.SocketConfig{}); err == nil {
		t.Error("an empty config was taken")
	}
}

func TestSocket_AddressOfSomebodyElse_IsNotCalled(t *testing.T) {
	t.Parallel()
	var called atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Add(1) }))
	defer other.Close()
	p := plug(t, nil)
	p.connected(t)
	for _, scheme := range []string{"ws", "wss"} {
		p.Fail("apps.connections.open", slackfake.Fault{Body: `{"ok":true,"url":"` + strings.Replace(other.URL, "http", scheme, 1) + `/?ticket=1"}`})
	}
	p.DropSockets()
	p.connected(t)
	if n := called.Load(); n != 0 {
		t.Errorf("it was called %d times", n)
	}
}
