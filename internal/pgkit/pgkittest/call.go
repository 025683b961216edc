package pgkittest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/internal/pgtest"
)

// testDurable: who stored something answers the world next, so a server that is set to lose commits is
// not left so, and one that is set to be stricter is.
func testDurable(t *testing.T, kit Kit) {
	url := kit.Postgres.Database(t)
	admin := pgtest.Connect(t, url)
	for set, want := range map[string]string{"off": "on", "on": "on", "remote_apply": "remote_apply"} {
		pgtest.Execute(t, admin, fmt.Sprintf(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET synchronous_commit = %s', current_database()); END $$`, set))
		got, err := kit.open(t, url, Options{}).Session(t.Context(), "current_setting('synchronous_commit')")
		if err != nil || got != want {
			t.Errorf("the database's default %s became %q, %v, want %q", set, got, err, want)
		}
	}
}

// failing makes every insert into the kit's table fail with a SQLSTATE, n times, and returns what
// counts the tries: a sequence knows no rollback.
func (k Kit) failing(t *testing.T, conn *pgx.Conn, sqlstate string, n int) func() int {
	t.Helper()
	pgtest.Execute(t, conn, "DROP SEQUENCE IF EXISTS public.tries CASCADE", "CREATE SEQUENCE public.tries", fmt.Sprintf(`
		CREATE OR REPLACE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('public.tries') <= %d THEN RAISE EXCEPTION 'told to' USING ERRCODE = '%s'; END IF;
			RETURN NEW;
		END $$`, n, sqlstate),
		"CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON "+k.Table+" FOR EACH ROW EXECUTE FUNCTION public.fail()")
	return func() (tries int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "SELECT last_value FROM public.tries").Scan(&tries); err != nil {
			t.Fatal(err)
		}
		return tries
	}
}

func testAgain(t *testing.T, kit Kit) {
	url := kit.Postgres.Database(t)
	s, admin := kit.open(t, url, Options{}), pgtest.Connect(t, url)
	for _, tt := range []struct {
		sqlstate    string
		fails, want int
		err         error
	}{
		{"40001", 2, 3, nil},
		{"40P01", 4, 5, nil},
		{"40001", 99, 5, kit.Kinds.Unavailable},
		{"53100", 99, 1, kit.Kinds.Unavailable},
		{"22021", 99, 1, kit.Kinds.Refused},
	} {
		tries := kit.failing(t, admin, tt.sqlstate, tt.fails)
		err := s.Write(t.Context())
		if got := tries(); !errors.Is(err, tt.err) || got != tt.want {
			t.Errorf("%s, %d times: %v after %d tries, want %v after %d", tt.sqlstate, tt.fails, err, got, tt.err, tt.want)
		}
	}
	if n, err := s.Count(t.Context()); err != nil || n != 2 {
		t.Errorf("%d are stored, %v, want those of the two that went well", n, err)
	}
}

// testSilentServer stops a backend, so that the connection lives and says nothing: neither the server's
// own timeout nor the end of the connection helps.
func testSilentServer(t *testing.T, kit Kit) {
	s := kit.open(t, kit.Postgres.Database(t), Options{MaxConns: 1, StatementTimeout: 250 * time.Millisecond})
	text, err := s.Session(t.Context(), "pg_backend_pid()::text")
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
	err = s.Write(t.Context())
	if !errors.Is(err, kit.Kinds.Unavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent server: %v, want %v by the deadline of the call", err, kit.Kinds.Unavailable)
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		if err = s.Write(t.Context()); err == nil {
			break
		}
		if !errors.Is(err, kit.Kinds.Unavailable) || n > 20 {
			t.Fatalf("when it speaks again: %v", err)
		}
	}
}

// testBlocked has another session hold a lock for longer than a caller, or a statement, may take.
func testBlocked(t *testing.T, kit Kit) {
	url := kit.Postgres.Database(t)
	s, patient := kit.open(t, url, Options{StatementTimeout: 50 * time.Millisecond}), kit.open(t, url, Options{})
	other := pgtest.Connect(t, url)
	pgtest.Execute(t, other, "BEGIN; LOCK TABLE "+kit.Table)
	if err := s.Write(t.Context()); !errors.Is(err, kit.Kinds.Unavailable) {
		t.Errorf("by the statement's timeout: %v, want %v", err, kit.Kinds.Unavailable)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := patient.Write(ctx); !errors.Is(err, kit.Kinds.Unavailable) {
		t.Errorf("by the caller's deadline: %v, want %v", err, kit.Kinds.Unavailable)
	}
	pgtest.Execute(t, other, "ROLLBACK")
	if err := patient.Write(t.Context()); err != nil {
		t.Errorf("when the lock is free: %v", err)
	}
}

func testClosed(t *testing.T, kit Kit) {
	s := kit.open(t, kit.Postgres.Database(t), Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context()); !errors.Is(err, kit.Kinds.Unavailable) {
		t.Errorf("after its end: %v, want %v", err, kit.Kinds.Unavailable)
	}
}
