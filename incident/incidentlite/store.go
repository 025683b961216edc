package incidentlite

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/internal/localfile"
)

// readers is how many connections read at once.
const readers = 4

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
	writer  *litekit.Pool // of one connection
	readers *litekit.Pool
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
	path, err := litekit.Prepare(ctx, opt.kit(path))
	if err != nil {
		return nil, err
	}
	s, use := &Store{clock: opt.Now}, litekit.ForWriting
	if s.clock == nil {
		s.clock = time.Now
	}
	if opt.ReadOnly {
		use = litekit.ForReading
	}
	reading, err := litekit.OpenDB(path, readers, litekit.ForReading)
	if err != nil {
		return nil, err
	}
	writing, err := litekit.OpenDB(path, 1, use)
	if err != nil {
		return nil, errors.Join(err, reading.Close())
	}
	if s.turns, err = localfile.OpenQueue(path + "-turn"); err != nil {
		return nil, errors.Join(err, reading.Close(), writing.Close())
	}
	s.readers, s.writer = litekit.NewKeepingPool(reading), litekit.NewKeepingPool(writing)
	return s, nil
}

func (o Options) kit(path string) litekit.Config {
	return litekit.Config{
		Path: path, ReadOnly: o.ReadOnly, Logger: o.Logger, Name: "incident",
		Migrations: migrations, Table: "incident_version", Kinds: kinds(),
	}
}

// Close closes the file.
func (s *Store) Close() error {
	return errors.Join(s.readers.Close(), s.writer.Close(), s.turns.Close())
}
