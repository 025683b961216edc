package pgtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/theriac/theriac/internal/pgtest"
)

// beOrphaned makes the test binary the child of TestServer_DiesWithItsUser.
const beOrphaned = "PGTEST_BE_ORPHANED"

var postgres = pgtest.Shared{Options: pgtest.Options{NoSync: true, Migrate: migrate}}

func TestMain(m *testing.M) {
	if os.Getenv(beOrphaned) != "" {
		os.Exit(orphan())
	}
	goleak.VerifyTestMain(postgres.Main(m))
}

// migrate makes a table with one row in it.
func migrate(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE TABLE word (text text); INSERT INTO word VALUES ('migrated')")
	return err
}

// launched is what the child tells its parent.
type launched struct {
	URL string
	PID int
	Dir string
}

// orphan launches a server, says where it is and waits to be killed.
func orphan() int {
	server, err := pgtest.Launch(context.Background(), pgtest.Options{NoSync: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	pid, err := server.PID()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(launched{server.URL("postgres"), pid, server.Dir()}); err != nil {
		return 1
	}
	select {}
}
