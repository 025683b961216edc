package relay

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// backoff returns the wait after n failures in a row, n at least 1: it doubles from least up to
// most, and is then spread by ±50 %, so that guardians that failed together do not come back
// together.
func backoff(n int, least, most time.Duration) time.Duration {
	d := least
	for ; n > 1 && d < most; n-- {
		d *= 2
	}
	d = min(d, most)
	return d/2 + rand.N(d+1)
}

// retryAfter returns the wait that an answer asks for, seconds or an HTTP date (RFC 9110, section
// 10.2.3), at most most. It returns 0 where it asks for none or makes no sense.
func retryAfter(h http.Header, now time.Time, most time.Duration) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil {
		return time.Duration(min(seconds, uint64(most/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), most)
	}
	return 0
}
