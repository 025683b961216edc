package runner_test

import (
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/theriac/theriac/internal/runner"
)

func TestGroup_WaitsForAll(t *testing.T) {
	t.Parallel()
	var group runner.Group
	var done atomic.Int64
	release := make(chan struct{})
	for range 50 {
		group.Go(func() {
			<-release
			done.Add(1)
		})
	}
	if n := done.Load(); n != 0 {
		t.Errorf("%d goroutines done before their release", n)
	}
	close(release)
	group.Wait()
	if n := done.Load(); n != 50 {
		t.Errorf("Wait returned after %d of 50 goroutines", n)
	}
}

func TestGroup_GoInsideGo(t *testing.T) {
	t.Parallel()
	var group runner.Group
	var inner atomic.Bool
	group.Go(func() { group.Go(func() { inner.Store(true) }) })
	group.Wait()
	if !inner.Load() {
		t.Error("Wait did not wait for the goroutine started by a goroutine")
	}
}

func TestGroup_WaitOnEmpty(t *testing.T) {
	t.Parallel()
	var group runner.Group
	group.Wait()
}

func TestGroup_GoexitIsNoPanic(t *testing.T) {
	t.Parallel()
	var group runner.Group
	group.Go(runtime.Goexit)
	group.Wait()
}

func TestGroup_CarriesThePanicAfterAllEnded(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	var group runner.Group
	var other atomic.Bool
	panicked := make(chan struct{})
	group.Go(func() {
		defer close(panicked)
		explode(boom)
	})
	group.Go(func() {
		<-panicked
		other.Store(true)
	})
	for range 2 {
		got := recovered(group.Wait)
		var p *runner.PanicError
		if !errors.As(got, &p) {
			t.Fatalf("Wait panicked with %v, want a *PanicError", got)
		}
		if !other.Load() {
			t.Error("Wait panicked before the other goroutine had ended")
		}
		checkPanic(t, p, boom)
	}
}

// explode has a name of its own so that tests can look for it in a stack.
//
//go:noinline
func explode(v any) { panic(v) }

// recovered runs f and returns what it panicked with.
func recovered(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}

func checkPanic(t *testing.T, p *runner.PanicError, want error) {
	t.Helper()
	if !errors.Is(p, want) {
		t.Errorf("errors.Is(%v, %v) = false", p.Value, want)
	}
	if !strings.Contains(string(p.Stack), "runner_test.explode") {
		t.Errorf("the stack does not show where the panic began:\n%s", p.Stack)
	}
	first, rest, _ := strings.Cut(p.Error(), "\n")
	if first != "panic: "+want.Error() || !strings.Contains(rest, "runner_test.explode") {
		t.Errorf("Error() = %q, want the value, then the stack", p.Error())
	}
}
