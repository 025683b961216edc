package pgkittest

import (
	"context"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/migrate"
	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/internal/pgtest"
)

// Kit is one kind of store under test. All fields are required.
type Kit struct {
	// Postgres is the server; its databases are migrated.
	Postgres *pgtest.Shared
	// Migrator returns what migrates the database at a URL.
	Migrator func(url string) (*migrate.Migrator, error)
	// VersionTable keeps the version of the schema.
	VersionTable string
	// Kinds are the store's words for errors, Classify what it makes of an error of the driver.
	Kinds    pgkit.Kinds
	Classify func(error) error
	// Open opens a store.
	Open func(ctx context.Context, url string, opt Options) (*Store, error)
	// Table gets a row, by INSERT, at each Write.
	Table string
}

// Options say how a store is used; 0 is the default of each.
type Options struct {
	MaxConns         int32
	StatementTimeout time.Duration
}

// Store is an open store.
type Store struct {
	// Write stores something new, Count counts what is stored.
	Write func(ctx context.Context) error
	Count func(ctx context.Context) (int, error)
	// Session asks a connection of the store for a value.
	Session func(ctx context.Context, expression string) (string, error)
	Close   func() error
}

// Run runs all tests, beside each other and beside others of the package.
func Run(t *testing.T, kit Kit) {
	for name, test := range map[string]func(*testing.T, Kit){
		"migrations up, down, up":              testUpDownUp,
		"many migrate at once":                 testManyAtOnce,
		"another schema is refused":            testAnotherSchema,
		"kinds of errors":                      testKinds,
		"no password is shown":                 testNoPassword,
		"a wrong setting is refused":           testWrongSetting,
		"commits are durable":                  testDurable,
		"rollbacks for others are tried again": testAgain,
		"a silent server":                      testSilentServer,
		"a lock that is held":                  testBlocked,
		"a closed store":                       testClosed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, kit)
		})
	}
}

// Migrate returns what brings the database at a URL up to date, for [pgtest.Options].
func Migrate(migrator func(url string) (*migrate.Migrator, error)) func(ctx context.Context, url string) error {
	return func(ctx context.Context, url string) error {
		m, err := migrator(url)
		if err != nil {
			return err
		}
		if _, err = m.Up(ctx); err != nil {
			return err
		}
		return m.Close()
	}
}

// open opens a store for the length of the test.
func (k Kit) open(t *testing.T, url string, opt Options) *Store {
	t.Helper()
	s, err := k.Open(t.Context(), url, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
