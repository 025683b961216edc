package localfile

import "errors"

// ErrHeld says that somebody else holds a lock.
var ErrHeld = errors.New("the lock is held by another process")
