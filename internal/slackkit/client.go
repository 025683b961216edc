package slackkit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// Config says how a [Client] talks with Slack. The zero value of each field but Token is its default.
type Config struct {
	// Token is the bot token of the installed app (xoxb-…). Required.
	Token string
	// APIURL is where the Web API is. Default: https://slack.com/api/
	APIURL string
	// HTTPClient makes the calls. It is copied and never follows redirects, since they would carry the
	// token elsewhere. Default: one of its own with connection time-outs.
	HTTPClient *http.Client
	// PerChannel is the least time between two calls that post, edit or reply in one channel.
	// Default: 1 s, which is what Slack allows.
	PerChannel time.Duration
	// EditEvery is the least time between two edits of one message by [Client.Edit]. Default: 5 s
	EditEvery time.Duration
	// Timeout bounds one call over the network, waiting for a turn not counted. Default: 10 s
	Timeout time.Duration
	// MaxWait bounds how long a caller is held back by rate limits before it gets a *RetryError that
	// says when to come back. Default: 30 s
	MaxWait time.Duration
	// Allowance is how much of Slack's limits per method this process may use, for clients with a class,
	// see [Client.Share]. Replicas divide 1 among them; a stand-in that limits nothing takes any number.
	// Default: 1
	Allowance float64
	// Logger hears of waits. Default: nobody.
	Logger *slog.Logger
	// Now is the clock that Check compares with Slack's. Default: time.Now
	Now func() time.Time
}

// Client talks with one workspace. It is safe for concurrent use; callers of one channel are served in
// the order they came.
type Client struct {
	token      string
	api        string // ends with a slash
	origin     *url.URL
	http       *http.Client
	perChannel time.Duration
	editEvery  time.Duration
	timeout    time.Duration
	maxWait    time.Duration
	log        *slog.Logger
	now        func() time.Time
	class      Class
	lanes      *lanes
	budgets    *budgets
	self       *self
	edits      *edits
}

