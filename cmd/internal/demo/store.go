package demo

import (
	"context"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
)

// store is a store that is closed by who opened it.
type store interface {
	quarantine.Store
	Close() error
}

// openStore opens the quarantine of a worker. SQLite is migrated by opening it.
func openStore(ctx context.Context, at config.Endpoint) (store, error) {
	switch at.Kind {
	case config.SQLite:
		return quarantinelite.Open(ctx, quarantinelite.Config{Path: at.Address})
	default:
		return nil, problem.Errorf(problem.Invalid, "%s cannot hold the quarantine of a demo", at)
	}
}
