package quarantine

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
)

// A snapshot is what this process runs, in its row in the store: all that is left
// when a whole machine dies with the guardian and its state directory. There are
// three levels:
//
//	off        Config.Running is nil, or Config.SnapshotEvery negative
//	snapshot   at most one write a tick, of what has run for longer than one
//	begin      each message waits for a write that names it; see [Service.Begin]

// snapshots is the last snapshot that was written. The zero value is ready to use.
type snapshots struct {
	// mu is held around looking and writing, so that the row is never older than
	// what was last looked at.
	mu     sync.Mutex
	member Membership // whose row it is
	last   []byte     // encoded
	known  bool       // that the row holds last
	// until: for so long everything that runs is written, however young it is; what
	// began with a write would be missing from the next one otherwise.
	until time.Time
}

// snapshotLoop writes a snapshot each tick, if there is anything new in it.
func (s *Service) snapshotLoop(ctx context.Context) error {
	t := trouble{log: s.log, doing: "write what is running here"}
	for {
		if m := s.members.registered(); m != nil {
			t.note(s.snapshot(ctx, m, nil))
		}
		if err := pause(ctx, s.cfg.SnapshotEvery); err != nil {
			return err
		}
	}
}

// snapshot writes what runs here and what is about to begin, unless the row says
// so already.
func (s *Service) snapshot(ctx context.Context, m Membership, begun []handlers.Running) error {
	p := &s.snapshots
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if len(begun) > 0 {
		p.until = now.Add(2 * s.cfg.SnapshotEvery)
	}
	if now.After(p.until) {
		now = now.Add(-s.cfg.SnapshotEvery)
	}
	encoded, err := s.running(now, begun)
	if err != nil {
		return err
	}
	if p.member != m { // a new row runs nothing
		p.member, p.last, p.known = m, []byte{}, true
	}
	if p.known && bytes.Equal(encoded, p.last) {
		return nil
	}
	_, err = within(ctx, s.cfg.WriteTimeout, "write what is running here", func(ctx context.Context) (struct{}, error) {
		running, err := DecodeRunning(encoded)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, m.Snapshot(ctx, running)
	})
	p.last, p.known = encoded, err == nil
	return err
}

// running asks what runs here and adds what is about to begin. Equal sets are
// encoded equally.
func (s *Service) running(olderThan time.Time, begun []handlers.Running) (encoded []byte, err error) {
	err = safely("Config.Running", func() error {
		all := append(slices.Clone(s.cfg.Running(olderThan)), begun...)
		slices.SortStableFunc(all, func(a, b handlers.Running) int {
			return cmp.Or(cmp.Compare(a.Subscription, b.Subscription), cmp.Compare(a.MessageID, b.MessageID),
				a.PublishedAt.Compare(b.PublishedAt))
		})
		encoded = EncodeRunning(slices.CompactFunc(all, func(a, b handlers.Running) bool {
			return a.Subscription == b.Subscription && a.MessageID == b.MessageID && a.PublishedAt.Equal(b.PublishedAt)
		}))
		return nil
	})
	return encoded, err
}

// Begin returns when the store knows that this process runs m: should the whole
// machine die, m is among the suspects. Call it before the handler and after
// Config.Running began to tell of m. It costs 2 to 4 ms with a local server, for
// however many callers wait at once, so it is for the time after such a death and
// never the default. An error wraps [ErrUnavailable] where there is no
// registration or the store is away, and [ErrInvalid] where snapshots are off.
func (s *Service) Begin(ctx context.Context, sub string, m *handlers.Message) error {
	if !s.snapshotsOn() {
		return fmt.Errorf("begin message %s of %s: snapshots are off: %w", clean(m.ID, 128), clean(sub, 128), ErrInvalid)
	}
	_, err := s.begins.do(ctx, handlers.Running{Subscription: sub, MessageID: m.ID, PublishedAt: m.PublishedAt, Started: time.Now()})
	if err != nil {
		return fmt.Errorf("begin message %s of %s: %w", clean(m.ID, 128), clean(sub, 128), err)
	}
	return nil
}

func (s *Service) snapshotsOn() bool {
	return s.cfg.Running != nil && s.cfg.SnapshotEvery > 0 && s.cfg.Worker.Name != ""
}

func runningSize(r handlers.Running) int { return len(r.MessageID) + len(r.Subscription) + 64 }

// flushBegins writes one snapshot for all.
func (s *Service) flushBegins(ctx context.Context, batch []*job[handlers.Running, struct{}]) {
	wait, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	m, err := s.members.wait(wait)
	if err != nil {
		err = fmt.Errorf("there is no registration: %w", ErrUnavailable)
	} else {
		begun := make([]handlers.Running, len(batch))
		for i, j := range batch {
			begun[i] = j.in
		}
		err = s.snapshot(ctx, m, begun)
	}
	for _, j := range batch {
		j.settle(struct{}{}, err)
	}
}

// oneMachine is a store that can be used from one machine only, such as a file:
// when that dies nobody is left who could be told what it was running.
type oneMachine interface{ OneMachine() }

// NamesTheDeadWithin returns how long after a whole machine died all others know
// what it was running for longer than a tick, and let that run alone: its row is
// old enough, somebody looks for the dead, and the others look for changes. It is
// 0 where they never do. A lease that is not longer costs one more worker. A
// machine that falls off the network instead holds its lock for as long as the
// store's server believes in the connection.
func (s *Service) NamesTheDeadWithin() time.Duration {
	if _, alone := s.store.(oneMachine); alone || !s.snapshotsOn() {
		return 0
	}
	return ReportAfter + max(reapEvery, s.cfg.PollEvery) + s.cfg.PollEvery
}
