// Package app opens stores and brokers by their addresses and wires the rooms together. It is the
// only place that knows every adapter.
//
// Nothing is opened before it is asked for, each call is bounded by its context, and an error
// names the place that could not be reached, never its password.
package app

import (
	"context"
	"io"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/migrate"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// Room is an open store with the service on it.
type Room struct {
	Service *quarantine.Service
	close   func()
}

// Close closes the store.
func (r *Room) Close() {
	if r.close != nil {
		r.close()
	}
}

// Open is
func Open(ctx context.Context, e config.Endpoint) (*Room, error) {
	return nil, problem.Errorf(problem.Unavailable, "no store adapter is linked yet")
}

// Migrator is the migrations of one store. It is closed by who opened it.
type Migrator interface {
	// Want is the version that this program needs.
	Want() int64
	// Have is the version of the store, 0 for an empty one.
	Have(ctx context.Context) (int64, error)
	// Status lists all steps, oldest first.
	Status(ctx context.Context) ([]migrate.Migration, error)
	// Up applies the pending steps and returns them.
	Up(ctx context.Context) ([]migrate.Migration, error)
	// Down takes the newest step back and returns it.
	Down(ctx context.Context) ([]migrate.Migration, error)
	// Print writes the SQL of all steps.
	Print(w io.Writer) error
	// Close closes the connection.
	Close() error
}

// OpenMigrator is
func OpenMigrator(ctx context.Context, e config.Endpoint) (Migrator, error) { return nil, nil }

// PrintSchema is
func PrintSchema(w io.Writer, e config.Endpoint) error { return nil }

// SchemaSteps lists the steps of a store's schema.
func SchemaSteps(ctx context.Context, e config.Endpoint) ([]migrate.Migration, error) {
	return nil, nil
}

// Pending returns the steps that are not applied.
func Pending(steps []migrate.Migration) []migrate.Migration {
	var pending []migrate.Migration
	for _, s := range steps {
		if s.Applied.IsZero() {
			pending = append(pending, s)
		}
	}
	return pending
}
