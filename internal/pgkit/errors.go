package pgkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATE codes that stand for themselves; the rest is judged by its class.
const (
	codeSerialization   = "40001"
	codeDeadlock        = "40P01"
	codeReadOnly        = "25006"
	codeUndefinedTable  = "42P01"
	codeUndefinedColumn = "42703"
	codeUndefinedSchema = "3F000"
	codePrivilege       = "42501"
)

// CodeUnique is the SQLSTATE of what is there already.
const CodeUnique = "23505"

// Kinds are a store's words for what an error means to its caller. All but the functions are required.
type Kinds struct {
	// Invalid: a setting is wrong.
	Invalid error
	// Unavailable: the moment is to blame, not what was asked.
	Unavailable error
	// Refused: the data cannot be stored as they are, now or later.
	Refused error
	// Schema: the schema is not the one of this program.
	Schema error
	// Of returns the store's own word for an error of the server, such as one that names a constraint
	// of the store, or nil to have it judged by its SQLSTATE.
	Of func(*pgconn.PgError) error
	// Again reports that a transaction which ended so may find another state when it is run again,
	// beside those that the server rolled back for the sake of another.
	Again func(*pgconn.PgError) bool
}

// Classify says what an error means for the caller and what was being done. Only the server's own words
// are shown; they never contain a password.
func (k Kinds) Classify(doing string, err error) error {
	if err == nil {
		return nil
	}
	if kind := k.kindOf(err); kind != nil {
		return fmt.Errorf("%s: %w: %w", doing, kind, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// kindOf returns the kind of errors of the server, the connection and the context, and nil for all
// others.
func (k Kinds) kindOf(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		if k.Of != nil {
			if kind := k.Of(e); kind != nil {
				return kind
			}
		}
		return k.ofState(e.Code)
	}
	_, isNet := errors.AsType[net.Error](err)
	_, isConnect := errors.AsType[*pgconn.ConnectError](err)
	if isNet || isConnect || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgx.ErrTxClosed) || errors.Is(err, pgx.ErrTxCommitRollback) {
		return k.Unavailable
	}
	return nil
}

// ofState judges a SQLSTATE. Integrity (class 23) counts as data: what is about the moment only, two at
// once, is prevented by locks, or is for Of to tell.
func (k Kinds) ofState(code string) error {
	switch code {
	case codeReadOnly, codePrivilege:
		return k.Unavailable
	case codeUndefinedTable, codeUndefinedColumn, codeUndefinedSchema:
		return k.Schema
	}
	switch code[:min(2, len(code))] {
	case "22", "23", "54": // bad data, integrity, too large or too deep
		return k.Refused
	case "08", "28", "3D", "40", "53", "55", "57", "58", "XX":
		// connection, login, no such database, rollback, resources, lock or state,
		// operator, system, internal
		return k.Unavailable
	}
	return nil
}

// again reports that nothing happened and that it may be run again: the server rolled the transaction
// back for the sake of another.
func (k Kinds) again(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == codeSerialization || e.Code == codeDeadlock || k.Again != nil && k.Again(e))
}
