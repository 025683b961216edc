package pgkit_test

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"github.com/theriac/theriac/internal/migrate"
	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/internal/pgkit/pgkittest"
	"github.com/theriac/theriac/internal/pgtest"
)

var postgres = pgtest.Shared{Options: pgtest.Options{NoSync: true, Migrate: pgkittest.Migrate(migrator)}}

func TestMain(m *testing.M) { goleak.VerifyTestMain(postgres.Main(m)) }

// A store's words, and one of its own.
var (
	errInvalid     = errors.New("invalid")
	errUnavailable = errors.New("unavailable")
	errRefused     = errors.New("refused")
	errSchema      = errors.New("schema")
	errTaken       = errors.New("taken")
)

func kinds() pgkit.Kinds {
	return pgkit.Kinds{
		Invalid: errInvalid, Unavailable: errUnavailable, Refused: errRefused, Schema: errSchema,
		Of: func(e *pgconn.PgError) error {
			if e.ConstraintName == "word_pkey" {
				return errTaken
			}
			return nil
		},
		Again: func(e *pgconn.PgError) bool { return e.ConstraintName == "word_pkey" },
	}
}

func config(url string) pgkit.Config {
	return pgkit.Config{
		URL: url, Warm: true, Application: "words", Table: "theriac.word_version", Kinds: kinds(),
		Migrations: fstest.MapFS{"migrations/00001_word.sql": {Data: []byte(`-- +goose Up
CREATE TABLE theriac.word (id bigint GENERATED ALWAYS AS IDENTITY, word text PRIMARY KEY);
-- +goose Down
DROP TABLE theriac.word;
`)}},
	}
}

func migrator(url string) (*migrate.Migrator, error) { return pgkit.Migrator(config(url)) }

func open(t *testing.T, url string) *pgkit.Pool {
	t.Helper()
	p, err := pgkit.Open(t.Context(), config(url))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// add stores a word; "" is a new one.
func add(ctx context.Context, p *pgkit.Pool, word string) error {
	return p.Call(ctx, "add a word", func(ctx context.Context) error {
		_, err := p.Exec(ctx, "INSERT INTO theriac.word (word) VALUES (coalesce(nullif($1, ''), gen_random_uuid()::text))", word)
		return err
	})
}

func TestKit(t *testing.T) {
	t.Parallel()
	pgkittest.Run(t, pgkittest.Kit{
		Postgres: &postgres, Migrator: migrator, VersionTable: "theriac.word_version",
		Kinds: kinds(), Classify: func(err error) error { return kinds().Classify("test", err) }, Table: "theriac.word",
		Open: func(ctx context.Context, url string, opt pgkittest.Options) (*pgkittest.Store, error) {
			cfg := config(url)
			cfg.MaxConns, cfg.StatementTimeout = opt.MaxConns, opt.StatementTimeout
			p, err := pgkit.Open(ctx, cfg)
			if err != nil {
				return nil, err
			}
			return &pgkittest.Store{
				Write: func(ctx context.Context) error { return add(ctx, p, "") },
				Count: func(ctx context.Context) (n int, err error) {
					return n, p.QueryRow(ctx, "SELECT count(*) FROM theriac.word").Scan(&n)
				},
				Session: func(ctx context.Context, expression string) (value string, err error) {
					return value, p.QueryRow(ctx, "SELECT "+expression).Scan(&value)
				},
				Close: func() error { p.Close(); return nil },
			}, nil
		},
	})
}

func TestPool_TheStoresOwnWord(t *testing.T) {
	t.Parallel()
	p := open(t, postgres.Database(t))
	if err := add(t.Context(), p, "a"); err != nil {
		t.Fatal(err)
	}
	tries := 0
	err := p.Call(t.Context(), "add it again", func(ctx context.Context) error {
		tries++
		_, err := p.Exec(ctx, "INSERT INTO theriac.word (word) VALUES ('a')")
		return err
	})
	if !errors.Is(err, errTaken) || errors.Is(err, errRefused) || tries != 5 {
		t.Errorf("%v after %d tries, want %v after 5", err, tries, errTaken)
	}
}

func TestPool_Refuse(t *testing.T) {
	t.Parallel()
	p := open(t, postgres.Database(t))
	if !p.Refuse() || p.Refuse() {
		t.Error("not the first refuses, or another one")
	}
	err := add(t.Context(), p, "a")
	if !errors.Is(err, errUnavailable) || err.Error() != "add a word: unavailable: the store was closed" {
		t.Errorf("after it: %v", err)
	}
}

func TestPool_Direct(t *testing.T) {
	t.Parallel()
	p := open(t, postgres.Database(t))
	conn, err := pgx.ConnectConfig(t.Context(), p.Direct("scribe"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }() // everything was read
	if err := p.Prepare(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	var name, timeout, own string
	err = conn.QueryRow(t.Context(), "SELECT current_setting('application_name'), current_setting('statement_timeout')").Scan(&name, &timeout)
	if err != nil || name != "words scribe" || timeout != "5s" {
		t.Errorf("it is called %q and bounds statements by %s, %v", name, timeout, err)
	}
	if err := p.QueryRow(t.Context(), "SELECT current_setting('application_name')").Scan(&own); err != nil || own != "words" {
		t.Errorf("the pool's are called %q, %v", own, err)
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	p := open(t, postgres.Database(t))
	for _, w := range []string{"a", "b", "c"} {
		if err := add(t.Context(), p, w); err != nil {
			t.Fatal(err)
		}
	}
	type row struct {
		Word string `db:"word"`
	}
	const statement = "SELECT word FROM theriac.word WHERE true /*filter*/ ORDER BY word LIMIT $1"
	for want, words := range map[int][]string{0: {}, 1: {"b"}, 2: {"a", "c"}} {
		f := pgkit.NewFilter(10)
		pgkit.In(f, "word", words)
		f.And("id < " + f.Arg(99))
		query := "SELECT word FROM theriac.word WHERE $1 > 0" + f.Conditions() + " ORDER BY word"
		rows, err := pgkit.Collect[row](t.Context(), p, query, f.All()...)
		if err != nil || len(rows) != want || want == 1 && rows[0].Word != "b" {
			t.Errorf("%v: %v, %v", words, rows, err)
		}
	}
	if all, err := pgkit.Values[string](t.Context(), p, statement, 2); err != nil || len(all) != 2 || all[1] != "b" {
		t.Errorf("values %v, %v", all, err)
	}
	if one, err := pgkit.One[row](t.Context(), p, statement, 1); err != nil || one.Word != "a" {
		t.Errorf("one is %v, %v", one, err)
	}
	if _, err := pgkit.One[row](t.Context(), p, statement, 0); !pgkit.IsNone(err) {
		t.Errorf("none is %v", err)
	}
	var batched []row
	var b pgx.Batch
	b.Queue(statement, 3).Query(pgkit.Into(&batched))
	if err := p.SendBatch(t.Context(), &b).Close(); err != nil || len(batched) != 3 {
		t.Errorf("batched %v, %v", batched, err)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://ana:s3cret@db.example:5432/theriac?sslmode=require&x=s3cret": "postgres://ana@db.example:5432/theriac?sslmode=require",
		"host=db password=s3cret": "postgres://…",
		"postgres:///theriac?host=/run/postgresql&password=s3cret&sslpassword=s3cret": "postgres:///theriac?host=%2Frun%2Fpostgresql",
	} {
		if got := pgkit.Redact(url); got != want {
			t.Errorf("Redact(%q) = %q, want %q", url, got, want)
		}
	}
}
