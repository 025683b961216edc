package quarantine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

// table is what a process runs, and the snapshots that reached its row.
type table struct {
	*script
	mu      sync.Mutex
	running []handlers.Running
	writes  [][]string
	fail    error
	member  quarantine.Membership
	slow    time.Duration
}

func (t *table) Join(ctx context.Context, w quarantine.Worker) (quarantine.Membership, error) {
	m, err := t.script.Join(ctx, w)
	if err != nil {
		return nil, err
	}
	t.member = m
	return &watched{m, t}, nil
}

// watched is a membership that keeps its snapshots.
type watched struct {
	quarantine.Membership
	t *table
}

func (w *watched) Snapshot(ctx context.Context, running []handlers.Running) error {
	if w.t.slow > 0 {
		<-time.After(w.t.slow)
	}
	w.t.mu.Lock()
	defer w.t.mu.Unlock()
	if w.t.fail != nil {
		return w.t.fail
	}
	ids := []string{}
	for _, r := range running {
		ids = append(ids, r.MessageID)
	}
	w.t.writes = append(w.t.writes, ids)
	return w.Membership.Snapshot(ctx, running)
}

func (t *table) begin(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = append(t.running, handlers.Running{Subscription: "orders", MessageID: id, PublishedAt: message(id).PublishedAt, Started: time.Now()})
}

func (t *table) end(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = slices.DeleteFunc(t.running, func(r handlers.Running) bool { return r.MessageID == id })
}

func (t *table) look(olderThan time.Time) (all []handlers.Running) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.running {
		if r.Started.Before(olderThan) {
			all = append(all, r)
		}
	}
	return all
}

func (t *table) written() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprint(t.writes)
}

func (t *table) set(change func(t *table)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(t)
}

// snapshotting runs a worker that writes what it runs.
func snapshotting(t *testing.T, cfg quarantine.Config) (*quarantine.Service, *table) {
	t.Helper()
	tab := &table{script: newScript()}
	cfg.Worker = worker()
	if cfg.Running == nil {
		cfg.Running = tab.look
	}
	s := newService(t, tab, cfg)
	run(t, s)
	synctest.Wait()
	return s, tab
}

// after waits until the ticks of d are done.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestSnapshot_OnlyWhatIsNewAndNotShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, tab := snapshotting(t, quarantine.Config{})
		after(time.Second)
		want := func(what, writes string) {
			t.Helper()
			if got := tab.written(); got != writes {
				t.Errorf("%s: wrote %s, want %s", what, got, writes)
			}
		}
		want("nothing runs", "[]")
		tab.begin("short")
		after(20 * time.Millisecond)
		tab.end("short")
		after(time.Second)
		want("a short one", "[]")
		tab.begin("b")
		after(time.Second)
		want("one that lasts", "[[b]]")
		tab.begin("a")
		after(time.Second)
		want("another one", "[[b] [a b]]")
		tab.end("a")
		tab.end("b")
		after(time.Second)
		want("none any more", "[[b] [a b] []]")
	})
}

func TestSnapshot_Off(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, tab := snapshotting(t, quarantine.Config{SnapshotEvery: -1})
		tab.begin("a")
		after(time.Second)
		if got := tab.written(); got != "[]" {
			t.Errorf("wrote %s", got)
		}
		if err := s.Begin(t.Context(), "orders", new(message("b"))); !errors.Is(err, quarantine.ErrInvalid) {
			t.Errorf("Begin: %v, want ErrInvalid", err)
		}
	})
}

// oneMachine is a store that only this machine can use.
type oneMachine struct{ *table }

func (oneMachine) OneMachine() {}

// TestSnapshot_NamesTheDeadWithin: the age of the row, a look for the dead, and one for changes; never where
// nothing is written, or nobody is left to read it.
func TestSnapshot_NamesTheDeadWithin(t *testing.T) {
	t.Parallel()
	tab := &table{script: newScript()}
	on := quarantine.Config{Worker: worker(), Running: tab.look}
	slow, off := on, on
	slow.PollEvery, off.SnapshotEvery = 4*time.Second, -1
	for name, tc := range map[string]struct {
		store quarantine.Store
		cfg   quarantine.Config
		want  time.Duration
	}{
		"as is":            {tab, on, 5 * time.Second},
		"seldom asked":     {tab, slow, 11 * time.Second},
		"snapshots off":    {tab, off, 0},
		"nothing to write": {tab, quarantine.Config{Worker: worker()}, 0},
		"one machine":      {oneMachine{tab}, on, 0},
	} {
		if got := newService(t, tc.store, tc.cfg).NamesTheDeadWithin(); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// TestSnapshot_AFailedWriteIsMadeGood, also when the set is the one before it.
func TestSnapshot_AFailedWriteIsMadeGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, tab := snapshotting(t, quarantine.Config{})
		tab.begin("a")
		after(time.Second)
		tab.set(func(tab *table) { tab.fail = quarantine.ErrUnavailable })
		tab.begin("b")
		after(time.Second)
		tab.set(func(tab *table) { tab.fail = nil })
		after(time.Second)
		if got := tab.written(); got != "[[a] [a b]]" {
			t.Errorf("wrote %s, want [[a] [a b]]", got)
		}
		tab.set(func(tab *table) { tab.fail = quarantine.ErrUnavailable })
		tab.begin("c")
		after(time.Second)
		tab.end("c")
		tab.set(func(tab *table) { tab.fail = nil })
		after(time.Second)
		if got := tab.written(); got != "[[a] [a b] [a b]]" {
			t.Errorf("wrote %s: nobody knows what the row holds after a failed write", got)
		}
	})
}

