package incidents

import (
	"context"
	"errors"

	"github.com/theriac/theriac/incident/incidentpg"
	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

// The stores.
const (
	embedded = "embedded"
	postgres = "postgres"
)

// databases makes a database for each part. The zero value is for the embedded store, which needs none.
type databases struct{ server *pgtest.Server }

func openEngine(ctx context.Context, name string) (databases, error) {
	switch {
	case name == embedded:
		return databases{}, nil
	case name != postgres:
		return databases{}, problem.Errorf(problem.Invalid, "--engine %s: want %s or %s", name, embedded, postgres)
	case !pgtest.Installed():
		return databases{}, problem.Errorf(problem.Unavailable, "no PostgreSQL: put initdb and postgres on PATH")
	}
	server, err := pgtest.Launch(ctx, pgtest.Options{Migrate: migrate})
	if err != nil {
		return databases{}, problem.Errorf(problem.Unavailable, "start a private PostgreSQL: %w", err)
	}
	return databases{server}, nil
}

func (d databases) close() error {
	if d.server == nil {
		return nil
	}
	return d.server.Close()
}

// fresh makes a database with our schemas and returns its address, "" for the embedded store.
func (d databases) fresh(ctx context.Context) (address string, drop func() error, err error) {
	if d.server == nil {
		return "", func() error { return nil }, nil
	}
	name, err := d.server.CreateDatabase(ctx)
	if err != nil {
		return "", nil, problem.Errorf(problem.Unavailable, "make a database: %w", err)
	}
	return d.server.URL(name), func() error { return d.server.DropDatabase(context.WithoutCancel(ctx), name) }, nil
}

func migrate(ctx context.Context, url string) error {
	room, err := quarantinepg.Migrator(url)
	if err != nil {
		return err
	}
	_, err = room.Up(ctx)
	if err := errors.Join(err, room.Close()); err != nil {
		return err
	}
	incidents, err := incidentpg.Migrator(url)
	if err != nil {
		return err
	}
	_, err = incidents.Up(ctx)
	return errors.Join(err, incidents.Close())
}
