package quarantinepg

import (
	"log/slog"
	"time"

	"github.com/theriac/theriac/internal/pgkit"
)

// Config says where the store is.
type Config struct {
	// URL is the database, "postgres://user:password@host/database". Required.
	// Its password appears in no error.
	URL string
	// MaxConns bounds the connections of this store, default 8; each membership
	// has one more of its own.
	MaxConns int32
	// StatementTimeout bounds each statement on the server, default 5 s; a whole
	// call is given twice as long.
	StatementTimeout time.Duration
	// Logger is told of memberships that lost their connection. Default: nobody is
	// told.
	Logger *slog.Logger
}

func (c Config) kit() pgkit.Config {
	return pgkit.Config{
		URL: c.URL, MaxConns: c.MaxConns, StatementTimeout: c.StatementTimeout, Application: "theriac",
		Migrations: migrations, Table: "theriac.quarantine_version", Kinds: kinds(),
	}
}

// Redact returns a URL that may be shown, and typed again: without its password
// and without parameters that do not say where the database is.
func Redact(store string) string { return pgkit.Redact(store) }
