package consumertest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
)

var _ consumer.Quarantine = (*Recorder)(nil)

// Recorder is a quarantine in memory. It counts exactly, recognises what it
// holds, hands out replays, and fails when told to. All methods are safe for
// concurrent use; the zero value is not, use [NewRecorder].
type Recorder struct {
	mu       sync.Mutex
	failing  error
	attempts map[string][]handlers.Attempt
	totals   map[string]handlers.Totals
	held     []Held
	byID     map[string]int
	finished []Finished
	calls    Calls
	replays  chan handlers.Replay
	crashes  []handlers.Crash
	suspects map[string]bool
	done     map[string]handlers.Identity
	fates    map[string]handlers.Fate
	order    handlers.Controls
	obeyed   []handlers.Obeyed
	ordered  chan struct{} // closed at the next order
}

// Held is a message that was quarantined.
type Held struct {
	Ref          string
	Subscription string
	Message      handlers.Message
	Evidence     handlers.Evidence
	// At is when it was held.
	At time.Time
}

// Finished is the end of a replay.
type Finished struct {
	Replay  handlers.Replay
	Attempt handlers.Attempt
}

// Calls counts what the consumer asked.
type Calls struct {
	RecordAttempt, Quarantine, Standing int
}

// NewRecorder returns an empty quarantine.
func NewRecorder() *Recorder {
	return &Recorder{
		attempts: make(map[string][]handlers.Attempt),
		totals:   make(map[string]handlers.Totals),
		byID:     make(map[string]int),
		replays:  make(chan handlers.Replay, 1000),
		suspects: make(map[string]bool),
		done:     make(map[string]handlers.Identity),
		fates:    make(map[string]handlers.Fate),
		ordered:  make(chan struct{}),
	}
}

// Fail makes every later call fail with err, until Fail(nil).
func (r *Recorder) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = err
}

// Replay asks for an entry to run again.
func (r *Recorder) Replay(ref string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.held, func(h Held) bool { return h.Ref == ref })
	r.replays <- handlers.Replay{Entry: ref, Ref: ref, Number: 1, Message: r.held[i].Message}
}

// Attempts returns the recorded attempts of a message, oldest first.
func (r *Recorder) Attempts(id string) []handlers.Attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.attempts[id])
}

// Held returns what is held, in order.
func (r *Recorder) Held() []Held {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.held)
}

// Finished returns the replays that ended, in order.
func (r *Recorder) Finished() []Finished {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.finished)
}

// Calls returns how often each question was asked.
func (r *Recorder) Calls() Calls {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// RecordAttempt implements [consumer.Recorder].
func (r *Recorder) RecordAttempt(_ context.Context, _ string, m handlers.Message, a handlers.Attempt) (handlers.Totals, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls.RecordAttempt++
	if r.failing != nil {
		return handlers.Totals{}, r.failing
	}
	r.attempts[m.ID] = append(r.attempts[m.ID], a)
	t := r.totals[m.ID]
	switch {
	case a.Outcome == handlers.OutcomeOK:
		t = handlers.Totals{}
	case a.Outcome == handlers.OutcomeCrashed:
		t.Crashes++
	case a.Outcome.IsFailure():
		t.Failures++
	}
	r.totals[m.ID] = t
	return t, nil
}

// Quarantine implements [consumer.Quarantiner].
func (r *Recorder) Quarantine(_ context.Context, sub string, m handlers.Message, ev handlers.Evidence) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls.Quarantine++
	if r.failing != nil {
		return "", r.failing
	}
	if i, ok := r.byID[m.ID]; ok {
		return r.held[i].Ref, nil
	}
	ref := fmt.Sprintf("Q-%04d", len(r.held)+1)
	r.byID[m.ID] = len(r.held)
	r.held = append(r.held, Held{Ref: ref, Subscription: sub, Message: m, Evidence: ev, At: time.Now()})
	return ref, nil
}

