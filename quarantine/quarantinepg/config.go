package quarantinepg

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/theriac/theriac/quarantine"
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

func (c Config) withDefaults() Config {
	if c.MaxConns == 0 {
		c.MaxConns = 8
	}
	if c.StatementTimeout == 0 {
		c.StatementTimeout = 5 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.MaxConns < 0:
		return fmt.Errorf("MaxConns is %d, want at least 1: %w", c.MaxConns, quarantine.ErrInvalid)
	case c.StatementTimeout < time.Millisecond || c.StatementTimeout > math.MaxInt32*time.Millisecond:
		return fmt.Errorf("StatementTimeout is %v, want 1ms to 24 days: %w", c.StatementTimeout, quarantine.ErrInvalid)
	}
	return nil
}

func poolConfig(cfg Config) (*pgxpool.Config, error) {
	u, err := url.Parse(cfg.URL)
	if err == nil && u.Scheme != "postgres" && u.Scheme != "postgresql" {
		err = quarantine.ErrInvalid
	}
	var pooled *pgxpool.Config
	if err == nil {
		pooled, err = pgxpool.ParseConfig(cfg.URL)
	}
	if err != nil {
		// The parser's own text may quote the URL, and with it the password.
		return nil, fmt.Errorf("the URL of the store is not valid, write postgres://user@host/database: %w", quarantine.ErrInvalid)
	}
	pooled.MaxConns, pooled.AfterConnect = cfg.MaxConns, cfg.prepare
	parameters := pooled.ConnConfig.RuntimeParams
	parameters["timezone"] = "UTC"
	if parameters["application_name"] == "" {
		parameters["application_name"] = "theriac"
	}
	return pooled, nil
}

// prepare makes the settings of a new connection. A worker that stops inside a
// transaction must not block the others for ever.
func (c Config) prepare(ctx context.Context, conn *pgx.Conn) error {
	statement, call := c.StatementTimeout.Milliseconds(), c.callTimeout().Milliseconds()
	_, err := conn.Exec(ctx, sqlSession, strconv.FormatInt(statement, 10), strconv.FormatInt(call, 10))
	return err
}

// callTimeout bounds a call also where the server says nothing.
func (c Config) callTimeout() time.Duration { return 2 * c.StatementTimeout }

// Redact returns a URL that may be shown, and typed again: without its password
// and without parameters that do not say where the database is.
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
