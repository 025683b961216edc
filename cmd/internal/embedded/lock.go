package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac/theriac/internal/problem"
)

const lockName = "theriac.lock"

// Lock is the claim of one command on a data directory. The kernel gives it up when the process
// dies, however it dies.
type Lock struct{ file *os.File }

// holder is what the owner of the lock writes into its file, for the error of the next.
type holder struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
}

// HeldError says that another command uses the data directory.
type HeldError struct {
	// Dir is the data directory.
	Dir string
	// PID and Command are the holder, zero if it has not said so yet.
	PID     int
	Command string
}

// Error names the holder and the two ways out.
func (e *HeldError) Error() string {
	who := "another command"
	if e.PID > 0 {
		who = fmt.Sprintf("%s (process %d)", e.Command, e.PID)
	}
	return fmt.Sprintf("data directory %s is in use by %s: stop it, or choose another with --data-dir", e.Dir, who)
}

// ProblemKind says that the request makes sense and must not be done now.
func (e *HeldError) ProblemKind() string { return string(problem.Refused) }

// Claim makes the data directory, readable by its owner only, if it is missing, and locks it for
// this process. Errors: [*HeldError], or one that says what is wrong with the directory.
func Claim(dir, command string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, directoryError(dir, err)
	}
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, directoryError(dir, err)
	}
	switch err := lock(file); {
	case errors.Is(err, unix.EWOULDBLOCK):
		h := readHolder(file)
		return nil, errors.Join(&HeldError{Dir: dir, PID: h.PID, Command: h.Command}, file.Close())
	case err != nil:
		return nil, errors.Join(directoryError(dir, err), file.Close())
	}
	l := &Lock{file: file}
	if err := l.sign(holder{PID: os.Getpid(), Command: command}); err != nil {
		return nil, errors.Join(directoryError(dir, err), l.Release())
	}
	return l, nil
}

// dying is how long a holder may take to leave its lock. One that was killed gives it up when its
// last thread has ended, which on a busy machine is a while after its broker saw it go.
const dying = time.Second

// lock takes the lock, and waits a moment for a holder that may be dying.
func lock(file *os.File) error {
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Since(begun) > dying {
			return err
		}
	}
}

// Release gives the directory free.
func (l *Lock) Release() error { return l.file.Close() }

func (l *Lock) sign(h holder) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err = l.file.WriteAt(text, 0)
	return err
}

// readHolder returns nobody where the holder has not signed yet: the lock does not depend on it.
func readHolder(file *os.File) holder {
	text := make([]byte, 512)
	n, _ := file.ReadAt(text, 0)
	var h holder
	if json.Unmarshal(text[:n], &h) != nil {
		return holder{}
	}
	return h
}

// directoryError sorts what can be wrong with a directory: a wrong choice, or trouble on the disk.
func directoryError(dir string, err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return problem.Errorf(problem.Unavailable, "the disk of the data directory %s is full: free some space, then run theriac again", dir)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return problem.Errorf(problem.Invalid, "data directory %s cannot be written (%w): choose another with --data-dir", dir, cause(err))
	default:
		return problem.Errorf(problem.Invalid, "data directory %s cannot be used (%w): choose another with --data-dir", dir, cause(err))
	}
}

// cause drops the path from an error of the file system, which the message around it names already.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
