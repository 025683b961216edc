package incidentpg_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentpg"
	"github.com/theriac/theriac/incident/incidenttest"
	"github.com/theriac/theriac/internal/pgkit/pgkittest"
	"github.com/theriac/theriac/internal/pgtest"
)

var postgres = pgtest.Shared{Options: pgtest.Options{NoSync: true, Migrate: migrate,
	Settings: []string{"max_connections=400"}}}

func TestMain(m *testing.M) { goleak.VerifyTestMain(postgres.Main(m)) }

func migrate(ctx context.Context, url string) error {
	return pgkittest.Migrate(incidentpg.Migrator)(ctx, url)
}

func TestKit(t *testing.T) {
	t.Parallel()
	pgkittest.Run(t, pgkittest.Kit{
		Postgres: &postgres, Migrator: incidentpg.Migrator, VersionTable: "theriac.incident_version",
		Kinds: incidentpg.Kinds(), Classify: incidentpg.Classify, Table: "theriac.incident_event",
		Open: func(ctx context.Context, url string, opt pgkittest.Options) (*pgkittest.Store, error) {
			s, err := incidentpg.Open(ctx, url, incidentpg.Options{MaxConns: opt.MaxConns, StatementTimeout: opt.StatementTimeout})
			if err != nil {
				return nil, err
			}
			return kitStore(s), nil
		},
	})
}

func kitStore(s *incidentpg.Store) *pgkittest.Store {
	var id ids
	return &pgkittest.Store{
		Write: func(ctx context.Context) error {
			_, err := s.Create(ctx, id.incident(incident.Key{Text: id.next()}), []incident.Event{id.event("")})
			return err
		},
		Count: func(ctx context.Context) (int, error) {
			page, err := s.List(ctx, incident.Filter{})
			return len(page.Incidents), err
		},
		Session: func(ctx context.Context, expression string) (string, error) {
			return incidentpg.Session(ctx, s, expression)
		},
		Close: s.Close,
	}
}

// open opens the store at url for the length of the test.
func open(t testing.TB, url string) *incidentpg.Store {
	t.Helper()
	s, err := incidentpg.Open(t.Context(), url, incidentpg.Options{})
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

// movableClock gives the database a clock that advance moves: now() is looked for in
// the schema "clock" first, by every connection from then on.
func movableClock(t testing.TB, url string) (advance func(t testing.TB, d time.Duration)) {
	conn := pgtest.Connect(t, url)
	pgtest.Execute(t, conn, "CREATE SCHEMA clock", "CREATE TABLE clock.moved (by interval NOT NULL)", "INSERT INTO clock.moved VALUES ('0')",
		`CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE
			AS $$ SELECT pg_catalog.now() + by FROM clock.moved $$`,
		`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = clock, pg_catalog', current_database()); END $$`)
	return func(t testing.TB, d time.Duration) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), "UPDATE clock.moved SET by = by + $1", d); err != nil {
			t.Fatal(err)
		}
	}
}

// ids gives ids in their order.
type ids struct{ n atomic.Int64 }

func (i *ids) next() string { return fmt.Sprintf("018f0000-0000-7000-8000-%012x", i.n.Add(1)) }

func (i *ids) incident(keys ...incident.Key) incident.Incident {
	now := time.Now()
	return incident.Incident{ID: i.next(), Name: "checkout is down", Status: incident.Investigating, Mode: incident.ModeStandard,
		Visibility: incident.Public, Keys: keys, Times: incident.Times{Created: now, Updated: now}}
}

func (i *ids) event(key string) incident.Event {
	now := time.Now()
	return incident.Event{ID: i.next(), Type: incident.EvDeclared, V: 1, OccurredAt: now, RecordedAt: now, Key: key}
}

func TestStore(t *testing.T) {
	t.Parallel()
	incidenttest.RunStoreTests(t, func(t testing.TB) incidenttest.Harness {
		url := postgres.Database(t)
		advance := movableClock(t, url)
		return incidenttest.Harness{Store: open(t, url), Other: open(t, url), Advance: advance}
	})
}
