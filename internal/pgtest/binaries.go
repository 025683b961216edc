package pgtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

var errMissing = errors.New("PostgreSQL is not installed: put initdb and postgres on PATH, " +
	"or as root run: apt-get install -y --no-install-recommends postgresql")

// binaries returns the folder that holds initdb and postgres, after installing them if they are
// missing and that is possible.
func binaries(ctx context.Context) (string, error) {
	if dir, ok := findBinaries(); ok {
		return dir, nil
	}
	if os.Geteuid() != 0 {
		return "", errMissing
	}
	return installBinaries(ctx)
}

func findBinaries() (string, bool) {
	if initdb, err := exec.LookPath("initdb"); err == nil && isExecutable(filepath.Join(filepath.Dir(initdb), "postgres")) {
		return filepath.Dir(initdb), true
	}
	return newest("/usr/lib/postgresql")
}

// newest returns the bin folder of the highest major version under root that has both programs.
func newest(root string) (string, bool) {
	found, err := filepath.Glob(filepath.Join(root, "*", "bin", "initdb"))
	if err != nil {
		return "", false
	}
	dirs := make([]string, 0, len(found))
	for _, initdb := range found {
		if dir := filepath.Dir(initdb); isExecutable(initdb) && isExecutable(filepath.Join(dir, "postgres")) {
			dirs = append(dirs, dir)
		}
	}
	if len(dirs) == 0 {
		return "", false
	}
	return slices.MaxFunc(dirs, func(a, b string) int { return cmp.Compare(major(a), major(b)) }), true
}

// major reads the version out of a path such as /usr/lib/postgresql/15/bin, 0 if there is none.
func major(bin string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	if err != nil {
		return 0
	}
	return n
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// installBinaries lets one process of the machine run apt-get; the others wait and find its work.
func installBinaries(ctx context.Context) (string, error) {
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "theriac-pgtest-install.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("%w (lock for installing it: %w)", errMissing, err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("%w (lock for installing it: %w)", errMissing, err)
	}
	if dir, ok := findBinaries(); ok {
		return dir, nil
	}
	for _, args := range [][]string{
		{"update"},
		{"install", "-y", "--no-install-recommends", "postgresql"},
	} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w (apt-get %s: %w: %s)", errMissing, args[0], err, tail(out))
		}
	}
	if dir, ok := findBinaries(); ok {
		return dir, nil
	}
	return "", errMissing
}

// tail returns the end of a program's output, where its complaint is.
func tail(out []byte) []byte {
	const most = 2000
	return out[max(0, len(out)-most):]
}

// Installed reports whether PostgreSQL is there, for programs that must not install it.
func Installed() bool {
	_, ok := findBinaries()
	return ok
}
