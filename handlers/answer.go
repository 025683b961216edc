package handlers

import (
	"fmt"
	"time"
)

// ErrorClass is what a handler's error asks for.
type ErrorClass uint8

// The classes, weakest first: of several in one chain the strongest wins.
const (
	// ClassNone is the class of a nil error.
	ClassNone ErrorClass = iota
	// ClassFailed is the class of an error that says nothing more.
	ClassFailed
	// ClassRetryAfter is a failure that names its delay.
	ClassRetryAfter
	// ClassAgain asks to run again later and counts as no failure.
	ClassAgain
	// ClassPermanent is a failure that retrying cannot mend.
	ClassPermanent
	// ClassUndecodable is a permanent failure to decode the payload.
	ClassUndecodable
)

var classNames = [...]string{"none", "failed", "retry-after", "again", "permanent", "undecodable"}

// String returns the class in lower case, as it is stored and shown.
func (c ErrorClass) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// answer is the behaviour that [Class] and [Delay] look for along a chain. It
// is unexported so that the set of answers stays closed.
type answer interface {
	answer() (ErrorClass, time.Duration)
}

// AnswerError is an error that carries a handler's answer. It is made by
// [Permanent], [RetryAfter] and [Again].
type AnswerError struct {
	// Class is what the handler asks for.
	Class ErrorClass
	// Delay is the named delay of ClassRetryAfter and ClassAgain.
	Delay time.Duration
	// Err is the cause; it may be nil for ClassAgain.
	Err error
}

// Error returns the text of the cause, or the answer itself where there is none.
func (e *AnswerError) Error() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s in %s", e.Class, e.Delay)
}

// Unwrap returns the cause.
func (e *AnswerError) Unwrap() error { return e.Err }

func (e *AnswerError) answer() (ErrorClass, time.Duration) { return e.Class, e.Delay }

// Permanent marks err as a failure that retrying cannot mend: the message is
// quarantined without further attempts. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &AnswerError{Class: ClassPermanent, Err: err}
}

// Undecodable marks err as a permanent failure to decode the payload. [Typed]
// uses it; handlers that decode by hand may too. Undecodable(nil) is nil.
func Undecodable(err error) error {
	if err == nil {
		return nil
	}
	return &AnswerError{Class: ClassUndecodable, Err: err}
}

// RetryAfter marks err as a failure whose next attempt should wait d, for
// example what a Retry-After header said, instead of the policy's backoff. It
// counts as a failure. A negative d is taken as 0. RetryAfter(nil, d) is nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &AnswerError{Class: ClassRetryAfter, Delay: max(d, 0), Err: err}
}

// Again answers "not now": the message is run again after d and the attempt
// counts as no failure. Use it for a precondition that is expected to come
// true, such as a row that another message will write. A negative d is taken
// as 0.
func Again(d time.Duration) error {
	return &AnswerError{Class: ClassAgain, Delay: max(d, 0)}
}
