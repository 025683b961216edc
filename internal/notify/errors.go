package notify

import (
	"fmt"
	"strings"
	"time"
)

// sentinel is an error to branch on that says its kind.
type sentinel struct{ text, kind string }

// Error returns what it says.
func (e *sentinel) Error() string { return e.text }

// ProblemKind returns its kind.
func (e *sentinel) ProblemKind() string { return e.kind }

var (
	// ErrUnavailable is wrapped by every *[RetryError]: nobody knows that the alert was taken.
	ErrUnavailable error = &sentinel{"the alert was not taken", "unavailable"}
	// ErrNotVerified is wrapped by what [Verify] returns: the request is not to be believed. A receiver
	// answers it with 401 and no detail.
	ErrNotVerified error = &sentinel{"the webhook is not verified", "not allowed"}
)

// PermanentError says that an alert will not be taken however often it is sent, and what to do.
type PermanentError struct {
	// Sender is the sender's name, Host where it sends to, "" if nothing was sent.
	Sender, Host string
	// Status is the HTTP status of the answer, 0 if nothing was sent.
	Status int
	// Reason is what happened, Fix what to do about it; both are safe to show.
	Reason, Fix string
	// Kind is what ProblemKind returns.
	Kind string
}

// Error says what happened and what to do.
func (e *PermanentError) Error() string {
	return fmt.Sprintf("%s: %s: %s", place(e.Sender, e.Host), e.Reason, e.Fix)
}

// ProblemKind says whose fault it is: "invalid", "not allowed", "not found" or "refused".
func (e *PermanentError) ProblemKind() string { return e.Kind }

// RetryError says that an alert was not taken, or that nobody knows, and that it may be later. It wraps
// [ErrUnavailable].
type RetryError struct {
	// Sender is the sender's name, Host where it sends to.
	Sender, Host string
	// Status is the HTTP status of the answer, 0 if there was none.
	Status int
	// After is how long the other side asked to wait, at most [MaxRetryAfter]; 0 if it did not say, and
	// the caller's own backoff decides.
	After time.Duration
	// Reason is what happened; it is safe to show.
	Reason string
}

// Error says what happened.
func (e *RetryError) Error() string {
	text := place(e.Sender, e.Host) + ": " + e.Reason
	if e.After > 0 {
		text += fmt.Sprintf(" (again in %v)", e.After)
	}
	return text
}

// Unwrap returns ErrUnavailable.
func (e *RetryError) Unwrap() error { return ErrUnavailable }

// ProblemKind returns "unavailable".
func (e *RetryError) ProblemKind() string { return "unavailable" }

// place says who speaks to whom.
func place(sender, host string) string {
	if host == "" {
		return sender
	}
	return sender + " at " + host
}

// reasons is the text of joined problems on one line.
func reasons(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
