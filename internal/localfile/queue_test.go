//go:build linux

package localfile_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/theriac/theriac/internal/localfile"
	"github.com/theriac/theriac/internal/runner"
)

func openQueue(t *testing.T, path string) *localfile.Queue {
	t.Helper()
	q, err := localfile.OpenQueue(path)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestQueue_OneAtATime: of one queue and of several on one file, as several processes have them.
func TestQueue_OneAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "turn")
	var group runner.Group
	var inside, had atomic.Int64
	for range 3 {
		q := openQueue(t, path)
		defer func() {
			if err := q.Close(); err != nil {
				t.Error(err)
			}
		}()
		for range 4 {
			group.Go(func() {
				for range 50 {
					leave, err := q.Enter(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					if inside.Add(1) != 1 {
						t.Error("two have a turn")
					}
					had.Add(1)
					inside.Add(-1)
					leave()
				}
			})
		}
	}
	group.Wait()
	if had.Load() != 600 {
		t.Errorf("%d of 600 turns", had.Load())
	}
}

// TestQueue_WhoGivesUp gives its turn back when it comes.
func TestQueue_WhoGivesUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "turn")
	first, second := openQueue(t, path), openQueue(t, path)
	leave, err := first.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 { // the first waits in the kernel, the others behind it
		if _, err := second.Enter(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	leave()
	for _, q := range []*localfile.Queue{second, first} {
		leave, err := q.Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		leave()
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		if _, err := q.Enter(t.Context()); err == nil {
			t.Error("a closed queue has turns")
		}
	}
}
