package incidentlite

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/migrate"
)

// Migrator returns what migrates the file at path. The caller closes it, and keeps other processes
// away from the file while it goes down.
func Migrator(path string) (*migrate.Migrator, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := openDB(path, 1, "_txlock", "immediate")
	if err != nil {
		return nil, err
	}
	m, err := migrate.New(migrate.Config{
		Dialect: goose.DialectSQLite3, DB: db, Files: files, Table: "incident_version",
		Command: "theriac migrate up --store sqlite:" + path,
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return m, nil
}

// asSchema makes a wrong version an error that wraps incident.ErrSchema.
func asSchema(err error) error {
	if _, ok := errors.AsType[*migrate.VersionError](err); ok {
		return fmt.Errorf("%w: %w", incident.ErrSchema, err)
	}
	return err
}