func TestSnapshot_ANewRegistrationStartsAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, tab := snapshotting(t, quarantine.Config{})
		tab.begin("a")
		after(time.Second)
		tab.Kill(tab.member)
		after(5 * time.Second)
		if got := tab.written(); got != "[[a] [a]]" {
			t.Errorf("wrote %s, want it once in each row", got)
		}
	})
}

func TestSnapshot_APanicOfTheTableEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := snapshotting(t, quarantine.Config{Running: func(time.Time) []handlers.Running { panic("boom") }})
		after(time.Second)
		if err := s.Begin(t.Context(), "orders", new(message("a"))); err == nil {
			t.Error("Begin returned nil without a snapshot")
		}
	})
}

// TestBegin_WaitsForAWriteThatNamesIt, and later writes name it until it ends.
func TestBegin_WaitsForAWriteThatNamesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, tab := snapshotting(t, quarantine.Config{})
		tab.set(func(tab *table) { tab.slow = 3 * time.Millisecond })
		const messages = 64
		var group runner.Group
		for i := range messages {
			group.Go(func() {
				id := fmt.Sprintf("m-%02d", i)
				tab.begin(id)
				if err := s.Begin(t.Context(), "orders", new(message(id))); err != nil {
					t.Error(err)
				}
				tab.set(func(tab *table) {
					if last := tab.writes[len(tab.writes)-1]; !slices.Contains(last, id) {
						t.Errorf("%s began and the row holds %v", id, last)
					}
				})
			})
		}
		group.Wait()
		if n := len(tab.writes); n > 3 {
			t.Errorf("%d writes for %d messages at once", n, messages)
		}
		begun := len(tab.writes)
		after(time.Second)
		for _, write := range tab.writes[begun-1:] {
			if len(write) != messages {
				t.Errorf("in the second after it the row held %d of %d", len(write), messages)
			}
		}
		for i := range messages {
			tab.end(fmt.Sprintf("m-%02d", i))
		}
		after(time.Second)
		if last := tab.writes[len(tab.writes)-1]; len(last) != 0 {
			t.Errorf("at the end the row holds %v", last)
		}
	})
}

func TestBegin_WithoutARegistration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tab := &table{script: newScript()}
		s := newService(t, tab, quarantine.Config{Worker: worker(), Running: tab.look})
		if err := s.Begin(t.Context(), "orders", new(message("a"))); !errors.Is(err, quarantine.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
	})
}

// TestReap_WhatADeadMachineRanIsSuspect: the guardian died with the worker. It is
// known before a broker with the shortest lease of Cloud Pub/Sub, of which 5 s are
// left at least, delivers again; to all others with their next poll.
func TestReap_WhatADeadMachineRanIsSuspect(t *testing.T) {
	t.Parallel()
	for phase := range 11 {
		t.Run(fmt.Sprint(phase), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, tab := snapshotting(t, quarantine.Config{})
				tab.begin("m-1")
				after(time.Second)
				dead := tab.member
				other := newService(t, tab.script, quarantine.Config{Worker: worker()})
				run(t, other)
				after(time.Duration(phase) * 470 * time.Millisecond)
				tab.set(func(tab *table) { tab.fail = errAway }) // it does not come back
				tab.Kill(dead)
				after(4100 * time.Millisecond)
				if got := standing(t, other, message("m-1")); got != handlers.StandingSuspect {
					t.Errorf("standing %v", got)
				}
				page, err := other.CrashList(t.Context(), quarantine.CrashQuery{})
				if err != nil || len(page.Reports) != 1 || page.Reports[0].Incarnation != dead.Incarnation() {
					t.Errorf("%+v, %v", page, err)
				}
			})
		})
	}
}
