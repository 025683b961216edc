// Package quarantinepg keeps the quarantine in PostgreSQL 13 or later: the
// reference store, for workers on many machines.
//
// Everything stands in the schema "theriac". [Open] never migrates; it refuses
// a schema that is not the one of this program and says what to run.
//
// A worker is alive while its session holds an advisory lock; the server frees
// the lock when the connection ends, in whatever way. So the URL must lead to
// the server itself or to a pooler in session mode, and a worker whose
// connection breaks is taken for dead: [quarantine.Membership] tells it so.
//
// Locks are always taken in one order, messages by identity, then groups by
// fingerprint, so that concurrent batches wait for each other and never in a
// circle. Where the server still ends a transaction for the sake of another, it
// is run again.
package quarantinepg
