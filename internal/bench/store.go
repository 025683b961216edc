package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
)

// Stacks of ours, by the store that is attached.
const (
	withSQLite   = "theriac-sqlite"
	withPostgres = "theriac-postgres"
)

// closingStore is a store that must be closed.
type closingStore interface {
	quarantine.Store
	Close() error
}

// openStore opens the store of an order, in the worker. Both stores are as
// durable as they are by default: a commit returns when it is on the disk.
func openStore(ctx context.Context, o order) (closingStore, error) {
	return quarantinelite.Open(ctx, quarantinelite.Config{Path: o.Store})
}

// stores makes an empty store for each run, in the parent.
type stores struct {
}

func newStores(ctx context.Context, stacks []string) (*stores, error) {
	return &stores{}, nil
}

// fresh returns where an empty store for a stack is and how to remove it, or
// nothing for stacks without one.
func (s *stores) fresh(_ context.Context, stack string) (where string, remove func() error, err error) {
	switch stack {
	case withSQLite:
		dir, err := os.MkdirTemp("", "theriac-bench-")
		if err != nil {
			return "", nil, fmt.Errorf("make room for a store: %w", err)
		}
		return filepath.Join(dir, "quarantine.db"), func() error { return os.RemoveAll(dir) }, nil
	default:
		return "", func() error { return nil }, nil
	}
}

func (s *stores) close() error { return nil }
