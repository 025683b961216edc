//go:build unix

package guardian_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/crashrecord"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/internal/runner"
)

// hostileVariable names the state directory and the misdeed of the program "hostile".
const hostileVariable = "GUARDIAN_TEST_HOSTILE"

// hostile is a program whose first worker has a bystander in flight and then does to its guardian
// what only a broken process does; its next workers behave.
func hostile() program {
	dir, deed, _ := strings.Cut(os.Getenv(hostileVariable), "|")
	cfg := guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "worker", Slots: 4, Wards: 2}},
		StateDir: dir, StopTimeout: 5 * time.Second, RestartPause: time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	return program{cfg, func(ctx context.Context, r guardian.Role) error {
		if r.Ward {
			return serveHostileWard(ctx, r, deed)
		}
		if os.Mkdir(filepath.Join(dir, "died"), 0o700) != nil {
			return serve(ctx, r)
		}
		region, err := r.InFlight.Subscribe("orders", 4)
		if err != nil {
			return err
		}
		flight(ctx, region, 0, "bystander", func() { <-ctx.Done() })
		r.Ready()
		say(r, "in flight")
		if strings.HasPrefix(deed, "ward ") {
			return askHostileWard(ctx, r)
		}
		misbehave := deeds()[deed]
		if misbehave == nil {
			misbehave = lineDeeds()[deed]
		}
		if misbehave == nil {
			return fmt.Errorf("no deed %q", deed)
		}
		flight(ctx, region, 1, "poison", func() { must(misbehave(ctx, r, filepath.Join(dir, "tables", r.Incarnation, inflight.FileName))) })
		<-ctx.Done()
		return nil
	}}
}

// must ends a test program whose misdeed failed in a way that no test takes for its success.
func must(err error) {
	if err != nil {
		fmt.Println("the misdeed failed:", err)
		os.Exit(clumsyExit)
	}
}

// clumsyExit is the exit code of a worker whose misdeed failed.
const clumsyExit = 99

// died waits for the worker's death and returns what the guardian says of it.
func (g *guarded) died(t *testing.T) string {
	t.Helper()
	line := g.until(t, "role died", "role=worker", "bystanders=")
	if strings.Contains(line, "exit code "+strconv.Itoa(clumsyExit)) {
		t.Fatal("the misdeed failed")
	}
	return line
}

type deed func(ctx context.Context, r guardian.Role, table string) error

const half = "panic: boom\n\ngoroutine 9 [running labels:{\"theriac\": \"0.1\"}]:\nmain.main()\n\t/src/ma"

// flood is what 100 MB of it fill a terminal with.
const flood = "\x1b[2J\x1b]0;owned\a\x1b[1;31m\r"

const floodBytes = 100 << 20

// deeds are done by the handler of the poison. Those that return nil did not kill the worker.
func deeds() map[string]deed {
	return map[string]deed{
		"crash garbage": func(context.Context, guardian.Role, string) error {
			return crashWith(garbage(8<<20), 1, syscall.SIGKILL)
		},
		"crash cut":  func(context.Context, guardian.Role, string) error { return crashWith([]byte(half), 1, syscall.SIGKILL) },
		"crash line": func(context.Context, guardian.Role, string) error { return crashWith(many("x"), floodBytes>>20, 0) },
		"crash lines": func(context.Context, guardian.Role, string) error {
			return crashWith(many("boom\n"), floodBytes>>20, 0)
		},
		"crash heads": func(context.Context, guardian.Role, string) error {
			return crashWith(many("goroutine 9 [\n\n"), floodBytes>>20, syscall.SIGKILL)
		},
		"leave heir": leaveHeir,
		"stderr": func(ctx context.Context, _ guardian.Role, _ string) error {
			return floodAndDie(ctx)
		},
		"table random": func(_ context.Context, _ guardian.Role, table string) error { return damageTable(table, overwrite) },
		"table cut":    func(_ context.Context, _ guardian.Role, table string) error { return damageTable(table, cut) },
		"slot random":  func(_ context.Context, _ guardian.Role, table string) error { return damageTable(table, overwriteSlot) },
		"slot forged":  func(_ context.Context, _ guardian.Role, table string) error { return damageTable(table, copySlot) },
		"record forged": func(_ context.Context, _ guardian.Role, table string) error {
			return damageTable(table, overwriteArena)
		},
	}
}

