package demo_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stay starts a demo that stays, and returns it once its report is printed.
func stay(t *testing.T, dir string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := theriac(t, "demo", "--stay", "--messages", "20", "--data-dir", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended unless the test failed
		_ = cmd.Wait()
	})
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the demo ended without its last words: %v", err)
		}
		if strings.Contains(line, "theriac discard") {
			return cmd, lines
		}
	}
}

func TestDemo_Stay_HoldsItsDirectoryUntilInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, _ := stay(t, dir)
	_, stderr, code := output(t, theriac(t, "demo", "--data-dir", dir))
	if code != 2 || !strings.Contains(stderr, "is in use by theriac demo (process ") {
		t.Errorf("a second demo: exit code %d, %q; want 2 and the holder", code, stderr)
	}
	if err := first.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v, want exit code 0, since the report was good", err)
	}
	if left := processes(t, dir); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

func TestDemo_Interrupted_SaysHowItStandsAndGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := theriac(t, "demo", "--json", "--messages", "60", "--data-dir", dir)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitContent(t, filepath.Join(dir, "demo.journal"))
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 130 {
		t.Fatalf("after Ctrl-C: %v, want exit code 130: %s", err, errs.String())
	}
	if left := processes(t, dir); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	r := decode(t, out.String())
	if r.AddsUp || r.Lost != 0 || r.Published != r.Done+r.Quarantined+r.Unfinished {
		t.Errorf("the report of an interrupted demo: %+v", r)
	}
	stdout, stderr, code := output(t, theriac(t, "demo", "--json", "--data-dir", dir))
	if code != 0 {
		t.Fatalf("going on: exit code %d: %s", code, stderr)
	}
	checkComplete(t, decode(t, stdout), 60)
}

// TestDemo_Stay_ServesItsMetrics where its report says.
func TestDemo_Stay_ServesItsMetrics(t *testing.T) {
	t.Parallel()
	cmd := theriac(t, "demo", "--stay", "--json", "--messages", "20", "--data-dir", t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	var report struct {
		Metrics     string
		Quarantined int
	}
	if err := json.NewDecoder(out).Decode(&report); err != nil {
		t.Fatal(err)
	}
	want := `theriac_decisions_total{decision="quarantine",subscription="notifications"} 3`
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	page := ""
	for range 1200 { // its numbers are pushed once a second, a busy machine takes its time
		page = get(t, report.Metrics)
		if strings.Contains(page, want) && strings.Contains(page, "theriac_store_up{role=\"metrics\"} 1") {
			return
		}
		<-look.C
	}
	t.Errorf("%s lacks %s:\n%s", report.Metrics, want, page)
}

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
