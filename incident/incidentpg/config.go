package incidentpg

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/theriac/theriac/incident"
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

func (o Options) withDefaults() Options {
	if o.MaxConns == 0 {
		o.MaxConns = 8
	}
	if o.StatementTimeout == 0 {
		o.StatementTimeout = 5 * time.Second
	}
	return o
}

func (o Options) validate() error {
	switch {
	case o.MaxConns < 0:
		return fmt.Errorf("MaxConns is %d, want at least 1: %w", o.MaxConns, incident.ErrInvalid)
	case o.StatementTimeout < time.Millisecond || o.StatementTimeout > math.MaxInt32*time.Millisecond:
		return fmt.Errorf("StatementTimeout is %v, want 1ms to 24 days: %w", o.StatementTimeout, incident.ErrInvalid)
	}
	return nil
}

func poolConfig(store string, o Options) (*pgxpool.Config, error) {
	u, err := url.Parse(store)
	if err == nil && u.Scheme != "postgres" && u.Scheme != "postgresql" {
		err = incident.ErrInvalid
	}
	var pooled *pgxpool.Config
	if err == nil {
		pooled, err = pgxpool.ParseConfig(store)
	}
	if err != nil {
		// The parser's own text may quote the URL, and with it the password.
		return nil, fmt.Errorf("the URL of the store is not valid, write postgres://user@host/database: %w", incident.ErrInvalid)
	}
	pooled.MaxConns, pooled.AfterConnect = o.MaxConns, o.prepare
	// A connection takes tens of milliseconds to make, and most of a busy machine's at
	// the moment when several are wanted: half of them are there already.
	pooled.MinConns = (o.MaxConns + 1) / 2
	parameters := pooled.ConnConfig.RuntimeParams
	parameters["timezone"] = "UTC"
	if parameters["application_name"] == "" {
		parameters["application_name"] = "theriac incident"
	}
	return pooled, nil
}

// prepare makes the settings of a new connection. A process that stops inside a
// transaction must not block the others for ever.
func (o Options) prepare(ctx context.Context, conn *pgx.Conn) error {
	statement, call := o.StatementTimeout.Milliseconds(), o.callTimeout().Milliseconds()
	_, err := conn.Exec(ctx, sqlSession, strconv.FormatInt(statement, 10), strconv.FormatInt(call, 10))
	return err
}

// callTimeout bounds a call also where the server says nothing.
func (o Options) callTimeout() time.Duration { return 2 * o.StatementTimeout }

// redact returns a URL that may be shown, and typed again: without its password
// and without parameters that do not say where the database is.
func redact(store string) string {
	u, err := url.Parse(store)
	if err != nil || u.Scheme == "" {
		return "postgres://…"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	query := u.Query()
	for name := range query {
		if !slices.Contains([]string{"host", "port", "dbname", "user", "sslmode"}, name) {
			delete(query, name)
		}
	}
	u.RawQuery, u.Fragment = query.Encode(), ""
	return u.String()
}
