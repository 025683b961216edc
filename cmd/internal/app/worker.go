package app

import (
	"context"
	"io"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/quarantine"
)

// OpenStore opens the store at e for a process that works, which wires its own service. SQLite is
// made and migrated where that is needed; Postgres must have its schema. The closer closes it. Its
// errors are those of [Open].
func OpenStore(ctx context.Context, e config.Endpoint) (quarantine.Store, io.Closer, error) {
	ctx, cancel := opening(ctx, e, Write)
	defer cancel()
	store, closer, err := openStore(ctx, e, Write)
	return store, closer, unreachable(e, err)
}
