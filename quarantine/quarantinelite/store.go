package quarantinelite

import (
	"context"
	"errors"
	"log/slog"

	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// readers is how many connections read at once.
const readers = 4

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
	writer  *litekit.Pool // one connection: writers queue here, not in SQLite; nil if read-only
	readers *litekit.Pool
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
	path, err := litekit.Prepare(ctx, cfg.kit())
	if err != nil {
		return nil, err
	}
	reading, err := litekit.OpenDB(path, readers, litekit.ForReading)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, readers: litekit.NewPool(reading)}
	if cfg.ReadOnly {
		return s, nil
	}
	writing, err := litekit.OpenDB(path, 1, litekit.ForWriting)
	if err != nil {
		return nil, errors.Join(err, reading.Close())
	}
	s.writer = litekit.NewPool(writing)
	return s, nil
}

func (c Config) kit() litekit.Config {
	return litekit.Config{
		Path: c.Path, ReadOnly: c.ReadOnly, Logger: c.Logger, Name: "quarantine",
		Missing:    "there is no store; start a worker with it first, or name another",
		Migrations: migrations, Table: "quarantine_version", Kinds: kinds(),
	}
}

// Close closes the file. Memberships must have left before.
func (s *Store) Close() error {
	if s.writer == nil {
		return s.readers.Close()
	}
	return errors.Join(s.readers.Close(), s.writer.Close())
}
