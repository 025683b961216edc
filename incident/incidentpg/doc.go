// Package incidentpg keeps incidents in PostgreSQL 14 or later: the reference
// store, for a service on many machines.
//
// Everything stands in the schema "theriac", beside the quarantine's tables and
// with a version of its own, so that the two rooms are migrated apart. [Open] never
// migrates; it refuses a schema that is not the one of this program and says what
// to run.
//
// Each call is one transaction and returns when its commit is durable, whatever
// the server's default is. A change of one incident is one statement, and so one
// round trip; several incidents are locked in the order of their ids first. Where
// the server ends a transaction for the sake of another, it is run again.
//
// Text from outside is stored in bytea columns: a text column refuses NUL and
// whatever the database's encoding lacks, and jsonb changes what it is given. What
// must be unique is compared by its digest, since a key may be of any length. Times
// in columns are kept to the microsecond, those in documents as they are.
//
// What an error means for the caller:
//
//	the server refuses a value (SQLSTATE 22, 23, 54)           incident.ErrInvalid
//	there is no such table or column (42P01, 42703, 3F000)     incident.ErrSchema
//	it cannot now (08, 25006, 28, 3D, 40, 53, 55, 57, 58, XX)  incident.ErrUnavailable
//	no connection, no answer, too late                         incident.ErrUnavailable; it may have been done
//
// A broken connection is replaced when the next call needs one.
//
// The relay is woken by LISTEN, on one connection beside the pool that the first
// [Store.Wake] opens; a pooler in transaction mode takes the notifications away, and
// relays then look by themselves.
package incidentpg
