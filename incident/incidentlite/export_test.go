package incidentlite

import (
	"database/sql"

	"github.com/theriac/theriac/internal/litekit"
)

// Kinds are the store's words for errors.
func Kinds() litekit.Kinds { return kinds() }

// Writer returns the connection that a store writes through, or nil.
func Writer(s *Store) *sql.DB {
	if s.writer == nil {
		return nil
	}
	return s.writer.DB
}
