//go:build unix

package guardian_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/internal/runner"
)

// Kinds of frames on a ward line, as its documentation says.
const (
	wireRun    = 1
	wireAnswer = 2
	wireDied   = 3
)

// frame is a frame of a ward line; announced is how long it says that its body is.
func frame(kind byte, run uint32, head string, body []byte, announced int) []byte {
	b := make([]byte, 16, 16+len(head)+len(body))
	b[0], b[1] = 1, kind
	binary.BigEndian.PutUint32(b[4:], run)
	binary.BigEndian.PutUint32(b[8:], uint32(len(head)))
	binary.BigEndian.PutUint32(b[12:], uint32(announced))
	return append(append(b, head...), body...)
}

func answerTo(run uint32) []byte { return frame(wireAnswer, run, `{"ok":true}`, []byte("forged"), 6) }

const request = `{"subscription":"orders"}`

// lineDeeds are misdeeds on the ward line and on the control connection.
func lineDeeds() map[string]deed {
	write := func(what []byte) deed {
		return func(ctx context.Context, r guardian.Role, _ string) error {
			if _, err := guardian.Line(r).Write(what); err != nil {
				return err
			}
			say(r, "written")
			<-ctx.Done()
			return nil
		}
	}
	return map[string]deed{
		"line garbage":  write(garbage(64 << 10)),
		"line answer":   write(answerTo(7)),
		"line death":    write(frame(wireDied, 7, "{}", nil, 0)),
		"line huge":     write(frame(wireRun, 7, request, nil, 1<<31)),
		"line head":     write(frame(wireRun, 7, "[", []byte("x"), 1)),
		"line promise":  write(frame(wireRun, 7, request, []byte("x"), 79<<20)),
		"line requests": askMuch,
		"line deaf":     askDeaf,
		"control garbage": func(ctx context.Context, r guardian.Role, _ string) error {
			return onControl(ctx, r, many("\x01\x09\x00\x0f\xff\xff"), 1)
		},
		"control flood": func(ctx context.Context, r guardian.Role, _ string) error {
			return onControl(ctx, r, many("\x01\x03\x00\x00\x00\x02{}"), 16)
		},
	}
}

// onControl writes to the control connection, the one socket beside the ward line, and goes on.
func onControl(ctx context.Context, r guardian.Role, what []byte, times int) error {
	conn, err := controlOf(r)
	if err != nil {
		return err
	}
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second)) // nobody may read any more
	for range times {
		if _, err := conn.Write(what); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	say(r, "control is full")
	<-ctx.Done()
	return nil
}

func controlOf(r guardian.Role) (net.Conn, error) {
	raw, err := guardian.Line(r).(*net.UnixConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var line unix.Stat_t
	if err := errors.Join(raw.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &line) }), err); err != nil {
		return nil, err
	}
	for fd, target := range descriptors() {
		var s unix.Stat_t
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 || !strings.HasPrefix(target, "socket:") || unix.Fstat(fd, &s) != nil || s.Ino == line.Ino {
			continue
		}
		f := os.NewFile(uintptr(fd), "control")
		return net.FileConn(f)
	}
	return nil, errors.New("this process has no control connection")
}

// askMuch sends 10,000 requests at once, of 4 KB each, and counts what comes back.
func askMuch(ctx context.Context, r guardian.Role, _ string) error {
	var told atomic.Int64
	all := make(chan struct{})
	var asking runner.Group
	body := bytes.Repeat([]byte("x"), 4<<10)
	for range muchAsked {
		asking.Go(func() {
			if _, err := r.RunAlone(ctx, guardian.AloneRequest{Subscription: "orders", Limit: time.Minute, Body: body}); ctx.Err() == nil {
				must(ignoreNoWard(err))
			}
			if told.Add(1) == muchAsked {
				close(all)
			}
		})
	}
	<-all
	say(r, "all are told")
	<-ctx.Done()
	return nil
}

const muchAsked = 10_000

func ignoreNoWard(err error) error {
	if errors.Is(err, guardian.ErrNoWard) {
		return nil
	}
	return err
}

// askDeaf sends requests until nobody takes them any more, and reads no answer.
func askDeaf(ctx context.Context, r guardian.Role, _ string) error {
	if err := guardian.Line(r).SetReadDeadline(time.Unix(1, 0)); err != nil {
		return err
	}
	body := bytes.Repeat([]byte("x"), 8<<20)
	for run := uint32(1000); ctx.Err() == nil; run++ {
		if _, err := guardian.Line(r).Write(frame(wireRun, run, request, body, len(body))); err != nil {
			return err
		}
	}
	return nil
}

