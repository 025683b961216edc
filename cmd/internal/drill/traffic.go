package drill

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/theriac/theriac/internal/runner"
)

const (
	// webEvery is the pause between two requests to one replica, webPatience how long an answer may
	// take before the request counts as failed.
	webEvery    = 10 * time.Millisecond
	webPatience = 3 * time.Second
)

// traffic asks the web servers of all replicas, one after another request each, and counts.
type traffic struct {
	ledger *ledger
	client *http.Client
	users  runner.Group
	stop   context.CancelFunc

	mu      sync.Mutex
	served  int
	failed  int
	slowest time.Duration
	last    string // how the last failure failed
}

func startTraffic(ctx context.Context, l *ledger, replicas int) *traffic {
	t := &traffic{ledger: l, client: &http.Client{Timeout: webPatience, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}}
	ctx, t.stop = context.WithCancel(ctx)
	for i := range replicas {
		t.users.Go(func() { t.use(ctx, i+1) })
	}
	return t
}

// use asks one replica until ctx ends.
func (t *traffic) use(ctx context.Context, number int) {
	tick := time.NewTicker(webEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		err := t.ask(ctx, number)
		if ctx.Err() != nil {
			return // it was cut off by us
		}
		t.count(err, time.Since(began))
	}
}

func (t *traffic) ask(ctx context.Context, number int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.ledger.webAddress(number)+"/", nil)
	if err != nil {
		return err
	}
	answer, err := t.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return &statusError{answer.Status}
	}
	return nil
}

type statusError struct{ status string }

// Error is the status.
func (e *statusError) Error() string { return "answered " + e.status }

func (t *traffic) count(err error, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slowest = max(t.slowest, took)
	if err == nil {
		t.served++
		return
	}
	t.failed++
	t.last = err.Error()
}

// webCount is what the users of the web servers saw.
type webCount struct {
	served, failed int
	slowest        time.Duration
	last           string
}

// end stops the traffic and returns what was counted. It may be called again.
func (t *traffic) end() webCount {
	t.stop()
	t.users.Wait()
	t.client.CloseIdleConnections()
	t.mu.Lock()
	defer t.mu.Unlock()
	return webCount{t.served, t.failed, t.slowest, t.last}
}
