package e2e

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/consumer/ward"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
)

// wardedVariable makes the test binary a guarded worker with wards and a quarantine: state directory,
// broker, token file and way of dying, with | between them.
const wardedVariable = "E2E_WARDED_WORKER"

// wardedWorker is the whole program, as a user would write it.
func wardedWorker(spec string) error {
	part := strings.Split(spec, "|")
	dir, url, token, way := part[0], part[1], part[2], part[3]
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg := guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "worker", Slots: 32}},
		StateDir: filepath.Join(dir, "guardian"), StopTimeout: 10 * time.Second, Logger: log,
	}
	sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
		return workOrDie(ctx, m, way)
	})}
	sub.Policy.Timeout = 20 * time.Second // the good ones must not be late on a busy machine
	return guardian.Run(context.Background(), cfg, func(ctx context.Context, role guardian.Role) error {
		if role.Ward {
			return ward.Serve(ctx, role, ward.ServeConfig{Logger: log}, sub)
		}
		return serveWarded(ctx, role, sub, dir, url, token, log)
	})
}

func serveWarded(ctx context.Context, role guardian.Role, sub consumer.Subscription, dir, url, token string, log *slog.Logger) error {
	conn, err := natsjs.Connect(natsjs.ConnectConfig{URL: url, TokenFile: token})
	if err != nil {
		return err
	}
	defer conn.Close()
	source, err := natsjs.NewSource(conn, natsjs.Config{Stream: "S", Consumer: "c"})
	if err != nil {
		return err
	}
	store, err := quarantinelite.Open(ctx, quarantinelite.Config{Path: filepath.Join(dir, "quarantine.db")})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	service, err := quarantine.New(store, quarantine.Config{Logger: log,
		Worker: quarantine.Worker{Name: "worker", Subscriptions: []string{"orders"}}})
	if err != nil {
		return err
	}
	wards, err := ward.Open(role, ward.Config{Docket: service, Logger: log})
	if err != nil {
		return err
	}
	c, err := consumer.New(source, sub, consumer.Config{Guard: wards, Quarantine: service, MaxRunning: 32, Logger: log})
	if err != nil {
		return err
	}
	return runner.Run(ctx, service.Run, wards.Run, func(ctx context.Context) error {
		select {
		case <-service.Ready():
		case <-ctx.Done():
			return nil
		}
		role.Ready()
		return c.Run(ctx)
	})
}

// workOrDie works for a while on good messages; poison kills the process, each time.
func workOrDie(ctx context.Context, m handlers.Message, way string) error {
	if !bytes.HasPrefix(m.Data, []byte("poison")) {
		select {
		case <-time.After(100 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	<-time.After(50 * time.Millisecond) // the others have begun by now
	switch way {
	case "child panics":
		done := make(chan struct{})
		go func() { defer close(done); panic("poison") }()
		<-done
	case "exit":
		os.Exit(1)
	case "killed":
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// TestWard_ContainsWhatKillsTheProcess: one death of the worker, the poison held with proof, everything
// else done.
func TestWard_ContainsWhatKillsTheProcess(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		way   string
		bytes int
	}{
		"child panics": {"child panics", 6}, "exit": {"exit", 6}, "killed": {"killed", 6},
		// Too large for the table: it runs alone when it is delivered again.
		"child panics, large": {"child panics", 1 << 20}, "exit, large": {"exit", 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const good = 12
			dir := t.TempDir()
			broker, err := embedded.Start(t.Context(), embedded.Config{Dir: filepath.Join(dir, "broker"), SyncEvery: time.Minute})
			check(t, err)
			t.Cleanup(func() { check(t, broker.Close()) })
			settled, poison := fill(t, broker, good, append([]byte("poison"), make([]byte, tc.bytes-6)...))

			said, stop := startGuarded(t, wardedVariable, dir, broker.URL(), broker.Endpoint().TokenFile, tc.way)
			settled(t)
			stop()
			checkContained(t, dir, poison)
			if n := len(workerStarts.FindAllString(said.String(), -1)); n != 2 {
				t.Errorf("%d workers were started, want 2: the poison costs one", n)
			}
		})
	}
}

// workerStarts matches what the guardian says of workers, and not of their wards.
var workerStarts = regexp.MustCompile(`msg="role started" role=worker pid=\d+ incarnation=worker-[a-z0-9]+-\d`)

// checkContained asks the store what is held.
func checkContained(t *testing.T, dir, poison string) {
	t.Helper()
	store, err := quarantinelite.Open(t.Context(), quarantinelite.Config{Path: filepath.Join(dir, "quarantine.db")})
	check(t, err)
	defer func() { check(t, store.Close()) }()
	page, err := store.EntryList(t.Context(), quarantine.Query{})
	check(t, err)
	if len(page.Entries) != 1 {
		t.Fatalf("%d entries are held, want the poison alone: %+v", len(page.Entries), page.Entries)
	}
	e := page.Entries[0]
	if e.Message.ID != poison || e.Reason != handlers.ReasonCrashed || e.Confidence != handlers.ConfidenceProvenAlone || e.Totals.Crashes != 2 {
		t.Errorf("held %s for %q (%s), crashes %d; want %s, crashed, proven alone, 2", e.Message.ID, e.Reason, e.Confidence, e.Totals.Crashes, poison)
	}
}
