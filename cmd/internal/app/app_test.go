package app_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentlite"
	"github.com/theriac/theriac/internal/fakepubsub"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
)

func TestMain(m *testing.M) {
	// Google's client starts this one when it is linked, and never ends it.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

func sqlite(path string) config.Endpoint { return config.Endpoint{Kind: config.SQLite, Address: path} }

// makeStore makes an empty store with its schema.
func makeStore(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	s, err := quarantinelite.Open(t.Context(), quarantinelite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpen_ReadDoesNotWrite(t *testing.T) {
	t.Parallel()
	room, err := app.Open(t.Context(), sqlite(makeStore(t)), app.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer room.Close()
	page, err := room.Service.EntryList(t.Context(), quarantine.Query{})
	if err != nil || page.Total != 0 {
		t.Errorf("listed %d entries: %v", page.Total, err)
	}
}

func TestOpen_NeverMakesAStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, e := range []config.Endpoint{
		sqlite(filepath.Join(dir, "gone.db")),
		{Kind: config.SQLite, Address: filepath.Join(dir, "quarantine.db"), Own: true},
		{Kind: config.SQLite, Address: filepath.Join(dir, "gone", "quarantine.db"), Own: true},
	} {
		for _, access := range []app.Access{app.Read, app.Write} {
			_, err := app.Open(t.Context(), e, access)
			if _, ok := errors.AsType[*app.MissingError](err); !ok || problem.Of(err) != problem.Unavailable {
				t.Errorf("open %s: %v (%s)", e, err, problem.Of(err))
			}
		}
		if _, err := app.OpenMigrator(t.Context(), app.QuarantineSchema, e); problem.Of(err) != problem.Unavailable {
			t.Errorf("migrate %s: %v", e, err)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("looking made %v (%v)", files, err)
	}
}

// TestOpen_NewerSchema opens the store of a program that is not written yet.
func TestOpen_NewerSchema(t *testing.T) {
	t.Parallel()
	path := makeStore(t)
	bump(t, path, "quarantine_version")
	for _, access := range []app.Access{app.Read, app.Write} {
		_, err := app.Open(t.Context(), sqlite(path), access)
		if !errors.Is(err, quarantine.ErrSchema) || !strings.Contains(err.Error(), "newer program") || problem.Of(err) != problem.Unavailable {
			t.Errorf("opened: %v", err)
		}
	}
	m, err := app.OpenMigrator(t.Context(), app.QuarantineSchema, sqlite(path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := m.Up(t.Context()); err == nil {
		t.Error("a newer schema was migrated")
	}
}

func TestOpen_UnreachablePostgres(t *testing.T) {
	t.Parallel()
	e := config.Endpoint{Kind: config.Postgres, Address: "postgres://ana:hunter2@" + closedPort(t) + "/x"}
	_, opening := app.Open(t.Context(), e, app.Read)
	_, migrating := app.OpenMigrator(t.Context(), app.QuarantineSchema, e)
	for _, err := range []error{opening, migrating} {
		if _, ok := errors.AsType[*app.UnreachableError](err); !ok || problem.Of(err) != problem.Unavailable {
			t.Errorf("%v is %s", err, problem.Of(err))
		}
		if text := err.Error(); !strings.HasSuffix(text, "(connection refused)") || strings.Contains(text, "hunter2") || strings.Contains(text, "\n") {
			t.Errorf("said %q", text)
		}
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

func TestPingBroker_Embedded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := config.Endpoint{Kind: config.Embedded, Address: dir, Own: true}
	if err := app.PingBroker(t.Context(), e); problem.Of(err) != problem.Unavailable {
		t.Errorf("no broker runs, got %v", err)
	}
	s, err := embedded.Start(t.Context(), embedded.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := app.PingBroker(t.Context(), e); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := app.PingBroker(t.Context(), e); problem.Of(err) != problem.Unavailable {
		t.Errorf("the broker ended, got %v", err)
	}
}

func TestPingBroker_NATS(t *testing.T) {
	t.Parallel()
	err := app.PingBroker(t.Context(), config.Endpoint{Kind: config.NATS, Address: "nats://ana:hunter2@" + closedPort(t)})
	if problem.Of(err) != problem.Unavailable || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v (%s)", err, problem.Of(err))
	}
}

func TestPingBroker_PubSub(t *testing.T) {
	s, err := fakepubsub.Start(fakepubsub.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	t.Setenv("PUBSUB_EMULATOR_HOST", s.Addr())
	e := config.Endpoint{Kind: config.PubSub, Address: "my-project"}
	if err := app.PingBroker(t.Context(), e); err != nil {
		t.Error(err)
	}
	t.Setenv("PUBSUB_EMULATOR_HOST", closedPort(t))
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := app.PingBroker(ctx, e); problem.Of(err) != problem.Unavailable {
		t.Errorf("nobody listens, got %v", err)
	}
}

// bump says in the store that a later step was applied.
func bump(t *testing.T, path, table string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO "+table+" (version_id, is_applied) VALUES (9999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestOpenIncidents_MakesAStoreOnlyToWrite is what keeps a look, or a verb on what cannot be there, from
// leaving an empty store behind.
func TestOpenIncidents_MakesAStoreOnlyToWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own := config.Endpoint{Kind: config.SQLite, Address: filepath.Join(dir, "data", "incident.db"), Own: true}
	for _, access := range []app.Access{app.Read, app.Amend} {
		_, err := app.OpenIncidents(t.Context(), own, access)
		if _, ok := errors.AsType[*app.MissingError](err); !ok || problem.Of(err) != problem.Unavailable {
			t.Errorf("opened for %d: %v (%s)", access, err, problem.Of(err))
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("looking made %v (%v)", files, err)
	}
	if _, err := app.OpenIncidents(t.Context(), sqlite(filepath.Join(dir, "elsewhere", "incident.db")), app.Write); problem.Of(err) != problem.Unavailable {
		t.Errorf("made a directory that is not ours: %v", err)
	}
	for _, access := range []app.Access{app.Write, app.Amend, app.Read} {
		s, err := app.OpenIncidents(t.Context(), own, access)
		if err != nil {
			t.Fatal(err)
		}
		err = s.SavePerson(t.Context(), incident.Person{ID: "ana", Name: "Ana", Role: incident.Viewer})
		if read := access == app.Read; (err != nil) != read || read && !errors.Is(err, incident.ErrUnavailable) {
			t.Errorf("writing, opened for %d: %v", access, err)
		}
		if p, err := s.Person(t.Context(), "ana"); err != nil || p.Name != "Ana" {
			t.Errorf("read %+v (%v)", p, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestOpenIncidents_ReadDoesNotMigrate opens a store that an older program made.
func TestOpenIncidents_ReadDoesNotMigrate(t *testing.T) {
	t.Parallel()
	e := sqlite(filepath.Join(t.TempDir(), "incident.db"))
	s, err := app.OpenIncidents(t.Context(), e, app.Write)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	m, err := app.OpenMigrator(t.Context(), app.IncidentSchema, e)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := m.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := app.OpenIncidents(t.Context(), e, app.Read); !errors.Is(err, incident.ErrSchema) || problem.Of(err) != problem.Unavailable {
		t.Errorf("opened: %v", err)
	}
	if have, err := m.Have(t.Context()); err != nil || have != 0 {
		t.Errorf("looking migrated to %d (%v)", have, err)
	}
	if done, err := m.Up(t.Context()); err != nil || len(done) == 0 {
		t.Errorf("migrated %v: %v", done, err)
	}
}

func TestOpenIncidents_UnreachablePostgres(t *testing.T) {
	t.Parallel()
	e := config.Endpoint{Kind: config.Postgres, Address: "postgres://ana:hunter2@" + closedPort(t) + "/x"}
	_, opening := app.OpenIncidents(t.Context(), e, app.Write)
	_, migrating := app.OpenMigrator(t.Context(), app.IncidentSchema, e)
	for _, err := range []error{opening, migrating} {
		if _, ok := errors.AsType[*app.UnreachableError](err); !ok || problem.Of(err) != problem.Unavailable {
			t.Errorf("%v is %s", err, problem.Of(err))
		}
		if text := err.Error(); !strings.HasSuffix(text, "(connection refused)") || strings.Contains(text, "hunter2") || strings.Contains(text, "\n") {
			t.Errorf("said %q", text)
		}
	}
}

// TestSchemaSteps_NewerThanThisProgram_IsAnError: a store that nothing here can open is not well.
func TestSchemaSteps_NewerThanThisProgram_IsAnError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "incident.db")
	store, err := incidentlite.Open(t.Context(), path, incidentlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	at := sqlite(path)
	if steps, err := app.SchemaSteps(t.Context(), app.IncidentSchema, at); err != nil || len(steps) == 0 {
		t.Fatalf("%d steps, %v", len(steps), err)
	}
	bump(t, path, "incident_version")
	if _, err := app.SchemaSteps(t.Context(), app.IncidentSchema, at); err == nil || !strings.Contains(err.Error(), "use a newer program") {
		t.Errorf("it says %v", err)
	}
}
