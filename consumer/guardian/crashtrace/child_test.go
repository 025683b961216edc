//go:build linux

package crashtrace_test

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
)

// The source of the child is an input of these tests: embedded, it makes the go command run them
// anew when it changed.
//
//go:embed testdata/dying/*.go testdata/dyingc/*.go
var _ embed.FS

// The crashing children: dying is pure Go, dyingc dies in C. Each is built once, as a program of its
// own and never with the race detector, whatever the tests have: the detector changes what the
// runtime does on map races, bad pointers, large stacks and large allocations, and no worker in
// production has it.
var (
	dying  = sync.OnceValues(func() (string, error) { return build("dying") })
	dyingc = sync.OnceValues(func() (string, error) { return build("dyingc") })
)

func build(program string) (string, error) {
	path := filepath.Join(scratch, program)
	build := exec.Command("go", "build", "-race=false", "-o", path, "./testdata/"+program)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build testdata/%s: %w\n%s", program, err, out)
	}
	return path, nil
}

// patience bounds one child; none needs more than a second on a calm machine.
const patience = 2 * time.Minute

// death is one child's, with all that it left.
type death struct {
	crashtrace.Trace
	raw    []byte
	tail   crashtrace.Tail
	stdout bytes.Buffer
	state  *os.ProcessState
	firsts []crashtrace.Trace
}

// script says how to run a child; the zero script is how the guardian does.
type script struct {
	stdin string
	env   []string
	// quit: send SIGQUIT as soon as the child says that it is ready.
	quit bool
	// inC: take the child that dies in C.
	inC bool
}

// die runs a child that dies in the given way.
func die(t *testing.T, way string, s script) *death {
	t.Helper()
	build := dying
	if s.inC {
		build = dyingc
	}
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	d := new(death)
	child := exec.CommandContext(ctx, path, way)
	child.Env = append(slices.DeleteFunc(os.Environ(), isRuntimeVariable),
		"GODEBUG=tracebacklabels=1", "GOTRACEBACK=all", "GOMAXPROCS=2")
	child.Env = append(child.Env, s.env...)
	child.Stdin, child.Stderr, child.Stdout = strings.NewReader(s.stdin), &d.tail, &d.stdout
	child.ExtraFiles = []*os.File{write}
	if s.quit {
		child.Stdout = quitter{child}
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	d.Trace, err = crashtrace.Read(io.TeeReader(read, &raw), crashtrace.Limits{}, func(trace crashtrace.Trace) {
		d.firsts = append(d.firsts, trace)
	})
	waitErr := child.Wait()
	if err != nil || ctx.Err() != nil {
		t.Fatalf("%s: Read: %v, context: %v, child: %v", way, err, ctx.Err(), waitErr)
	}
	d.raw, d.state = raw.Bytes(), child.ProcessState
	return d
}

func isRuntimeVariable(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return name == "GODEBUG" || name == "GOTRACEBACK" || name == "GOMAXPROCS" || name == "GOGC" || name == "GOMEMLIMIT"
}

// quitter sends SIGQUIT to the main thread of a child when it says something, as the guardian does.
type quitter struct{ child *exec.Cmd }

func (q quitter) Write(p []byte) (int, error) {
	return len(p), syscall.Tgkill(q.child.Process.Pid, q.child.Process.Pid, syscall.SIGQUIT)
}
