// Package incidentlite keeps incidents in one SQLite file.
//
// Several processes of one machine may share the file: the write-ahead log lets readers go on while one
// writes, and writers wait for each other for up to five seconds. A commit returns when it is on the disk
// (synchronous=FULL). Long work is cut into transactions of a few milliseconds, so that nobody waits for
// long.
//
// Beside the file "x.db" stand SQLite's own "x.db-wal" and "x.db-shm", and the lock "x.db-open" that
// keeps processes apart while one of them migrates. File locks do not work on network drives: [Open]
// refuses them where it can tell.
//
// The schema is brought up to date by [Open]: the file belongs to this machine and nobody else
// administers it. A file of a newer program is refused.
package incidentlite
