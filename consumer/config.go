package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Subscription is a named stream with one handler and a policy.
type Subscription struct {
	// Name is the stream's name for people and in the quarantine, such as
	// "orders". Required. It is stored with every entry, so renaming a
	// subscription orphans its entries.
	Name string
	// Handler processes its messages. Required.
	Handler handlers.Handler
	// HandlerName is shown where an error has no stack. Default: the name of the
	// handler's function or type.
	HandlerName string
	// Criticality says which process and budget it belongs to. Default Critical.
	Criticality Criticality
	// Shed says what it does when people shed load. Default: a critical subscription
	// goes on whatever happens, another one pauses.
	Shed Shed
	// Policy says when to retry and when to give up. Zero fields get defaults.
	Policy Policy
}

// Criticality tells what may be shed when the service is in trouble.
type Criticality uint8

// The criticalities.
const (
	// Critical subscriptions are never shed by "shed non-critical".
	Critical Criticality = iota
	// NonCritical subscriptions may be.
	NonCritical
)

// String returns "critical" or "non-critical".
func (c Criticality) String() string {
	if c == NonCritical {
		return "non-critical"
	}
	return "critical"
}

// Policy says when a subscription retries and when it gives up.
type Policy struct {
	// Timeout is how long one attempt may run before its context ends.
	// Default 30 s.
	Timeout time.Duration
	// Grace is how long after its context ended a handler may still return. After
	// that it is abandoned: its goroutine runs on, its answer is ignored.
	// Default 5 s.
	Grace time.Duration
	// MaxFailures is the number of failures, over all replicas and since the last
	// success, that quarantines a message. Default 5.
	MaxFailures int
	// MaxAbandoned is how many handlers may be given up and still run in this
	// process before the guardian is asked to replace it. Default 8.
	MaxAbandoned int
	// MaxCrashes is the number of deaths proven to be the message's own that
	// quarantines it. Default 2.
	MaxCrashes int
	// Backoff is the wait between failures.
	Backoff Backoff
	// HoldMax is the longest wait that is spent in this process with the lease
	// kept; longer ones are handed back to the broker. Default 10 s.
	HoldMax time.Duration
	// Breaker says when failures are so correlated that they are nobody's fault.
	Breaker BreakerPolicy
}

// Backoff is exponential with jitter: the n-th failure waits around
// Initial × Multiplier^(n-1), at most Max, and then ±50 % at random (the
// randomisation of cenkalti/backoff, applied after the cap).
type Backoff struct {
	// Initial is the wait after the first failure. Default 500 ms.
	Initial time.Duration
	// Max caps the wait before jitter. Default 10 min.
	Max time.Duration
	// Multiplier is the growth per failure, at least 1. Default 2.
	Multiplier float64
}

// BreakerPolicy says when the breaker of a subscription opens: when within
// Window at least MinMessages different messages failed and at least
// FailureRatio of all attempts did. Of one message at most Policy.MaxFailures
// failures count. While it is open nothing is quarantined and one message at a
// time is tried.
type BreakerPolicy struct {
	// Window is how far back attempts count. Default 30 s, in whole seconds.
	Window time.Duration
	// MinMessages is the number of different messages. Default 5.
	MinMessages int
	// FailureRatio is a share in (0, 1]. Default 0.5.
	FailureRatio float64
	// Culprits is the number of different messages that must have killed a process
	// within CulpritWindow, none succeeding between, to open it too: a bad deploy.
	// Default 3.
	Culprits int
	// CulpritWindow is how far back these deaths count. Default 60 s.
	CulpritWindow time.Duration
	// OpenFor is the wait before each probe. Default 10 s.
	OpenFor time.Duration
	// Off turns the breaker off.
	Off bool
}

// Config says how a consumer runs. The zero value is ready to use.
type Config struct {
	// MaxRunning is how many handlers run at once. Default 256.
	MaxRunning int
	// Guard is the guardian's side: the table in which it finds what ran when this
	// process died, and the wards in which suspects run alone. Package ward makes
	// one. Nil: a death that recover cannot catch names nobody.
	Guard Guard
	// MaxOutstanding is how many deliveries the broker may have handed over
	// unsettled, running and waiting ones together. Default 10,000, at most
	// 10,000,000.
	MaxOutstanding int
	// MaxOutstandingBytes bounds their payload bytes. Default 256 MiB.
	MaxOutstandingBytes int64
	// DrainTimeout is how long running handlers may go on after Run's context
	// ended, before their own contexts end. Default 25 s.
	DrainTimeout time.Duration
	// SettleTimeout bounds each settling: the store and the broker together.
	// Default 10 s.
	SettleTimeout time.Duration
	// Quarantine takes poison and keeps the counts. Nil means none: failures are
	// counted in this process, and a message past its limit stays on retry for
	// ever, since there is no durable place for it.
	Quarantine Quarantine
	// Begin, if not nil, is called before each attempt and waited for: it names the
	// message where that survives the whole machine, as quarantine.Service.Begin
	// does, which costs milliseconds for each message. Default nil: what runs for
	// longer than a tick is named by snapshots (Roster), without anybody waiting.
	Begin func(ctx context.Context, sub string, m *handlers.Message) error
	// Roster, if not nil, is joined by the consumer: what it runs is then in the
	// snapshots of the quarantine that was given the roster's Running. Default nil:
	// in nobody's.
	Roster *Roster
	// Worker, Host and Build name this process in the history. Default: empty.
	Worker, Host, Build string
	// Observer is told of attempts and decisions. Nil means nobody.
	Observer Observer
	// Logger gets what people should know. Nil discards it.
	Logger *slog.Logger
}

