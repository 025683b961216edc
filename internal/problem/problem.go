// Package problem sorts errors into a few kinds and holds the one table that turns a kind into the
// exit code of a command and the HTTP status of a page.
//
// A room does not import this package. Its errors say their kind by a method, and [Of] looks for
// that method along the whole chain of an error:
//
//	func (e *ConflictError) ProblemKind() string { return "conflict" }
//
// An error that says nothing is [Internal], so a forgotten method shows as exit code 1 and status
// 500 and is never mistaken for the caller's fault.
package problem

import (
	"context"
	"errors"
	"fmt"
)

// Kind is what sort of trouble an error is. Its text is what ProblemKind methods return.
type Kind string

// The kinds. Each stands for one row of the table.
const (
	None         Kind = ""              // no error
	Internal     Kind = "internal"      // anything that does not say what it is
	Invalid      Kind = "invalid"       // the request makes no sense: flags, arguments, form fields
	Refused      Kind = "refused"       // it makes sense, and must not be done now or unconfirmed
	NotFound     Kind = "not found"     // no such entry, group, subscription, page
	NotAllowed   Kind = "not allowed"   // this author may not do it
	Conflict     Kind = "conflict"      // somebody else acted first
	PartlyDone   Kind = "partly done"   // some of it happened; the rest is listed
	Unavailable  Kind = "unavailable"   // a store or broker cannot be reached
	StillRunning Kind = "still running" // the wait ended before the work did
	BadAnswer    Kind = "bad answer"    // it ran, and what it found is bad
	Held         Kind = "held"          // a check found something in quarantine
	Interrupted  Kind = "interrupted"   // the caller gave up
)

// row is a kind with its two translations.
type row struct {
	kind   Kind
	exit   int
	status int
}

// table returns every kind. Exit codes are a promise to scripts and are documented by
// `theriac help exit-codes`; a code is never given another meaning. Status 499 is the web's
// customary number for a caller who hung up; nobody is left to read it, but logs are.
func table() []row {
	return []row{
		{None, 0, 200},
		{Internal, 1, 500},
		{Invalid, 2, 400},
		{Refused, 2, 422},
		{NotFound, 3, 404},
		{NotAllowed, 4, 403},
		{Conflict, 5, 409},
		{PartlyDone, 6, 207},
		{Unavailable, 7, 503},
		{StillRunning, 8, 202},
		{BadAnswer, 9, 200},
		{Held, 10, 200},
		{Interrupted, 130, 499},
	}
}

// Kinds returns every kind, None first, in the order of exit codes.
func Kinds() []Kind {
	var kinds []Kind
	for _, r := range table() {
		kinds = append(kinds, r.kind)
	}
	return kinds
}

// ExitCode returns the exit code of a command that ends with this kind. A kind that is not in the
// table counts as Internal.
func (k Kind) ExitCode() int { return k.row().exit }

// HTTPStatus returns the status of a response that reports this kind. A kind that is not in the
// table counts as Internal.
func (k Kind) HTTPStatus() int { return k.row().status }

func (k Kind) row() row {
	rows := table()
	for _, r := range rows {
		if r.kind == k {
			return r
		}
	}
	return rows[1]
}

// Of returns the kind of err: None for nil, else what the first error in its chain with a
// ProblemKind method says. Without one, context.Canceled is Interrupted, context.DeadlineExceeded
// is Unavailable and the rest is Internal. It is safe for concurrent use.
func Of(err error) Kind {
	var kinder interface{ ProblemKind() string }
	switch {
	case err == nil:
		return None
	case errors.As(err, &kinder):
		return Kind(kinder.ProblemKind()).row().named()
	case errors.Is(err, context.Canceled):
		return Interrupted
	case errors.Is(err, context.DeadlineExceeded):
		return Unavailable
	default:
		return Internal
	}
}

// named returns the kind of a row for an error that exists: such an error is never None.
func (r row) named() Kind {
	if r.kind == None {
		return Internal
	}
	return r.kind
}

// Error is an error of a given kind, for packages that may import this one and need no type of
// their own.
type Error struct {
	Kind Kind
	Err  error // never nil
}

// Errorf returns an *Error whose text and wrapped errors are those of [fmt.Errorf].
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// Error returns the text of the wrapped error alone.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// ProblemKind returns the kind as [Of] looks for it.
func (e *Error) ProblemKind() string { return string(e.Kind) }
