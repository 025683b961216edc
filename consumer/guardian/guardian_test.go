//go:build unix

package guardian_test

import (
	"strings"
	"syscall"
	"testing"
)

func TestRun_StopsInOrder(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		g := start(t, "serve two")
		g.until(t, " up")
		g.until(t, " up")
		g.signal(t, s)
		g.signal(t, s) // twice is once
		g.until(t, "guarded=true down: told to stop")
		g.until(t, "guarded=true down: told to stop")
		if code := g.exit(t); code != 0 {
			t.Errorf("after %v the guardian exits with %d", s, code)
		}
	}
}

func TestRun_StartsADeadRoleAgainAtOnce(t *testing.T) {
	t.Parallel()
	g := start(t, "serve")
	seen := make(map[int]bool)
	for range 20 {
		worker := loggedPID(t, g.until(t, "role is ready"))
		if seen[worker] {
			t.Fatal("a dead one is ready")
		}
		seen[worker] = true
		if err := syscall.Kill(worker, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		g.until(t, "role died", "signal killed", "ready=true")
	}
	g.until(t, "role is ready")
	g.signal(t, syscall.SIGTERM)
	if code := g.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestRun_PausesForWhoDoesNothingButDie: a role that is ready and dies, of no message, takes no processor
// for itself.
func TestRun_PausesForWhoDoesNothingButDie(t *testing.T) {
	t.Parallel()
	g := start(t, "futile")
	g.until(t, "role dies as soon as it is ready", "role=worker", "pause=1ms")
	g.until(t, "guarded=true up") // it goes on
	g.signal(t, syscall.SIGTERM)
	if code := g.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestRun_ARoleToldToEndAloneComesBack(t *testing.T) {
	t.Parallel()
	g := start(t, "serve")
	first := loggedPID(t, g.until(t, "role is ready"))
	if err := syscall.Kill(first, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	g.until(t, "role ended", "exit code 77")
	g.until(t, "role is ready")
}

func TestRun_GivesUpWhenNothingIsEverReady(t *testing.T) {
	t.Parallel()
	g := start(t, "never ready")
	for range 8 {
		g.until(t, "role ended", "no configuration")
	}
	g.until(t, "guardian returned:", "role worker died 8 times before it was ready", "problem of the deployment")
	if code := g.exit(t); code != 1 {
		t.Errorf("exit code %d, want the program's own 1", code)
	}
}

func TestRun_DoesNotGiveUpWhileAnotherRoleIsReady(t *testing.T) {
	t.Parallel()
	g := start(t, "one bad role")
	g.until(t, "web", "up")
	for range 11 { // more than the limit
		g.until(t, "role died", "role=worker", "exit code 3", "ready=false")
	}
	g.signal(t, syscall.SIGTERM)
	g.until(t, "web", "down")
	if code := g.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestRun_KillsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	g := start(t, "stubborn")
	worker := pid(t, g.until(t, "worker", "up"))
	g.signal(t, syscall.SIGTERM)
	g.until(t, "did not end in time")
	if code := g.exit(t); code != 0 || lives(worker) {
		t.Errorf("exit code %d, worker lives: %t", code, lives(worker))
	}
}

func TestRun_KillsWhatIsNotReadyInTime(t *testing.T) {
	t.Parallel()
	g := start(t, "sluggish")
	g.until(t, "not ready in time")
	g.until(t, "role died", "signal killed", "ready=false")
	g.until(t, "not ready in time")
	g.until(t, "guardian returned:", "died 2 times")
	g.exit(t)
}

func TestRun_ChildrenDieWithTheGuardian(t *testing.T) {
	t.Parallel()
	g := start(t, "serve two")
	one, other := pid(t, g.until(t, " up")), pid(t, g.until(t, " up"))
	g.signal(t, syscall.SIGKILL)
	g.exit(t)
	gone(t, one)
	gone(t, other)
}

func TestRun_IsNotHeldUpByWhoHoldsStandardError(t *testing.T) {
	t.Parallel()
	g := start(t, "grandchild")
	line := g.until(t, "grandchild")
	worker := pid(t, line)
	g.until(t, "role is ready")
	for _, field := range strings.Fields(line)[4:] {
		grandchild := pid(t, "x "+field)
		t.Cleanup(func() { _ = syscall.Kill(grandchild, syscall.SIGKILL) })
	}
	if err := syscall.Kill(worker, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	again := g.until(t, "grandchild") // restarted although the first one's standard error is open
	for _, field := range strings.Fields(again)[4:] {
		grandchild := pid(t, "x "+field)
		t.Cleanup(func() { _ = syscall.Kill(grandchild, syscall.SIGKILL) })
	}
	g.signal(t, syscall.SIGTERM)
	g.until(t, "guardian returned: <nil>")
}

func TestRun_ChildrensEnvironment(t *testing.T) {
	t.Parallel()
	g := start(t, "environment", "GODEBUG=madvdontneed=1", "GOTRACEBACK=")
	g.until(t, "GODEBUG=madvdontneed=1,tracebacklabels=1 GOTRACEBACK=all role set: false")
	own := start(t, "environment", "GODEBUG=", "GOTRACEBACK=single")
	own.until(t, "GODEBUG=tracebacklabels=1 GOTRACEBACK=single role set: false")
}

func TestRun_WithoutAGuardian(t *testing.T) {
	t.Parallel()
	g := start(t, "serve two", "THERIAC_GUARDIAN=off")
	g.until(t, "no guardian", "THERIAC_GUARDIAN is off")
	g.until(t, "guarded=false up")
	g.until(t, "guarded=false up")
	g.signal(t, syscall.SIGTERM)
	g.until(t, "guardian returned: <nil>")
	unset := start(t, "serve", "THERIAC_GUARDIAN=")
	unset.until(t, "guarded=false up") // no: this is a test binary
}

func TestRun_BadInput(t *testing.T) {
	t.Parallel()
	g := start(t, "serve", "THERIAC_GUARDIAN=yes")
	g.until(t, "guardian returned:", `THERIAC_GUARDIAN is "yes": want on, off or nothing`)
	orphan := start(t, "serve", "THERIAC_ROLE=worker")
	orphan.until(t, "guardian returned:", "no guardian to talk to", "unset THERIAC_ROLE")
	unknown := start(t, "serve", "THERIAC_ROLE=chef")
	unknown.until(t, "guardian returned:", `role "chef"`, "replaced while it ran")
}