// serveHostileWard answers with what the file says that the worker's test chose.
func serveHostileWard(ctx context.Context, r guardian.Role, deed string) error {
	line := guardian.Line(r)
	how, hostile := strings.CutPrefix(deed, "ward ")
	if !hostile {
		return r.ServeAlone(ctx, func(_ context.Context, body []byte) ([]byte, bool, bool) {
			return bytes.Repeat([]byte("y"), len(body)), true, false
		})
	}
	region, err := r.InFlight.Subscribe("orders", 1)
	if err != nil {
		return err
	}
	r.Ready()
	head := make([]byte, 16)
	if _, err := line.Read(head); err != nil {
		return err
	}
	region.Begin(0, &inflight.Begin{ID: "poison", Started: time.Now(), Flags: inflight.InWard})
	run := binary.BigEndian.Uint32(head[4:])
	answers := map[string][]byte{
		"garbage": garbage(64 << 10),
		"other":   answerTo(run + 1),
		"asks":    frame(wireRun, run, request, []byte("x"), 1),
		"twice":   append(answerTo(run), answerTo(run)...),
		"head":    frame(wireAnswer, run, "[", []byte("forged"), 6),
		"large":   frame(wireAnswer, run, `{"ok":true}`, bytes.Repeat([]byte("z"), 64<<20), 64<<20),
	}
	if _, err := line.Write(answers[how]); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// askHostileWard is the worker's side.
func askHostileWard(ctx context.Context, r guardian.Role) error {
	answer, err := r.RunAlone(ctx, guardian.AloneRequest{Subscription: "orders", Limit: time.Minute, Body: []byte("0:x")})
	switch {
	case err != nil:
		say(r, "refused: "+err.Error())
	case answer.Death != nil:
		say(r, "ward died, record="+answer.Death.Record)
	default:
		say(r, "ward answered "+string(answer.Body[:6]))
	}
	return serve(ctx, r)
}

// TestHostile_WorkersLine: a worker that talks nonsense is ended, says the guardian, and convicts nobody.
func TestHostile_WorkersLine(t *testing.T) { // not beside others: it takes all processors
	for deed, says := range map[string]string{
		"line garbage": "it talks nonsense on its ward line", "line answer": "it talks nonsense on its ward line",
		"line death": "it talks nonsense on its ward line", "line huge": "it talks nonsense on its ward line",
		"line deaf": "it does not read its ward line",
	} {
		t.Run(deed, func(t *testing.T) {
			t.Parallel()
			g, dir := startHostile(t, deed)
			g.until(t, "in flight")
			base := peakMemory(t, g.cmd.Process.Pid)
			g.until(t, "a child is broken", says)
			g.died(t)
			g.until(t, "role is ready", "role=worker")
			g.flatTo(t, base, 600)
			g.end(t)
			r := onlyRecord(t, dir)
			checkInnocent(t, r)
			if len(r.Notes) == 0 || !strings.Contains(string(r.Notes[len(r.Notes)-1]), says) {
				t.Errorf("the record does not say why it was killed: %q", r.Notes)
			}
		})
	}
}

// TestHostile_WorkersRequests: what is merely odd, or too much, costs neither the worker nor memory.
func TestHostile_WorkersRequests(t *testing.T) { // not beside others: it takes all processors
	for deed, until := range map[string]string{
		"line requests": "all are told", "line head": "written", "line promise": "written",
		"control garbage": "control is full", "control flood": "control is full",
	} {
		t.Run(deed, func(t *testing.T) {
			t.Parallel()
			g, dir := startHostile(t, deed)
			worker := pid(t, g.until(t, "in flight"))
			base := peakMemory(t, g.cmd.Process.Pid)
			g.until(t, until)
			g.flatTo(t, base, 200)
			if !lives(worker) {
				t.Error("the worker was ended")
			}
			g.end(t)
			if records, err := filepath.Glob(dir + "/deaths/*"); err != nil || len(records) != 0 {
				t.Errorf("records %v, %v", records, err)
			}
		})
	}
}

// TestHostile_WardsLine: a ward that talks nonsense is ended, and its worker hears of a death or of the
// answer that came before.
func TestHostile_WardsLine(t *testing.T) { // not beside others: it takes all processors
	for deed, want := range map[string]string{
		"ward garbage": "ward died", "ward other": "ward died", "ward asks": "ward died",
		"ward twice": "ward answered forged", "ward head": "ward answered forged", "ward large": "ward answered zzzzzz",
	} {
		t.Run(deed, func(t *testing.T) {
			t.Parallel()
			g, _ := startHostile(t, deed)
			worker := pid(t, g.until(t, "in flight"))
			g.until(t, want)
			if !lives(worker) {
				t.Error("the worker died of its ward")
			}
			g.end(t)
		})
	}
}

// TestHostile_AllDieTogether: guardian, worker and ward are killed in one moment. The table is picked up by
// the next guardian, and nothing of the dead runs on.
func TestHostile_AllDieTogether(t *testing.T) {
	t.Parallel()
	g, dir := startHostile(t, "line head")
	var worker, ward int // who is first is a matter of chance
	for worker == 0 || ward == 0 {
		switch line := g.until(t, ""); {
		case strings.Contains(line, "written"):
			worker = pid(t, line)
		case containsAll(line, []string{"role started", "-ward"}):
			ward = loggedPID(t, line)
		}
	}
	g.signal(t, syscall.SIGSTOP) // so that it sees nobody's end
	for _, p := range []int{worker, ward} {
		if err := syscall.Kill(p, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	g.signal(t, syscall.SIGKILL)
	g.exit(t)
	gone(t, worker)
	gone(t, ward)
	next := start(t, "hostile", hostileVariable+"="+dir+"|line head")
	next.until(t, "role died", "with its guardian", "suspects=2")
	next.until(t, "role is ready", "role=worker")
	next.end(t)
	r := onlyRecord(t, dir)
	checkInnocent(t, r)
	if len(r.Messages) != 2 {
		t.Errorf("%d messages are kept", len(r.Messages))
	}
}
