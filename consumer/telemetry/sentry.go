package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/getsentry/sentry-go"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/redact"
)

// SentryConfig says where events go and what is in them.
type SentryConfig struct {
	// Options are those of a Sentry client: Dsn, Release, Environment, Tags,
	// SampleRate, BeforeSend, IgnoreErrors and what concerns HTTP are obeyed. Transport
	// is replaced, and the integrations that collect the environment and modules are
	// off. Required, unless Hub is set.
	Options sentry.ClientOptions
	// Hub lends the options of its client in place of Options. Its scope, with the
	// user and breadcrumbs in it, is not used.
	Hub *sentry.Hub
	// Relay is guardian.Role.Transport: it hands requests to the guardian. Nil means
	// that there is none; events are then posted from here.
	Relay http.RoundTripper
	// Errors also reports attempts that returned an error (OutcomeFailed). Default
	// false: only panics, exits and timeouts are.
	Errors bool
	// Redact says what is safe of payloads, attributes, ordering keys, and texts of
	// errors and panics. Nil: of texts those that the runtime and the standard library
	// make, of messages nothing.
	Redact *redact.Redactor
	// AllTexts sends the texts of errors and panics, and traces with arguments, also
	// where Redact calls them unknown. Scrub is then all that stands between a secret
	// in them and Sentry. Default false.
	AllTexts bool
	// Stderr sends the end of a dead process's standard error along, scrubbed.
	// Default false: anything may stand there.
	Stderr bool
	// Scrub goes over every text that is sent. Default [Scrub].
	Scrub func(string) string
	// Fingerprint decides which failures are one issue. Default [Fingerprint].
	Fingerprint func(Failure) []string
	// Build is the release where Options name none. Default "".
	Build string
	// FlushTimeout is how long an attempt waits at most until its event is posted,
	// where there is no Relay. Default 2 s.
	FlushTimeout time.Duration
	// Logger hears of events that were lost. Nil discards it.
	Logger *slog.Logger
}

