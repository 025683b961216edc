// Package pgtest runs a private PostgreSQL for tests and benchmarks: a cluster of its own in a
// temporary directory, reached over a unix socket, gone when its user is gone.
//
// A package whose tests need databases keeps one [Shared] server for all of them:
//
//	var postgres = pgtest.Shared{Options: pgtest.Options{NoSync: true, Migrate: migrate}}
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(postgres.Main(m)) }
//
//	func TestStore(t *testing.T) {
//		t.Parallel()
//		url := postgres.Database(t) // a migrated database that no other test sees
//	}
//
// A test that stops the server has one of its own, by [Start]. A program that is no test uses
// [Launch].
//
// The programs initdb and postgres are looked for on PATH and under /usr/lib/postgresql; when they
// are missing and the process is root they are installed with apt-get. As root the server runs as
// an unprivileged user, because PostgreSQL refuses anything else. A test that cannot have its
// server fails and says why; it is never skipped.
//
// The server cannot outlive its user. Between the two stands a shell of a few lines that holds the
// reading end of a pipe; when the writing end is gone, in whatever way the user died, the shell
// stops the server and removes the directory.
package pgtest
