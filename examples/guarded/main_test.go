package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// sentry takes what is sent to it.
type sentry struct {
	mu  sync.Mutex
	got bytes.Buffer
}

func (s *sentry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := io.Copy(&s.got, r.Body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
}

func (s *sentry) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

// TestGuarded runs the program as a reader would: built, in an empty directory.
func TestGuarded(t *testing.T) {
	t.Parallel()
	project := new(sentry)
	server := httptest.NewServer(project)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	program := filepath.Join(dir, "guarded")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, program)
	run.Dir = dir
	run.Env = append(os.Environ(), "THERIAC_GUARDIAN=on", "SENTRY_DSN="+strings.Replace(server.URL, "://", "://key@", 1)+"/1")
	var out, log bytes.Buffer
	run.Stdout, run.Stderr, run.WaitDelay = &out, &log, 10*time.Second
	if err := run.Run(); err != nil {
		t.Errorf("it ended with %v", err)
	}

	const want = `web requests that failed: 0
held: crashed after 2 deaths, proven alone: nil pointer dereference
died: 1 worker, 1 ward
`
	if out.String() != want {
		t.Errorf("it said:\n%s\nwant:\n%s", out.String(), want)
	}
	confirmed, err := os.ReadFile(filepath.Join(dir, "guarded-data", "confirmed.txt"))
	if err != nil {
		t.Error(err)
	}
	for _, number := range []string{"0", "1", "2", "3", "5", "6", "7", "8", "9"} {
		if !strings.Contains(string(confirmed), "order "+number+" of Ada\n") {
			t.Errorf("order %s is not confirmed:\n%s", number, confirmed)
		}
	}
	if !strings.Contains(project.text(), "nil pointer dereference") || !strings.Contains(project.text(), "main.confirm") && !strings.Contains(project.text(), `"confirm`) {
		t.Errorf("Sentry was told:\n%.2000s", project.text())
	}
	if t.Failed() {
		t.Logf("it logged:\n%s", log.String())
	}
}
