package litekit_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/internal/litekit/litekittest"
	"github.com/theriac/theriac/internal/migrate"
	"github.com/theriac/theriac/internal/runner"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A store's words.
var (
	errUnavailable = errors.New("unavailable")
	errRefused     = errors.New("refused")
	errSchema      = errors.New("schema")
)

func kinds() litekit.Kinds {
	return litekit.Kinds{Unavailable: errUnavailable, Refused: errRefused, Schema: errSchema}
}

func config(path string, readOnly bool) litekit.Config {
	return litekit.Config{
		Path: path, ReadOnly: readOnly, Name: "words", Table: "word_version", Kinds: kinds(), Missing: "write a word first",
		Migrations: fstest.MapFS{"migrations/00001_word.sql": {Data: []byte(`-- +goose Up
CREATE TABLE word (id INTEGER PRIMARY KEY AUTOINCREMENT, word TEXT NOT NULL, at INTEGER NOT NULL DEFAULT 0);
-- +goose Down
DROP TABLE word;
`)}},
	}
}

func migrator(path string) (*migrate.Migrator, error) { return litekit.Migrator(config(path, false)) }

// openPool returns a pool on a file that is prepared, for the length of the test.
func openPool(t *testing.T, path string, of func(*sql.DB) *litekit.Pool, connections int) *litekit.Pool {
	t.Helper()
	path, err := litekit.Prepare(t.Context(), config(path, false))
	if err != nil {
		t.Fatal(err)
	}
	db, err := litekit.OpenDB(path, connections, litekit.ForWriting)
	if err != nil {
		t.Fatal(err)
	}
	p := of(db)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

const add = "INSERT INTO word (word, at) VALUES (?, ?)"

func TestKit(t *testing.T) {
	t.Parallel()
	litekittest.Run(t, litekittest.Kit{
		Migrator: migrator, VersionTable: "word_version", Kinds: kinds(),
		Open: func(ctx context.Context, path string, readOnly bool) (*litekittest.Store, error) {
			s, err := openStore(ctx, path, readOnly)
			return s, kinds().Classify("open the words", err)
		},
	})
}

func openStore(ctx context.Context, path string, readOnly bool) (*litekittest.Store, error) {
	path, err := litekit.Prepare(ctx, config(path, readOnly))
	if err != nil {
		return nil, err
	}
	use := litekit.ForWriting
	if readOnly {
		use = litekit.ForReading
	}
	db, err := litekit.OpenDB(path, 1, use)
	if err != nil {
		return nil, err
	}
	reading, err := litekit.OpenDB(path, 1, litekit.ForReading)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	writer, reader := litekit.NewKeepingPool(db), litekit.NewPool(reading)
	return &litekittest.Store{
		Write: func(ctx context.Context, large bool) error {
			word := "x"
			if large {
				word = strings.Repeat(word, 1<<20)
			}
			return kinds().Classify("write", litekit.Within(ctx, writer, time.Now, func(x *litekit.Tx) error {
				_, err := x.Exec(add, word, litekit.Micros(x.Now))
				return err
			}))
		},
		Count: func(ctx context.Context) (n int, err error) {
			err = litekit.Within(ctx, reader, time.Now, func(x *litekit.Tx) error {
				n, err = litekit.Value[int](x, "SELECT count(*) FROM word")
				return err
			})
			return n, err
		},
		Writer: db, Close: func() error { return errors.Join(writer.Close(), reader.Close()) },
	}, nil
}

// TestWithin has a store's own type on top, as stores have it.
func TestWithin(t *testing.T) {
	t.Parallel()
	type own struct{ *litekit.Tx }
	type row struct {
		Word string `db:"word"`
		At   int64  `db:"at"`
	}
	at := time.Date(2022, 11, 18, 15, 40, 0, 123456789, time.FixedZone("", 3600))
	for name, of := range map[string]func(*sql.DB) *litekit.Pool{"anew": litekit.NewPool, "kept": litekit.NewKeepingPool} {
		p := openPool(t, filepath.Join(t.TempDir(), "words.db"), of, 1)
		within := func(f func(own) error) error {
			return litekit.Within(t.Context(), p, func() time.Time { return at }, func(x *litekit.Tx) error { return f(own{x}) })
		}
		undone := errors.New("undone")
		if err := within(func(x own) error {
			if _, err := x.Exec(add, "never", 0); err != nil {
				t.Fatal(err)
			}
			return undone
		}); !errors.Is(err, undone) {
			t.Errorf("%s: %v", name, err)
		}
		for range 3 {
			if err := within(func(x own) error {
				for range 2 {
					if n, err := x.Exec(add, "a", litekit.Micros(x.Now)); err != nil || n != 1 {
						t.Errorf("%s: %d rows, %v", name, n, err)
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := within(func(x own) error {
			all, err := litekit.Collect[row](x, "SELECT word, at FROM word")
			if err != nil || len(all) != 6 || !litekit.TimeOf(all[5].At).Equal(at.Truncate(time.Microsecond)) {
				t.Errorf("%s: %v, %v", name, all, err)
			}
			f := litekit.NewFilter(2)
			f.Order = "DESC"
			litekit.In(f, "word", []string{"a", "b"})
			f.And("id > " + f.Arg(0))
			ids, err := litekit.Scan[int](x.Composed(f.Apply("SELECT id FROM word WHERE true /*filter*/ ORDER BY id /*order*/ LIMIT ?1"), f.Args()...))
			if err != nil || !slices.Equal(ids, []int{6, 5}) {
				t.Errorf("%s: ids %v, %v", name, ids, err)
			}
			if _, err := litekit.One[row](x, "SELECT word, at FROM word WHERE id = 99"); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("%s: none is %v", name, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKeepingPool_ManyAtOnce: who is second to keep a statement uses that of the first.
func TestKeepingPool_ManyAtOnce(t *testing.T) {
	t.Parallel()
	p := openPool(t, filepath.Join(t.TempDir(), "words.db"), litekit.NewKeepingPool, 4)
	var group runner.Group
	for range 8 {
		group.Go(func() {
			for range 20 {
				if err := litekit.Within(t.Context(), p, time.Now, func(x *litekit.Tx) error {
					_, err := x.Exec(add, "a", 0)
					return err
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := litekit.Within(t.Context(), p, time.Now, func(x *litekit.Tx) error {
		if n, err := litekit.Value[int](x, "SELECT count(*) FROM word"); err != nil || n != 160 {
			t.Errorf("%d words, %v", n, err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestPrepare_SaysWhatToDo(t *testing.T) {
	t.Parallel()
	_, err := litekit.Prepare(t.Context(), config(filepath.Join(t.TempDir(), "words.db"), true))
	if err == nil || !strings.HasPrefix(err.Error(), "write a word first: ") {
		t.Errorf("no file: %v", err)
	}
}

func TestMicros(t *testing.T) {
	t.Parallel()
	if litekit.Micros(time.Time{}) != 0 || !litekit.TimeOf(0).IsZero() {
		t.Error("no time is a time")
	}
}
