package slackkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/theriac/theriac/internal/runner"
)

// SocketConfig says how to connect and what to do. AppToken, Client, Team and Handle are required.
type SocketConfig struct {
	// AppToken is the app-level token (xapp-…) with the scope connections:write.
	AppToken string
	// APIURL is where the Web API is. Default: the Client's.
	APIURL string
	// Client sends the answers.
	Client *Client
	// Team is the id of the one workspace whose members are heard.
	Team string
	// Handle does what is asked.
	Handle Handle
	// Accept keeps what is asked before Slack is answered. Default: nobody keeps it.
	Accept Accept
	// Logger hears of connections, refusals and failures. Default: nobody.
	Logger *slog.Logger
	// Limits bounds the work.
	Limits Limits
	// Quiet is how long a connection may say nothing, not even ping, before it is given up.
	// Default: 45 s
	Quiet time.Duration
	// MinBackoff and MaxBackoff bound the pause before a new connection. Defaults: 1 s and 1 min
	MinBackoff, MaxBackoff time.Duration
	// Connected is called after each greeting of Slack's, if not nil.
	Connected func()
}

// Why a connection ended, or never began.
var (
	errDisconnect = errors.New("asked for a new connection by Slack")
	errSocketURL  = errors.New("the address for Socket Mode is no good") // from apps.connections.open
)

// Socket takes clicks over connections that it opens itself, until ctx ends; then it waits for what is
// being handled, see Limits.Drain, and returns nil. A connection that ends is followed by another, after
// a pause that grows while they do not last. It returns early only with a *[PermanentError]: the token is
// no good, or Socket Mode is off.
//
// What reaches Handle, and how often, is as with [Interactions]: an envelope that comes twice, or over
// two connections, is handled once.
func Socket(ctx context.Context, cfg SocketConfig) error {
	if cfg.AppToken == "" || cfg.Client == nil || cfg.Handle == nil || cfg.Team == "" {
		return errors.New("slackkit: Socket needs AppToken, Client, Team and Handle")
	}
	opener, err := New(Config{Token: cfg.AppToken, APIURL: orURL(cfg.APIURL, cfg.Client.api), HTTPClient: cfg.Client.http, Timeout: cfg.Client.timeout, Logger: cfg.Logger})
	if err != nil {
		return err
	}
	k := &line{
		opener: opener, quiet: orDefault(cfg.Quiet, 45*time.Second), connected: cfg.Connected,
		desk: newDesk(cfg.Client, cfg.Team, cfg.Handle, cfg.Accept, cfg.Logger, cfg.Limits, time.Now),
	}
	defer k.desk.close(context.WithoutCancel(ctx))
	least, most := orDefault(cfg.MinBackoff, minBackoff), orDefault(cfg.MaxBackoff, maxBackoff)
	pause := least
	for ctx.Err() == nil {
		began := time.Now()
		err := k.connection(ctx)
		if IsPermanent(err) {
			return err
		}
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > most {
			pause = least
		}
		if errors.Is(err, errDisconnect) && time.Since(began) > least {
			continue
		}
		wait := max(pause/2+rand.N(pause/2+1), RetryAfter(err))
		k.desk.log.WarnContext(ctx, "the connection of Socket Mode ended", "err", err, "next", wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, most)
	}
	return nil
}

func orURL(address, otherwise string) string {
	if address == "" {
		return otherwise
	}
	return address
}

// line is Socket Mode over one connection after the other.
type line struct {
	opener    *Client
	desk      *desk
	quiet     time.Duration
	connected func()
}

// envelope is what Slack sends over a connection.
type envelope struct {
	Type       string          `json:"type"`
	EnvelopeID string          `json:"envelope_id"`
	Reason     string          `json:"reason"`
	Payload    json.RawMessage `json:"payload"`
	Answerable bool            `json:"accepts_response_payload"`
}

// connection opens one connection and serves it until it ends.
func (k *line) connection(ctx context.Context) error {
	const method = "apps.connections.open"
	got, err := k.opener.call(ctx, request{method: method, token: k.opener.token, lane: method, patient: maxBackoff, payload: struct{}{}})
	if err != nil {
		return err
	}
	if !k.opener.isSocket(got.URL) {
		return errSocketURL
	}
	conn, resp, err := k.opener.dialer().DialContext(ctx, got.URL, nil)
	if resp != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		// The address holds a ticket, and errors of dialling may hold the address.
		return &RetryError{Method: method, Err: errors.New("the connection could not be opened")}
	}
	hangUp := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer hangUp()
	defer conn.Close()
	return k.serve(ctx, conn)
}

