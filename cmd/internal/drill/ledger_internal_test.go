package drill

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/handlers"
)

// openLedger serves a ledger and returns a replica's line to it.
func openLedger(t *testing.T) (*ledger, *replica.Line) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "drill")
	l := newLedger()
	if err := l.listen(t.Context(), socket); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	return l, replica.NewLine(socket, 2)
}

func TestLedger_CountsEffects(t *testing.T) {
	t.Parallel()
	l, line := openLedger(t)
	defer line.Close()
	for _, key := range []string{"a", "b", "a"} {
		if err := line.Commit(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if f := l.facts(); f.commits["a"] != 2 || f.commits["b"] != 1 {
		t.Errorf("effects %v, want a twice and b once", f.commits)
	}
}

func TestLedger_OneDeathReportedTwice(t *testing.T) {
	t.Parallel()
	l, line := openLedger(t)
	defer line.Close()
	later := time.Now()
	for _, c := range []handlers.Crash{{ID: "2", Died: later}, {ID: "1", Died: later.Add(-time.Second)}, {ID: "2", Died: later}} {
		if err := line.Crash(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	deaths := l.facts().deaths()
	if len(deaths) != 2 || deaths[0].ID != "1" || deaths[1].ID != "2" {
		t.Errorf("deaths %v, want two, oldest first", deaths)
	}
}

func TestLedger_Hello(t *testing.T) {
	t.Parallel()
	l, line := openLedger(t)
	defer line.Close()
	for _, incarnation := range []string{"one", "two"} {
		if err := line.Hello(t.Context(), replica.Hello{Role: replica.RoleWorker, Incarnation: incarnation}); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.worker(2); got.Incarnation != "two" || got.PID == 0 {
		t.Errorf("the last worker is %+v, want two", got)
	}
	if got := l.worker(1); got.Incarnation != "" {
		t.Errorf("replica 1 never served, and is %+v", got)
	}
}

func TestLedger_AwaitEnds(t *testing.T) {
	t.Parallel()
	l, _ := openLedger(t)
	if err := l.await(t.Context(), time.Millisecond, func(facts) bool { return false }); !errors.Is(err, errLate) {
		t.Errorf("%v, want errLate", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.await(ctx, time.Minute, func(facts) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if err := l.await(ctx, time.Minute, func(facts) bool { return true }); err != nil {
		t.Error(err)
	}
}
