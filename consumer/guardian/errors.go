package guardian

import (
	"errors"
	"fmt"
)

// CleanExit is the exit code of a child that ended in order. It is a number of its own, since 0 is
// what os.Exit(0) in a handler would leave too.
const CleanExit = 77

// failedExit is the exit code of a child whose function returned an error.
const failedExit = 78

// ErrGuardianGone is the cause of the context of a child whose guardian died.
var ErrGuardianGone = errors.New("the guardian is gone")

// errStopped is the cause of the context of a child that was told to stop.
var errStopped = errors.New("told to stop")

// GaveUpError says that a role died again and again before it was ready, while no other was.
type GaveUpError struct {
	Role   string
	Deaths int    // in a row, before ready
	Last   string // how it died, in words
}

// Error says what happened and where to look.
func (e *GaveUpError) Error() string {
	return fmt.Sprintf("role %s died %d times before it was ready, the last time by %s, and no other role is ready: see its output above; this is a problem of the deployment, no message was running",
		e.Role, e.Deaths, e.Last)
}
