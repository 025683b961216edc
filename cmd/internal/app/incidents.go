package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentlite"
	"github.com/theriac/theriac/incident/incidentpg"
	"github.com/theriac/theriac/internal/problem"
)

// OpenIncidents opens the store of incidents at e, which the caller closes. The embedded one is made by
// Write where there is none, its own data directory included; Read and Amend return *[MissingError] for
// it, and Read does not migrate it. One on Postgres is never made and never migrated. The other errors
// are those of [Open].
func OpenIncidents(ctx context.Context, e config.Endpoint, access Access) (incident.Stores, error) {
	if err := incidentsExist(e, access); err != nil {
		return nil, err
	}
	ctx, cancel := opening(ctx, e, access)
	defer cancel()
	switch e.Kind {
	case config.Postgres:
		s, err := incidentpg.Open(ctx, e.Address, incidentpg.Options{})
		if err != nil {
			return nil, unreachable(e, err)
		}
		return s, nil
	case config.SQLite:
		s, err := incidentlite.Open(ctx, e.Address, incidentlite.Options{ReadOnly: access == Read})
		if err != nil {
			return nil, err
		}
		return s, nil
	default:
		return nil, problem.Errorf(problem.Invalid, "%s is no store", e)
	}
}

// incidentsExist refuses a file that was never made, unless it may be made now.
func incidentsExist(e config.Endpoint, access Access) error {
	if e.Kind != config.SQLite {
		return nil
	}
	_, err := os.Stat(e.Address)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return problem.Errorf(problem.Unavailable, "the store %s cannot be read: %w", e.Address, err)
	case access != Write:
		return missing("there are no incidents yet: %s was never made; make it with the first: theriac incident declare NAME, "+
			"or name another place with --data-dir or --store", e.Address)
	case !e.Own:
		return nil // its directory is somebody else's to make
	}
	if err := os.MkdirAll(filepath.Dir(e.Address), 0o700); err != nil {
		return problem.Errorf(problem.Unavailable, "the data directory cannot be made: %w; name another one with --data-dir", err)
	}
	return nil
}