// Standing implements [consumer.Knower].
func (r *Recorder) Standing(_ context.Context, _ string, m *handlers.Message) (handlers.Standing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls.Standing++
	if i, held := r.byID[m.ID]; held {
		if r.failing != nil {
			return handlers.StandingNew, r.failing
		}
		if r.held[i].Message.Identity() == m.Identity() {
			return handlers.StandingDecided, nil
		}
	}
	if done, ok := r.done[m.ID]; ok && done == m.Identity() {
		return handlers.StandingDecided, nil
	}
	if r.suspects[m.ID] {
		return handlers.StandingSuspect, nil
	}
	if r.totals[m.ID] != (handlers.Totals{}) {
		return handlers.StandingFailing, nil
	}
	return handlers.StandingNew, nil
}

// NextReplay implements [consumer.Replayer].
func (r *Recorder) NextReplay(ctx context.Context, _ string) (handlers.Replay, error) {
	select {
	case next := <-r.replays:
		return next, nil
	case <-ctx.Done():
		return handlers.Replay{}, ctx.Err()
	}
}

// FinishReplay implements [consumer.Replayer].
func (r *Recorder) FinishReplay(_ context.Context, _ string, rep handlers.Replay, a handlers.Attempt) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failing != nil {
		return r.failing
	}
	r.finished = append(r.finished, Finished{Replay: rep, Attempt: a})
	return nil
}

// Crashes returns the deaths that were reported, in order.
func (r *Recorder) Crashes() []handlers.Crash {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.crashes)
}

// Fate returns what became of a suspect, "" while nobody said.
func (r *Recorder) Fate(id string) handlers.Fate {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fates[id]
}

// ReportCrash implements [consumer.Docket].
func (r *Recorder) ReportCrash(_ context.Context, c handlers.Crash) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failing != nil {
		return r.failing
	}
	if slices.ContainsFunc(r.crashes, func(known handlers.Crash) bool { return known.ID == c.ID }) {
		return nil
	}
	r.crashes = append(r.crashes, c)
	for _, m := range c.InFlight {
		if m.Part.Alone() {
			r.suspects[m.ID] = true
		}
	}
	return nil
}

// SettleSuspect implements [consumer.Docket].
func (r *Recorder) SettleSuspect(_ context.Context, _ string, m handlers.Message, f handlers.Fate) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failing != nil {
		return r.failing
	}
	delete(r.suspects, m.ID)
	r.fates[m.ID] = f
	if f == handlers.FateDone {
		r.done[m.ID] = m.Identity()
	}
	return nil
}

// Order has consumers obey: it is given to all that follow, whatever they
// subscribe to. The zero Controls lets everything flow.
func (r *Recorder) Order(o handlers.Controls) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order = o
	close(r.ordered)
	r.ordered = make(chan struct{})
}

// Obeyed returns what consumers made of orders, in order; the first is of their
// start.
func (r *Recorder) Obeyed() []handlers.Obeyed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.obeyed)
}

// FollowControls implements [consumer.Controller].
func (r *Recorder) FollowControls(ctx context.Context, _ string, apply func(handlers.Controls) handlers.Obeyed) error {
	for {
		r.mu.Lock()
		order, changed := r.order, r.ordered
		r.mu.Unlock()
		obeyed := apply(order)
		r.mu.Lock()
		r.obeyed = append(r.obeyed, obeyed)
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Reprieve implements [consumer.Docket]: what was held as crashed since then is
// handed out to be replayed. Without a time that is nothing: no report says
// anything here.
func (r *Recorder) Reprieve(_ context.Context, sub string, since time.Time, why string) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, h := range r.held {
		if h.Subscription == sub && h.Evidence.Reason == handlers.ReasonCrashed && !since.IsZero() && !h.At.Before(since) {
			n++
			r.replays <- handlers.Replay{Entry: h.Ref, Ref: h.Ref, Number: 1, Actor: why, Alone: true, Message: h.Message}
		}
	}
	return n, r.failing
}
