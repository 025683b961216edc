package demo

import (
	"context"
	"sync"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// ledger follows what becomes of each event: what the journal says, and what the consumer tells. It
// is the consumer's observer and safe for concurrent use.
type ledger struct {
	journal *journal
	ours    map[string]bool // ids of the plan

	mu        sync.Mutex
	published map[string]bool
	effects   map[string]bool
	tried     map[string]bool
	fixed     bool
	ended     map[string]bool // done or held
	repeated  int             // deliveries whose work was done already
	broken    error           // the journal cannot be written
	changed   chan struct{}   // closed and replaced with each end
}

func newLedger(j *journal, all []planned, records []record) *ledger {
	l := &ledger{
		journal: j, ours: map[string]bool{}, published: map[string]bool{}, effects: map[string]bool{},
		tried: map[string]bool{}, ended: map[string]bool{}, changed: make(chan struct{}),
	}
	for _, p := range all {
		l.ours[p.id] = true
	}
	for _, r := range records {
		switch r.Kind {
		case kindPublished:
			l.published[r.Event] = true
		case kindTried:
			l.tried[r.Event] = true
		case kindEffect:
			l.effects[r.Event] = true
			l.end(r.Event)
		case kindFixed:
			l.fixed = true
		}
	}
	return l
}

// effect does a handler's work: one durable record for each event, however often it is asked.
func (l *ledger) effect(id string) error {
	first, err := l.once(l.effects, record{kindEffect, id})
	if err == nil && !first {
		l.mu.Lock()
		l.repeated++
		l.mu.Unlock()
	}
	return err
}

// firstTry reports whether it is asked for the first time.
func (l *ledger) firstTry(id string) (bool, error) { return l.once(l.tried, record{kindTried, id}) }

// markPublished notes that the broker confirmed an event.
func (l *ledger) markPublished(id string) error {
	_, err := l.once(l.published, record{kindPublished, id})
	return err
}

// markFixed notes that the fix is deployed.
func (l *ledger) markFixed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fixed {
		return nil
	}
	l.fixed = true
	return l.noteLocked(record{Kind: kindFixed})
}

// once writes r unless seen has its event, and returns when that is on disk.
func (l *ledger) once(seen map[string]bool, r record) (first bool, err error) {
	l.mu.Lock()
	first = !seen[r.Event]
	if first {
		if err = l.noteLocked(r); err == nil {
			seen[r.Event] = true
		}
	}
	l.mu.Unlock()
	if err != nil {
		return false, err
	}
	return first, l.check(l.journal.sync())
}

func (l *ledger) noteLocked(r record) error {
	err := l.journal.write(r)
	if err != nil {
		l.breakLocked(err)
	}
	return err
}

func (l *ledger) check(err error) error {
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.breakLocked(err)
	}
	return err
}

func (l *ledger) breakLocked(err error) {
	if l.broken == nil {
		l.broken = err
		l.tellLocked()
	}
}

// needsPublishing reports whether nothing proves that an event was published.
func (l *ledger) needsPublishing(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.published[id] && !l.ended[id]
}

// hold notes entries of the quarantine.
func (l *ledger) hold(entries []quarantine.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range entries {
		l.end(e.Message.Attributes[idAttribute])
	}
}

// AttemptStarted implements [consumer.Observer].
func (l *ledger) AttemptStarted(ctx context.Context, _ string, _ handlers.Message) context.Context {
	return ctx
}

// AttemptSettled implements [consumer.Observer].
func (l *ledger) AttemptSettled(_ context.Context, s consumer.Settled) {
	if s.Decision.Verb == consumer.VerbRetry {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(s.Message.Attributes[idAttribute])
}

// end notes that an event is done or held. The caller has the lock, or the only reference.
func (l *ledger) end(id string) {
	if l.ours[id] && !l.ended[id] {
		l.ended[id] = true
		l.tellLocked()
	}
}

func (l *ledger) tellLocked() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// progress returns how many events have ended, what broke, and a channel that is closed when there
// is more to know.
func (l *ledger) progress() (ended int, changed <-chan struct{}, broken error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ended), l.changed, l.broken
}

func (l *ledger) repeats() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.repeated
}

func (l *ledger) isFixed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fixed
}
