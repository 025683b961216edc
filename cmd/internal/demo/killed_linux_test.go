package demo_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	killings    = 20
	killedDemos = 4
	// latestKill covers the whole life of a demo, its replay and its report included; earlier moments,
	// when more happens, are more likely.
	latestKill = 5500 * time.Millisecond
)

// TestDemo_Killed kills demos at random moments, the whole process at once, and starts them again
// in their directories until they end by themselves.
func TestDemo_Killed(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var killed, ended atomic.Int64
	var demos sync.WaitGroup
	for i := range killedDemos {
		demos.Go(func() {
			moments := rand.New(rand.NewPCG(seed, uint64(i)))
			for left := killings / killedDemos; left > 0 && !t.Failed(); ended.Add(1) {
				n := killUntilDone(t, t.TempDir(), moments, left)
				left -= n
				killed.Add(int64(n))
			}
		})
	}
	demos.Wait()
	t.Logf("killed %d times, %d demos came to their end", killed.Load(), ended.Load())
	if killed.Load() != killings {
		t.Errorf("killed %d times, want %d", killed.Load(), killings)
	}
}

// killUntilDone runs one demo, killing it at most so many times, and returns how often it did.
func killUntilDone(t *testing.T, dir string, moments *rand.Rand, most int) (killed int) {
	t.Helper()
	const messages = 150
	for ; killed <= most; killed++ {
		cmd := theriac(t, "demo", "--json", "--messages", strconv.Itoa(messages), "--data-dir", dir)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Start(); err != nil {
			t.Error(err)
			return killed
		}
		part := moments.Float64()
		moment := time.Duration(part * part * float64(latestKill))
		if killed == most {
			moment = time.Minute // it may end by itself
		}
		if err, ended := waitUntil(cmd, moment); ended {
			if err != nil {
				t.Errorf("after being killed %d times: %v: %s", killed, err, errs.String())
				return killed
			}
			checkComplete(t, decode(t, out.String()), messages)
			return killed
		}
		checkGone(t, dir)
	}
	t.Errorf("after being killed %d times the demo did not end within a minute", most)
	return killed
}

// waitUntil waits for the end of cmd and kills it at the moment if that comes first.
func waitUntil(cmd *exec.Cmd, moment time.Duration) (err error, ended bool) {
	timer := time.AfterFunc(moment, func() { _ = cmd.Process.Kill() }) // it may have ended meanwhile
	err = cmd.Wait()
	timer.Stop()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(interface{ Signaled() bool }); ok && status.Signaled() {
			return err, false
		}
	}
	return err, true
}

// checkGone waits until no process works in dir any more; the kernel has a second.
func checkGone(t *testing.T, dir string) {
	t.Helper()
	for pid := range processes(t, dir) {
		fd, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		ready := 0
		for {
			ready, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000)
			if !errors.Is(err, unix.EINTR) {
				break
			}
		}
		if err != nil || ready != 1 {
			t.Errorf("process %d outlived its killed parent: %v", pid, err)
		}
		if err := unix.Close(fd); err != nil {
			t.Error(err)
		}
	}
	if left := processes(t, dir); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// processes returns the running processes that name dir in their arguments, zombies left out.
func processes(t *testing.T, dir string) map[int]string {
	t.Helper()
	found := map[int]string{}
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Error(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), dir) {
			continue // it ended meanwhile, or is none of ours
		}
		var pid int
		if _, err := fmt.Sscanf(file, "/proc/%d/cmdline", &pid); err != nil {
			t.Error(err)
		}
		found[pid] = strings.ReplaceAll(string(text), "\x00", " ")
	}
	return found
}

// awaitContent waits until something was written into a file.
func awaitContent(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), unix.IN_MODIFY); err != nil {
		t.Fatal(err)
	}
	for {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			return
		}
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || ready != 1 {
			t.Fatalf("nothing was written into %s: %v", path, err)
		}
		if _, err := unix.Read(fd, make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
	}
}
