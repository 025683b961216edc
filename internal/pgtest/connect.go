package pgtest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Connect opens a connection to the database at url for the length of the test.
func Connect(tb testing.TB, url string) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := conn.Close(context.WithoutCancel(tb.Context())); err != nil {
			tb.Error(err)
		}
	})
	return conn
}

// Execute runs statements in their order, or fails the test.
func Execute(tb testing.TB, conn *pgx.Conn, statements ...string) {
	tb.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(tb.Context(), s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
}

// Empty returns the URL of a new database that nothing has migrated and no other test uses. It is
// dropped when the test ends.
func (s *Shared) Empty(tb testing.TB) string {
	tb.Helper()
	server := s.Server(tb)
	name := "empty_" + strings.ToLower(rand.Text())
	Execute(tb, Connect(tb, server.URL("postgres")), "CREATE DATABASE "+name)
	tb.Cleanup(func() {
		if err := server.DropDatabase(context.WithoutCancel(tb.Context()), name); err != nil {
			tb.Error(err)
		}
	})
	return server.URL(name)
}
