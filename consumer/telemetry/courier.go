package telemetry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/getsentry/sentry-go"

	"github.com/theriac/theriac/internal/runner"
)

// maxOnTheWay bounds the events that are posted at once without a relay.
const maxOnTheWay = 16

// Errors of a delivery.
var (
	errHeldBack = errors.New("the client sent nothing, which it does after Sentry asked it to wait, or without a valid DSN")
	errTooMany  = fmt.Errorf("%d events are on their way already", maxOnTheWay)
	errLate     = errors.New("Sentry did not answer in time; the event is still on its way")
	errClosed   = errors.New("this Sentry was closed")
)

// courier is the client's transport: Sentry's own synchronous one, watched, since
// that tells nobody what became of an event.
type courier struct {
	sync    *sentry.HTTPSyncTransport
	base    http.RoundTripper
	relayed bool
	dropped atomic.Uint64
	sent    atomic.Uint64

	mu       sync.Mutex
	closed   bool
	expected map[string]*delivery
	onTheWay map[*delivery]bool
	posting  runner.Group
}

// delivery is one event and who waits for it.
type delivery struct {
	id     string
	caller context.Context // whose end ends the wait
	ctx    context.Context // of the request
	wait   time.Duration
	// cancel ends the request.
	cancel context.CancelFunc
	done   chan struct{} // closed when sent and err are final
	sent   bool
	err    error
	// given is what the sender was told, if not err.
	given error
}

func newCourier(cfg SentryConfig) *courier {
	c := &courier{
		sync: sentry.NewHTTPSyncTransport(), base: cfg.Relay, relayed: cfg.Relay != nil,
		expected: make(map[string]*delivery), onTheWay: make(map[*delivery]bool),
	}
	if c.base == nil {
		c.base = directly(cfg.Options)
	}
	return c
}

// directly is the way to Sentry without a relay, as the options say.
func directly(o sentry.ClientOptions) http.RoundTripper {
	switch {
	case o.HTTPClient != nil && o.HTTPClient.Transport != nil:
		return o.HTTPClient.Transport
	case o.HTTPTransport != nil:
		return o.HTTPTransport
	}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: maxOnTheWay,
		IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second,
	}
	for _, proxy := range []string{o.HTTPProxy, o.HTTPSProxy} {
		if u, err := url.Parse(proxy); proxy != "" && err == nil {
			t.Proxy = http.ProxyURL(u)
		}
	}
	if o.CaCerts != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: o.CaCerts, MinVersion: tls.VersionTLS12}
	}
	return t
}

// expect announces an event.
func (c *courier) expect(ctx context.Context, id string, wait time.Duration) *delivery {
	d := &delivery{id: id, caller: ctx, wait: wait, done: make(chan struct{})}
	d.ctx, d.cancel = context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected[id] = d
	return d
}

// forget is called when nobody waits any more.
func (c *courier) forget(d *delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.expected, d.id)
	if !c.onTheWay[d] {
		d.cancel()
	}
}

// Configure implements sentry.Transport.
func (c *courier) Configure(o sentry.ClientOptions) {
	o.HTTPTransport, o.HTTPClient = witness{c.base}, nil
	c.sync.Configure(o)
}

// SendEvent implements sentry.Transport. It is called on the goroutine of capture.
func (c *courier) SendEvent(event *sentry.Event) {
	c.mu.Lock()
	d := c.expected[string(event.EventID)]
	c.mu.Unlock()
	switch {
	case d == nil:
		c.dropped.Add(1) // nobody else has this client
	case c.relayed:
		c.post(d, event)
	default:
		c.postAndWait(d, event)
	}
}

// post sends an event, and writes down what became of it.
func (c *courier) post(d *delivery, event *sentry.Event) {
	defer close(d.done)
	c.sync.SendEventWithContext(context.WithValue(d.ctx, deliveryKey{}, d), event)
	if d.err == nil && !d.sent {
		d.err = errHeldBack
	}
	if d.err != nil {
		c.dropped.Add(1)
		return
	}
	c.sent.Add(1)
}

// postAndWait posts an event beside the caller, who does not wait for ever.
func (c *courier) postAndWait(d *delivery, event *sentry.Event) {
	if d.given = c.start(d, event); d.given != nil {
		c.dropped.Add(1)
		return
	}
	var late <-chan time.Time
	if d.wait > 0 {
		timer := time.NewTimer(d.wait)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-d.done:
	case <-late:
		d.given = errLate
	case <-d.caller.Done():
		d.given = d.caller.Err()
	}
}

func (c *courier) start(d *delivery, event *sentry.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return errClosed
	case len(c.onTheWay) == maxOnTheWay:
		return errTooMany
	}
	c.onTheWay[d] = true
	c.posting.Go(func() {
		c.post(d, event)
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.onTheWay, d)
		d.cancel()
	})
	return nil
}

// result is what the sender is told.
func (d *delivery) result() error {
	if d.given != nil {
		return d.given
	}
	select {
	case <-d.done:
		return d.err
	default:
		return errHeldBack
	}
}

// shutdown waits for what is on its way, and then ends it.
func (c *courier) shutdown(wait time.Duration) {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	late := time.AfterFunc(wait, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for d := range c.onTheWay {
			d.cancel()
		}
	})
	defer late.Stop()
	c.posting.Wait()
	if idle, ok := c.base.(interface{ CloseIdleConnections() }); ok && !c.relayed {
		idle.CloseIdleConnections()
	}
}

// Flush implements sentry.Transport: SendEvent has waited.
func (*courier) Flush(time.Duration) bool { return true }

// FlushWithContext implements sentry.Transport.
func (*courier) FlushWithContext(context.Context) bool { return true }

// Close implements sentry.Transport.
func (*courier) Close() {}

type deliveryKey struct{}

// witness notes the answer to a request in its delivery.
type witness struct{ base http.RoundTripper }

func (w witness) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.base.RoundTrip(req)
	d, _ := req.Context().Value(deliveryKey{}).(*delivery)
	if d == nil {
		return resp, err
	}
	switch {
	case err != nil:
		d.err = err
	case resp.StatusCode < 300:
		d.sent = true
	default:
		d.err = &refusedError{status: resp.StatusCode}
	}
	return resp, err
}

// refusedError is an answer that is no yes.
type refusedError struct{ status int }

func (e *refusedError) Error() string {
	return fmt.Sprintf("Sentry answered %d %s", e.status, http.StatusText(e.status))
}

// final reports whether the same event would be refused again.
func (e *refusedError) final() bool {
	switch e.status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	default:
		return false
	}
}