// New makes a client. It calls nobody; see [Client.Check].
func New(cfg Config) (*Client, error) {
	if cfg.Token == "" {
		return nil, errors.New("slackkit: Token is empty")
	}
	if strings.ContainsFunc(cfg.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("slackkit: Token holds a space, a line break or what is no ASCII")
	}
	if cfg.APIURL == "" {
		cfg.APIURL = slack.APIURL
	}
	origin, err := apiOrigin(cfg.APIURL)
	if err != nil {
		return nil, err
	}
	if cfg.PerChannel < 0 || cfg.Timeout < 0 || cfg.MaxWait < 0 || cfg.Allowance < 0 || cfg.EditEvery < 0 {
		return nil, errors.New("slackkit: PerChannel, EditEvery, Timeout, MaxWait and Allowance must not be negative")
	}
	c := &Client{
		token: cfg.Token, api: strings.TrimRight(cfg.APIURL, "/") + "/", origin: origin,
		perChannel: orDefault(cfg.PerChannel, time.Second),
		editEvery:  orDefault(cfg.EditEvery, 5*time.Second),
		timeout:    orDefault(cfg.Timeout, 10*time.Second),
		maxWait:    orDefault(cfg.MaxWait, 30*time.Second),
		log:        cfg.Logger, now: cfg.Now,
		http:  httpClient(cfg.HTTPClient),
		lanes: &lanes{}, budgets: newBudgets(cmp.Or(cfg.Allowance, 1)), self: &self{}, edits: &edits{},
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func apiOrigin(api string) (*url.URL, error) {
	origin, err := url.Parse(api)
	switch {
	case err != nil:
		return nil, errors.New("slackkit: APIURL cannot be parsed")
	case origin.Scheme != "http" && origin.Scheme != "https" || origin.Host == "" || origin.User != nil:
		return nil, errors.New("slackkit: APIURL must be http or https with a host and no user")
	case origin.RawQuery != "" || origin.Fragment != "":
		return nil, errors.New("slackkit: APIURL must have no query and no fragment")
	default:
		return origin, nil
	}
}

func httpClient(given *http.Client) *http.Client {
	made := &http.Client{}
	if given != nil {
		*made = *given
	} else {
		made.Transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: 10 * time.Second,
			MaxIdleConnsPerHost:   4,
			IdleConnTimeout:       90 * time.Second,
		}
	}
	made.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return made
}

// Close gives up idle connections. The client may still be used.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Place is where a message is. Its zero value is nowhere.
type Place struct {
	// Channel is the channel's id.
	Channel string
	// TS is Slack's timestamp of the message, which is its id within the channel.
	TS string
}

// IsZero reports whether the place is nowhere.
func (p Place) IsZero() bool { return p == Place{} }

// Message is what is posted. Slack neither unfolds links in it nor turns words into mentions.
type Message struct {
	// Text is shown in notifications and, without Blocks, in the channel. It is mrkdwn: what comes from
	// outside goes through [Escape] first.
	Text string
	// Blocks are shown in the channel.
	Blocks []slack.Block
	// Mark is kept with the message and seen by no person, see [Client.FindPost]. An edit without one
	// leaves the old one there.
	Mark Mark
}

// outgoing is a message as chat.postMessage and chat.update take it. The fields that Slack would
// otherwise take from its defaults are always sent.
type outgoing struct {
	Channel   string        `json:"channel"`
	TS        string        `json:"ts,omitempty"`
	ThreadTS  string        `json:"thread_ts,omitempty"`
	Broadcast bool          `json:"reply_broadcast,omitempty"`
	User      string        `json:"user,omitempty"`
	Text      string        `json:"text"`
	Blocks    []slack.Block `json:"blocks"`
	Parse     string        `json:"parse"`
	LinkNames bool          `json:"link_names"`
	Links     bool          `json:"unfurl_links"`
	Media     bool          `json:"unfurl_media"`
	Metadata  *metadata     `json:"metadata,omitempty"`
}

func (m Message) to(channel string) outgoing {
	out := outgoing{Channel: channel, Text: m.Text, Blocks: m.Blocks, Parse: "none", Metadata: m.Mark.wire()}
	if out.Blocks == nil {
		// An empty list takes the blocks off an edited message; none would leave the old ones there.
		out.Blocks = []slack.Block{}
	}
	return out
}

// Post writes a message into a channel, which is an id, or a name with # in front if the app is in it.
//
// Errors of this and all other methods are *[PermanentError], when trying again is of no use, and
// *[RetryError] for the rest. After one that says Maybe, the message may be there.
func (c *Client) Post(ctx context.Context, channel string, m Message) (Place, error) {
	return c.write(ctx, "chat.postMessage", m.to(channel))
}

// Update replaces what a message of ours says. Text and blocks are replaced both.
func (c *Client) Update(ctx context.Context, p Place, m Message) error {
	out := m.to(p.Channel)
	out.TS = p.TS
	_, err := c.write(ctx, "chat.update", out)
	return err
}

// Reply writes into the thread under p; broadcast shows it in the channel as well.
func (c *Client) Reply(ctx context.Context, p Place, m Message, broadcast bool) (Place, error) {
	out := m.to(p.Channel)
	out.ThreadTS, out.Broadcast = p.TS, broadcast
	return c.write(ctx, "chat.postMessage", out)
}

// write posts or edits, in the channel's order and at its pace.
func (c *Client) write(ctx context.Context, method string, out outgoing) (Place, error) {
	lane := "channel " + out.Channel
	got, err := c.call(ctx, request{method: method, token: c.token, lane: lane, every: c.perChannel, patient: c.maxWait, payload: out})
	if err != nil {
		return Place{}, err
	}
	var channel string
	if err := json.Unmarshal(got.Channel, &channel); err != nil || channel == "" || got.TS == "" {
		return Place{}, &RetryError{Method: method, Maybe: true, Err: errors.New("answer does not say where the message is")}
	}
	c.lanes.alias("channel "+channel, lane)
	return Place{Channel: channel, TS: got.TS}, nil
}

// Ephemeral shows a text to one user only. It is not kept by Slack and cannot be edited. The text is
// mrkdwn.
func (c *Client) Ephemeral(ctx context.Context, channel, user, text string) error {
	out := Message{Text: text}.to(channel)
	out.User = user
	_, err := c.call(ctx, request{method: "chat.postEphemeral", token: c.token, lane: "chat.postEphemeral", patient: c.maxWait, payload: out})
	return err
}

// OpenView opens a modal for the person whose click gave triggerID. That works within 3 seconds of the
// click, so this call never waits longer.
func (c *Client) OpenView(ctx context.Context, triggerID string, v slack.ModalViewRequest) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	payload := struct {
		Trigger string                 `json:"trigger_id"`
		View    slack.ModalViewRequest `json:"view"`
	}{triggerID, v}
	_, err := c.call(ctx, request{method: "views.open", token: c.token, lane: "views.open", patient: c.maxWait, payload: payload})
	return err
}

