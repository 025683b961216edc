package drill

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

// databases makes a database for each row, on a server that was named or on a private one.
type databases struct {
	private *pgtest.Server // nil where a server was named
	at      *url.URL       // of the server that was named
	prefix  string
	made    int
}

// openDatabases starts a private server where address is empty.
func openDatabases(ctx context.Context, address, prefix string) (*databases, error) {
	if address != "" {
		at, err := url.Parse(address)
		if err != nil {
			return nil, problem.Errorf(problem.Invalid, "the store is not a URL")
		}
		return &databases{at: at, prefix: prefix}, nil
	}
	if !pgtest.Installed() {
		return nil, problem.Errorf(problem.Unavailable, "no PostgreSQL: name one with --store postgres://USER@HOST/DB, or put initdb and postgres on PATH")
	}
	server, err := pgtest.Launch(ctx, pgtest.Options{Migrate: migrate})
	if err != nil {
		return nil, problem.Errorf(problem.Unavailable, "start a private PostgreSQL: %w", err)
	}
	return &databases{private: server, prefix: prefix}, nil
}

func migrate(ctx context.Context, url string) error {
	m, err := quarantinepg.Migrator(url)
	if err != nil {
		return err
	}
	_, err = m.Up(ctx)
	return errors.Join(err, m.Close())
}

// fresh makes a database with our schema, and returns its URL and how to drop it.
func (d *databases) fresh(ctx context.Context) (address string, drop func() error, err error) {
	if d.private != nil {
		name, err := d.private.CreateDatabase(ctx)
		if err != nil {
			return "", nil, problem.Errorf(problem.Unavailable, "make a database: %w", err)
		}
		return d.private.URL(name), func() error { return d.private.DropDatabase(context.WithoutCancel(ctx), name) }, nil
	}
	d.made++
	name := fmt.Sprintf("%s_%d", d.prefix, d.made)
	if err := d.execute(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return "", nil, problem.Errorf(problem.Unavailable, "make the database %s: %w", name, err)
	}
	drop = func() error {
		return d.execute(context.WithoutCancel(ctx), "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
	}
	its := *d.at
	its.Path = "/" + name
	if err := migrate(ctx, its.String()); err != nil {
		return "", nil, errors.Join(problem.Errorf(problem.Unavailable, "migrate the database %s: %w", name, err), drop())
	}
	return its.String(), drop, nil
}

func (d *databases) execute(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, d.at.String())
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

func (d *databases) close() error {
	if d.private == nil {
		return nil
	}
	return d.private.Close()
}
