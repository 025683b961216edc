//go:build unix

package guardian_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/guardian"
)

// programVariable chooses the program that the test binary plays instead of testing.
const programVariable = "GUARDIAN_TEST_PROGRAM"

// wrapVariable, in what start is given, is a command that runs the guardian.
const wrapVariable = "GUARDIAN_TEST_WRAP"

func TestMain(m *testing.M) {
	if name := os.Getenv(programVariable); name != "" {
		os.Exit(play(name))
	}
	folder, err := os.MkdirTemp("", "guardian")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = folder
	code := m.Run()
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// scratch is a folder that lives as long as the tests do.
var scratch string

// play is the main function of the programs.
func play(name string) int {
	p := programs()[name]
	err := guardian.Run(context.Background(), p.cfg, p.run)
	fmt.Println("guardian returned:", err)
	if err != nil {
		return 1
	}
	return 0
}

type program struct {
	cfg guardian.Config
	run func(ctx context.Context, role guardian.Role) error
}

func programs() map[string]program {
	roles := func(names ...string) (rs []guardian.RoleConfig) {
		for _, n := range names {
			rs = append(rs, guardian.RoleConfig{Name: n})
		}
		return rs
	}
	quick := guardian.Config{Roles: roles("worker"), RestartPause: time.Millisecond, StopTimeout: 5 * time.Second}
	two := quick
	two.Roles = roles("worker", "web")
	stubborn := quick
	stubborn.StopTimeout = 100 * time.Millisecond
	sluggish := quick
	sluggish.Roles = []guardian.RoleConfig{{Name: "worker", ReadyTimeout: 50 * time.Millisecond}}
	sluggish.RestartLimit = 2
	return map[string]program{
		"serve":       {quick, serve},
		"serve two":   {two, serve},
		"never ready": {quick, func(context.Context, guardian.Role) error { return fmt.Errorf("no configuration") }},
		"one bad role": {two, func(ctx context.Context, r guardian.Role) error {
			if r.Name == "worker" {
				os.Exit(3)
			}
			return serve(ctx, r)
		}},
		"stubborn": {stubborn, func(ctx context.Context, r guardian.Role) error {
			r.Ready()
			say(r, "up")
			select {}
		}},
		"futile": {quick, func(_ context.Context, r guardian.Role) error {
			r.Ready()
			say(r, "up")
			os.Exit(3)
			return nil
		}},
		"sluggish": {sluggish, func(context.Context, guardian.Role) error { select {} }},
		"grandchild": {quick, func(ctx context.Context, r guardian.Role) error {
			// It outlives us and holds our standard error.
			cmd := exec.Command("sleep", "60")
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				return err
			}
			say(r, "grandchild "+strconv.Itoa(cmd.Process.Pid))
			return serve(ctx, r)
		}},
		"pid 1": {quick, func(ctx context.Context, r guardian.Role) error {
			say(r, fmt.Sprintf("my guardian is %d", os.Getppid()))
			// The shell leaves its child to the guardian, as PID 1, and the child ends.
			left, err := exec.Command("sh", "-c", "sh -c 'exit 3' & echo $!").Output()
			if err != nil {
				return err
			}
			orphan, err := strconv.Atoi(strings.TrimSpace(string(left)))
			if err != nil {
				return err
			}
			for syscall.Kill(orphan, 0) == nil {
				<-time.After(time.Millisecond)
			}
			say(r, "no zombie is left")
			return serve(ctx, r)
		}},
		"mortal":    mortal(),
		"teller":    teller(),
		"lonely":    lonely(),
		"hostile":   hostile(),
		"restart":   restart(),
		"chatter":   chatter(),
		"stillborn": stillborn(),
		"environment": {quick, func(ctx context.Context, r guardian.Role) error {
			_, role := os.LookupEnv("THERIAC_ROLE")
			say(r, fmt.Sprintf("GODEBUG=%s GOTRACEBACK=%s role set: %t", os.Getenv("GODEBUG"), os.Getenv("GOTRACEBACK"), role))
			return serve(ctx, r)
		}},
	}
}

