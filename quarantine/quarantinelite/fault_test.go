//go:build linux

package quarantinelite_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/litekit/litekittest"
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
	recorded := litekittest.KillChild(t, childVar+"="+path, "recorded", 6, func() {
		workers, err := s.Workers(t.Context())
		if err != nil || len(workers) != 1 || !workers[0].Alive {
			t.Errorf("while the other process lives: %+v, %v", workers, err)
		}
		if dead, err := s.ReapWorkers(t.Context()); err != nil || len(dead) != 0 {
			t.Errorf("a living process was reaped: %+v, %v", dead, err)
		}
	})

	last := recorded[len(recorded)-1]
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
