package quarantinepg_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

func execute(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// TestCommitsAreDurable: what is held is acknowledged next, so a server that is
// set to lose commits is not left so, and one that is set to be stricter is.
func TestCommitsAreDurable(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	admin := connect(t, url)
	for set, want := range map[string]string{"off": "on", "on": "on", "remote_apply": "remote_apply"} {
		execute(t, admin, fmt.Sprintf(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET synchronous_commit = %s', current_database()); END $$`, set))
		s := open(t, url)
		got, err := quarantinepg.Session(t.Context(), s, "current_setting('synchronous_commit')")
		if err != nil || got != want {
			t.Errorf("the database's default %s became %q, %v, want %q", set, got, err, want)
		}
	}
}

// failing makes every insert of an entry fail with a SQLSTATE, n times, and
// returns what counts the tries: a sequence knows no rollback.
func failing(t *testing.T, conn *pgx.Conn, sqlstate string, n int) func() int {
	t.Helper()
	execute(t, conn, "DROP SEQUENCE IF EXISTS tries CASCADE", "CREATE SEQUENCE tries", fmt.Sprintf(`
		CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('tries') <= %d THEN RAISE EXCEPTION 'told to' USING ERRCODE = '%s'; END IF;
			RETURN NEW;
		END $$`, n, sqlstate),
		"CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON theriac.entry FOR EACH ROW EXECUTE FUNCTION fail()")
	return func() (tries int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "SELECT last_value FROM tries").Scan(&tries); err != nil {
			t.Fatal(err)
		}
		return tries
	}
}

func TestRollbacksForTheSakeOfOthersAreTriedAgain(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s, admin := open(t, url), connect(t, url)
	n := 0
	for _, tt := range []struct {
		sqlstate    string
		fails, want int
		err         error
	}{
		{"40001", 2, 3, nil},
		{"40P01", 4, 5, nil},
		{"40001", 99, 5, quarantine.ErrUnavailable},
		{"53100", 99, 1, quarantine.ErrUnavailable},
		{"22021", 99, 1, quarantine.ErrRefusedData},
	} {
		tries := failing(t, admin, tt.sqlstate, tt.fails)
		n++
		results, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{entry(n)})
		if got := tries(); !errors.Is(err, tt.err) || got != tt.want {
			t.Errorf("%s, %d times: %v after %d tries, want %v after %d", tt.sqlstate, tt.fails, err, got, tt.err, tt.want)
		}
		if err == nil && !results[0].Created {
			t.Errorf("%s: a transaction that was run again found its own entry", tt.sqlstate)
		}
	}
	if page, err := s.EntryList(t.Context(), quarantine.Query{}); err != nil || page.Total != 2 {
		t.Errorf("%d entries, %v, want those of the two that went well", page.Total, err)
	}
}

// TestSilentServer stops a backend, so that the connection lives and says
// nothing: neither the server's own timeout nor the end of the connection helps.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s, err := quarantinepg.Open(t.Context(), quarantinepg.Config{URL: url, MaxConns: 1, StatementTimeout: 250 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }() // never fails
	text, err := quarantinepg.Session(t.Context(), s, "pg_backend_pid()::text")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	_, err = s.HoldEntries(t.Context(), []quarantine.NewEntry{entry(1)})
	if !errors.Is(err, quarantine.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent server: %v, want ErrUnavailable by the deadline of the call", err)
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		if _, err = s.HoldEntries(t.Context(), []quarantine.NewEntry{entry(2)}); err == nil {
			break
		}
		if !errors.Is(err, quarantine.ErrUnavailable) || n > 20 {
			t.Fatalf("when it speaks again: %v", err)
		}
	}
}

func TestOpen_RefusesAWrongConfig(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	for name, cfg := range map[string]quarantinepg.Config{
		"no URL":               {},
		"another scheme":       {URL: "mysql://127.0.0.1/db"},
		"less than none":       {URL: url, MaxConns: -1},
		"no time":              {URL: url, StatementTimeout: -time.Second},
		"more than is counted": {URL: url, StatementTimeout: 30 * 24 * time.Hour},
	} {
		if _, err := quarantinepg.Open(t.Context(), cfg); !errors.Is(err, quarantine.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
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
