package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac/theriac/cmd/internal/embedded"
	broker "github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/internal/problem"
)

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func start(t *testing.T, dir string) *embedded.Broker {
	t.Helper()
	b, err := embedded.Start(t.Context(), embedded.Config{
		Executable: self(t), Dir: dir, Environ: append(os.Environ(), "THERIAC_STORE=postgres://user:secret@db/x"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestBroker_IsReadyAndEndsWithClose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := start(t, dir)
	found, err := broker.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	if found != b.Endpoint() || found.PID == os.Getpid() {
		t.Errorf("found %+v, want %+v in another process", found, b.Endpoint())
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-b.Done():
	default:
		t.Fatal("Close returned before the process had ended")
	}
	if b.Err() != nil {
		t.Errorf("after Close, Err = %v", b.Err())
	}
	if _, err := broker.Find(dir); !errors.Is(err, broker.ErrNotRunning) {
		t.Errorf("Find = %v, want ErrNotRunning", err)
	}
}

func TestBroker_ShowsNoSecretToOtherProcesses(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc: Linux only")
	}
	dir := t.TempDir()
	b := start(t, dir)
	token, err := os.ReadFile(b.Endpoint().TokenFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", b.Endpoint().PID, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{string(token), "secret"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s of the broker process shows %q", name, secret)
			}
		}
	}
}

func TestBroker_DeathIsNoticedWithItsReason(t *testing.T) {
	t.Parallel()
	b := start(t, t.TempDir())
	if err := unix.Kill(b.Endpoint().PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-b.Done()
	if err := b.Err(); problem.Of(err) != problem.Unavailable || !strings.Contains(err.Error(), "killed") {
		t.Errorf("Err = %v, want Unavailable that says killed", err)
	}
}

func TestStart_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	held := t.TempDir()
	start(t, held)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, executable, dir string
		kind                  problem.Kind
		want                  string
	}{
		{"Held", self(t), held, problem.Refused, "is in use by the broker of process"},
		{"NoDirectory", self(t), filepath.Join(file, "broker"), problem.Unavailable, "not a directory"},
		{"NoProgram", file, t.TempDir(), problem.Unavailable, "permission denied"},
		{"SaysNothing", "/bin/true", t.TempDir(), problem.Unavailable, "ended before it was ready"},
		{"LastWords", "/bin/ls", t.TempDir(), problem.Unavailable, "internal-broker"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := embedded.Start(t.Context(), embedded.Config{Executable: tt.executable, Dir: tt.dir})
			if problem.Of(err) != tt.kind || !strings.Contains(fmt.Sprint(err), tt.want) {
				t.Errorf("Start = %v (%s), want %s with %q", err, problem.Of(err), tt.kind, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
		})
	}
}

func TestStart_GivesUpOnASilentProcess(t *testing.T) {
	t.Parallel()
	_, err := embedded.Start(t.Context(), embedded.Config{
		Executable: self(t), Dir: filepath.Join(t.TempDir(), silent), Patience: 20 * time.Millisecond,
	})
	if problem.Of(err) != problem.Unavailable || !strings.Contains(fmt.Sprint(err), "not ready within") {
		t.Errorf("Start = %v, want Unavailable: not ready within", err)
	}
}

func TestStart_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if b, err := embedded.Start(ctx, embedded.Config{Executable: self(t), Dir: dir}); err == nil {
		if err := b.Close(); err != nil { // it was ready before anybody looked
			t.Error(err)
		}
	}
	start(t, dir) // nobody holds the directory
}
