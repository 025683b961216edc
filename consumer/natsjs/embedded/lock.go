package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const lockName = "broker.lock"

// HeldError says that another broker uses the data directory.
type HeldError struct {
	// Dir is the data directory.
	Dir string
	// PID is the process that holds it, or 0 if it has not said so yet.
	PID int
}

// Error names the holder and the two ways out.
func (e *HeldError) Error() string {
	holder := "another broker"
	if e.PID > 0 {
		holder = fmt.Sprintf("the broker of process %d", e.PID)
	}
	return fmt.Sprintf("data directory %s is in use by %s: stop it, or use another directory", e.Dir, holder)
}

// holderNote is what the holder of the lock writes into the lock file. It
// outlives the holder: the next one reads the port from it.
type holderNote struct {
	PID  int `json:"pid"`
	Port int `json:"port,omitempty"`
}

// dirLock is the exclusive claim on a data directory. The kernel gives it up
// when the process dies.
type dirLock struct {
	file *os.File
	last holderNote
}

// lockDir claims dir. [Find] holds the lock for microseconds when it looks, so
// a few tries are made before the directory counts as held.
func lockDir(ctx context.Context, dir string) (*dirLock, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data directory: %w", err)
	}
	const tries, pause = 10, 10 * time.Millisecond
	for range tries {
		err = lockFile(file, true)
		if !errors.Is(err, errHeld) {
			break
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(pause):
		}
	}
	l := &dirLock{file: file, last: readNote(file)}
	switch {
	case err == nil:
		return l, l.write(holderNote{PID: os.Getpid(), Port: l.last.Port})
	case errors.Is(err, errHeld):
		return nil, errors.Join(&HeldError{Dir: dir, PID: l.last.PID}, file.Close())
	default:
		return nil, errors.Join(fmt.Errorf("lock the data directory %s: %w", dir, err), file.Close())
	}
}

// lockFree reports whether nobody holds dir.
func lockFree(dir string) (bool, error) {
	file, err := os.Open(filepath.Join(dir, lockName))
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the lock of the data directory: %w", err)
	}
	defer file.Close()
	err = lockFile(file, false)
	if errors.Is(err, errHeld) {
		return false, nil
	}
	return err == nil, err
}

// inPlace reports whether the directory still has the file that l locked.
func (l *dirLock) inPlace() bool {
	held, err := l.file.Stat()
	if err != nil {
		return false
	}
	found, err := os.Stat(l.file.Name())
	return err == nil && os.SameFile(held, found)
}

func (l *dirLock) write(note holderNote) error {
	data, err := json.Marshal(note)
	if err != nil {
		return fmt.Errorf("encode the holder of the data directory: %w", err)
	}
	// Shorter notes keep the tail of a longer one unless the file is cut.
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("write the holder of the data directory: %w", err)
	}
	if _, err := l.file.WriteAt(data, 0); err != nil {
		return fmt.Errorf("write the holder of the data directory: %w", err)
	}
	return nil
}

func (l *dirLock) release() error { return l.file.Close() }

// readNote returns the zero note for a file that is new, torn or damaged: the
// lock does not depend on it.
func readNote(file *os.File) holderNote {
	buf := make([]byte, 256)
	n, _ := file.ReadAt(buf, 0)
	var note holderNote
	if json.Unmarshal(buf[:n], &note) != nil || note.PID < 0 || note.Port < 0 || note.Port > 65535 {
		return holderNote{}
	}
	return note
}
