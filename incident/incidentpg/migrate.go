package incidentpg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/migrate"
)

// prepareSchema makes the schema that the version table stands in. The lock
// keeps several first migrations apart, those of the quarantine included: IF NOT
// EXISTS alone does not.
const prepareSchema = `SELECT pg_advisory_xact_lock(hashtext('theriac schema'));
CREATE SCHEMA IF NOT EXISTS theriac;`

// Migrator returns what migrates the database at the URL. It does not connect
// yet. The caller closes it.
func Migrator(url string) (*migrate.Migrator, error) {
	cfg, err := poolConfig(url, Options{}.withDefaults())
	if err != nil {
		return nil, err
	}
	// Without the settings of prepare: making an index on a large table takes
	// longer than any statement may.
	return newMigrator(stdlib.OpenDB(*cfg.ConnConfig), url)
}

func newMigrator(db *sql.DB, url string) (*migrate.Migrator, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err == nil {
		var m *migrate.Migrator
		m, err = migrate.New(migrate.Config{
			Dialect: goose.DialectPostgres, DB: db, Files: files, Table: "theriac.incident_version",
			Prepare: prepareSchema, Command: "theriac migrate up --store " + redact(url),
		})
		if err == nil {
			return m, nil
		}
	}
	return nil, errors.Join(err, db.Close())
}

// checkSchema returns an error that wraps incident.ErrSchema unless the schema is
// the one of this program.
func (s *Store) checkSchema(ctx context.Context, url string) error {
	m, err := newMigrator(stdlib.OpenDBFromPool(s.pool), url)
	if err != nil {
		return err
	}
	err = m.Check(ctx)
	if _, ok := errors.AsType[*migrate.VersionError](err); ok {
		err = fmt.Errorf("%w: %w", incident.ErrSchema, err)
	}
	return errors.Join(err, m.Close())
}
