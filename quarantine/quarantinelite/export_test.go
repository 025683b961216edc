package quarantinelite

import (
	"database/sql"

	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// Kill frees the lock of a membership and does nothing else, as the kernel does
// when a process dies.
func Kill(m quarantine.Membership) { m.(*membership).lock.Release() }

// Kinds are the store's words for errors.
func Kinds() litekit.Kinds { return kinds() }

// Writer returns the connection that a store writes through, or nil.
func Writer(s *Store) *sql.DB {
	if s.writer == nil {
		return nil
	}
	return s.writer.DB
}