// WithDefaults returns a copy with defaults in place of zero values.
func (c SentryConfig) WithDefaults() SentryConfig {
	if c.Hub != nil && c.Hub.Client() != nil {
		c.Options = c.Hub.Client().Options()
	}
	if c.Scrub == nil {
		c.Scrub = Scrub
	}
	if c.Fingerprint == nil {
		c.Fingerprint = Fingerprint
	}
	if c.FlushTimeout == 0 {
		c.FlushTimeout = 2 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate joins all that is wrong with the configuration.
func (c SentryConfig) Validate() error {
	var problems []error
	if c.FlushTimeout < 0 {
		problems = append(problems, fmt.Errorf("telemetry.SentryConfig.FlushTimeout is %v: want more than 0", c.FlushTimeout))
	}
	if c.Hub != nil && c.Hub.Client() == nil {
		problems = append(problems, errors.New("telemetry.SentryConfig.Hub has no client: call sentry.Init first, or set Options"))
	}
	return errors.Join(problems...)
}

// Sentry reports failed attempts and deaths. It is a consumer.Observer. Make one
// with [NewSentry], and Close it.
type Sentry struct {
	cfg     SentryConfig
	texts   texts
	client  *sentry.Client
	courier *courier
	// crashing is full while a crash is reported, so that one id is never sent twice
	// at once.
	crashing chan struct{}
}

var (
	_ consumer.Observer     = (*Sentry)(nil)
	_ consumer.AttemptEnder = (*Sentry)(nil)
)

// NewSentry returns a Sentry. It fails for a bad cfg and where neither the options
// nor Sentry's own variable SENTRY_DSN name a project.
func NewSentry(cfg SentryConfig) (*Sentry, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.WithDefaults()
	s := &Sentry{cfg: cfg, texts: texts{safe: cfg.Redact, all: cfg.AllTexts, scrub: cfg.Scrub}, courier: newCourier(cfg), crashing: make(chan struct{}, 1)}
	options := cfg.Options
	options.Transport = s.courier
	if options.Release == "" {
		options.Release = cfg.Build
	}
	options.AttachStacktrace = false
	options.DisableClientReports = true
	options.Integrations = integrations(cfg.Options.Integrations)
	options.BeforeSend = s.beforeSend
	client, err := sentry.NewClient(options)
	if err != nil {
		return nil, fmt.Errorf("telemetry: Sentry client: %w", err)
	}
	if client.Options().Dsn == "" {
		client.Close()
		return nil, errors.New("telemetry: SentryConfig.Options.Dsn is empty: set the project's DSN, or use no Sentry")
	}
	s.client = client
	return s, nil
}

// integrations leaves out those that collect the environment and modules.
func integrations(users func([]sentry.Integration) []sentry.Integration) func([]sentry.Integration) []sentry.Integration {
	return func(all []sentry.Integration) []sentry.Integration {
		var kept []sentry.Integration
		for _, i := range all {
			switch i.Name() {
			case "IgnoreErrors", "IgnoreTransactions", "GlobalTags":
				kept = append(kept, i)
			}
		}
		if users != nil {
			kept = users(kept)
		}
		return kept
	}
}

// beforeSend takes out what the client added and is not on the list, and then asks
// the user.
func (s *Sentry) beforeSend(event *sentry.Event, hint *sentry.EventHint) *sentry.Event {
	id := event.EventID
	event.ServerName = s.cfg.Options.ServerName
	event.User, event.Request, event.Modules, event.Breadcrumbs, event.Threads = sentry.User{}, nil, nil, nil, nil
	if s.cfg.Options.BeforeSend != nil {
		if event = s.cfg.Options.BeforeSend(event, hint); event != nil {
			event.EventID = id // by which the courier finds who waits
		}
	}
	return event
}

// AttemptStarted implements [consumer.Observer]. It does nothing.
func (s *Sentry) AttemptStarted(context.Context, string, handlers.Message) context.Context {
	return nil
}

// AttemptSettled implements [consumer.Observer]. It does nothing.
func (s *Sentry) AttemptSettled(context.Context, consumer.Settled) {}

// AttemptEnded implements [consumer.AttemptEnder]: it reports the failure, and
// returns once the event is out of this process or lost.
func (s *Sentry) AttemptEnded(ctx context.Context, sub string, m handlers.Message, a handlers.Attempt) {
	if !s.reports(a.Outcome) {
		return
	}
	// The attempt is over, and its context has ended.
	if err := s.capture(context.WithoutCancel(ctx), s.attemptEvent(sub, m, a), s.cfg.FlushTimeout); err != nil {
		s.cfg.Logger.Warn("the event of a failure is lost or late", "subscription", sub, "message", m.ID, "outcome", a.Outcome, "error", err)
	}
}

func (s *Sentry) reports(o handlers.Outcome) bool {
	switch o {
	case handlers.OutcomePanicked, handlers.OutcomeExited, handlers.OutcomeTimedOut:
		return true
	case handlers.OutcomeFailed:
		return s.cfg.Errors
	default: // a crash has its own report, the others are no failures
		return false
	}
}

// Crash reports a death. It returns nil once the event is out of this process, and
// where the user's sampling or BeforeSend dropped it; else an error, and the
// caller should try again later. Reporting a crash twice gives one event. The end
// of ctx ends the wait.
func (s *Sentry) Crash(ctx context.Context, c handlers.Crash) error {
	select {
	case s.crashing <- struct{}{}:
		defer func() { <-s.crashing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	err := s.capture(ctx, s.crashEvent(c), 0)
	if refused, ok := errors.AsType[*refusedError](err); ok && refused.final() {
		s.cfg.Logger.Error("Sentry will never take the report of a crash; it is dropped", "crash", c.ID, "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("report crash %.40q to Sentry: %w", c.ID, err)
	}
	return nil
}

// capture sends an event and waits, for as long as wait if that is not 0.
func (s *Sentry) capture(ctx context.Context, event *sentry.Event, wait time.Duration) error {
	d := s.courier.expect(ctx, string(event.EventID), wait)
	defer s.courier.forget(d)
	if s.client.CaptureEvent(event, nil, nil) == nil {
		return nil // by the user's choice
	}
	return d.result()
}

// SentryStats are the numbers of a [Sentry] since it was made. Every event is counted
// in exactly one place once it is no longer on its way.
type SentryStats struct {
	// Sent were taken: by the guardian, whose relay has numbers of its own, or by
	// Sentry where there is no relay.
	Sent uint64
	// Lost were not: the relay refused them, Sentry did, or too many were on their way.
	// Lost crashes are reported again.
	Lost uint64
	// OnTheWay are being posted now, at most 16, and only without a relay.
	OnTheWay int
}

// Stats returns the numbers of this moment.
func (s *Sentry) Stats() SentryStats {
	c := s.courier
	c.mu.Lock()
	defer c.mu.Unlock()
	return SentryStats{Sent: c.sent.Load(), Lost: c.dropped.Load(), OnTheWay: len(c.onTheWay)}
}

// Dropped is how many events were not handed over: SentryStats.Lost.
func (s *Sentry) Dropped() uint64 { return s.courier.dropped.Load() }

// Close waits for events on their way, at most FlushTimeout, and frees what the
// client holds. No other method may be called afterwards.
func (s *Sentry) Close() {
	s.courier.shutdown(s.cfg.FlushTimeout)
	s.client.Close()
}
