package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// startGuarded starts this binary as one of the programs of TestMain, under a guardian. stop ends it in
// order, once, and is called at the end of the test at the latest; what it said is logged if the test
// failed.
func startGuarded(t *testing.T, program string, spec ...string) (said *lockedBuffer, stop func()) {
	t.Helper()
	self, err := filepath.Abs(os.Args[0])
	check(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "THERIAC_GUARDIAN=on", program+"="+strings.Join(spec, "|"))
	said = new(lockedBuffer)
	cmd.Stdout, cmd.Stderr = said, said
	check(t, cmd.Start())
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the guardian ended with %v", err)
		}
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("it said:\n%s", said.String())
		}
	})
	return said, stop
}