func garbage(n int) []byte {
	b := make([]byte, n)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// many is a megabyte of something.
func many(s string) []byte { return bytes.Repeat([]byte(s), (1<<20)/len(s)) }

// crashWith writes something to the crash pipe, many times, and dies: of the signal, or as the runtime
// does.
func crashWith(what []byte, times int, signal syscall.Signal) error {
	crash, err := crashPipe()
	if err != nil {
		return err
	}
	for range times {
		if _, err := crash.Write(what); err != nil {
			return err
		}
	}
	if signal != 0 {
		return syscall.Kill(os.Getpid(), signal)
	}
	os.Exit(2)
	return nil
}

// crashPipe finds where the runtime of this process writes when it dies: the one pipe that it made for
// itself, since there is no relay here. What it inherited from whoever runs the tests stays open over
// an exec.
func crashPipe() (*os.File, error) {
	for fd, target := range descriptors() {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC != 0 && strings.HasPrefix(target, "pipe:") {
			return os.NewFile(uintptr(fd), "crash"), nil
		}
	}
	return nil, errors.New("this process has no crash pipe")
}

// descriptors are the open ones and what they are.
func descriptors() map[int]string {
	const folder = "/proc/self/fd"
	entries, _ := os.ReadDir(folder)
	open := make(map[int]string)
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(folder, e.Name()))
		if fd, errNumber := strconv.Atoi(e.Name()); err == nil && errNumber == nil {
			open[fd] = target
		}
	}
	return open
}

// leaveHeir starts a process that holds all that this one was given, and dies.
func leaveHeir(_ context.Context, r guardian.Role, _ string) error {
	crash, err := crashPipe()
	if err != nil {
		return err
	}
	line, err := guardian.Line(r).(*net.UnixConn).File()
	if err != nil {
		return err
	}
	control, err := controlOf(r)
	if err != nil {
		return err
	}
	controlFile, err := control.(*net.UnixConn).File()
	if err != nil {
		return err
	}
	heir := exec.Command("sleep", "60")
	heir.Stderr, heir.ExtraFiles = os.Stderr, []*os.File{crash, line, controlFile}
	if err := heir.Start(); err != nil {
		return err
	}
	say(r, "heir "+strconv.Itoa(heir.Process.Pid))
	nobodyRecovers(func() { panic("poison") })
	return nil
}

// floodAndDie writes to standard error at full speed, and panics in the middle of it.
func floodAndDie(ctx context.Context) error {
	chunk := many(flood)
	enough := make(chan struct{})
	var flooding runner.Group
	flooding.Go(func() {
		for written := 0; ctx.Err() == nil; written += len(chunk) {
			if _, err := os.Stderr.Write(chunk); err != nil {
				return
			}
			if written <= floodBytes && written+len(chunk) > floodBytes {
				close(enough)
			}
		}
	})
	<-enough
	nobodyRecovers(func() { panic("poison") })
	return nil
}

// damageTable does something to the table of this process, and panics.
func damageTable(path string, how func(f *os.File, size int64) error) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := how(f, info.Size()); err != nil {
		return err
	}
	nobodyRecovers(func() { panic("poison") })
	return nil
}

func overwrite(f *os.File, size int64) error {
	_, err := f.WriteAt(garbage(int(size)), 0)
	return err
}

func cut(f *os.File, _ int64) error { return f.Truncate(0) }

// slotsAt and slotBytes are where a table has its slots. That a slot is there is checked.
const (
	slotsAt   = 4096 + 128*256
	slotBytes = 256
)

func readSlot(f *os.File, slot int64, id string) ([]byte, error) {
	cell := make([]byte, slotBytes)
	if _, err := f.ReadAt(cell, slotsAt+slot*slotBytes); err != nil {
		return nil, err
	}
	if !bytes.Contains(cell, []byte(id)) {
		return nil, fmt.Errorf("slot %d does not hold %s", slot, id)
	}
	return cell, nil
}

// overwriteSlot fills the poison's slot, all but its state, with random bytes.
func overwriteSlot(f *os.File, _ int64) error {
	if _, err := readSlot(f, 1, "poison"); err != nil {
		return err
	}
	_, err := f.WriteAt(garbage(slotBytes-8), slotsAt+slotBytes+8)
	return err
}

// copySlot says that the bystander runs where the poison does.
func copySlot(f *os.File, _ int64) error {
	cell, err := readSlot(f, 0, "bystander")
	if err == nil {
		_, err = f.WriteAt(cell, slotsAt+slotBytes)
	}
	return err
}

// overwriteArena fills all that is behind the slots.
func overwriteArena(f *os.File, size int64) error {
	const arena = slotsAt + 4096
	_, err := f.WriteAt(garbage(int(size-arena)), arena)
	return err
}

func startHostile(t *testing.T, deed string) (g *guarded, dir string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the program looks for its descriptors, and the test for memory, in /proc, which only Linux has")
	}
	dir = t.TempDir()
	return start(t, "hostile", hostileVariable+"="+dir+"|"+deed), dir
}

// peakMemory is the most that a process ever had resident, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nVmHWM:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// flat fails if the guardian's memory grew by more than a fixed amount since it had base.
func (g *guarded) flat(t *testing.T, base int64) {
	t.Helper()
	g.flatTo(t, base, 48)
}

func (g *guarded) flatTo(t *testing.T, base, mb int64) {
	t.Helper()
	most := mb << 20
	grown := peakMemory(t, g.cmd.Process.Pid) - base
	t.Logf("the guardian grew by %d MB", grown>>20)
	if grown > most*raceFactor {
		t.Errorf("the guardian grew by %d MB, to %d MB", grown>>20, (grown+base)>>20)
	}
}