// UpdateView replaces a modal that is open, by the id and the hash of a [ViewState]. With a hash it is
// refused with [ErrTooLate] if the modal has changed since; with "" it is replaced whatever it shows.
func (c *Client) UpdateView(ctx context.Context, viewID, hash string, v slack.ModalViewRequest) error {
	payload := struct {
		ID   string                 `json:"view_id"`
		Hash string                 `json:"hash,omitempty"`
		View slack.ModalViewRequest `json:"view"`
	}{viewID, hash, v}
	_, err := c.do(ctx, "views.update", payload)
	return err
}

// Identity is what a token stands for.
type Identity struct {
	// TeamID and Team are the workspace's id and name.
	TeamID, Team string
	// UserID and BotID are those of the app's bot user.
	UserID, BotID string
	// URL is the workspace's address.
	URL string
	// Scopes are what the token may do, if Slack said so.
	Scopes []string
	// ClockAhead is by how much our clock is ahead of Slack's, to the second; 0 if Slack sent no date.
	// Beyond five minutes no signed request is believed.
	ClockAhead time.Duration
}

// Check asks Slack who we are.
func (c *Client) Check(ctx context.Context) (Identity, error) {
	got, err := c.call(ctx, request{method: "auth.test", token: c.token, lane: "auth.test", patient: c.maxWait, payload: struct{}{}})
	if err != nil {
		return Identity{}, err
	}
	id := Identity{TeamID: Plain(got.TeamID, 40), Team: Plain(got.Team, 100), UserID: Plain(got.UserID, 40), BotID: Plain(got.BotID, 40), URL: Plain(got.URL, 200)}
	for scope := range strings.SplitSeq(got.header.Get("X-OAuth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" && cleanScope(scope) != "" {
			id.Scopes = append(id.Scopes, scope)
		}
	}
	if date, err := http.ParseTime(got.header.Get("Date")); err == nil {
		id.ClockAhead = c.now().Sub(date).Truncate(time.Second)
	}
	return id, nil
}

// Respond answers a click through the address that came with it. To the person alone, or, with replace,
// in place of the message that was clicked. An address that is neither Slack's nor on the host of APIURL
// is refused, since it comes from outside. The text is mrkdwn.
func (c *Client) Respond(ctx context.Context, responseURL, text string, replace bool) error {
	const method = "response_url"
	if err := c.allowed(responseURL); err != nil {
		return err
	}
	body, err := json.Marshal(struct {
		Type    string `json:"response_type"`
		Text    string `json:"text"`
		Replace bool   `json:"replace_original"`
	}{"ephemeral", text, replace})
	if err != nil {
		return err
	}
	status, header, _, err := c.post(ctx, responseURL, http.Header{"Content-Type": {jsonType}}, body, maxAnswer)
	if retry, ok := errors.AsType[*RetryError](err); ok {
		retry.Method = method
	}
	if err != nil {
		return err
	}
	wait, limited := limit(status, header)
	switch {
	case limited:
		return &RetryError{Method: method, After: wait, Err: errLimited}
	case status == http.StatusNotFound || status == http.StatusGone:
		return &PermanentError{Method: method, Code: "expired_url"}
	case status/100 != 2:
		return &RetryError{Method: method, Maybe: true, Err: fmt.Errorf("answer with status %d", status)}
	default:
		return nil
	}
}

// allowed returns nil for an address that may be called although it comes from outside. The address is
// not repeated in the error: it is a secret, or an attack.
func (c *Client) allowed(address string) error {
	u, err := url.Parse(address)
	if err == nil && u.User == nil && u.Opaque == "" {
		host := strings.ToLower(u.Host)
		ours := u.Scheme == c.origin.Scheme && host == strings.ToLower(c.origin.Host)
		if ours || u.Scheme == "https" && (host == "hooks.slack.com" || host == "hooks.slack-gov.com") {
			return nil
		}
	}
	return &PermanentError{Method: "response_url", Code: "address_not_allowed"}
}
