package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// sentinel is an error to branch on by identity. Its kind is one of those that internal/problem
// turns into exit codes and HTTP statuses.
type sentinel struct{ text, kind string }

// Error returns what is wrong.
func (e *sentinel) Error() string { return e.text }

// ProblemKind returns the kind of trouble.
func (e *sentinel) ProblemKind() string { return e.kind }

// Errors to branch on.
var (
	// ErrNotFound: no such incident, person, item.
	ErrNotFound error = &sentinel{"not found", "not found"}
	// ErrConflict: somebody else was first; load again and decide again.
	ErrConflict error = &sentinel{"somebody else was first", "conflict"}
	// ErrContended: with each of some attempts somebody else was first. Nothing is wrong with the act, and it
	// can be repeated as it is. It comes with ErrConflict.
	ErrContended error = &sentinel{"others change it at the same time", "conflict"}
	// ErrDuplicate: an event with this key is there already, so it is done.
	ErrDuplicate error = &sentinel{"it was done before", "conflict"}
	// ErrInvalid: the request itself is wrong.
	ErrInvalid error = &sentinel{"invalid", "invalid"}
	// ErrRefused: it makes sense, and must not be done now.
	ErrRefused error = &sentinel{"refused", "refused"}
	// ErrNotAllowed: this actor may not do it.
	ErrNotAllowed error = &sentinel{"not allowed", "not allowed"}
	// ErrTooLarge: the document would pass its limit of 1 MiB.
	ErrTooLarge error = &sentinel{"the incident is too large: its document is bounded by 1 MiB", "invalid"}
	// ErrUnavailable: the store could not be reached or could not decide in time.
	ErrUnavailable error = &sentinel{"store unavailable", "unavailable"}
	// ErrSchema: the store's schema is not the one of this program.
	ErrSchema error = &sentinel{"schema mismatch", "unavailable"}
)

// TransitionError is a verb that the incident's status does not allow.
type TransitionError struct {
	Ref  string
	Verb string
	From Status
	// To is where the verb would have led, "" where it leads to several.
	To Status
	// Allowed are the verbs that change the status from here.
	Allowed []string
}

// Error names what is allowed.
func (e *TransitionError) Error() string {
	allowed := "nothing"
	if len(e.Allowed) > 0 {
		allowed = strings.Join(e.Allowed, ", ")
	}
	verb := e.Verb
	if slices.Contains(e.Allowed, verb) && e.To != "" {
		verb += " to " + string(e.To) // it is allowed, and does not lead there
	}
	return fmt.Sprintf("%s is %s: cannot %s; allowed now: %s", e.Ref, e.From, verb, allowed)
}

// ProblemKind returns "conflict".
func (e *TransitionError) ProblemKind() string { return "conflict" }

// ConflictError says who was first. It wraps ErrConflict.
type ConflictError struct {
	Ref     string
	What    string // such as "the lead is ben since 03:02Z"
	Version int64
	By      Actor
	At      time.Time
}

// Error says who did what.
func (e *ConflictError) Error() string { return e.Ref + ": " + e.What }

// Unwrap returns ErrConflict.
func (e *ConflictError) Unwrap() error { return ErrConflict }

// ExistsError names the incident that holds one of the keys of a new one. The caller usually wants
// that incident.
type ExistsError struct{ IncidentID, Ref, Key string }

// Error names both.
func (e *ExistsError) Error() string { return fmt.Sprintf("%s holds the key %q already", e.Ref, e.Key) }

// ProblemKind returns "conflict".
func (e *ExistsError) ProblemKind() string { return "conflict" }

// GateError is a close that something undecided prevents. There is no way around it.
type GateError struct {
	Ref     string
	Entries []Entry
	Tasks   []Task
	Fields  []string
}

// Error lists what is open.
func (e *GateError) Error() string {
	var open []string
	for _, entry := range e.Entries {
		open = append(open, "entry "+entry.Ref+" is undecided (theriac replay "+entry.Ref+", or discard)")
	}
	for _, t := range e.Tasks {
		open = append(open, "task "+t.ID+" is open")
	}
	for _, f := range e.Fields {
		open = append(open, "field "+f+" is empty")
	}
	return e.Ref + " cannot close: " + strings.Join(open, "; ")
}

// ProblemKind returns "conflict".
func (e *GateError) ProblemKind() string { return "conflict" }

// FieldError is a request with something wrong in one of its fields. It wraps ErrInvalid.
type FieldError struct{ Field, Problem string }

// Error names the field.
func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// Unwrap returns ErrInvalid.
func (e *FieldError) Unwrap() error { return ErrInvalid }
