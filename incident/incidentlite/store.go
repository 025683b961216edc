package incidentlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/localfile"
)

const (
	// busyTimeout is how long a writer waits for the one before it.
	busyTimeout = "5000" // milliseconds
	readers     = 4      // connections that read at once
)

// Options are what a store may be told.
type Options struct {
	// ReadOnly opens a file that is there already, and refuses to change it: no file is made and nothing
	// is migrated.
	ReadOnly bool
	// Logger is told when a schema is migrated. Default: nobody is told.
	Logger *slog.Logger
	// Now is the store's clock, by which leases and delays are kept; processes that share a file must
	// share it, too. Default: time.Now.
	Now func() time.Time
}

// Store is an [incident.Stores] in a SQLite file. It is safe for concurrent use.
type Store struct {
	clock   func() time.Time
	writer  *pool // of one connection
	readers *pool
	// turns are taken by the writers of all processes: SQLite's own waiting is to look again and again, at
	// ever longer intervals, and whoever came last may be first.
	turns *localfile.Queue
}

var _ incident.Stores = (*Store)(nil)

// Open opens the store in the file at path, makes it where there is none (its directory must exist), and
// brings the schema up to date. It returns an error that wraps [incident.ErrSchema] for a file of a newer
// program (or, if read-only, of an older one) and [incident.ErrUnavailable] for a file that cannot be used.
func Open(ctx context.Context, path string, opt Options) (*Store, error) {
	s, err := open(ctx, path, opt)
	if err != nil {
		return nil, classify("open the store "+path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string, opt Options) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := localfile.RefuseNetworkDrive(filepath.Dir(path)); err != nil {
		return nil, err
	}
	key, value := "_txlock", "immediate"
	if opt.ReadOnly {
		key, value = "_pragma", "query_only(1)"
		err = checkSchema(ctx, path)
	} else {
		err = prepare(ctx, path, opt.Logger)
	}
	if err != nil {
		return nil, err
	}
	s := &Store{clock: opt.Now}
	if s.clock == nil {
		s.clock = time.Now
	}
	reading, err := openDB(path, readers, "_pragma", "query_only(1)")
	if err != nil {
		return nil, err
	}
	writing, err := openDB(path, 1, key, value)
	if err != nil {
		return nil, errors.Join(err, reading.Close())
	}
	if s.turns, err = localfile.OpenQueue(path + "-turn"); err != nil {
		return nil, errors.Join(err, reading.Close(), writing.Close())
	}
	s.readers, s.writer = newPool(reading), newPool(writing)
	return s, nil
}

// openDB opens a pool of connections. Each waits for locks, keeps the rules of the schema and writes
// durably; more settings come as key and value.
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

// Close closes the file.
func (s *Store) Close() error {
	return errors.Join(s.readers.close(), s.writer.close(), s.turns.Close())
}

// now is the store's clock in the resolution that is kept.
func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// prepare makes the file and its schema, one process at a time: SQLite's own locks do not cover the
// making.
func prepare(ctx context.Context, path string, log *slog.Logger) error {
	lock, err := localfile.WaitLock(ctx, path+"-open")
	if err != nil {
		return err
	}
	defer lock.Release()
	// Incidents are nobody else's business, whatever the umask is. The file is not opened if it exists:
	// closing it would drop SQLite's locks of this process.
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
		log.InfoContext(ctx, "incident schema migrated", "path", path, "version", m.Want(), "applied", len(done))
	}
	return asSchema(err)
}

// checkSchema refuses a file that is not there, and one of another version.
func checkSchema(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	m, err := Migrator(path)
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }() // nothing was written
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
