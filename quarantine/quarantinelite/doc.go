// Package quarantinelite keeps the quarantine in one SQLite file.
//
// Several processes of one machine may share the file: the write-ahead log lets
// readers go on while one writes, and writers wait for each other for up to
// five seconds. A commit returns when it is on the disk (synchronous=FULL).
//
// Beside the file "x.db" stand SQLite's own "x.db-wal" and "x.db-shm", the lock
// "x.db-open" that keeps processes apart while one of them migrates, and the
// directory "x.db-workers" with a lock file for each worker process. The kernel
// frees a worker's lock when its process dies, in whatever way; that is how the
// others prove it dead. File locks do not work on network drives: [Open]
// refuses them where it can tell.
//
// The schema is brought up to date by [Open]: the file belongs to this machine
// and nobody else administers it. A file of a newer program is refused.
package quarantinelite
