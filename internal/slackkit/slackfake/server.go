package slackfake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/theriac/theriac/internal/runner"
)

// Config says what there is. All of it has defaults.
type Config struct {
	// Addr is where to listen; only loopback is taken. Default: 127.0.0.1:0, any free port.
	Addr string
	// Token and AppToken are the tokens that are believed, SigningSecret signs what is sent to RequestURL.
	// Defaults: fixed ones, see [Server.Token].
	Token, AppToken, SigningSecret string
	// Team is the workspace's id, TeamName its name. Defaults: T0FAKE, Fake
	Team, TeamName string
	// Channels. Default: C0OPS, called ops.
	Channels []Channel
	// Users. Default: U0ANA, called ana, and U0BEN, called ben.
	Users []User
	// Scopes is what the token may do, as auth.test says it. Default: chat:write
	Scopes []string
	// CheckScopes refuses what Scopes do not allow with missing_scope. Default: everything is allowed
	CheckScopes bool
	// Events are what the app is told of, by Slack's names as in a manifest (message.channels,
	// member_joined_channel, pin_added, ...). Default: nothing
	Events []string
	// Shortcuts are what people can choose. Default: none
	Shortcuts []Shortcut
	// RequestURL takes clicks and events. While it is empty they go over Socket Mode.
	RequestURL string
	// EventsURL takes events instead. Default: RequestURL
	EventsURL string
	// EventRetries are the pauses before an event that was not taken is sent again.
	// Default: at once, after 1 min, after 5 min
	EventRetries []time.Duration
	// Latency is what each call of the API takes at least. Default: 0
	Latency time.Duration
	// Limits is how many calls a minute of a method, by its name, are answered; more are answered 429.
	// Default: no limits
	Limits map[string]int
	// PageMost bounds the pages of lists, as Slack may do too. Default: what the caller asks for
	PageMost int
	// BotsUnarchive lets the app bring channels back that were archived, which Slack does not, see
	// [Server.Unarchive]. Default: as in Slack
	BotsUnarchive bool
	// StateFile keeps the workspace over restarts. Default: it is forgotten
	StateFile string
	// Bounds limits what is kept.
	Bounds Bounds
	// Every is the least time between two calls that post or edit in one channel, beyond Burst calls at
	// once; more are answered 429. Default: 0, no limit. Slack has 1 s.
	Every time.Duration
	// Burst is how many calls may come at once. Default: 1
	Burst int
	// PingEvery is how often a socket is pinged. Default: 5 s
	PingEvery time.Duration
	// Now is the clock. Default: time.Now
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	c.Addr = cmp.Or(c.Addr, "127.0.0.1:0")
	c.Token = cmp.Or(c.Token, "xoxb-fake-bot")
	c.AppToken = cmp.Or(c.AppToken, "xapp-fake-app")
	c.SigningSecret = cmp.Or(c.SigningSecret, "fake-signing-secret")
	c.Team = cmp.Or(c.Team, "T0FAKE")
	c.TeamName = cmp.Or(c.TeamName, "Fake")
	c.Burst = cmp.Or(c.Burst, 1)
	c.PingEvery = cmp.Or(c.PingEvery, 5*time.Second)
	if c.Channels == nil {
		c.Channels = []Channel{{ID: "C0OPS", Name: "ops"}}
	}
	if c.Users == nil {
		c.Users = []User{{ID: "U0ANA", Name: "ana"}, {ID: "U0BEN", Name: "ben"}}
	}
	if c.Scopes == nil {
		c.Scopes = []string{"chat:write"}
	}
	if c.EventRetries == nil {
		c.EventRetries = []time.Duration{0, time.Minute, 5 * time.Minute}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Bounds = c.Bounds.withDefaults()
	return c
}

// Server is a running workspace. All methods are safe for concurrent use.
type Server struct {
	cfg      Config
	listener net.Listener
	http     http.Server
	client   *http.Client
	serving  runner.Group
	closed   chan struct{}
	cancel   context.CancelFunc // of deliveries
	closing  sync.Once

	mu         sync.Mutex
	over       bool // no more sockets
	version    int
	saving     chan struct{} // wakes whoever saves, nil without a file
	unsaved    error         // the last failure of that
	changed    chan struct{} // closed and replaced at each change
	requestURL string
	token      string     // what is believed now, see Revoke
	channels   []*channel // the oldest first
	byID       map[string]*channel
	byName     map[string]*channel
	ephemerals []Ephemeral
	views      []*View
	triggers   map[string]time.Time // unused ones
	responses  []*response
	calls      []Call
	counts     map[string]count
	recent     map[string][]time.Time // calls within the last minute, see Config.Limits
	events     outbox
	faults     map[string][]Fault
	release    chan struct{} // closed and replaced by Mend
	sockets    map[*socket]struct{}
	serial     int
	lastTS     time.Time
}

// Start opens the workspace. It runs until Close; ctx bounds the start alone.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	host, _, err := net.SplitHostPort(cfg.Addr)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("fake Slack: %q is not an address of this machine alone", cfg.Addr)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("fake Slack: %w", err)
	}
	s := &Server{
		cfg: cfg, listener: listener, requestURL: cfg.RequestURL, token: cfg.Token,
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 10 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		closed: make(chan struct{}), changed: make(chan struct{}), release: make(chan struct{}),
		byID: make(map[string]*channel), byName: make(map[string]*channel),
		counts: make(map[string]count), recent: make(map[string][]time.Time), events: outbox{wake: make(chan struct{}, 1)},
		triggers: make(map[string]time.Time), faults: make(map[string][]Fault), sockets: make(map[*socket]struct{}),
	}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.serving.Go(func() { s.deliverEvents(ctx) })
	s.http = http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	s.serving.Go(func() { _ = s.http.Serve(listener) })
	return s, nil
}

