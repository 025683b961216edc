package quarantinepg

import (
	"context"

	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// BackendPID returns the server's process that holds a membership's lock.
func BackendPID(m quarantine.Membership) uint32 { return m.(*membership).conn.PgConn().PID() }

// Kinds are the store's words for errors.
func Kinds() pgkit.Kinds { return kinds() }

// Classify says what an error of the driver means.
func Classify(err error) error { return classify("test", err) }

// Session asks a connection of the store for a value.
func Session(ctx context.Context, s *Store, expression string) (value string, err error) {
	return value, s.pool.QueryRow(ctx, "SELECT "+expression).Scan(&value)
}
