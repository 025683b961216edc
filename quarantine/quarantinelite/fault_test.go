//go:build linux

package quarantinelite_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
)

// childVar makes the test binary a worker on the store that it names.
const childVar = "THERIAC_TEST_CHILD_STORE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVar); path != "" {
		child(path)
	}
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked { // the default of 100 takes minutes under the race detector
		_ = flag.Set("rapid.checks", "20") // the flag is there, and 20 is a number
	}
	goleak.VerifyTestMain(m)
}

// child joins, claims a replay, says so, and writes until it is killed.
func child(path string) {
	ctx := context.Background()
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	s, err := quarantinelite.Open(ctx, quarantinelite.Config{Path: path})
	fail(err)
	m, err := s.Join(ctx, quarantine.Worker{Name: "child", PID: os.Getpid()})
	fail(err)
	_, err = s.ClaimReplay(ctx, "billing", m.Incarnation())
	fail(err)
	for i := 0; ; i++ {
		msg := handlers.Message{ID: fmt.Sprint("child-", i)}
		_, err := s.RecordAttempts(ctx, []quarantine.AttemptRecord{{Subscription: "billing", MessageID: msg.ID,
			Identity: quarantine.Identity("billing", msg.Identity()), Attempt: handlers.Attempt{Outcome: handlers.OutcomeFailed}}})
		fail(err)
		fmt.Println("recorded", msg.ID)
	}
}

func entry(id string, data []byte) quarantine.NewEntry {
	m := handlers.Message{ID: id, Data: data}
	return quarantine.NewEntry{Identity: quarantine.Identity("billing", m.Identity()),
		Entry: quarantine.Entry{ID: id, Subscription: "billing", Message: m, Size: int64(len(data)),
			SHA256: sha256.Sum256(data), Fingerprint: "fp", Reason: handlers.ReasonFailed}}
}

// TestKilledProcess kills another process in the middle of its writing. What it
// was told to be stored is there, it is proven dead, and its replay is held.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	s := open(t, path)
	held, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{entry("e-1", []byte("x"))})
	if err != nil {
		t.Fatal(err)
	}
	replaying, err := s.Transition(t.Context(),
		quarantine.Transition{EntryID: "e-1", Version: held[0].Entry.Version, To: quarantine.StateReplaying})
	if err != nil {
		t.Fatal(err)
	}
	last := killAfter(t, path, 5, func() {
		workers, err := s.Workers(t.Context())
		if err != nil || len(workers) != 1 || !workers[0].Alive {
			t.Errorf("while the other process lives: %+v, %v", workers, err)
		}
		if dead, err := s.ReapWorkers(t.Context()); err != nil || len(dead) != 0 {
			t.Errorf("a living process was reaped: %+v, %v", dead, err)
		}
	})

	if workers, err := s.Workers(t.Context()); err != nil || len(workers) != 1 || workers[0].Alive {
		t.Errorf("after its death: %+v, %v", workers, err)
	}
	if dead, err := s.ReapWorkers(t.Context()); err != nil || len(dead) != 1 || dead[0].Name != "child" {
		t.Errorf("reaped %+v, %v", dead, err)
	}
	e, err := s.EntryGet(t.Context(), quarantine.EntryKey{ID: "e-1"}, quarantine.GetOptions{})
	if err != nil || e.State != quarantine.StateHeld || e.Version <= replaying.Version || e.Claim != "" {
		t.Errorf("its replay: %+v, %v", e, err)
	}
	c, err := s.Changes(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, m := range c.Marks {
		found = found || m.MessageID == last
	}
	if !found {
		t.Errorf("%s was recorded and is not there", last)
	}
}

// killAfter runs a child until it has recorded n attempts, calls alive, kills
// the child and returns the last message that it recorded.
func killAfter(t *testing.T, path string, n int, alive func()) (last string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		id, ok := strings.CutPrefix(lines.Text(), "recorded ")
		if !ok {
			t.Errorf("the child says %q", lines.Text())
			break
		}
		last = id
		if i == n {
			alive()
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the child was not killed")
	}
	return last
}

// TestFullDisk bounds the file instead of the disk; SQLite answers the same.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	s := open(t, path)
	quarantinelite.LimitPages(t, s, 100)
	_, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{entry("e-1", make([]byte, 1<<20))})
	if !errors.Is(err, quarantine.ErrUnavailable) || !strings.Contains(err.Error(), "the disk is full, free some space") {
		t.Errorf("error %v, want one that wraps ErrUnavailable and says what to do", err)
	}
	if page, err := s.EntryList(t.Context(), quarantine.Query{}); err != nil || page.Total != 0 {
		t.Errorf("after it: %d entries, %v", page.Total, err)
	}
	quarantinelite.LimitPages(t, s, 1_000_000)
	if _, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{entry("e-1", make([]byte, 1<<20))}); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

// TestBusy has another process hold the write lock for longer than the caller
// waits.
func TestBusy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	s := open(t, path)
	other := raw(t, path)
	other.SetMaxOpenConns(1)
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.HoldEntries(ctx, []quarantine.NewEntry{entry("e-1", nil)})
	if !errors.Is(err, quarantine.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
	if _, err := s.EntryList(t.Context(), quarantine.Query{}); err != nil {
		t.Errorf("readers wait for a writer: %v", err)
	}
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{entry("e-1", nil)}); err != nil {
		t.Errorf("when the lock is free: %v", err)
	}
}

// TestLostLockFile removes a worker's lock file: others must take it for dead,
// and it must learn that.
func TestLostLockFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	s := open(t, path)
	m, err := s.Join(t.Context(), quarantine.Worker{Name: "w-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(path + "-workers"); err != nil {
		t.Fatal(err)
	}
	if dead, err := s.ReapWorkers(t.Context()); err != nil || len(dead) != 1 {
		t.Errorf("reaped %v, %v", dead, err)
	}
	if err := m.Heartbeat(t.Context()); !errors.Is(err, quarantine.ErrNoWorker) {
		t.Errorf("heartbeat: %v, want ErrNoWorker", err)
	}
	select {
	case <-m.Lost():
	default:
		t.Error("Lost is not closed")
	}
	if err := m.Leave(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestNetworkDriveIsRefused(t *testing.T) {
	t.Parallel()
	for _, magic := range []int64{0x6969, 0x517b, -0xacb2be, 0xff534d42, 0xfe534d42} {
		if err := quarantinelite.RefuseType("/mnt", magic); !errors.Is(err, quarantine.ErrUnavailable) {
			t.Errorf("%#x: %v, want ErrUnavailable", magic, err)
		}
	}
	for _, magic := range []int64{0xef53, 0x58465342, 0x01021994, 0x794c7630} { // ext4, xfs, tmpfs, overlay
		if err := quarantinelite.RefuseType("/mnt", magic); err != nil {
			t.Errorf("%#x: %v", magic, err)
		}
	}
}
