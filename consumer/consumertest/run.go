package consumertest

import (
	"context"
	"sync"
	"testing"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
)

// Result is what became of one message.
type Result struct {
	// ID is the message's id.
	ID string
	// Attempts are its attempts with what followed from each, in order.
	Attempts []consumer.Settled
}

// Last returns the last attempt; the zero value if there was none.
func (r Result) Last() consumer.Settled {
	if len(r.Attempts) == 0 {
		return consumer.Settled{}
	}
	return r.Attempts[len(r.Attempts)-1]
}

// Run sends messages through the real pipeline of sub, with a source in memory,
// until each is done or quarantined, and returns what became of each, in the
// order of msgs. q may be nil: then nothing can be quarantined, and a message
// that never succeeds keeps Run waiting. Inside a testing/synctest bubble the
// backoff costs no real time. Messages without an id get one.
func Run(t *testing.T, sub consumer.Subscription, q consumer.Quarantine, msgs ...handlers.Message) []Result {
	t.Helper()
	src := NewSource(Script{})
	log := &settledLog{byID: make(map[string][]consumer.Settled)}
	c, err := consumer.New(src, sub, consumer.Config{Quarantine: q, Observer: log})
	if err != nil {
		t.Fatal(err)
	}
	results := make([]Result, len(msgs))
	src.Publish(msgs...)
	src.mu.Lock()
	for i, m := range src.ready {
		results[i].ID = m.message.ID
	}
	src.mu.Unlock()

	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	<-src.Quiet()
	cancel()
	wg.Wait()
	for _, v := range src.Violations() {
		t.Error(v)
	}
	for i := range results {
		results[i].Attempts = log.byID[results[i].ID]
	}
	return results
}

type settledLog struct {
	mu   sync.Mutex
	byID map[string][]consumer.Settled
}

// AttemptStarted implements [consumer.Observer].
func (*settledLog) AttemptStarted(ctx context.Context, _ string, _ handlers.Message) context.Context {
	return ctx
}

// AttemptSettled implements [consumer.Observer].
func (l *settledLog) AttemptSettled(_ context.Context, s consumer.Settled) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byID[s.Message.ID] = append(l.byID[s.Message.ID], s)
}
