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
)

// starts remembers when a worker was started, on disk, since its memory dies with it.
//
// In safe mode a worker runs one message of each subscription at a time, so that a death has one
// possible cause, and a non-critical one rests until it was well for a minute: what kills it must not
// take the machine from those who declare and page. It ends by itself, with a fresh process.
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

// well forgets the starts once the worker lived long enough, and ends safe mode with a fresh process.
func (s starts) well(ctx context.Context, safe bool, role guardian.Role) error {
	timer := time.NewTimer(wellAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil
	}
	err := s.forget()
	if safe {
		role.Recycle()
	}
	return err
}
