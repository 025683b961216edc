package quarantinepg

import (
	"context"
	"errors"
	"fmt"
	"net/url"
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
	// StatementTimeout bounds each statement on the server, default 10 s.
	StatementTimeout time.Duration
}

// Store is a [quarantine.Store] in PostgreSQL. It is safe for concurrent use.
type Store struct {
	pool   *pgxpool.Pool
	direct *pgx.ConnConfig // for the connections of memberships
}

var _ quarantine.Store = (*Store)(nil)

// Open connects to the store and checks its schema. It returns an error that
// wraps [quarantine.ErrSchema] if the schema is not the one of this program,
// [quarantine.ErrInvalid] for a URL that is none, and [quarantine.ErrUnavailable]
// if the server cannot be reached.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	pooled, err := poolConfig(cfg)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, pooled)
	if err != nil {
		return nil, classify("open the store", err)
	}
	s := &Store{pool: pool, direct: directConfig(pooled.ConnConfig)}
	if err := s.checkSchema(ctx, cfg.URL); err != nil {
		pool.Close()
		return nil, classify("open the store "+Redact(cfg.URL), err)
	}
	return s, nil
}

// Close closes the connections. Memberships must have left before.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

func poolConfig(cfg Config) (*pgxpool.Config, error) {
	pooled, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		// The parser's own text may quote the URL, and with it the password.
		return nil, fmt.Errorf("the URL of the store is not valid, write postgres://user@host/database: %w", quarantine.ErrInvalid)
	}
	pooled.MaxConns = 8
	if cfg.MaxConns > 0 {
		pooled.MaxConns = cfg.MaxConns
	}
	timeout := 10 * time.Second
	if cfg.StatementTimeout > 0 {
		timeout = cfg.StatementTimeout
	}
	parameters := pooled.ConnConfig.RuntimeParams
	parameters["statement_timeout"] = strconv.FormatInt(timeout.Milliseconds(), 10)
	// A worker that stops inside a transaction must not block the others for ever.
	parameters["idle_in_transaction_session_timeout"] = "60000"
	parameters["timezone"] = "UTC"
	if parameters["application_name"] == "" {
		parameters["application_name"] = "theriac"
	}
	return pooled, nil
}

// directConfig is for a connection whose end means a death. The server asks
// after a silent client for some 20 s only, so that the lock of a machine that
// fell off the network is free soon.
func directConfig(pooled *pgx.ConnConfig) *pgx.ConnConfig {
	direct := pooled.Copy()
	direct.RuntimeParams["tcp_keepalives_idle"] = "5"
	direct.RuntimeParams["tcp_keepalives_interval"] = "5"
	direct.RuntimeParams["tcp_keepalives_count"] = "3"
	direct.RuntimeParams["application_name"] += " worker"
	return direct
}

// Redact returns a URL that may be shown: without its password, and without
// parameters, which may hold another.
func Redact(store string) string {
	u, err := url.Parse(store)
	if err != nil || u.Scheme == "" {
		return "postgres://…"
	}
	u.RawQuery, u.Fragment = "", ""
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	return u.String()
}

// tx is one transaction.
type tx struct {
	pgx.Tx
	ctx context.Context // for the length of one call
}

// write runs f in a transaction, again if the server ended it for the sake of
// another one; f must start from nothing each time.
func (s *Store) write(ctx context.Context, doing string, f func(tx) error) error {
	return s.within(ctx, pgx.TxOptions{}, doing, f)
}

// read runs f on one state of the store.
func (s *Store) read(ctx context.Context, doing string, f func(tx) error) error {
	return s.within(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, doing, f)
}

func (s *Store) within(ctx context.Context, options pgx.TxOptions, doing string, f func(tx) error) error {
	const tries = 3
	var err error
	for range tries {
		err = pgx.BeginTxFunc(ctx, s.pool, options, func(t pgx.Tx) error { return f(tx{t, ctx}) })
		if !lostToAnother(err) {
			break
		}
	}
	return classify(doing, err)
}

// collect reads all rows by column name.
func collect[T any](x tx, statement string, args ...any) ([]T, error) {
	rows, err := x.Query(x.ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[T])
}

// values reads one column of all rows; nil for none.
func values[T any](x tx, statement string, args ...any) ([]T, error) {
	rows, err := x.Query(x.ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows([]T(nil), rows, pgx.RowTo[T])
}

// value reads one value of one row; isNone tells that there was no row.
func value[T any](x tx, statement string, args ...any) (v T, err error) {
	err = x.QueryRow(x.ctx, statement, args...).Scan(&v)
	return v, err
}

// exec runs a statement and returns how many rows it changed.
func (x tx) exec(statement string, args ...any) (int64, error) {
	tag, err := x.Exec(x.ctx, statement, args...)
	return tag.RowsAffected(), err
}

// send runs a batch of statements in one round trip.
func (x tx) send(b *pgx.Batch) error {
	return x.SendBatch(x.ctx, b).Close()
}

// isNone reports that a query for one row found none.
func isNone(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
