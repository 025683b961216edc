package guardian

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"
)

// fileSystem is where the kernel tells about this process and its container.
func fileSystem() fs.FS { return os.DirFS("/") }

// raiseOOMScore makes the kernel choose this process sooner; that needs no privilege.
func raiseOOMScore(by int) error {
	const file, most = "/proc/self/oom_score_adj", 1000
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	now, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(strconv.Itoa(min(now+by, most))), 0)
}

var errDataTaken = errors.New("too much of it is reserved already, as a race detector does")

// limitData has the kernel refuse private memory beyond a limit, upon which the runtime of Go dies
// with a trace of whoever asked, where the container's own limit would be a silent kill. The address
// space (RLIMIT_AS) must not be limited: Go reserves far more of it than it uses.
func limitData(limit int64) error {
	counted, err := reservedData()
	if err != nil {
		return err
	}
	limit += stackAllowance()
	if counted > limit/2 {
		return fmt.Errorf("%d bytes: %w", counted, errDataTaken)
	}
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_DATA, &r); err != nil {
		return err
	}
	if want := uint64(limit); want < r.Cur {
		r.Cur = want
		return unix.Setrlimit(unix.RLIMIT_DATA, &r)
	}
	return nil
}

// reservedData is what counts towards RLIMIT_DATA by now.
func reservedData() (int64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	m, ok := parseStatm(text, int64(os.Getpagesize()))
	if !ok {
		return 0, fmt.Errorf("/proc/self/statm says %q", text)
	}
	return m.data, nil
}

// cgoThreads is for how many threads a program with cgo is given stacks beside its limit. C reserves
// all of a stack, usually 8 MB, when it makes a thread, and next to nothing of it is ever used, yet all
// of it counts: 26 threads with 4 MB in memory count for 246 MB (measured). Threads of a program without
// cgo have stacks of Go.
const cgoThreads = 64

func stackAllowance() int64 {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return 0
	}
	for _, s := range info.Settings {
		if s.Key == "CGO_ENABLED" && s.Value == "1" {
			return cgoThreads * stackSize()
		}
	}
	return 0
}

// stackSize is what C reserves for a thread.
func stackSize() int64 {
	const usual, most = 8 << 20, 64 << 20
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_STACK, &r); err != nil || r.Cur > most {
		return usual
	}
	return int64(r.Cur)
}
