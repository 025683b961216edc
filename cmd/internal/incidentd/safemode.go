package incidentd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/theriac/theriac/consumer/guardian"
)

const (
	// safeStarts within safeWindow make a crash loop: the worker died again and again although what may
	// have killed it runs in wards.
	safeStarts = 4
	safeWindow = time.Minute
	// wellAfter is how long a worker must live before its starts are forgotten, and how long safe mode
	// lasts at least.
	wellAfter = time.Minute
	// safeRunning is how many messages of a subscription a critical worker runs at a time in safe mode. One
	// would have fewer die with it; but there may be a page for each of a thousand incidents, and one after
	// the other they would take minutes.
	safeRunning = 4
)

// starts remembers when a worker was started, on disk, since its memory dies with it.
//
// In safe mode a critical worker runs few messages of each subscription at a time, so that a death has
// few possible causes and costs little, until it was well for a minute; then a fresh process is as usual.
// A non-critical worker rests for a minute first: what kills it must not take the machine from those who
// declare and page. It is not ready meanwhile, so that its guardian waits longer and longer with the next
// start should it die even so.
type starts struct {
	file string
	now  func() time.Time
}

// startsOf are those of a role.
func (p program) startsOf(role guardian.Role) starts {
	return starts{file: filepath.Join(p.settings.DataDir, role.Name+".starts"), now: time.Now}
}

// begin notes a start and reports whether it is one too many. A file that cannot be read says no:
// safe mode is a help, not a duty.
func (s starts) begin() (safe bool, err error) {
	now := s.now()
	recent := []time.Time{now}
	for _, at := range s.read() {
		if age := now.Sub(at); age >= 0 && age < safeWindow {
			recent = append(recent, at)
		}
	}
	return len(recent) >= safeStarts, s.write(recent[:min(len(recent), safeStarts)])
}

// forget notes that all is well, or that the end is in order.
func (s starts) forget() error {
	err := os.Remove(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (s starts) read() (at []time.Time) {
	text, err := os.ReadFile(s.file)
	if err != nil || json.Unmarshal(text, &at) != nil {
		return nil
	}
	return at
}

func (s starts) write(at []time.Time) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	next := s.file + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return fmt.Errorf("note a start: %w", err)
	}
	return os.Rename(next, s.file)
}

// rest waits until the starts may be forgotten, and forgets them. It returns early when ctx ends.
func (s starts) rest(ctx context.Context) error {
	timer := time.NewTimer(wellAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
		return s.forget()
	case <-ctx.Done():
		return nil
	}
}

// well forgets the starts once the worker lived long enough, and ends safe mode with a fresh process.
func (s starts) well(ctx context.Context, safe bool, role guardian.Role) error {
	err := s.rest(ctx)
	if safe && ctx.Err() == nil {
		role.Recycle()
	}
	return err
}
