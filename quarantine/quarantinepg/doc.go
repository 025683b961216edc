// Package quarantinepg keeps the quarantine in PostgreSQL 14 or later: the
// reference store, for workers on many machines.
//
// Everything stands in the schema "theriac". [Open] never migrates; it refuses
// a schema that is not the one of this program and says what to run.
//
// Each call is one transaction and returns when its commit is durable, whatever
// the server's default is. Locks are always taken in one order, the row of a dead
// worker, messages by identity, the rows that tell of suspects, then groups by
// number, so that concurrent batches wait for each other and never in a circle. Where the server still ends a transaction for the
// sake of another, it is run again.
//
// What an error means for the caller:
//
//	the server refuses a value (SQLSTATE 22, 23, 54)           ErrRefusedData
//	there is no such table or column (42P01, 42703, 3F000)     ErrSchema
//	it cannot now (08, 25006, 28, 3D, 40, 53, 55, 57, 58, XX)  ErrUnavailable
//	no connection, no answer, too late                         ErrUnavailable; it may have been done
//
// A broken connection is replaced when the next call needs one.
//
// A worker is alive while its session holds an advisory lock; the server frees
// the lock when the connection ends, in whatever way. So the URL must lead to
// the server itself or to a pooler in session mode, and a worker whose
// connection breaks is taken for dead: [quarantine.Membership] tells it so at
// once, and it claims nothing from then on. Nobody ever tries another's lock;
// that it is held is read in pg_locks.
package quarantinepg
