package slackkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
)

// wire answers calls in memory, so that time in a bubble goes on only when everybody waits.
type wire struct {
	mu     sync.Mutex
	calls  []string // what was sent, by its text
	times  []time.Duration
	began  time.Time
	answer func(n int, r *http.Request) (int, http.Header, string)
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.calls = append(w.calls, textOf(string(body)))
	w.times = append(w.times, time.Since(w.began))
	n := len(w.calls)
	w.mu.Unlock()
	status, header, text := http.StatusOK, http.Header{}, `{"ok":true,"channel":"C1","ts":"1.1"}`
	if w.answer != nil {
		status, header, text = w.answer(n, r)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

func textOf(body string) string {
	_, rest, _ := strings.Cut(body, `"text":"`)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

// wired returns a client over w. It is made within the bubble.
func wired(t *testing.T, w *wire) *slackkit.Client {
	t.Helper()
	w.began = time.Now()
	c, err := slackkit.New(slackkit.Config{Token: "t", HTTPClient: &http.Client{Transport: w}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func limited(retryAfter ...string) (int, http.Header, string) {
	h := http.Header{}
	if len(retryAfter) > 0 {
		h.Set("Retry-After", retryAfter[0])
	}
	return http.StatusTooManyRequests, h, `{"ok":false,"error":"ratelimited"}`
}

func TestPace_OneChannel_OneCallASecondInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		c := wired(t, w)
		var posting sync.WaitGroup
		for i := range 10 {
			posting.Go(func() {
				if _, err := c.Post(t.Context(), "C1", slackkit.Message{Text: fmt.Sprint(i)}); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // so that they come in this order
		}
		posting.Wait()
		for i := range 10 {
			if w.calls[i] != fmt.Sprint(i) || w.times[i] != time.Duration(i)*time.Second {
				t.Fatalf("calls %v at %v, want 0 to 9, one each second", w.calls, w.times)
			}
		}
	})
}

func TestPace_OtherChannels_DoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(_ int, r *http.Request) (int, http.Header, string) {
			return http.StatusOK, nil, `{"ok":true,"channel":"","ts":""}`
		}}
		c := wired(t, w)
		var posting sync.WaitGroup
		for i := range 10 {
			posting.Go(func() { _, _ = c.Post(t.Context(), fmt.Sprint("C", i), slackkit.Message{Text: "x"}) })
		}
		posting.Wait()
		if slices.Max(w.times) != 0 {
			t.Errorf("calls at %v, want all at once", w.times)
		}
	})
}

func TestPace_NameAndID_AreOneChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		c := wired(t, w)
		place, err := c.Post(t.Context(), "#ops", slackkit.Message{Text: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Update(t.Context(), place, slackkit.Message{Text: "b"}); err != nil {
			t.Fatal(err)
		}
		if w.times[1] != time.Second {
			t.Errorf("calls at %v, want a second between them", w.times)
		}
	})
}

func TestPace_RetryAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		after []string
		tries int           // calls that are made
		took  time.Duration // until the caller has its result
		say   time.Duration // what the error says, 0 for success
	}{
		{"1 s", []string{"1"}, 2, time.Second, 0},
		{"30 s", []string{"30"}, 2, 30 * time.Second, 0},
		{"3,600 s", []string{"3600"}, 1, 0, time.Hour},
		{"missing", nil, 2, 10 * time.Second, 0},
		{"garbage", []string{"soon"}, 2, 10 * time.Second, 0},
		{"a date", []string{"Wed, 21 Oct 2026 07:28:00 GMT"}, 2, 10 * time.Second, 0},
		{"0", []string{"0"}, 2, 10 * time.Second, 0},
		{"negative", []string{"-5"}, 2, 10 * time.Second, 0},
		{"a year", []string{"31536000"}, 1, 0, time.Hour},
		{"beyond numbers", []string{"99999999999999999999999"}, 1, 0, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &wire{answer: func(n int, _ *http.Request) (int, http.Header, string) {
					if n == 1 {
						return limited(tt.after...)
					}
					return http.StatusOK, nil, `{"ok":true,"channel":"C1","ts":"1.1"}`
				}}
				c := wired(t, w)
				_, err := c.Post(t.Context(), "C1", slackkit.Message{Text: "x"})
				if took := time.Since(w.began); took != tt.took || len(w.calls) != tt.tries {
					t.Errorf("%d calls in %s, want %d in %s", len(w.calls), took, tt.tries, tt.took)
				}
				if got := slackkit.RetryAfter(err); got != tt.say || (err == nil) != (tt.say == 0) {
					t.Errorf("error %v after %s, want %s", err, got, tt.say)
				}
			})
		})
	}
}

func TestPace_LimitedTwice_IsTheCallersTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(int, *http.Request) (int, http.Header, string) { return limited("2") }}
		c := wired(t, w)
		_, err := c.Post(t.Context(), "C1", slackkit.Message{Text: "x"})
		if len(w.calls) != 2 || slackkit.RetryAfter(err) != 2*time.Second || !errors.Is(err, slackkit.ErrUnavailable) {
			t.Errorf("%d calls and error %v, want 2 and 2 s", len(w.calls), err)
		}
	})
}

func TestPace_Limited_KeepsTheChannelOutForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(n int, _ *http.Request) (int, http.Header, string) {
			if n == 1 {
				return limited("3600")
			}
			return http.StatusOK, nil, `{"ok":true,"channel":"C2","ts":"1.1"}`
		}}
		c := wired(t, w)
		_, _ = c.Post(t.Context(), "C1", slackkit.Message{Text: "first"})
		<-time.After(10 * time.Minute)
		_, err := c.Post(t.Context(), "C1", slackkit.Message{Text: "second"})
		if got := slackkit.RetryAfter(err); got != 50*time.Minute {
			t.Errorf("error %v says %s, want 50 min without a call", err, got)
		}
		if _, err := c.Post(t.Context(), "C2", slackkit.Message{Text: "third"}); err != nil {
			t.Error(err)
		}
		if len(w.calls) != 2 {
			t.Errorf("calls %v", w.calls)
		}
	})
}

func TestPace_CallerGivesUp_TheNextIsServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		c := wired(t, w)
		post := func(ctx context.Context, text string) error {
			_, err := c.Post(ctx, "C1", slackkit.Message{Text: text})
			return err
		}
		if err := post(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if err := post(ctx, "b"); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want it cancelled", err)
			}
		})
		synctest.Wait()
		waiting.Go(func() {
			if err := post(t.Context(), "c"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		cancel()
		waiting.Wait()
		if !slices.Equal(w.calls, []string{"a", "c"}) || w.times[1] != time.Second {
			t.Errorf("calls %v at %v, want a and c a second apart", w.calls, w.times)
		}
		short, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer stop()
		if err := post(short, "d"); slackkit.RetryAfter(err) != time.Second {
			t.Errorf("error %v, want to hear at once that a second is needed", err)
		}
	})
}

func TestPace_LongQueue_EndsWithMaxWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		c := wired(t, w)
		var served, told int
		var mu sync.Mutex
		var posting sync.WaitGroup
		for range 100 {
			posting.Go(func() {
				_, err := c.Post(t.Context(), "C1", slackkit.Message{Text: "x"})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					served++
				} else if slackkit.RetryAfter(err) > 0 {
					told++
				}
			})
		}
		posting.Wait()
		if took := time.Since(w.began); took > 31*time.Second || served < 29 || served+told != 100 {
			t.Errorf("%d served and %d told to come back within %s", served, told, took)
		}
	})
}
