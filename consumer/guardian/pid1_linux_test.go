package guardian_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestRun_AsPID1 runs the guardian where containers run it: it must reap what its children leave
// behind, or the process table fills up.
func TestRun_AsPID1(t *testing.T) {
	t.Parallel()
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("unshare is not installed: there is no way to be PID 1 here")
	}
	if out, err := exec.Command(unshare, "--pid", "--fork", "--mount-proc", "true").CombinedOutput(); err != nil {
		t.Skipf("this machine allows no PID namespace: %s", strings.TrimSpace(string(out)))
	}
	g := start(t, "pid 1", wrapVariable+"="+unshare+" --pid --fork --mount-proc --kill-child")
	g.until(t, "my guardian is 1")
	g.until(t, "no zombie is left")
}
