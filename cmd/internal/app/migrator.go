package app

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/migrate"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine/quarantinelite"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

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

// OpenMigrator returns the migrations of the store at e, which answered a first question.
func OpenMigrator(ctx context.Context, e config.Endpoint) (Migrator, error) {
	if err := exists(e); err != nil {
		return nil, err
	}
	m, err := migratorOf(e)
	if err != nil {
		return nil, err
	}
	asking, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	if _, err := m.Have(asking); err != nil {
		return nil, errors.Join(unreachable(e, err), m.Close())
	}
	return m, nil
}

// PrintSchema writes the SQL of all steps for the kind of store that e is, without connecting.
func PrintSchema(w io.Writer, e config.Endpoint) (err error) {
	m, err := migratorOf(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return m.Print(w)
}

// SchemaSteps lists the steps of the schema of the store at e.
func SchemaSteps(ctx context.Context, e config.Endpoint) (_ []migrate.Migration, err error) {
	m, err := OpenMigrator(ctx, e)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return m.Status(ctx)
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

func migratorOf(e config.Endpoint) (Migrator, error) {
	switch e.Kind {
	case config.Postgres:
		return quarantinepg.Migrator(e.Address)
	case config.SQLite:
		path, err := filepath.Abs(e.Address) // in the URL of the driver a relative path would be a host
		if err != nil {
			return nil, err
		}
		m, err := quarantinelite.Migrator(path)
		return fileMigrator{m, path}, err
	default:
		return nil, problem.Errorf(problem.Invalid, "%s is no store", e)
	}
}

// fileMigrator goes up by opening the store: only that keeps other processes away from the file
// meanwhile.
type fileMigrator struct {
	*migrate.Migrator
	path string
}

// Up applies the pending steps and returns them.
func (m fileMigrator) Up(ctx context.Context) ([]migrate.Migration, error) {
	steps, err := m.Status(ctx)
	if err != nil {
		return nil, err
	}
	store, err := quarantinelite.Open(ctx, quarantinelite.Config{Path: m.path})
	if err != nil {
		return nil, err
	}
	return Pending(steps), store.Close()
}