// maxOutstanding leaves room in a population for what is not the broker's.
const maxOutstanding = 10_000_000

// WithDefaults returns a copy in which zero fields have their defaults.
func (c Config) WithDefaults() Config {
	setDefault(&c.MaxRunning, 256)
	setDefault(&c.MaxOutstanding, 10_000)
	setDefault(&c.MaxOutstandingBytes, 256<<20)
	setDefault(&c.DrainTimeout, 25*time.Second)
	setDefault(&c.SettleTimeout, 10*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports every problem of c at once.
func (c Config) Validate() error {
	return errors.Join(
		atLeast("Config.MaxRunning", c.MaxRunning, 1),
		atLeast("Config.MaxOutstanding", c.MaxOutstanding, 1),
		atMost("Config.MaxOutstanding", c.MaxOutstanding, maxOutstanding),
		atLeast("Config.MaxOutstandingBytes", c.MaxOutstandingBytes, 1),
		atLeast("Config.DrainTimeout", c.DrainTimeout, time.Millisecond),
		atLeast("Config.SettleTimeout", c.SettleTimeout, time.Millisecond),
	)
}

// WithDefaults returns a copy in which zero fields have their defaults.
func (s Subscription) WithDefaults() Subscription {
	if s.HandlerName == "" && s.Handler != nil {
		s.HandlerName = handlerName(s.Handler)
	}
	if s.Shed == ShedDefault {
		s.Shed = ShedNever
		if s.Criticality == NonCritical {
			s.Shed = ShedPause
		}
	}
	s.Policy = s.Policy.WithDefaults()
	return s
}

// Validate reports every problem of s at once.
func (s Subscription) Validate() error {
	var errs []error
	if s.Name == "" {
		errs = append(errs, errors.New("Subscription.Name is empty: give the stream a name"))
	}
	if s.Handler == nil {
		errs = append(errs, fmt.Errorf("Subscription.Handler of %q is nil: give it a handler", s.Name))
	}
	if s.Criticality > NonCritical {
		errs = append(errs, fmt.Errorf("Subscription.Criticality is %d, want Critical or NonCritical", s.Criticality))
	}
	if s.Shed > ShedDrop {
		errs = append(errs, fmt.Errorf("Subscription.Shed is %d, want ShedNever, ShedPause or ShedDrop", s.Shed))
	} else if s.Shed > ShedNever && s.Criticality != NonCritical {
		errs = append(errs, fmt.Errorf("Subscription.Shed of %q is %s, but it is critical and never shed: make it NonCritical, or leave Shed out", s.Name, s.Shed))
	}
	return errors.Join(append(errs, s.Policy.Validate())...)
}

// WithDefaults returns a copy in which zero fields have their defaults.
func (p Policy) WithDefaults() Policy {
	setDefault(&p.Timeout, 30*time.Second)
	setDefault(&p.Grace, 5*time.Second)
	setDefault(&p.MaxFailures, 5)
	setDefault(&p.MaxCrashes, 2)
	setDefault(&p.MaxAbandoned, 8)
	setDefault(&p.HoldMax, 10*time.Second)
	setDefault(&p.Backoff.Initial, 500*time.Millisecond)
	setDefault(&p.Backoff.Max, 10*time.Minute)
	setDefault(&p.Backoff.Multiplier, 2)
	setDefault(&p.Breaker.Window, 30*time.Second)
	setDefault(&p.Breaker.MinMessages, 5)
	setDefault(&p.Breaker.FailureRatio, 0.5)
	setDefault(&p.Breaker.OpenFor, 10*time.Second)
	setDefault(&p.Breaker.Culprits, 3)
	setDefault(&p.Breaker.CulpritWindow, time.Minute)
	return p
}

// Validate reports every problem of p at once.
func (p Policy) Validate() error {
	errs := []error{
		atLeast("Policy.Timeout", p.Timeout, time.Millisecond),
		atLeast("Policy.Grace", p.Grace, time.Millisecond),
		atLeast("Policy.MaxFailures", p.MaxFailures, 1),
		atLeast("Policy.MaxCrashes", p.MaxCrashes, 1),
		atLeast("Policy.MaxAbandoned", p.MaxAbandoned, 1),
		atLeast("Policy.HoldMax", p.HoldMax, 0),
		atLeast("Policy.Backoff.Initial", p.Backoff.Initial, time.Millisecond),
		atLeast("Policy.Backoff.Max", p.Backoff.Max, p.Backoff.Initial),
		atLeast("Policy.Backoff.Multiplier", p.Backoff.Multiplier, 1),
		atLeast("Policy.Breaker.Window", p.Breaker.Window, time.Second),
		atLeast("Policy.Breaker.MinMessages", p.Breaker.MinMessages, 2),
		atLeast("Policy.Breaker.OpenFor", p.Breaker.OpenFor, time.Millisecond),
		atLeast("Policy.Breaker.Culprits", p.Breaker.Culprits, 2),
		atLeast("Policy.Breaker.CulpritWindow", p.Breaker.CulpritWindow, time.Second),
	}
	if r := p.Breaker.FailureRatio; !(r > 0 && r <= 1) {
		errs = append(errs, fmt.Errorf("Policy.Breaker.FailureRatio is %v, want more than 0 and at most 1", r))
	}
	return errors.Join(errs...)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func atLeast[T int | int64 | float64 | time.Duration](name string, value, bound T) error {
	if value >= bound {
		return nil
	}
	return fmt.Errorf("%s is %v, want at least %v", name, value, bound)
}

func atMost(name string, value, bound int) error {
	if value <= bound {
		return nil
	}
	return fmt.Errorf("%s is %d, want at most %d", name, value, bound)
}
