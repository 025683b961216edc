package workflow

import (
	"errors"
	"fmt"
	"time"
)

// outcome is what is known of an attempt that failed.
type outcome uint8

// The outcomes.
const (
	unknown outcome = iota // nobody said: it may have happened, and it counts as a failure
	doubt                  // it may have happened: no answer came
	later                  // it did not happen, and may at another time
	never                  // it did not happen and never will
)

// TroubleError says what is known of something that was to be done outside and failed. It is made by
// [InDoubt], [Later] and [Never].
type TroubleError struct {
	outcome outcome
	after   time.Duration
	err     error
}

// Error returns the text of the cause. It comes from outside.
func (e *TroubleError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *TroubleError) Unwrap() error { return e.err }

// InDoubt says that no answer came: it may have happened. The effect is probed before it is repeated,
// and the message waits, which is charged to nobody. InDoubt(nil) is nil.
func InDoubt(err error) error { return trouble(doubt, 0, err) }

// Later says that it did not happen, and when to ask again: after a limit was reached, or while the
// other side is down. At 0 or less the wait grows with each attempt. It is charged to nobody.
// Later(nil, d) is nil.
func Later(err error, after time.Duration) error { return trouble(later, after, err) }

// Never says that it did not happen and never will, however often it is asked: the effect has failed.
// Never(nil) is nil.
func Never(err error) error { return trouble(never, 0, err) }

// trouble returns err with what is known, nil for nil.
func trouble(o outcome, after time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &TroubleError{outcome: o, after: max(after, 0), err: err}
}

// outcomeOf returns what err says is known, and after which time to ask again.
func outcomeOf(err error) (outcome, time.Duration) {
	var t *TroubleError
	if errors.As(err, &t) {
		return t.outcome, t.after
	}
	return unknown, 0
}

// neverf returns an error of something that never will be.
func neverf(format string, args ...any) error { return Never(fmt.Errorf(format, args...)) }

// The waits between attempts whose outcome is in doubt, or that are to come later.
const (
	firstWait = 2 * time.Second
	lastWait  = 2 * time.Minute
)

// waitAfter returns how long to wait after an attempt, counted from 1.
func waitAfter(attempt int) time.Duration {
	if attempt > 6 {
		return lastWait
	}
	return min(firstWait<<max(attempt-1, 0), lastWait)
}
