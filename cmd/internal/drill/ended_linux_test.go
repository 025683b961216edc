package drill_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDrill_Interrupted: Ctrl-C ends every process that a drill started, and takes its files away.
func TestDrill_Interrupted(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"rows":     {"drill", "--ways", "hang-select", "--in-flight", "3", "--replicas", "2", "--runs", "100"},
		"november": {"drill", "november"},
		"kills":    {"drill", "kills", "--kills", "1000", "--replicas", "2", "--in-flight", "200"},
		"outage":   {"drill", "outage", "--lasts", "5m", "--replicas", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := theriac(t, dir, args...)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			check(t, cmd.Start())
			awaitReplicas(t, cmd, dir, 2)
			check(t, cmd.Process.Signal(syscall.SIGINT))
			late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
			_ = cmd.Wait()
			late.Stop()
			if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(errs.String(), "stopped") {
				t.Errorf("exit code %d, want 130; it said %q", code, errs.String())
			}
			if left := processes(t, dir); len(left) > 0 {
				t.Errorf("processes are left: %v", left)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "theriac-drill-*")); len(left) > 0 {
				t.Errorf("files are left: %v", left)
			}
		})
	}
}

// TestDrill_Killed: nothing that a drill started outlives it, however it ends.
func TestDrill_Killed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := theriac(t, dir, "drill", "--ways", "hang-select", "--in-flight", "3", "--replicas", "1", "--runs", "100")
	check(t, cmd.Start())
	awaitReplicas(t, cmd, dir, 1)
	check(t, cmd.Process.Kill())
	_ = cmd.Wait()
	gone := time.After(time.Minute)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for len(processes(t, dir)) > 0 {
		select {
		case <-look.C:
		case <-gone:
			t.Fatalf("processes outlived the drill: %v", processes(t, dir))
		}
	}
}

// awaitReplicas waits until so many replicas said something in their logs.
func awaitReplicas(t *testing.T, cmd *exec.Cmd, dir string, n int) {
	t.Helper()
	late := time.After(time.Minute)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		logs, err := filepath.Glob(filepath.Join(dir, "theriac-drill-*", "replica-*", "replica.log"))
		check(t, err)
		ready := 0
		for _, log := range logs {
			text, _ := os.ReadFile(log) // it may be gone with its row
			if bytes.Count(text, []byte("role is ready")) >= 2 {
				ready++
			}
		}
		if ready >= n {
			return
		}
		select {
		case <-look.C:
		case <-late:
			_ = cmd.Process.Kill()
			t.Fatalf("%d of %d replicas began within a minute", ready, n)
		}
	}
}

// processes returns the running processes that name dir in their arguments, zombies left out.
func processes(t *testing.T, dir string) map[int]string {
	t.Helper()
	found := map[int]string{}
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	check(t, err)
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
