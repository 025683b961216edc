//go:build unix

package guardian

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrStateDirBusy is wrapped when another guardian uses the state directory.
var ErrStateDirBusy = errors.New("another guardian uses it")

// stateDir is the guardian's folder. It belongs to one guardian at a time:
//
//	guardian.lock       locked while a guardian lives; holds its process id
//	tables/INCARNATION  the table of a child that lives, or that died with its guardian
//	deaths              crash records that nobody has taken in yet
//	relay               requests that could not be delivered yet; relay.json: how many, and what was lost
type stateDir struct {
	path string
	lock *os.File // closed, it lets another guardian have the folder
}

// openStateDir takes the folder. Having it is the proof that whoever had it is dead.
func openStateDir(path string) (*stateDir, error) {
	d := &stateDir{path: path}
	for _, sub := range []string{d.tables(), d.deaths()} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return nil, fmt.Errorf("guardian: state directory: %w", err)
		}
	}
	lock, err := os.OpenFile(filepath.Join(path, "guardian.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("guardian: state directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(lock.Name())
		_ = lock.Close()
		return nil, fmt.Errorf("guardian: state directory %s: %w (process %.20s): stop it, or choose another directory",
			path, ErrStateDirBusy, strings.TrimSpace(string(holder)))
	}
	d.lock = lock
	if err := lock.Truncate(0); err == nil {
		_, _ = fmt.Fprintln(lock, os.Getpid())
	}
	return d, nil
}

func (d *stateDir) tables() string { return filepath.Join(d.path, "tables") }

func (d *stateDir) deaths() string { return filepath.Join(d.path, deathsFolder) }

// table returns the folder for the table of one incarnation.
func (d *stateDir) table(incarnation string) (string, error) {
	dir := filepath.Join(d.tables(), incarnation)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("folder of the in-flight table: %w", err)
	}
	return dir, nil
}

// leftTables returns the folders of tables whose guardian died with them.
func (d *stateDir) leftTables() ([]string, error) {
	entries, err := os.ReadDir(d.tables())
	if err != nil {
		return nil, fmt.Errorf("guardian: look for tables of earlier guardians: %w", err)
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(d.tables(), e.Name()))
		}
	}
	return dirs, nil
}
