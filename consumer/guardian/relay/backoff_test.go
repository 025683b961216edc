package relay

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	const least, most = 500 * time.Millisecond, 30 * time.Second
	for n, want := range map[int]time.Duration{
		1: least, 2: time.Second, 3: 2 * time.Second, 6: 16 * time.Second, 7: most, 8: most, 1 << 40: most,
	} {
		low, high := time.Hour, time.Duration(0)
		for range 1000 {
			d := backoff(n, least, most)
			low, high = min(low, d), max(high, d)
		}
		if low < want/2 || high > want*3/2 || low > want*6/10 || high < want*14/10 {
			t.Errorf("after %d failures: between %v and %v, want %v ±50 %%", n, low, high, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"1":                             time.Second,
		"60":                            time.Minute,
		"300":                           5 * time.Minute,
		"301":                           5 * time.Minute,
		"9223372036854775807":           5 * time.Minute,
		"99999999999999999999999999999": 0,
		"-1":                            0,
		"1.5":                           0,
		"soon":                          0,
		"Sun, 01 Mar 2026 12:01:30 GMT": 90 * time.Second,
		"Sun, 01 Mar 2026 11:00:00 GMT": 0,
		"Sun, 01 Mar 2099 12:00:00 GMT": 5 * time.Minute,
	} {
		got := retryAfter(http.Header{"Retry-After": {value}}, now, 5*time.Minute)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", value, diff)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]fate{
		200: delivered, 202: delivered, 204: delivered, 299: delivered,
		301: refused, 307: refused, 400: refused, 401: refused, 404: refused, 408: refused, 413: refused, 499: refused,
		429: postponed, 500: postponed, 502: postponed, 503: postponed, 504: postponed, 599: postponed,
	} {
		resp := &http.Response{StatusCode: code, Header: http.Header{"Retry-After": {"7"}}}
		got := judge(resp, time.Now(), time.Minute)
		if told := code == 429 || code == 503; got.fate != want || !got.answered || (got.retryAfter == 7*time.Second) != told {
			t.Errorf("%d: %+v, want %v", code, got, want)
		}
	}
}
