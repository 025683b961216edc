package incidentpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/theriac/theriac/incident"
)

// SQLSTATE codes that stand for themselves; the rest is judged by its class.
const (
	codeUnique          = "23505"
	codeSerialization   = "40001"
	codeDeadlock        = "40P01"
	codeReadOnly        = "25006"
	codeUndefinedTable  = "42P01"
	codeUndefinedColumn = "42703"
	codeUndefinedSchema = "3F000"
	codePrivilege       = "42501"
)

// keyConstraint keeps a key to one incident.
const keyConstraint = "incident_key_pkey"

// classify says what an error means for the caller and what was being done.
// Only the server's own words are shown; they never contain a password.
func classify(doing string, err error) error {
	if err == nil {
		return nil
	}
	if kind := kindOf(err); kind != nil {
		return fmt.Errorf("%s: %w: %w", doing, kind, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// kindOf returns the sentinel for errors of the server, the connection and the
// context, and nil for all others.
func kindOf(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		if e.Code == codeUnique {
			return kindOfConstraint(e.ConstraintName)
		}
		return kindOfState(e.Code)
	}
	_, isNet := errors.AsType[net.Error](err)
	_, isConnect := errors.AsType[*pgconn.ConnectError](err)
	if isNet || isConnect || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgx.ErrTxClosed) || errors.Is(err, pgx.ErrTxCommitRollback) {
		return incident.ErrUnavailable
	}
	return nil
}

// kindOfConstraint judges what was there already.
func kindOfConstraint(name string) error {
	switch name {
	case "incident_event_key", "incident_event_id_key", "incident_outbox_event", "incident_id_key":
		return incident.ErrDuplicate
	case "settings_pkey", "token_hash_key", "person_slack", "person_email":
		return incident.ErrConflict
	case keyConstraint: // several in turn were faster each time
		return incident.ErrUnavailable
	}
	return incident.ErrInvalid
}

// kindOfState judges a SQLSTATE.
func kindOfState(code string) error {
	switch code {
	case codeReadOnly, codePrivilege:
		return incident.ErrUnavailable
	case codeUndefinedTable, codeUndefinedColumn, codeUndefinedSchema:
		return incident.ErrSchema
	}
	switch code[:min(2, len(code))] {
	case "22", "23", "54": // bad data, integrity, too large or too deep
		return incident.ErrInvalid
	case "08", "28", "3D", "40", "53", "55", "57", "58", "XX":
		// connection, login, no such database, rollback, resources, lock or state,
		// operator, system, internal
		return incident.ErrUnavailable
	}
	return nil
}

// lostToAnother reports that the server rolled the transaction back for the
// sake of another: nothing of it happened, and it may be run again. Who lost a key to
// somebody at the same moment finds its holder then.
func lostToAnother(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == codeSerialization || e.Code == codeDeadlock || e.Code == codeUnique && e.ConstraintName == keyConstraint)
}
