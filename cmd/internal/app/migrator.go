package app

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/incident/incidentlite"
	"github.com/theriac/theriac/incident/incidentpg"
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

// SchemaRoom names whose tables a schema holds: both rooms keep theirs apart, also in one database.
type SchemaRoom string

// The rooms that have a schema.
const (
	QuarantineSchema SchemaRoom = "quarantine"
	IncidentSchema   SchemaRoom = "incident"
)

// SchemaRooms returns both.
func SchemaRooms() []SchemaRoom { return []SchemaRoom{QuarantineSchema, IncidentSchema} }

// Place is where a room's tables are, given the settings.
func (r SchemaRoom) Place(s config.Settings) config.Endpoint {
	if r == IncidentSchema {
		return config.IncidentStore(s)
	}
	return s.Store
}

// OpenMigrator returns the migrations of a room at e, which answered a first question. Where the file
// was never made it returns *[MissingError].
func OpenMigrator(ctx context.Context, room SchemaRoom, e config.Endpoint) (Migrator, error) {
	there := exists(e)
	if room == IncidentSchema {
		there = incidentsExist(e, Amend)
	}
	if there != nil {
		return nil, there
	}
	m, err := migratorOf(room, e)
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

// PrintSchema writes the SQL of all steps of a room for the kind of store that e is, without connecting.
func PrintSchema(w io.Writer, room SchemaRoom, e config.Endpoint) (err error) {
	m, err := migratorOf(room, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return m.Print(w)
}

// SchemaSteps lists the steps of the schema of a room at e. A schema that a newer program made is a
// *[migrate.VersionError].
func SchemaSteps(ctx context.Context, room SchemaRoom, e config.Endpoint) (_ []migrate.Migration, err error) {
	m, err := OpenMigrator(ctx, room, e)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	have, err := m.Have(ctx)
	if err != nil {
		return nil, err
	}
	if want := m.Want(); have > want {
		return nil, &migrate.VersionError{Have: have, Want: want}
	}
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

func migratorOf(room SchemaRoom, e config.Endpoint) (Migrator, error) {
	switch {
	case e.Kind == config.Postgres && room == IncidentSchema:
		return incidentpg.Migrator(e.Address)
	case e.Kind == config.Postgres:
		return quarantinepg.Migrator(e.Address)
	case e.Kind == config.SQLite:
		return fileMigratorOf(room, e.Address)
	default:
		return nil, problem.Errorf(problem.Invalid, "%s is no store", e)
	}
}

// fileMigrator goes up by opening the store: only that keeps other processes away from the file
// meanwhile.
type fileMigrator struct {
	*migrate.Migrator
	open func(context.Context) (io.Closer, error)
}

func fileMigratorOf(room SchemaRoom, path string) (Migrator, error) {
	path, err := filepath.Abs(path) // in the URL of the driver a relative path would be a host
	if err != nil {
		return nil, err
	}
	if room == IncidentSchema {
		m, err := incidentlite.Migrator(path)
		return fileMigrator{m, func(ctx context.Context) (io.Closer, error) {
			return incidentlite.Open(ctx, path, incidentlite.Options{})
		}}, err
	}
	m, err := quarantinelite.Migrator(path)
	return fileMigrator{m, func(ctx context.Context) (io.Closer, error) {
		return quarantinelite.Open(ctx, quarantinelite.Config{Path: path})
	}}, err
}

// Up applies the pending steps and returns them.
func (m fileMigrator) Up(ctx context.Context) ([]migrate.Migration, error) {
	steps, err := m.Status(ctx)
	if err != nil {
		return nil, err
	}
	store, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	return Pending(steps), store.Close()
}
