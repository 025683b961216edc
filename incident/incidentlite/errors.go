package incidentlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/localfile"
)

// classify says what an error means for the caller and what was being done. An error that is already
// one of the room's is left as it is.
func classify(doing string, err error) error {
	kind := kindOf(err)
	switch {
	case err == nil:
		return nil
	case kind == nil:
		return fmt.Errorf("%s: %w", doing, err)
	case hasCode(err, sqlite3.SQLITE_FULL):
		return fmt.Errorf("%s: %w: the disk is full, free some space: %w", doing, kind, err)
	default:
		return fmt.Errorf("%s: %w: %w", doing, kind, err)
	}
}

// kindOf returns the sentinel for errors of the database, the files and the context, and nil for all
// others.
func kindOf(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff { // the upper bits say more than is asked
		case sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
			return incident.ErrInvalid
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
			sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL,
			sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOTADB:
			return incident.ErrUnavailable
		}
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) ||
		errors.Is(err, errors.ErrUnsupported) || errors.Is(err, localfile.ErrNetworkDrive) {
		return incident.ErrUnavailable
	}
	return nil
}

func hasCode(err error, code int) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == code
}
