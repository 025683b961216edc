package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

// The stacks of this module, by the store that is attached.
const (
	withSQLite   = "theriac-sqlite"
	withPostgres = "theriac-postgres"
	// withTable is withSQLite and the table of what is in flight, as under a
	// guardian. It is run only when it is asked for.
	withTable = "theriac-guarded"
)

// closingStore is a store that must be closed.
type closingStore interface {
	quarantine.Store
	Close() error
}

// openStore opens the store of an order, in the worker. Both stores are as
// durable as they are by default: a commit returns when it is on the disk.
func openStore(ctx context.Context, o order) (closingStore, error) {
	if o.Stack == withPostgres {
		return quarantinepg.Open(ctx, quarantinepg.Config{URL: o.Store})
	}
	return quarantinelite.Open(ctx, quarantinelite.Config{Path: o.Store})
}

// stores makes an empty store for each run, in the parent.
type stores struct {
	postgres *pgtest.Server // nil where no stack needs it
}

// newStores starts a private PostgreSQL if a stack needs one.
func newStores(ctx context.Context, stacks []string) (*stores, error) {
	if !slices.Contains(stacks, withPostgres) {
		return &stores{}, nil
	}
	server, err := pgtest.Launch(ctx, pgtest.Options{Migrate: migratePostgres})
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL (without %s none is needed): %w", withPostgres, err)
	}
	return &stores{postgres: server}, nil
}

func migratePostgres(ctx context.Context, url string) error {
	m, err := quarantinepg.Migrator(url)
	if err != nil {
		return err
	}
	_, err = m.Up(ctx)
	return errors.Join(err, m.Close())
}

// fresh returns where an empty store for a stack is and how to remove it, or
// nothing for stacks without one.
func (s *stores) fresh(ctx context.Context, stack string) (where string, remove func() error, err error) {
	switch stack {
	case withPostgres:
		name, err := s.postgres.CreateDatabase(ctx)
		if err != nil {
			return "", nil, err
		}
		return s.postgres.URL(name), func() error { return s.postgres.DropDatabase(context.WithoutCancel(ctx), name) }, nil
	case withSQLite, withTable:
		dir, err := os.MkdirTemp("", "theriac-bench-")
		if err != nil {
			return "", nil, fmt.Errorf("make room for a store: %w", err)
		}
		return filepath.Join(dir, "quarantine.db"), func() error { return os.RemoveAll(dir) }, nil
	default:
		return "", func() error { return nil }, nil
	}
}

func (s *stores) close() error {
	if s.postgres == nil {
		return nil
	}
	return s.postgres.Close()
}