// Close ends everything that runs here. It may be called more than once.
func (s *Server) Close() error {
	var err error
	s.closing.Do(func() {
		close(s.closed)
		s.cancel()
		s.mu.Lock()
		s.over = true
		s.mu.Unlock()
		s.DropSockets()
		err = s.http.Close()
		s.serving.Wait()
		s.client.CloseIdleConnections()
		err = errors.Join(err, s.save())
	})
	return err
}

// URL is the address of the page for people.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() + "/" }

// APIURL is what a client of Slack is given instead of https://slack.com/api/.
func (s *Server) APIURL() string { return s.URL() + "api/" }

// Token is the bot's token.
func (s *Server) Token() string { return s.cfg.Token }

// AppToken is the token for Socket Mode.
func (s *Server) AppToken() string { return s.cfg.AppToken }

// SigningSecret is what requests to the app are signed with.
func (s *Server) SigningSecret() string { return s.cfg.SigningSecret }

// Team is the workspace's id.
func (s *Server) Team() string { return s.cfg.Team }

// SetRequestURL sends later clicks to another address; "" sends them over Socket Mode.
func (s *Server) SetRequestURL(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requestURL = address
}

// Revoke makes the bot's token invalid, and valid again.
func (s *Server) Revoke(revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = s.cfg.Token
	if revoked {
		s.token = ""
	}
}

// Message is a message in a channel.
type Message struct {
	Channel, TS string
	// User is who wrote it, "" for the app.
	User string
	// ThreadTS is the message that this one replies to.
	ThreadTS string
	// Broadcast is a reply that the channel sees too.
	Broadcast bool
	Text      string
	// Blocks is the JSON list as it was sent, null without blocks.
	Blocks json.RawMessage
	// Metadata is what was kept with it, null without.
	Metadata json.RawMessage
	// Reactions are who reacted, by the name of the reaction.
	Reactions map[string][]string
	// Edits is how often it was edited.
	Edits int
}

func (m *Message) copied() Message {
	out := *m
	out.Reactions = make(map[string][]string, len(m.Reactions))
	for name, users := range m.Reactions {
		out.Reactions[name] = slices.Clone(users)
	}
	return out
}

// Ephemeral is a text that one user sees.
type Ephemeral struct{ Channel, User, Text string }

// Call is one call of the API, or one use of a response address (with Method response_url).
type Call struct {
	At     time.Time
	Method string
	// Body is what was sent, cut after 16 KiB.
	Body []byte
	// Status and Code are the answer; Code is "" if it was ok. Status is 0 if there was none.
	Status int
	Code   string
}

// Messages returns what stands in a channel, replies included, oldest first.
func (s *Server) Messages(channelID string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Message
	if c := s.channelLocked(channelID); c != nil {
		for _, m := range c.messages {
			found = append(found, m.copied())
		}
	}
	return found
}

// Message returns one message.
func (s *Server) Message(channelID, ts string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.messageLocked(channelID, ts); m != nil {
		return m.copied(), true
	}
	return Message{}, false
}

// Ephemerals returns what single users were shown, oldest first.
func (s *Server) Ephemerals() []Ephemeral {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ephemerals)
}

// Calls returns the journal, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Wait returns once done says so; it is asked at first and after each change. It must not call methods
// that change the workspace.
func (s *Server) Wait(ctx context.Context, done func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-changed:
		case <-s.closed:
			return errors.New("fake Slack: closed")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *Server) changeLocked() {
	s.version++
	close(s.changed)
	s.changed = make(chan struct{})
	if s.saving != nil {
		select {
		case s.saving <- struct{}{}:
		default:
		}
	}
}

func (s *Server) messageLocked(channelID, ts string) *Message {
	c := s.channelLocked(channelID)
	if c == nil {
		return nil
	}
	for _, m := range c.messages {
		if m.TS == ts {
			return m
		}
	}
	return nil
}

func (s *Server) userLocked(id string) (User, bool) {
	for _, u := range s.cfg.Users {
		if u.ID == id {
			return u, true
		}
	}
	return User{}, false
}

// stampLocked returns a new timestamp, later than every one before.
func (s *Server) stampLocked() string {
	now := s.cfg.Now().Truncate(time.Microsecond)
	if !now.After(s.lastTS) {
		now = s.lastTS.Add(time.Microsecond)
	}
	s.lastTS = now
	return fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000)
}

// keep appends to a list of which only the last max are kept.
func keep[T any](list []T, one T, most int) []T {
	list = append(list, one)
	if len(list) > most {
		list = slices.Delete(list, 0, len(list)-most)
	}
	return list
}
