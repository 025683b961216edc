package pgkit

import (
	"context"
	_ "embed"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Config says where a store is and how it is used.
type Config struct {
	// URL is the database, "postgres://user:password@host/database". Required. Its password appears
	// in no error.
	URL string
	// MaxConns bounds the connections of the pool, default 8.
	MaxConns int32
	// Warm keeps half of them open: a connection takes tens of milliseconds to make, and most of a
	// busy machine's at the moment when several are wanted.
	Warm bool
	// Indexed says that every statement which is run often finds its rows by an index, and keeps the server
	// from reading whole tables. Plans are kept with their statements, and the first are made while tables are
	// empty and unanalysed and a scan of them looks cheap: they would be scanned at any size until autovacuum
	// comes by for the first time.
	Indexed bool
	// StatementTimeout bounds each statement on the server, default 5 s; a whole call is given twice
	// as long.
	StatementTimeout time.Duration
	// Application is what the server calls the connections, unless the URL says otherwise.
	Application string
	// Migrations are the steps of the schema, in a folder "migrations"; Table keeps their version.
	Migrations fs.FS
	Table      string
	// Kinds are the store's words for errors.
	Kinds Kinds
}

func (c Config) withDefaults() Config {
	if c.MaxConns == 0 {
		c.MaxConns = 8
	}
	if c.StatementTimeout == 0 {
		c.StatementTimeout = 5 * time.Second
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.MaxConns < 0:
		return fmt.Errorf("MaxConns is %d, want at least 1: %w", c.MaxConns, c.Kinds.Invalid)
	case c.StatementTimeout < time.Millisecond || c.StatementTimeout > math.MaxInt32*time.Millisecond:
		return fmt.Errorf("StatementTimeout is %v, want 1ms to 24 days: %w", c.StatementTimeout, c.Kinds.Invalid)
	}
	return nil
}

// pool returns what the driver is to do.
func (c Config) pool() (*pgxpool.Config, error) {
	u, err := url.Parse(c.URL)
	if err == nil && u.Scheme != "postgres" && u.Scheme != "postgresql" {
		err = c.Kinds.Invalid
	}
	var pooled *pgxpool.Config
	if err == nil {
		pooled, err = pgxpool.ParseConfig(c.URL)
	}
	if err != nil {
		// The parser's own text may quote the URL, and with it the password.
		return nil, fmt.Errorf("the URL of the store is not valid, write postgres://user@host/database: %w", c.Kinds.Invalid)
	}
	pooled.MaxConns, pooled.AfterConnect = c.MaxConns, c.prepare
	if c.Warm {
		pooled.MinConns = (c.MaxConns + 1) / 2
	}
	parameters := pooled.ConnConfig.RuntimeParams
	parameters["timezone"] = "UTC"
	if parameters["application_name"] == "" {
		parameters["application_name"] = c.Application
	}
	return pooled, nil
}

//go:embed session.sql
var sqlSession string

// prepare makes the settings of a new connection. A process that stops inside a transaction must not
// block the others for ever.
func (c Config) prepare(ctx context.Context, conn *pgx.Conn) error {
	statement, call := c.StatementTimeout.Milliseconds(), c.callTimeout().Milliseconds()
	scans := "on"
	if c.Indexed {
		scans = "off"
	}
	_, err := conn.Exec(ctx, sqlSession, strconv.FormatInt(statement, 10), strconv.FormatInt(call, 10), scans)
	return err
}

// callTimeout bounds a call also where the server says nothing.
func (c Config) callTimeout() time.Duration { return 2 * c.StatementTimeout }

// Redact returns a URL that may be shown, and typed again: without its password and without parameters
// that do not say where the database is.
func Redact(store string) string {
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
