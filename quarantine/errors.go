package quarantine

import (
	"fmt"
	"time"
)

// sentinel is an error to branch on by identity. Its kind is one of those that
// internal/problem turns into exit codes and HTTP statuses.
type sentinel struct{ text, kind string }

// Error returns what is wrong.
func (e *sentinel) Error() string { return e.text }

// ProblemKind returns the kind of trouble.
func (e *sentinel) ProblemKind() string { return e.kind }

// Errors to branch on.
var (
	// ErrNotFound: no such entry, group or claim.
	ErrNotFound error = &sentinel{"not found", "not found"}
	// ErrUnavailable: the store could not be reached or could not decide in time.
	ErrUnavailable error = &sentinel{"store unavailable", "unavailable"}
	// ErrRefusedData: the store refused the bytes themselves, not the moment.
	ErrRefusedData error = &sentinel{"store refused the data", "internal"}
	// ErrSchema: the store's schema is not the one of this program.
	ErrSchema error = &sentinel{"schema mismatch", "unavailable"}
	// ErrNoWorker: no living worker serves the subscription.
	ErrNoWorker error = &sentinel{"no living worker", "still running"}
	// ErrInvalid: the request itself is wrong.
	ErrInvalid error = &sentinel{"invalid", "invalid"}
	// ErrRefused: the request makes sense and must not be done without Force.
	ErrRefused error = &sentinel{"refused", "refused"}
	// ErrDuplicate: the same request was carried out before.
	ErrDuplicate error = &sentinel{"done already", "conflict"}
	// ErrClaimLost: the worker's claim of a replay ended before its result came;
	// the result is not taken.
	ErrClaimLost error = &sentinel{"the claim of the replay was lost", "conflict"}
)

// saidError is an error of the sort of a sentinel whose own text says it all.
type saidError struct {
	text string
	sort error
}

func said(sort error, format string, args ...any) error {
	return &saidError{fmt.Sprintf(format, args...), sort}
}

// Error returns the text, without the name of the sort.
func (e *saidError) Error() string { return e.text }

// Unwrap returns the sentinel.
func (e *saidError) Unwrap() error { return e.sort }

// ConflictError says that somebody else acted first.
type ConflictError struct {
	// Entry is the entry as it stands now; Entry.Decided says who acted and when.
	Entry Entry
}

// Error says who acted, what and when.
func (e *ConflictError) Error() string {
	d := e.Entry.Decided
	if d.Actor.Name == "" {
		return fmt.Sprintf("%s changed meanwhile: it is %s now (version %d)", e.Entry.Ref, e.Entry.State, e.Entry.Version)
	}
	return fmt.Sprintf("%s changed meanwhile: %s made it %s at %s (version %d)",
		e.Entry.Ref, d.Actor.Name, e.Entry.State, d.At.UTC().Format(time.RFC3339), e.Entry.Version)
}

// ProblemKind returns "conflict".
func (e *ConflictError) ProblemKind() string { return "conflict" }

// StateError says that the state machine does not allow the move.
type StateError struct {
	Ref      string
	From, To State
	// Decided says who brought it to From, and when, if a person did.
	Decided Decision
}

// Error says which move was refused, and who was first.
func (e *StateError) Error() string {
	by := ""
	if e.Decided.Actor.Name != "" {
		by = fmt.Sprintf(" (by %s at %s)", e.Decided.Actor.Name, e.Decided.At.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("%s is %s%s and cannot become %s", e.Ref, e.From, by, e.To)
}

// ProblemKind returns "refused".
func (e *StateError) ProblemKind() string { return "refused" }

// AmbiguousError says that a prefix fits several references.
type AmbiguousError struct {
	Prefix string
	// Matches are some of the references that fit, at most 10.
	Matches []string
}

// Error lists what fits.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q fits several: %v", e.Prefix, e.Matches)
}

// ProblemKind returns "invalid".
func (e *AmbiguousError) ProblemKind() string { return "invalid" }
