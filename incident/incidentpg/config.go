package incidentpg

import (
	"time"

	"github.com/theriac/theriac/internal/pgkit"
)

// Options say how the store is used. The zero value is fine.
type Options struct {
	// MaxConns bounds the connections of this store, default 8, of which half are kept
	// open; [Store.Wake] has one more of its own.
	MaxConns int32
	// StatementTimeout bounds each statement on the server, default 5 s; a whole
	// call is given twice as long.
	StatementTimeout time.Duration
}

func (o Options) kit(url string) pgkit.Config {
	return pgkit.Config{
		URL: url, MaxConns: o.MaxConns, Warm: true, Indexed: true, StatementTimeout: o.StatementTimeout, Application: "theriac incident",
		Migrations: migrations, Table: "theriac.incident_version", Kinds: kinds(),
	}
}
