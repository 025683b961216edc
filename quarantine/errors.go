package quarantine

import (
	"errors"
	"fmt"
	"time"
)

// Errors to branch on.
var (
	// ErrNotFound: no such entry, group or claim.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable: the store could not be reached or could not decide in time.
	ErrUnavailable = errors.New("store unavailable")
	// ErrRefusedData: the store refused the bytes themselves, not the moment.
	ErrRefusedData = errors.New("store refused the data")
	// ErrSchema: the store's schema is not the one of this program.
	ErrSchema = errors.New("schema mismatch")
	// ErrNoWorker: no living worker serves the subscription.
	ErrNoWorker = errors.New("no living worker")
	// ErrInvalid: the request itself is wrong.
	ErrInvalid = errors.New("invalid")
)

// ConflictError: somebody else acted first.
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

// StateError: the state machine does not allow the move.
type StateError struct {
	Ref      string
	From, To State
}

// Error says which move was refused.
func (e *StateError) Error() string {
	return fmt.Sprintf("%s is %s and cannot become %s", e.Ref, e.From, e.To)
}

// AmbiguousError: a prefix fits several references.
type AmbiguousError struct {
	Prefix string
	// Matches are some of the references that fit, at most 10.
	Matches []string
}

// Error lists what fits.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q fits several: %v", e.Prefix, e.Matches)
}
