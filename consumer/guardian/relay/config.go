package relay

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// TransportConfig says how the worker hands requests over. The zero value is ready to use.
type TransportConfig struct {
	// MaxRequestBytes bounds one request: method, URL, headers and body together. A guardian drops
	// what is larger than its own bound. Default 1 MiB.
	MaxRequestBytes int
	// WriteTimeout is how long RoundTrip may wait for a full pipe and for others that write.
	// Default 500 ms.
	WriteTimeout time.Duration
}

// WithDefaults returns a copy in which zero fields have their defaults.
func (c TransportConfig) WithDefaults() TransportConfig {
	setDefault(&c.MaxRequestBytes, 1<<20)
	setDefault(&c.WriteTimeout, 500*time.Millisecond)
	return c
}

// Validate reports every problem of c at once.
func (c TransportConfig) Validate() error {
	return errors.Join(
		atLeast("TransportConfig.MaxRequestBytes", c.MaxRequestBytes, 1),
		atMost("TransportConfig.MaxRequestBytes", c.MaxRequestBytes, maxRequestBytes),
		atLeast("TransportConfig.WriteTimeout", c.WriteTimeout, time.Millisecond),
	)
}

// maxRequestBytes is the largest bound that may be set. Larger requests are not telemetry.
const maxRequestBytes = 64 << 20

// Config says how the guardian forwards. The zero value is ready to use and has no spool.
type Config struct {
	// MaxRequestBytes bounds one request: method, URL, headers and body together; larger ones are
	// dropped and counted. Default 1 MiB.
	MaxRequestBytes int
	// MemoryRequests is how many requests may wait in memory, half of them for one host.
	// Default 2048.
	MemoryRequests int
	// MemoryBytes bounds their bytes, half of them for one host. At least twice MaxRequestBytes.
	// Default 16 MiB.
	MemoryBytes int64
	// MaxHosts is how many hosts may have requests waiting at once; each has a goroutine.
	// Default 16.
	MaxHosts int
	// SpoolDir takes what does not fit into memory and what is left when Run ends. It belongs to
	// one Forwarder. Default: none, and that is dropped and counted.
	SpoolDir string
	// SpoolBytes bounds the spool on disk, each file rounded up to 4 KiB. When it is full the oldest
	// of the host that has most there is dropped. At least twice MaxRequestBytes. Default 128 MiB,
	// half of it for each of two hosts that are down: one that gets a request of 16 KiB each
	// second, which is more than the event of a failure has, loses nothing for an hour.
	SpoolBytes int64
	// MaxAge is how old a request may get before it is dropped. Default 2 h: a host that was down
	// for one has another to take what waited.
	MaxAge time.Duration
	// SendTimeout bounds one try, from dialling to the end of the answer. Default 10 s.
	SendTimeout time.Duration
	// LastTry is how long after the end of its context Run may go on sending. Default 2 s.
	LastTry time.Duration
	// RetryMin is the wait after a host's first failure; it doubles with each further one, ±50 % at
	// random. Default 500 ms.
	RetryMin time.Duration
	// RetryMax caps that wait before the random part. Default 30 s.
	RetryMax time.Duration
	// MaxRetryAfter caps the wait that a host asks for with Retry-After. Default 5 min.
	MaxRetryAfter time.Duration
	// MaxTries keeps a request that a host cannot digest from holding up those behind it: after so
	// many answers 429 or 5xx, or so many tries without an answer, it goes to the end of its host's
	// line; after as many answers again it is given up if the host took others meanwhile. A host that
	// answers nothing else is down, and nothing is given up. Default 8, about a minute.
	MaxTries int
	// RoundTripper sends. Redirects are not followed. Nil means an http.Transport of its own with
	// the environment's proxy.
	RoundTripper http.RoundTripper
	// Logger gets what people should know, never a header or a URL beyond its host. Nil discards it.
	Logger *slog.Logger
}

// WithDefaults returns a copy in which zero fields have their defaults.
func (c Config) WithDefaults() Config {
	setDefault(&c.MaxRequestBytes, 1<<20)
	setDefault(&c.MemoryRequests, 2048)
	setDefault(&c.MemoryBytes, 16<<20)
	setDefault(&c.MaxHosts, 16)
	setDefault(&c.SpoolBytes, 128<<20)
	setDefault(&c.MaxAge, 2*time.Hour)
	setDefault(&c.SendTimeout, 10*time.Second)
	setDefault(&c.LastTry, 2*time.Second)
	setDefault(&c.RetryMin, 500*time.Millisecond)
	setDefault(&c.RetryMax, 30*time.Second)
	setDefault(&c.MaxRetryAfter, 5*time.Minute)
	setDefault(&c.MaxTries, 8)
	if c.RoundTripper == nil {
		c.RoundTripper = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			ForceAttemptHTTP2:     true,
			IdleConnTimeout:       90 * time.Second, // as http.DefaultTransport
			ResponseHeaderTimeout: c.SendTimeout,
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports every problem of c at once.
func (c Config) Validate() error {
	return errors.Join(
		atLeast("Config.MaxRequestBytes", c.MaxRequestBytes, 1),
		atMost("Config.MaxRequestBytes", c.MaxRequestBytes, maxRequestBytes),
		atLeast("Config.MemoryRequests", c.MemoryRequests, 2),
		atLeast("Config.MemoryBytes", c.MemoryBytes, 2*int64(c.MaxRequestBytes)),
		atLeast("Config.MaxHosts", c.MaxHosts, 1),
		atLeast("Config.SpoolBytes", c.SpoolBytes, max(2*int64(c.MaxRequestBytes), 2*spoolBlock)),
		atLeast("Config.MaxAge", c.MaxAge, time.Second),
		atLeast("Config.SendTimeout", c.SendTimeout, time.Millisecond),
		atLeast("Config.LastTry", c.LastTry, time.Millisecond),
		atLeast("Config.RetryMin", c.RetryMin, time.Millisecond),
		atLeast("Config.RetryMax", c.RetryMax, c.RetryMin),
		atLeast("Config.MaxRetryAfter", c.MaxRetryAfter, time.Second),
		atLeast("Config.MaxTries", c.MaxTries, 1),
	)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func atLeast[T int | int64 | time.Duration](name string, value, bound T) error {
	if value >= bound {
		return nil
	}
	return fmt.Errorf("%s is %v, want at least %v", name, value, bound)
}

func atMost[T int | int64 | time.Duration](name string, value, bound T) error {
	if value <= bound {
		return nil
	}
	return fmt.Errorf("%s is %v, want at most %v", name, value, bound)
}
