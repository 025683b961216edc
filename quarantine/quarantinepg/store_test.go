package quarantinepg_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/internal/pgkit/pgkittest"
	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinepg"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

var postgres = pgtest.Shared{Options: pgtest.Options{NoSync: true, Migrate: migrate,
	Settings: []string{"max_connections=400"}}}

func TestMain(m *testing.M) { goleak.VerifyTestMain(postgres.Main(m)) }

func migrate(ctx context.Context, url string) error {
	return pgkittest.Migrate(quarantinepg.Migrator)(ctx, url)
}

func TestKit(t *testing.T) {
	t.Parallel()
	pgkittest.Run(t, pgkittest.Kit{
		Postgres: &postgres, Migrator: quarantinepg.Migrator, VersionTable: "theriac.quarantine_version",
		Kinds: quarantinepg.Kinds(), Classify: quarantinepg.Classify, Table: "theriac.entry",
		Open: func(ctx context.Context, url string, opt pgkittest.Options) (*pgkittest.Store, error) {
			s, err := quarantinepg.Open(ctx, quarantinepg.Config{URL: url, MaxConns: opt.MaxConns, StatementTimeout: opt.StatementTimeout})
			if err != nil {
				return nil, err
			}
			return kitStore(s), nil
		},
	})
}

func kitStore(s *quarantinepg.Store) *pgkittest.Store {
	n := 0
	return &pgkittest.Store{
		Write: func(ctx context.Context) error {
			n++
			results, err := s.HoldEntries(ctx, []quarantine.NewEntry{entry(n)})
			if err == nil && !results[0].Created {
				return errors.New("a transaction that was run again found its own entry")
			}
			return err
		},
		Count: func(ctx context.Context) (int, error) {
			page, err := s.EntryList(ctx, quarantine.Query{})
			return page.Total, err
		},
		Session: func(ctx context.Context, expression string) (string, error) {
			return quarantinepg.Session(ctx, s, expression)
		},
		Close: s.Close,
	}
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
	if err := pgtest.Connect(t, url).QueryRow(t.Context(), "SELECT pg_terminate_backend($1, 10000)",
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
	if _, err := pgtest.Connect(t, url).Exec(t.Context(), "UPDATE theriac.worker SET heard_at = heard_at - $2::interval WHERE incarnation = $1",
		m.Incarnation(), d); err != nil {
		t.Fatal(err)
	}
}
