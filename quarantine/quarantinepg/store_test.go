package quarantinepg_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinepg"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

var postgres = pgtest.Shared{Options: pgtest.Options{NoSync: true, Migrate: migrate,
	Settings: []string{"max_connections=400"}}}

func TestMain(m *testing.M) { goleak.VerifyTestMain(postgres.Main(m)) }

func migrate(ctx context.Context, url string) error {
	m, err := quarantinepg.Migrator(url)
	if err != nil {
		return err
	}
	if _, err = m.Up(ctx); err != nil {
		return err
	}
	return m.Close()
}

func TestStore(t *testing.T) {
	t.Parallel()
	quarantinetest.RunStoreTests(t, func(t testing.TB) quarantinetest.Harness {
		url := postgres.Database(t)
		return quarantinetest.Harness{Store: open(t, url), Other: open(t, url),
			Kill: func(t testing.TB, m quarantine.Membership) { kill(t, url, m) },
			Age:  func(t testing.TB, m quarantine.Membership, d time.Duration) { age(t, url, m, d) }}
	})
}

// open opens the store at url for the length of the test.
func open(t testing.TB, url string) *quarantinepg.Store {
	t.Helper()
	s, err := quarantinepg.Open(t.Context(), quarantinepg.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// kill ends the server's side of a membership and waits until it is gone.
func kill(t testing.TB, url string, m quarantine.Membership) {
	t.Helper()
	var gone bool
	if err := connect(t, url).QueryRow(t.Context(), "SELECT pg_terminate_backend($1, 10000)",
		quarantinepg.BackendPID(m)).Scan(&gone); err != nil || !gone {
		t.Fatalf("terminate the backend: %v, %v", gone, err)
	}
	if err := m.Heartbeat(t.Context()); err == nil {
		t.Error("the heartbeat of a dead connection is well")
	}
}

// age makes a worker look as if it had not been heard of for d longer.
func age(t testing.TB, url string, m quarantine.Membership, d time.Duration) {
	t.Helper()
	if _, err := connect(t, url).Exec(t.Context(), "UPDATE theriac.worker SET heard_at = heard_at - $2::interval WHERE incarnation = $1",
		m.Incarnation(), d); err != nil {
		t.Fatal(err)
	}
}

// connect opens a plain connection for the length of the test.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return conn
}