// dialer opens connections through the proxy, and with the trust, of the client's calls.
func (c *Client) dialer() *websocket.Dialer {
	// Slack does not put the pieces of a message together, so the buffer holds the longest.
	d := &websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: 10 * time.Second, WriteBufferSize: 32 << 10}
	if transport, ok := c.http.Transport.(*http.Transport); ok {
		d.Proxy = transport.Proxy
		if transport.TLSClientConfig != nil {
			d.TLSClientConfig = transport.TLSClientConfig.Clone()
			d.TLSClientConfig.NextProtos = nil // HTTP/2 has no such upgrade
		}
	}
	return d
}

// isSocket reports whether an address may be a connection of Slack's, or of the API that we talk with.
func (c *Client) isSocket(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	slacks := host == "slack.com" || host == "slack-gov.com" || strings.HasSuffix(host, ".slack.com") || strings.HasSuffix(host, ".slack-gov.com")
	ours := strings.EqualFold(u.Host, c.origin.Host)
	return u.Scheme == "wss" && (slacks || ours) || u.Scheme == "ws" && ours && c.origin.Scheme == "http"
}

// serve reads envelopes until the connection ends. Each is dealt with beside the next.
func (k *line) serve(ctx context.Context, conn *websocket.Conn) error {
	conn.SetReadLimit(maxRequest)
	alive := func() { _ = conn.SetReadDeadline(time.Now().Add(k.quiet)) }
	var writing sync.Mutex
	conn.SetPingHandler(func(data string) error {
		alive()
		return conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(5*time.Second))
	})
	var dealing runner.Group
	defer dealing.Wait()
	places := make(chan struct{}, 64)
	for {
		alive()
		_, data, err := conn.ReadMessage()
		if err != nil {
			return &RetryError{Method: "socket", Err: ended(err)}
		}
		var e envelope
		if err := json.Unmarshal(data, &e); err != nil {
			k.desk.log.WarnContext(ctx, "a message of Socket Mode is no JSON")
			continue
		}
		switch e.Type {
		case "hello":
			k.desk.log.InfoContext(ctx, "Socket Mode is connected")
			if k.connected != nil {
				k.connected()
			}
		case "disconnect":
			if e.Reason == "link_disabled" {
				return &PermanentError{Method: "socket", Code: "link_disabled"}
			}
			return errDisconnect
		default:
			places <- struct{}{}
			dealing.Go(func() {
				defer func() { <-places }()
				k.deal(ctx, conn, &writing, e)
			})
		}
	}
}

// deal handles one envelope and acknowledges it. What is not taken is not acknowledged if another
// connection might take it.
func (k *line) deal(ctx context.Context, conn *websocket.Conn, writing *sync.Mutex, e envelope) {
	if e.EnvelopeID == "" {
		return
	}
	var v verdict
	var body []byte
	switch e.Type {
	case "interactive":
		v, body = k.desk.take(ctx, e.Payload, "envelope:"+e.EnvelopeID)
	case "slash_commands":
		var w wireCommand
		if json.Unmarshal(e.Payload, &w) == nil {
			v, body = k.desk.command(ctx, w, "envelope:"+e.EnvelopeID)
		}
	case "events_api":
		var w wireCallback
		if json.Unmarshal(e.Payload, &w) == nil {
			v, body = k.desk.event(ctx, w, "envelope:"+e.EnvelopeID)
		}
	}
	if v == overload {
		return
	}
	ack := struct {
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload,omitempty"`
	}{EnvelopeID: e.EnvelopeID}
	if e.Answerable {
		ack.Payload = body
	}
	writing.Lock()
	defer writing.Unlock()
	_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	if err := conn.WriteJSON(ack); err != nil {
		k.desk.log.WarnContext(ctx, "a click could not be acknowledged", "err", err)
	}
}

// ended says why a connection ended, without the words of the other side.
func ended(err error) error {
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		return fmt.Errorf("the connection was closed with code %d", closed.Code)
	}
	return fmt.Errorf("the connection ended: %w", err)
}
