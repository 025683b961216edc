package litekit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/theriac/theriac/internal/localfile"
)

// ErrReadOnly is the cause of a change that a store refuses which was opened read-only.
var ErrReadOnly = errors.New("the store was opened read-only")

// Kinds are a store's words for what an error means to its caller. All are required.
type Kinds struct {
	// Unavailable: the moment, or the file, is to blame, not what was asked.
	Unavailable error
	// Refused: the data cannot be stored as they are, now or later.
	Refused error
	// Schema: the schema is not the one of this program.
	Schema error
}

// Classify says what an error means for the caller and what was being done. An error that is already
// one of the store's own keeps its text.
func (k Kinds) Classify(doing string, err error) error {
	kind := k.kindOf(err)
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

// kindOf returns the kind of errors of the database, the files and the context, and nil for all others.
func (k Kinds) kindOf(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff { // the upper bits say more than is asked
		case sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
			return k.Refused
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
			sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL,
			sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOTADB:
			return k.Unavailable
		}
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) ||
		errors.Is(err, ErrReadOnly) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, localfile.ErrNetworkDrive) {
		return k.Unavailable
	}
	return nil
}

func hasCode(err error, code int) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == code
}
