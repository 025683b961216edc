package litekit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/theriac/theriac/internal/localfile"
	"github.com/theriac/theriac/internal/migrate"
)

// Config says what a store's file is.
type Config struct {
	// Path is the database file; its directory must exist.
	Path string
	// ReadOnly takes only a file that is there already, and migrates nothing.
	ReadOnly bool
	// Logger is told when a schema is migrated, under Name. Default: nobody is told.
	Logger *slog.Logger
	Name   string
	// Missing says what to do where a file that is only to be read is not there; "" says nothing.
	Missing string
	// Migrations are the steps of the schema, in a folder "migrations"; Table keeps their version.
	Migrations fs.FS
	Table      string
	// Kinds are the store's words for errors.
	Kinds Kinds
}

// Prepare makes the file where there is none, brings its schema up to date and returns its absolute
// path. If read-only it makes nothing and looks whether the schema is the one of this program. It
// refuses a network drive.
func Prepare(ctx context.Context, cfg Config) (path string, err error) {
	if cfg.Path, err = filepath.Abs(cfg.Path); err != nil {
		return "", err
	}
	if err := localfile.RefuseNetworkDrive(filepath.Dir(cfg.Path)); err != nil {
		return "", err
	}
	if cfg.ReadOnly {
		return cfg.Path, cfg.check(ctx)
	}
	return cfg.Path, cfg.prepare(ctx)
}

// prepare makes the file and its schema, one process at a time: SQLite's own locks do not cover the
// making.
func (c Config) prepare(ctx context.Context) error {
	lock, err := localfile.WaitLock(ctx, c.Path+"-open")
	if err != nil {
		return err
	}
	defer lock.Release()
	// What is stored is nobody else's business, whatever the umask is. The file is not opened if it
	// exists: closing it would drop SQLite's locks of this process.
	file, err := os.OpenFile(c.Path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = file.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	m, err := Migrator(c)
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }() // nothing was written since the last commit
	if err = m.Check(ctx); err == nil {
		return nil
	}
	done, err := m.Up(ctx)
	if err == nil && c.Logger != nil {
		c.Logger.InfoContext(ctx, c.Name+" schema migrated", "path", c.Path, "version", m.Want(), "applied", len(done))
	}
	return c.asSchema(err)
}

// check refuses a file that is not there, and one of another version.
func (c Config) check(ctx context.Context) error {
	if _, err := os.Stat(c.Path); err != nil && c.Missing != "" {
		return fmt.Errorf("%s: %w", c.Missing, err)
	} else if err != nil {
		return err
	}
	m, err := Migrator(c)
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }() // it was only read
	return c.asSchema(m.Check(ctx))
}

// asSchema makes a wrong version an error that wraps Kinds.Schema.
func (c Config) asSchema(err error) error {
	if _, ok := errors.AsType[*migrate.VersionError](err); ok {
		return fmt.Errorf("%w: %w", c.Kinds.Schema, err)
	}
	return err
}

// Migrator returns what migrates the file. The caller closes it, and keeps other processes away from
// the file while it goes down.
func Migrator(cfg Config) (*migrate.Migrator, error) {
	files, err := fs.Sub(cfg.Migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := OpenDB(cfg.Path, 1, ForWriting)
	if err != nil {
		return nil, err
	}
	m, err := migrate.New(migrate.Config{
		Dialect: goose.DialectSQLite3, DB: db, Files: files, Table: cfg.Table,
		Command: "theriac migrate up --store sqlite:" + cfg.Path,
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return m, nil
}

// Use is what connections are for.
type Use int

// ForReading refuses all changes; ForWriting takes the lock of writers when a transaction begins.
const (
	ForReading Use = iota
	ForWriting
)

// busyTimeout is how long a writer waits for the one before it.
const busyTimeout = "5000" // milliseconds

// OpenDB opens a number of connections. Each waits for locks, keeps the rules of the schema and writes
// durably.
func OpenDB(path string, connections int, use Use) (*sql.DB, error) {
	settings := url.Values{"_pragma": {
		"busy_timeout(" + busyTimeout + ")", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}}
	if use == ForWriting {
		settings.Set("_txlock", "immediate")
	} else {
		settings.Add("_pragma", "query_only(1)")
	}
	source := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: settings.Encode()}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}
