package incidentweb

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/webkit"
)

// Options say what the API has beside the Service. All are optional.
type Options struct {
	// Now is the clock of expiry and limits. Default: time.Now
	Now func() time.Time
	// Logger hears of requests that failed by our fault, and of sources whose secret is not set. Default: nobody.
	Logger *slog.Logger
	// Timeout is how long a request may take. Default 10 s.
	Timeout time.Duration
	// TokenAge is for how long a token that was looked up is not looked up again, at most 10 s, which is
	// the default. A revoked one works for that long in other processes.
	TokenAge time.Duration
	// Origins are the origins of browsers beside our own that may send requests which change something,
	// such as "https://ops.example.com" behind a proxy that rewrites Host.
	Origins []string
	// Address is how people reach the API, such as "https://ops.example.com", for commands that pages show.
	// Default: these leave it out.
	Address string
	// DeclareBurst and DeclareEvery bound the new incidents of one token: so many at once, and one more
	// each so often. Default 1000 and 10 ms.
	DeclareBurst int
	DeclareEvery time.Duration

	// Secret returns the secret that is named by Source.SecretEnv, "" for none. Without it sources that
	// sign are refused.
	Secret func(name string) string
	// VerifyWebhook checks a signature of Standard Webhooks over the raw body. Without it a generic source
	// has to send its bearer token.
	VerifyWebhook func(secrets []string, h http.Header, body []byte, now time.Time) error

	// AckKeys sign the links by which people answer a page: the first signs, all are taken, so that a key
	// can be replaced. Each has at least 32 bytes. Without any there is no such page.
	AckKeys [][]byte

	// Draining reports that the process is about to end, so that /readyz sends callers elsewhere.
	Draining func() bool
	// Health returns the numbers of /v1/health: ages, counts, levels, by name.
	Health func(ctx context.Context) (map[string]any, error)
	// Controls returns the orders about the flow of messages that are in force, to be shown with every open
	// incident and with the numbers. It is asked at most once a second. Default: there are none.
	Controls func(ctx context.Context) ([]incident.ControlShown, error)
	// TestWebhook sends a test event to an endpoint; ResendWebhook sends an event to it again. Without
	// them these routes refuse.
	TestWebhook   func(ctx context.Context, endpoint string) error
	ResendWebhook func(ctx context.Context, endpoint, event string) error
}

// minAckKey is the least length of a key that signs links.
const minAckKey = 32

// maxTokenAge is how long a token may be believed without a look.
const maxTokenAge = 10 * time.Second

// api is the handler with all that its routes need.
type api struct {
	Options
	svc     *incident.Service
	stores  incident.Stores
	tokens  tokenCache
	limiter webkit.Limiter

	controlsCache controlsCache
	// unset are the names of secrets that the settings name and nobody set; each is told once.
	unset sync.Map
}

// New returns the handler of all routes. It starts nothing, keeps nothing but tokens for a moment, and
// may be mounted in any number of processes. It is safe for concurrent use. Options that cannot be
// are an error.
func New(svc *incident.Service, o Options) (http.Handler, error) {
	if svc == nil {
		return nil, fmt.Errorf("incidentweb: the service is missing: %w", incident.ErrInvalid)
	}
	for i, key := range o.AckKeys {
		if len(key) < minAckKey {
			return nil, fmt.Errorf("incidentweb: key %d for links has %d bytes, want %d or more: %w", i+1, len(key), minAckKey, incident.ErrInvalid)
		}
	}
	a := &api{Options: o.withDefaults(), svc: svc, stores: svc.Stores()}
	a.limiter = webkit.Limiter{Burst: a.DeclareBurst, Every: a.DeclareEvery}
	protection := http.NewCrossOriginProtection()
	for _, origin := range o.Origins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("incidentweb: origin %q: %w: %w", origin, incident.ErrInvalid, err)
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		webkit.Problemf(http.StatusForbidden, "cross_origin", "another site may not send this").Write(w)
	}))
	return a.guard(protection.Handler(a.mux(a.routes()))), nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.TokenAge <= 0 || o.TokenAge > maxTokenAge {
		o.TokenAge = maxTokenAge
	}
	if o.DeclareBurst <= 0 {
		o.DeclareBurst = 1000
	}
	if o.DeclareEvery <= 0 {
		o.DeclareEvery = 10 * time.Millisecond
	}
	if o.Secret == nil {
		o.Secret = func(string) string { return "" }
	}
	return o
}
