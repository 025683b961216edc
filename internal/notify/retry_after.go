package notify

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter caps the wait that the other side asks for. An alert that comes too late is none, so a
// longer wait is tried out after this.
const MaxRetryAfter = 5 * time.Minute

// retryAfter reads a Retry-After header, in seconds or as a date, and returns a wait in whole seconds from 0
// to MaxRetryAfter. What is missing, malformed or past is 0.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if isDigits(value) {
		// More digits than these are longer than the cap whatever they are.
		seconds, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return MaxRetryAfter
		}
		return min(time.Duration(seconds)*time.Second, MaxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil || !at.After(now) {
		return 0
	}
	wait := at.Sub(now)
	if wait >= MaxRetryAfter {
		return MaxRetryAfter
	}
	// Up, so that the time has come when the wait is over.
	return (wait + time.Second - 1).Truncate(time.Second)
}

// isDigits reports whether s is one to many ASCII digits and nothing else.
func isDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
