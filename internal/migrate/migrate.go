// Package migrate runs an embedded folder of goose migrations against one
// database. Nothing here migrates by itself: a store asks [Migrator.Check] when
// it is opened, and only [Migrator.Up] and [Migrator.Down] change a schema.
package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

// Config says what to migrate.
type Config struct {
	// Dialect is goose.DialectPostgres or goose.DialectSQLite3, no other.
	Dialect goose.Dialect
	// DB is the database; Close closes it.
	DB *sql.DB
	// Files are the migrations, at the root of the file system.
	Files fs.FS
	// Table keeps the version, with its schema where there are schemas.
	Table string
	// Prepare is run before the first migration, for the schema that Table is in;
	// "" runs nothing.
	Prepare string
	// Command is what a person types to bring the schema up to date; it stands in
	// the error of Check.
	Command string
}

// Migrator migrates one database. On Postgres Up and Down hold a session lock,
// so that many may be started at once; elsewhere the caller keeps them apart.
type Migrator struct {
	cfg      Config
	provider *goose.Provider
	store    database.Store
}

// Migration is one step of the schema.
type Migration struct {
	// Version is its number, Name its file.
	Version int64
	Name    string
	// Applied is when it was applied, zero while it is pending.
	Applied time.Time
}

// VersionError says that the schema is not the one that this program needs.
type VersionError struct {
	// Have is the version of the schema, Want the one that the program needs.
	Have, Want int64
	// Command brings an older schema up to date.
	Command string
}

// Error says which is newer and what to do.
func (e *VersionError) Error() string {
	if e.Have > e.Want {
		return fmt.Sprintf("schema is at %d, this program knows only %d; use a newer program", e.Have, e.Want)
	}
	return fmt.Sprintf("schema is at %d, this program needs %d; run: %s", e.Have, e.Want, e.Command)
}

// ProblemKind returns "unavailable".
func (e *VersionError) ProblemKind() string { return "unavailable" }

// New returns a migrator. It does not connect.
func New(cfg Config) (*Migrator, error) {
	store, err := database.NewStore(cfg.Dialect, cfg.Table)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	options := []goose.ProviderOption{goose.WithTableName(cfg.Table), goose.WithDisableGlobalRegistry(true)}
	if cfg.Dialect == goose.DialectPostgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(cfg.Dialect, cfg.DB, cfg.Files, options...)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return &Migrator{cfg: cfg, provider: provider, store: store}, nil
}

// Close closes the database.
func (m *Migrator) Close() error { return m.cfg.DB.Close() }

// Want is the version that this program needs.
func (m *Migrator) Want() int64 {
	sources := m.provider.ListSources()
	return sources[len(sources)-1].Version
}

// Have returns the version of the schema, 0 for an empty database. It changes
// nothing.
func (m *Migrator) Have(ctx context.Context) (int64, error) {
	if exists, err := m.exists(ctx); err != nil || !exists {
		return 0, err
	}
	have, err := m.store.GetLatestVersion(ctx, m.cfg.DB)
	if errors.Is(err, database.ErrVersionNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return have, nil
}

// exists tells whether the version table does. goose would create it.
func (m *Migrator) exists(ctx context.Context) (exists bool, err error) {
	query := "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = $1)"
	if m.cfg.Dialect == goose.DialectPostgres {
		query = "SELECT to_regclass($1) IS NOT NULL"
	}
	if err := m.cfg.DB.QueryRowContext(ctx, query, m.cfg.Table).Scan(&exists); err != nil {
		return false, fmt.Errorf("look for the schema: %w", err)
	}
	return exists, nil
}

// Check returns a *[VersionError] unless the schema is the one that this
// program needs. It changes nothing.
func (m *Migrator) Check(ctx context.Context) error {
	have, err := m.Have(ctx)
	if err != nil {
		return err
	}
	if want := m.Want(); have != want {
		return &VersionError{Have: have, Want: want, Command: m.cfg.Command}
	}
	return nil
}

// Up applies every pending migration and returns those that it applied. A
// schema that is newer than this program is left alone and is a *[VersionError].
func (m *Migrator) Up(ctx context.Context) ([]Migration, error) {
	have, err := m.Have(ctx)
	if err != nil {
		return nil, err
	}
	if want := m.Want(); have > want {
		return nil, &VersionError{Have: have, Want: want}
	}
	if m.cfg.Prepare != "" {
		if _, err := m.cfg.DB.ExecContext(ctx, m.cfg.Prepare); err != nil {
			return nil, fmt.Errorf("prepare the schema: %w", err)
		}
	}
	results, err := m.provider.Up(ctx)
	return applied(results), err
}

// Down takes the newest migration back and returns it, or nothing where none is
// applied. What the migration stored is lost.
func (m *Migrator) Down(ctx context.Context) ([]Migration, error) {
	have, err := m.Have(ctx)
	if err != nil || have == 0 {
		return nil, err
	}
	if want := m.Want(); have > want {
		return nil, &VersionError{Have: have, Want: want}
	}
	result, err := m.provider.Down(ctx)
	if err != nil {
		return nil, err
	}
	return applied([]*goose.MigrationResult{result}), nil
}

func applied(results []*goose.MigrationResult) []Migration {
	var done []Migration
	for _, r := range results {
		done = append(done, Migration{Version: r.Source.Version, Name: r.Source.Path})
	}
	return done
}

// Status returns every migration that this program knows, oldest first. It
// changes nothing.
func (m *Migrator) Status(ctx context.Context) ([]Migration, error) {
	exists, err := m.exists(ctx)
	if err != nil {
		return nil, err
	}
	var all []Migration
	for _, s := range m.provider.ListSources() {
		step := Migration{Version: s.Version, Name: s.Path}
		if exists {
			row, err := m.store.GetMigration(ctx, m.cfg.DB, s.Version)
			if err != nil && !errors.Is(err, database.ErrVersionNotFound) {
				return nil, fmt.Errorf("read the state of migration %d: %w", s.Version, err)
			}
			if err == nil && row.IsApplied {
				step.Applied = row.Timestamp.UTC()
			}
		}
		all = append(all, step)
	}
	return all, nil
}

// Print writes the SQL of every migration's way up, without a database.
func (m *Migrator) Print(w io.Writer) error {
	names, err := fs.Glob(m.cfg.Files, "*.sql")
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	slices.Sort(names)
	if m.cfg.Prepare != "" {
		if _, err := fmt.Fprintf(w, "%s\n\n", m.cfg.Prepare); err != nil {
			return err
		}
	}
	for _, name := range names {
		b, err := fs.ReadFile(m.cfg.Files, name)
		if err != nil {
			return fmt.Errorf("read migration %s: %w", name, err)
		}
		up, _, _ := strings.Cut(string(b), "-- +goose Down")
		if _, err := fmt.Fprintf(w, "-- %s\n%s\n", name, strings.TrimSpace(up)); err != nil {
			return err
		}
	}
	return nil
}
