package demo

import (
	"context"
	"errors"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/config"
)

// migrateStore brings a schema up to date, for who asked for that.
func migrateStore(ctx context.Context, at config.Endpoint) (err error) {
	m, err := app.OpenMigrator(ctx, app.QuarantineSchema, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	_, err = m.Up(ctx)
	return err
}