// onlyRecord returns the one crash record in a state directory.
func onlyRecord(t *testing.T, dir string) crashrecord.Record {
	t.Helper()
	deaths := crashrecord.Directory{Path: filepath.Join(dir, "deaths")}
	list, err := deaths.List()
	if err != nil || len(list.Records) != 1 || len(list.Unfinished) != 0 {
		t.Fatalf("records %v, %v; want one", list, err)
	}
	r, damage, err := deaths.Read(list.Records[0])
	if err != nil || damage.Any() {
		t.Fatalf("the record: %v %v", damage, err)
	}
	return r
}

func checkInnocent(t *testing.T, r crashrecord.Record) {
	t.Helper()
	if r.Tier == "A" || r.Culprit != nil {
		t.Errorf("tier %s, culprit %v: convicted on evidence that anybody could write", r.Tier, r.Culprit)
	}
	for _, s := range append(r.Suspects, r.TimedOut...) {
		if s.Deaths != 0 {
			t.Errorf("%s is charged with the death", s.ID)
		}
	}
	if len(r.FirstBlock) > 256<<10 || len(r.Dump) > 5<<20 || len(r.StderrTail) > 64<<10 {
		t.Errorf("the record keeps %d, %d and %d bytes", len(r.FirstBlock), len(r.Dump), len(r.StderrTail))
	}
}

func TestHostile_CrashPipe(t *testing.T) { // not beside others: it takes all processors
	for deed, tier := range map[string]string{
		"crash garbage": "D", "crash cut": "B", "crash line": "D", "crash lines": "D", "crash heads": "C",
	} {
		t.Run(deed, func(t *testing.T) {
			t.Parallel()
			g, dir := startHostile(t, deed)
			g.until(t, "in flight")
			base := peakMemory(t, g.cmd.Process.Pid)
			g.died(t)
			g.until(t, "role is ready", "role=worker")
			g.flat(t, base)
			g.end(t)
			r := onlyRecord(t, dir)
			checkInnocent(t, r)
			if string(r.Tier) != tier || len(r.Suspects) != 2 {
				t.Errorf("tier %s with %d suspects because %s; want %s with both in flight", r.Tier, len(r.Suspects), r.Reason, tier)
			}
		})
	}
}

// TestHostile_StandardError: 100 MB of escape codes without a newline, and the death in the middle.
func TestHostile_StandardError(t *testing.T) { // not beside others: it takes all processors
	g, dir := startHostile(t, "stderr")
	g.until(t, "in flight")
	base := peakMemory(t, g.cmd.Process.Pid)
	died := g.died(t)
	ready := g.until(t, "role is ready", "role=worker")
	g.flat(t, base)
	for _, line := range []string{died, ready} {
		_, logged, _ := strings.Cut(line, "time=")
		if strings.ContainsAny(logged, "\x1b\a\r") || !strings.Contains(logged, "level=") || !strings.Contains(logged, "pid=") {
			t.Errorf("a line of the guardian's log is torn: %q", logged)
		}
	}
	g.end(t)
	r := onlyRecord(t, dir)
	if len(r.StderrTail) > 64<<10 || len(r.StderrTail) < 32<<10 {
		t.Errorf("%d bytes of standard error are kept", len(r.StderrTail))
	}
	if r.Tier != "A" || r.Culprit == nil || r.Culprit.ID != "poison" {
		t.Errorf("tier %s, culprit %v: the flood hid who died", r.Tier, r.Culprit)
	}
}

// TestHostile_Heir: a process that the dead one started holds every end of every pipe, for a minute.
func TestHostile_Heir(t *testing.T) {
	t.Parallel()
	g, dir := startHostile(t, "leave heir")
	_, number, _ := strings.Cut(g.until(t, "heir "), "heir ")
	heir, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(heir, syscall.SIGKILL) })
	g.died(t)
	g.until(t, "role is ready", "role=worker")
	g.end(t)
	if !lives(heir) {
		t.Error("the heir is dead, so it held nothing")
	}
	if r := onlyRecord(t, dir); r.Tier != "A" || r.Culprit == nil || r.Culprit.ID != "poison" {
		t.Errorf("tier %s, culprit %v, because %s", r.Tier, r.Culprit, r.Reason)
	}
}

func TestHostile_Table(t *testing.T) {
	t.Parallel()
	for deed, says := range map[string]string{
		"table random": "header", "table cut": "damaged", "slot random": "damaged", "slot forged": "damaged", "record forged": "",
	} {
		t.Run(deed, func(t *testing.T) {
			t.Parallel()
			g, dir := startHostile(t, deed)
			died := g.died(t)
			g.until(t, "role is ready", "role=worker")
			g.end(t)
			if !strings.Contains(died, says) {
				t.Errorf("the guardian does not say that the table was damaged: %s", died)
			}
			r := onlyRecord(t, dir)
			if deed == "record forged" { // the copies are gone, and the slots are not
				if r.Culprit == nil || r.Culprit.ID != "poison" {
					t.Errorf("tier %s, culprit %v", r.Tier, r.Culprit)
				}
				return
			}
			checkInnocent(t, r)
		})
	}
}
