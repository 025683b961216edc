package quarantinelite

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
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/theriac/theriac/quarantine"
)

const (
	// busyTimeout is how long a writer waits for the one before it.
	busyTimeout = "5000" // milliseconds
	readers     = 4      // connections that read at once
)

// Config says where the store is.
type Config struct {
	// Path is the database file; its directory must exist. Required.
	Path string
	// ReadOnly opens a file that is there already, and refuses to change it: no
	// file is made and nothing is migrated.
	ReadOnly bool
	// Logger is told when a schema is migrated. Default: nobody is told.
	Logger *slog.Logger
}

// Store is a [quarantine.Store] in a SQLite file. It is safe for concurrent use.
type Store struct {
	path    string
	writer  *sql.DB // one connection: writers queue here, not in SQLite; nil if read-only
	readers *sql.DB
}

var _ quarantine.Store = (*Store)(nil)

// Open opens the store, makes its file where there is none, and brings the
// schema up to date. It returns an error that wraps [quarantine.ErrSchema] for
// a file of a newer program (or, if read-only, of an older one) and
// [quarantine.ErrUnavailable] for a file that cannot be used.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := open(ctx, cfg)
	if err != nil {
		return nil, classify("open the store "+cfg.Path, err)
	}
	return s, nil
}

func open(ctx context.Context, cfg Config) (*Store, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, err
	}
	if err := refuseNetworkDrive(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if cfg.ReadOnly {
		err = checkSchema(ctx, path)
	} else {
		err = prepare(ctx, path, cfg.Logger)
	}
	if err != nil {
		return nil, err
	}
	s := &Store{path: path}
	if s.readers, err = openDB(path, readers, "_pragma", "query_only(1)"); err != nil {
		return nil, err
	}
	if cfg.ReadOnly {
		return s, nil
	}
	if s.writer, err = openDB(path, 1, "_txlock", "immediate"); err != nil {
		return nil, errors.Join(err, s.readers.Close())
	}
	return s, nil
}

// openDB opens a pool of connections. Each waits for locks, keeps the rules of
// the schema and writes durably; more settings come as key and value.
func openDB(path string, connections int, key, value string) (*sql.DB, error) {
	settings := url.Values{"_pragma": {
		"busy_timeout(" + busyTimeout + ")", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}}
	settings.Add(key, value)
	source := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: settings.Encode()}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// Close closes the file. Memberships must have left before.
func (s *Store) Close() error {
	if s.writer == nil {
		return s.readers.Close()
	}
	return errors.Join(s.readers.Close(), s.writer.Close())
}

// prepare makes the file and its schema, one process at a time: SQLite's own
// locks do not cover the making.
func prepare(ctx context.Context, path string, log *slog.Logger) error {
	lock, err := waitLock(ctx, path+"-open")
	if err != nil {
		return err
	}
	defer lock.release()
	// Payloads are nobody else's business, whatever the umask is. The file is not
	// opened if it exists: closing it would drop SQLite's locks of this process.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = file.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	m, err := Migrator(path)
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }() // nothing was written since the last commit
	if err = m.Check(ctx); err == nil {
		return nil
	}
	done, err := m.Up(ctx)
	if err == nil && log != nil {
		log.InfoContext(ctx, "quarantine schema migrated", "path", path, "version", m.Want(), "applied", len(done))
	}
	return asSchema(err)
}

func checkSchema(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no store; start a worker with it first, or name another: %w", err)
	}
	m, err := Migrator(path)
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }() // it was only read
	return asSchema(m.Check(ctx))
}

// micros is how times are stored; 0 is no time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// timeOf is the inverse of micros.
func timeOf(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
