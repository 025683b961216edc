package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// cleanupTimeout bounds what is done for a test after it has ended.
const cleanupTimeout = 30 * time.Second

// Shared is one server for all tests of a package, started by the first that needs it. The zero
// value with its Options set is ready to use; it must not be copied. All methods are safe for
// concurrent use.
type Shared struct {
	Options Options

	once   sync.Once
	server *Server
	err    error
}

// Server returns the running server, or fails the test. A test must not stop it: others use it.
func (s *Shared) Server(tb testing.TB) *Server {
	tb.Helper()
	s.once.Do(func() { s.server, s.err = Launch(context.WithoutCancel(tb.Context()), s.Options) })
	if s.err != nil {
		tb.Fatalf("this test needs PostgreSQL: %v", s.err)
	}
	return s.server
}

// Database returns the URL of a new database, migrated, that no other test uses. It is dropped when
// the test ends. The test fails if it cannot be had.
func (s *Shared) Database(tb testing.TB) string {
	tb.Helper()
	return s.Server(tb).Database(tb)
}

// Runner is the part of *testing.M that [Shared.Main] wraps.
type Runner interface {
	// Run runs the tests and returns the exit code.
	Run() int
}

// Main returns a Runner that runs the tests and then ends the server, if any of them started it.
// Give it to goleak.VerifyTestMain, or exit with what its Run returns.
func (s *Shared) Main(m Runner) Runner { return &sharedRun{tests: m, shared: s} }

type sharedRun struct {
	tests  Runner
	shared *Shared
}

func (r *sharedRun) Run() int {
	code := r.tests.Run()
	r.shared.once.Do(func() {})
	if r.shared.server == nil {
		return code
	}
	if err := r.shared.server.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest: end the server:", err)
		return max(code, 1)
	}
	return code
}

// Start returns a server of the test's own, which the test may stop and restart. It is closed when
// the test ends. The test fails if it cannot be had.
func Start(tb testing.TB, options Options) *Server {
	tb.Helper()
	s, err := Launch(tb.Context(), options)
	if err != nil {
		tb.Fatalf("this test needs PostgreSQL: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("end the server: %v", err)
		}
	})
	return s
}

// Database returns the URL of a new database, a clone of the migrated template, that is dropped when
// the test ends, if the server still runs then.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name, err := s.CreateDatabase(tb.Context())
	if err != nil {
		tb.Fatalf("this test needs a PostgreSQL database: %v", err)
	}
	tb.Cleanup(func() {
		if s.process == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), cleanupTimeout)
		defer cancel()
		if err := s.DropDatabase(ctx, name); err != nil {
			tb.Errorf("drop the test's database: %v", err)
		}
	})
	return s.URL(name)
}