// serve is ready at once and runs until it is told to stop, or dies as the file tells it to.
func serve(ctx context.Context, r guardian.Role) error {
	r.Ready()
	say(r, "up")
	<-ctx.Done()
	say(r, "down: "+context.Cause(ctx).Error())
	return nil
}

// say prints a line about this process.
func say(r guardian.Role, what string) {
	fmt.Printf("%s %d guarded=%t %s\n", r.Name, os.Getpid(), r.Guarded(), what)
}

// guarded is a running program of which a test reads the output.
type guarded struct {
	cmd   *exec.Cmd
	lines chan string
}

func start(t *testing.T, name string, env ...string) *guarded {
	t.Helper()
	return startWith(t, name, nil, env...)
}

// startWith is start with another standard error; nil is what the test reads.
func startWith(t *testing.T, name string, stderr *os.File, env ...string) *guarded {
	t.Helper()
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	args := []string{self}
	for _, v := range env {
		if wrap, ok := strings.CutPrefix(v, wrapVariable+"="); ok {
			args = append(strings.Fields(wrap), self)
		}
	}
	g := &guarded{cmd: exec.Command(args[0], args[1:]...), lines: make(chan string, 1000)}
	g.cmd.Env = append(os.Environ(), append([]string{programVariable + "=" + name, "THERIAC_GUARDIAN=on"}, env...)...)
	out := &lineWriter{to: g.lines}
	g.cmd.Stdout, g.cmd.Stderr = out, out
	if stderr != nil {
		g.cmd.Stderr = stderr
	}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = g.cmd.Process.Kill()
		_ = g.cmd.Wait()
	})
	return g
}

// lineWriter cuts what it is given into lines, and forgets the beginning of endless ones.
type lineWriter struct {
	to   chan<- string
	rest string
}

const lineWriterBytes = 64 << 10

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest += string(p)
	for {
		line, rest, found := strings.Cut(w.rest, "\n")
		if !found {
			w.rest = w.rest[max(0, len(w.rest)-lineWriterBytes):]
			return len(p), nil
		}
		w.rest = rest
		w.to <- line
	}
}

// patience is how long a test waits for what must happen, on a machine that is busy with others.
const patience = 2 * time.Minute

// until returns the first line that contains all of parts.
func (g *guarded) until(t *testing.T, parts ...string) string {
	t.Helper()
	late := time.After(patience)
	var seen []string
	for {
		select {
		case line := <-g.lines:
			seen = append(seen, line)
			if containsAll(line, parts) {
				return line
			}
		case <-late:
			t.Fatalf("no line with %q in %s, but:\n%s", parts, patience, strings.Join(seen, "\n"))
		}
	}
}

func containsAll(line string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(line, p) {
			return false
		}
	}
	return true
}

// pid reads the process id of a line that say printed.
func pid(t *testing.T, line string) int {
	t.Helper()
	fields := strings.Fields(line)
	id, err := strconv.Atoi(fields[1])
	if err != nil {
		t.Fatalf("no process id in %q", line)
	}
	return id
}

// loggedPID reads the process id of a line that the guardian logged.
func loggedPID(t *testing.T, line string) int {
	t.Helper()
	_, rest, _ := strings.Cut(line, " pid=")
	id, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatalf("no process id in %q", line)
	}
	return id
}

// exit waits for the guardian's end.
func (g *guarded) exit(t *testing.T) int {
	t.Helper()
	_ = g.cmd.Wait()
	return g.cmd.ProcessState.ExitCode()
}

func (g *guarded) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := g.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// gone waits until a process that is not our child has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		if !lives(pid) {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("process %d still lives", pid)
		}
	}
}

// lives reports whether a process runs; a zombie does not.
func lives(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
