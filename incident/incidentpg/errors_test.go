package incidentpg_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentpg"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code, constraint string
		want             error
	}{
		{"22021", "", incident.ErrInvalid}, // NUL or invalid UTF-8 in text
		{"22003", "", incident.ErrInvalid},
		{"54000", "", incident.ErrInvalid}, // too long for an index
		{"23514", "incident_status_check", incident.ErrInvalid},
		{"23505", "incident_pkey", incident.ErrInvalid},
		{"23505", "incident_event_key", incident.ErrDuplicate},
		{"23505", "incident_event_id_key", incident.ErrDuplicate},
		{"23505", "incident_outbox_event", incident.ErrDuplicate},
		{"23505", "incident_id_key", incident.ErrDuplicate},
		{"23505", "incident_key_pkey", incident.ErrUnavailable}, // for as long as it was tried
		{"23505", "settings_pkey", incident.ErrConflict},
		{"23505", "token_hash_key", incident.ErrConflict},
		{"23505", "person_slack", incident.ErrConflict},
		{"23505", "person_email", incident.ErrConflict},
		{"08006", "", incident.ErrUnavailable},
		{"40001", "", incident.ErrUnavailable},
		{"53100", "", incident.ErrUnavailable}, // disk full
		{"53300", "", incident.ErrUnavailable}, // too many connections
		{"57014", "", incident.ErrUnavailable}, // statement timeout
		{"57P01", "", incident.ErrUnavailable},
		{"25006", "", incident.ErrUnavailable}, // read-only after a failover
		{"28P01", "", incident.ErrUnavailable}, // wrong password
		{"3D000", "", incident.ErrUnavailable}, // no such database
		{"42P01", "", incident.ErrSchema},      // no such table
		{"42703", "", incident.ErrSchema},
	} {
		server := &pgconn.PgError{Code: tt.code, ConstraintName: tt.constraint, Message: "m"}
		if err := incidentpg.Classify(fmt.Errorf("wrapped: %w", server)); !errors.Is(err, tt.want) || !errors.Is(err, server) {
			t.Errorf("%s %s: %v, want %v and the server's own", tt.code, tt.constraint, err, tt.want)
		}
	}
	for _, err := range []error{context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF} {
		if got := incidentpg.Classify(err); !errors.Is(got, incident.ErrUnavailable) || !errors.Is(got, err) {
			t.Errorf("%v became %v, want ErrUnavailable and itself", err, got)
		}
	}
	for _, err := range []error{&pgconn.PgError{Code: "42601"}, &pgconn.PgError{}, errors.New("a mistake of ours")} {
		got := incidentpg.Classify(err)
		for _, kind := range []error{incident.ErrUnavailable, incident.ErrInvalid, incident.ErrSchema} {
			if errors.Is(got, kind) {
				t.Errorf("%v is taken for %v", err, kind)
			}
		}
	}
}

func TestOpen_NeverShowsThePassword(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"nobody listens": "postgres://ana:s3cret@127.0.0.1:1/db?connect_timeout=1",
		"in parameters":  "postgres://ana@127.0.0.1:1/db?password=s3cret&connect_timeout=1",
		"key and value":  "host=127.0.0.1 port=1 user=ana password=s3cret connect_timeout=1",
		"bad port":       "postgres://ana:s3cret@127.0.0.1:port/db",
		"bad escape":     "postgres://ana:s3cret%zz@127.0.0.1/db",
		"bad parameter":  "postgres://ana:s3cret@127.0.0.1/db?sslmode=s3cret",
		"no URL":         "s3cret",
	} {
		_, err := incidentpg.Open(t.Context(), url, incidentpg.Options{})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
		if !errors.Is(err, incident.ErrUnavailable) && !errors.Is(err, incident.ErrInvalid) {
			t.Errorf("%s: %v, want ErrUnavailable or ErrInvalid", name, err)
		}
	}
}

// failing makes every insert of an event fail with a SQLSTATE, n times, and returns
// what counts the tries: a sequence knows no rollback.
func failing(t *testing.T, conn *pgx.Conn, sqlstate string, n int) func() int {
	t.Helper()
	execute(t, conn, "DROP SEQUENCE IF EXISTS public.tries CASCADE", "CREATE SEQUENCE public.tries", fmt.Sprintf(`
		CREATE OR REPLACE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('public.tries') <= %d THEN RAISE EXCEPTION 'told to' USING ERRCODE = '%s'; END IF;
			RETURN NEW;
		END $$`, n, sqlstate),
		"CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON theriac.incident_event FOR EACH ROW EXECUTE FUNCTION public.fail()")
	return func() (tries int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "SELECT last_value FROM public.tries").Scan(&tries); err != nil {
			t.Fatal(err)
		}
		return tries
	}
}

func TestRollbacksForTheSakeOfOthersAreTriedAgain(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s, admin := open(t, url), connect(t, url)
	var id ids
	for _, tt := range []struct {
		sqlstate    string
		fails, want int
		err         error
	}{
		{"40001", 2, 3, nil},
		{"40P01", 4, 5, nil},
		{"40001", 99, 5, incident.ErrUnavailable},
		{"53100", 99, 1, incident.ErrUnavailable},
		{"22021", 99, 1, incident.ErrInvalid},
	} {
		tries := failing(t, admin, tt.sqlstate, tt.fails)
		_, err := s.Create(t.Context(), id.incident(incident.Key{Text: id.next()}), []incident.Event{id.event("")})
		if got := tries(); !errors.Is(err, tt.err) || got != tt.want {
			t.Errorf("%s, %d times: %v after %d tries, want %v after %d", tt.sqlstate, tt.fails, err, got, tt.err, tt.want)
		}
	}
	if page, err := s.List(t.Context(), incident.Filter{}); err != nil || len(page.Incidents) != 2 {
		t.Errorf("%d incidents, %v, want those of the two that went well", len(page.Incidents), err)
	}
}

// TestSilentServer stops a backend, so that the connection lives and says
// nothing: neither the server's own timeout nor the end of the connection helps.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s, err := incidentpg.Open(t.Context(), url, incidentpg.Options{MaxConns: 1, StatementTimeout: 250 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }() // never fails
	text, err := incidentpg.Session(t.Context(), s, "pg_backend_pid()::text")
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
	var id ids
	_, err = s.Create(t.Context(), id.incident(), []incident.Event{id.event("")})
	if !errors.Is(err, incident.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent server: %v, want ErrUnavailable by the deadline of the call", err)
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		if _, err = s.Create(t.Context(), id.incident(), nil); err == nil {
			break
		}
		if !errors.Is(err, incident.ErrUnavailable) || n > 20 {
			t.Fatalf("when it speaks again: %v", err)
		}
	}
}
