// Package app opens stores and brokers by their addresses and wires the rooms together. It is the
// only place that knows every adapter.
//
// Nothing is opened before it is asked for, each call is bounded by its context, and an error
// names the place that could not be reached, never its password.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

// The consumer asks for what it needs by an interface of its own; the rooms meet here.
var _ consumer.Quarantine = (*quarantine.Service)(nil)

// Access says what a command will do with a store.
type Access int

// The accesses. A command that only reads must not make a file or migrate a schema. Amend changes what
// is there and makes no store; Write also makes one of incidents where there is none.
const (
	Read Access = iota
	Write
	Amend
)

// connections is how many a command may open: it asks one thing after another.
const connections = 2

// Room is an open store with the service on it, for a process that only operates.
type Room struct {
	Service *quarantine.Service
	store   io.Closer
}

// Close closes the store. A store that cannot be closed has nothing left to say: what was written
// is committed.
func (r *Room) Close() {
	if r.store != nil {
		_ = r.store.Close()
	}
}

// Open opens the store at e. Its errors are of kind Unavailable where the store cannot be reached
// or has another schema.
func Open(ctx context.Context, e config.Endpoint, access Access) (*Room, error) {
	if err := exists(e); err != nil {
		return nil, err
	}
	ctx, cancel := opening(ctx, e, access)
	defer cancel()
	store, closer, err := openStore(ctx, e, access)
	if err != nil {
		return nil, unreachable(e, err)
	}
	service, err := quarantine.New(store, quarantine.Config{})
	if err != nil {
		return nil, errors.Join(err, closer.Close())
	}
	return &Room{service, closer}, nil
}

func openStore(ctx context.Context, e config.Endpoint, access Access) (quarantine.Store, io.Closer, error) {
	switch e.Kind {
	case config.Postgres:
		s, err := quarantinepg.Open(ctx, quarantinepg.Config{URL: e.Address, MaxConns: connections})
		return s, s, err
	case config.SQLite:
		s, err := quarantinelite.Open(ctx, quarantinelite.Config{Path: e.Address, ReadOnly: access == Read})
		return s, s, err
	default:
		return nil, nil, problem.Errorf(problem.Invalid, "%s is no store", e)
	}
}

// MissingError says that the store was never made, or is somewhere else. Its text says what to do.
type MissingError struct{ text string }

// Error says what is missing and what to do.
func (e *MissingError) Error() string { return e.text }

// ProblemKind returns "unavailable".
func (e *MissingError) ProblemKind() string { return string(problem.Unavailable) }

func missing(format string, args ...any) error {
	return &MissingError{fmt.Sprintf(format, args...)}
}

// exists refuses the file of a store that was never made, with the ways out: who looks for messages
// must not be shown an empty store that the question itself has made.
func exists(e config.Endpoint) error {
	if e.Kind != config.SQLite {
		return nil
	}
	_, err := os.Stat(e.Address)
	dir := filepath.Dir(e.Address)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return problem.Errorf(problem.Unavailable, "the store %s cannot be read: %w", e.Address, err)
	case !e.Own:
		return missing("there is no store %s: start a worker with it first, or correct --store", e.Address)
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return missing("there is no data directory %s: name one with --data-dir, a store with --store, or see it work: theriac demo", dir)
	}
	return missing("nothing was stored in the data directory %s yet: start a worker with it, or name a store with --store", dir)
}
