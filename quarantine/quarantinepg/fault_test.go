package quarantinepg_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

func entry(n int) quarantine.NewEntry {
	m := handlers.Message{ID: fmt.Sprint("m-", n), Data: []byte("x")}
	return quarantine.NewEntry{Identity: quarantine.Identity("billing", m.Identity()),
		Entry: quarantine.Entry{ID: fmt.Sprintf("018f0000-0000-7000-8000-%012x", n), Subscription: "billing",
			Message: m, Size: 1, SHA256: sha256.Sum256(m.Data), Fingerprint: "fp", Reason: handlers.ReasonFailed}}
}

// TestKilledBackends ends every connection of the store under it.
func TestKilledBackends(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s, err := quarantinepg.Open(t.Context(), quarantinepg.Config{URL: url, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }() // never fails
	admin := pgtest.Connect(t, url)
	m, err := s.Join(t.Context(), quarantine.Worker{Name: "w-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{entry(1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}

	// The pool may notice by itself; if it does not, the caller learns that the
	// moment is to blame, and not its data.
	for n := 2; ; n++ {
		_, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{entry(n)})
		if err == nil {
			break
		}
		if !errors.Is(err, quarantine.ErrUnavailable) || n > 10 {
			t.Fatalf("after the backends were killed: %v", err)
		}
	}
	<-m.Lost() // nobody has to ask
	if err := m.Heartbeat(t.Context()); !errors.Is(err, quarantine.ErrNoWorker) {
		t.Errorf("heartbeat: %v, want ErrNoWorker", err)
	}
	if dead, err := s.ReapWorkers(t.Context()); err != nil || len(dead) != 1 {
		t.Errorf("reaped %v, %v", dead, err)
	}
	if err := m.Leave(t.Context()); err != nil {
		t.Errorf("leave: %v", err)
	}
	again, err := s.Join(t.Context(), quarantine.Worker{Name: "w-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Leave(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestServerRestart stops the server as a crash does, and starts it again.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{Migrate: migrate})
	s := open(t, server.Database(t))
	if _, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{entry(1)}); err != nil {
		t.Fatal(err)
	}
	m, err := s.Join(t.Context(), quarantine.Worker{Name: "w-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	_, err = s.HoldEntries(t.Context(), []quarantine.NewEntry{entry(2)})
	if !errors.Is(err, quarantine.ErrUnavailable) {
		t.Errorf("with the server gone: %v, want ErrUnavailable", err)
	}
	if _, err := s.EntryList(t.Context(), quarantine.Query{}); !errors.Is(err, quarantine.ErrUnavailable) {
		t.Errorf("a list with the server gone: %v, want ErrUnavailable", err)
	}
	<-m.Lost()
	if err := m.Heartbeat(t.Context()); !errors.Is(err, quarantine.ErrNoWorker) {
		t.Errorf("heartbeat with the server gone: %v, want ErrNoWorker", err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := s.EntryList(t.Context(), quarantine.Query{})
	for range 8 { // each broken connection of the pool may be met once
		if err == nil {
			break
		}
		page, err = s.EntryList(t.Context(), quarantine.Query{})
	}
	if err != nil || page.Total != 1 {
		t.Errorf("after the restart: %d entries, %v, want the one that was held", page.Total, err)
	}
	if dead, err := s.ReapWorkers(t.Context()); err != nil || len(dead) != 1 {
		t.Errorf("reaped %v, %v", dead, err)
	}
}

// TestRefusedData: the names of subscriptions are ours and stand in text
// columns, which refuse NUL; that shows how a refusal of the server is told.
func TestRefusedData(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Database(t))
	n := entry(1)
	n.Entry.Subscription = "a\x00b"
	_, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{entry(2), n})
	if !errors.Is(err, quarantine.ErrRefusedData) {
		t.Errorf("error %v, want ErrRefusedData", err)
	}
	n.Entry.Subscription, n.Entry.ID = "billing", "no uuid"
	if _, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{n}); !errors.Is(err, quarantine.ErrRefusedData) {
		t.Errorf("error %v, want ErrRefusedData", err)
	}
}

// TestChanges_WaitForAnOlderTransaction: what commits late, with an older
// number than what was told already, is told later.
func TestChanges_WaitForAnOlderTransaction(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s := open(t, url)
	older := pgtest.Connect(t, url)
	if _, err := older.Exec(t.Context(), `BEGIN; INSERT INTO theriac.message (identity, subscription, message_id, failures)
		VALUES ('i', 'billing', 'late', 1)`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{entry(1)}); err != nil {
		t.Fatal(err)
	}
	before, err := s.Changes(t.Context(), 0)
	if err != nil || len(before.Marks) != 1 || before.Marks[0].MessageID != "m-1" {
		t.Fatalf("before the older one commits: %+v, %v", before, err)
	}
	if _, err := older.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	after, err := s.Changes(t.Context(), before.Cursor)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range after.Marks {
		if m.MessageID == "late" && m.Standing == handlers.StandingFailing {
			return
		}
	}
	t.Errorf("the older transaction was skipped: %+v", after.Marks)
}

// TestLongIds: brokers choose their ids; no index may bound them.
func TestLongIds(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Database(t))
	n := entry(1)
	n.Entry.Message.ID = strings.Repeat("x\x00\xff", 100_000)
	if _, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{n}); err != nil {
		t.Fatal(err)
	}
	got, err := s.EntryGet(t.Context(), quarantine.EntryKey{MessageID: n.Entry.Message.ID}, quarantine.GetOptions{})
	if err != nil || got.ID != n.Entry.ID || got.Message.ID != n.Entry.Message.ID {
		t.Errorf("found %q, %v", got.ID, err)
	}
}
