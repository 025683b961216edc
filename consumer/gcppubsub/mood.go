package gcppubsub

import (
	"sync"
	"sync/atomic"
	"time"
)

// mood tells Limits.Trouble when trouble comes and when it has passed.
type mood struct {
	report func(error) // may be nil
	bad    atomic.Bool

	mu     sync.Mutex
	reopen time.Time // when a stream was opened after the last trouble
}

// calm is how long an open stream must go without trouble, when nothing comes
// on it, before the trouble counts as passed.
const calm = 2 * time.Second

func (m *mood) trouble(err error) {
	m.bad.Store(true)
	m.mu.Lock()
	m.reopen = time.Time{}
	m.mu.Unlock()
	if m.report != nil {
		m.report(err)
	}
}

// reopened notes that a stream could be opened.
func (m *mood) reopened() {
	if !m.bad.Load() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reopen = time.Now()
}

// mended notes a sign of life of the broker.
func (m *mood) mended() {
	if m.bad.Load() && m.bad.CompareAndSwap(true, false) && m.report != nil {
		m.report(nil)
	}
}

// calmed takes an open stream without trouble for a sign of life.
func (m *mood) calmed(now time.Time) {
	m.mu.Lock()
	open := m.reopen
	m.mu.Unlock()
	if !open.IsZero() && now.Sub(open) > calm {
		m.mended()
	}
}
