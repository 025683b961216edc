package pgkit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/theriac/theriac/internal/migrate"
)

// prepareSchema makes the schema that the version tables stand in. The lock keeps several first
// migrations apart, those of other stores included: IF NOT EXISTS alone does not.
const prepareSchema = `SELECT pg_advisory_xact_lock(hashtext('theriac schema'));
CREATE SCHEMA IF NOT EXISTS theriac;`

// Migrator returns what migrates the database at the URL. It does not connect yet. The caller closes it.
func Migrator(cfg Config) (*migrate.Migrator, error) {
	pooled, err := cfg.withDefaults().pool()
	if err != nil {
		return nil, err
	}
	// Without the settings of prepare: making an index on a large table takes longer than any
	// statement may.
	return newMigrator(stdlib.OpenDB(*pooled.ConnConfig), cfg)
}

func newMigrator(db *sql.DB, cfg Config) (*migrate.Migrator, error) {
	files, err := fs.Sub(cfg.Migrations, "migrations")
	if err == nil {
		var m *migrate.Migrator
		m, err = migrate.New(migrate.Config{
			Dialect: goose.DialectPostgres, DB: db, Files: files, Table: cfg.Table,
			Prepare: prepareSchema, Command: "theriac migrate up --store " + Redact(cfg.URL),
		})
		if err == nil {
			return m, nil
		}
	}
	return nil, errors.Join(err, db.Close())
}

// checkSchema returns an error that wraps Kinds.Schema unless the schema is the one of this program.
func (p *Pool) checkSchema(ctx context.Context) error {
	m, err := newMigrator(stdlib.OpenDBFromPool(p.Pool), p.cfg)
	if err != nil {
		return err
	}
	err = m.Check(ctx)
	if _, ok := errors.AsType[*migrate.VersionError](err); ok {
		err = fmt.Errorf("%w: %w", p.cfg.Kinds.Schema, err)
	}
	return errors.Join(err, m.Close())
}
