package relay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/relay"
	"github.com/theriac/theriac/internal/runner"
)

var errDown = errors.New("connection refused")

// try is one request that a host in memory saw.
type try struct {
	At   time.Duration // since the first
	Host string
	ID   string
}

// hosts answers for every host, and remembers.
type hosts struct {
	answer func(req *http.Request, id string) (*http.Response, error)

	mu    sync.Mutex
	start time.Time
	tries []try
}

func (h *hosts) RoundTrip(req *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	id, _, _ := strings.Cut(string(b), "\n")
	h.mu.Lock()
	if h.start.IsZero() {
		h.start = time.Now()
	}
	h.tries = append(h.tries, try{time.Since(h.start), req.URL.Host, id})
	h.mu.Unlock()
	return h.answer(req, id)
}

func (h *hosts) seen() []try {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.tries)
}

func (h *hosts) ids() []string {
	var ids []string
	for _, try := range h.seen() {
		ids = append(ids, try.ID)
	}
	return ids
}

// virtually lets time pass in a bubble.
func virtually(d time.Duration) { <-time.After(d) }

// read hands n requests for a host to f.
func read(t testing.TB, f *relay.Forwarder, target string, n int) {
	t.Helper()
	if err := f.Read(t.Context(), bytes.NewReader(frames(t, target, n))); err != nil {
		t.Error(err)
	}
}

// checkSum checks that every request is counted in exactly one place.
func checkSum(t *testing.T, s relay.Stats) {
	t.Helper()
	out := s.Delivered + s.Refused + s.GivenUp + s.Expired + s.Evicted + s.Lost + uint64(s.Waiting)
	if in := s.Received + s.Restored; in != out {
		t.Errorf("%d requests came in and %d are accounted for: %+v", in, out, s)
	}
}

func TestHostDown_RetriesWithBackoffUntilItIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		h := &hosts{answer: func(*http.Request, string) (*http.Response, error) {
			if up.Load() {
				return answer(200), nil
			}
			return nil, &url.Error{Op: "Post", URL: "http://h/?sentry_key=secret", Err: errDown}
		}}
		var log bytes.Buffer
		f := newForwarder(t, relay.Config{RoundTripper: h, MaxTries: 1000, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		stop := running(t, f)
		read(t, f, "http://h", 3)
		virtually(10 * time.Minute)
		host := f.Stats().Hosts[0]
		if host.Host != "http://h" || host.Waiting != 3 || host.Problem != errDown.Error() || !host.NextTry.After(time.Now()) {
			t.Errorf("%+v", host)
		}
		tries := h.seen()
		wait := 500 * time.Millisecond
		for i := range len(tries) - 1 {
			if gap := tries[i+1].At - tries[i].At; gap < wait/2 || gap > wait*3/2 || tries[i+1].ID != "0" {
				t.Errorf("try %d of %s came after %v, want %v ±50 %%", i+1, tries[i+1].ID, gap, wait)
			}
			wait = min(2*wait, 30*time.Second)
		}
		up.Store(true)
		virtually(time.Minute)
		want := relay.Stats{Received: 3, Delivered: 3, Retries: uint64(len(tries))}
		if diff := cmp.Diff(want, f.Stats()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"0", "1", "2"}, h.ids()[len(tries):]); diff != "" {
			t.Error(diff)
		}
		stop()
		if text := log.String(); strings.Count(text, "\n") != 2 || strings.Contains(text, "secret") || !strings.Contains(text, "http://h") {
			t.Errorf("the log should say that the host failed and came back, and no secret:\n%s", text)
		}
	})
}

func TestRetryAfter_IsObeyed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code      int
		value     string
		low, high time.Duration
	}{
		{429, "60", time.Minute, time.Minute},
		{503, "60", time.Minute, time.Minute},
		{503, "86400", 5 * time.Minute, 5 * time.Minute},
		{503, "Sat, 01 Jan 2000 00:02:00 GMT", 2 * time.Minute, 2 * time.Minute}, // bubbles begin at midnight
		{429, "nonsense", 250 * time.Millisecond, 750 * time.Millisecond},
		{500, "60", 250 * time.Millisecond, 750 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.code, "_", tt.value), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first := true
				h := &hosts{answer: func(*http.Request, string) (*http.Response, error) {
					if !first {
						return answer(200), nil
					}
					first = false
					resp := answer(tt.code)
					resp.Header.Set("Retry-After", tt.value)
					return resp, nil
				}}
				f := newForwarder(t, relay.Config{RoundTripper: h})
				running(t, f)
				read(t, f, "http://h", 2)
				virtually(10 * time.Minute)
				tries := h.seen()
				if diff := cmp.Diff([]string{"0", "0", "1"}, h.ids()); diff != "" {
					t.Fatal(diff)
				}
				if gap := tries[1].At; gap < tt.low || gap > tt.high {
					t.Errorf("tried again after %v", gap)
				}
			})
		})
	}
}

func TestRequestThatAHostCannotDigest_HoldsUpNobody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer func() (*http.Response, error)
		want   []string
		stats  relay.Stats
	}{
		{"answered 500", func() (*http.Response, error) { return answer(500), nil },
			[]string{"0", "0", "0", "1", "2", "0", "0", "0"}, relay.Stats{Received: 3, Delivered: 2, GivenUp: 1, Retries: 5}},
		{"answered 413", func() (*http.Response, error) { return answer(413), nil },
			[]string{"0", "1", "2"}, relay.Stats{Received: 3, Delivered: 2, Refused: 1}},
		{"silence", func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
			[]string{"0", "0", "0", "1", "2", "0", "0", "0"}, relay.Stats{Received: 3, Delivered: 2, Expired: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &hosts{answer: func(_ *http.Request, id string) (*http.Response, error) {
					if id == "0" {
						return tt.answer()
					}
					return answer(200), nil
				}}
				f := newForwarder(t, relay.Config{RoundTripper: h, MaxTries: 3})
				running(t, f)
				read(t, f, "http://h", 3)
				virtually(3 * time.Hour)
				got := h.ids()
				if diff := cmp.Diff(tt.want, got[:min(len(got), len(tt.want))]); diff != "" {
					t.Error(diff)
				}
				if tt.stats.Expired > 0 {
					tt.stats.Retries = uint64(len(got) - 2)
				}
				if diff := cmp.Diff(tt.stats, f.Stats()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestHostsAreIsolated has one host that hangs, one that refuses and one that is up, and room for
// few: the third gets everything at once and in order.
func TestHostsAreIsolated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{answer: func(req *http.Request, _ string) (*http.Response, error) {
			switch req.URL.Host {
			case "hangs":
				return hang(req)
			case "refuses":
				return nil, errDown
			}
			return answer(200), nil
		}}
		f := newForwarder(t, relay.Config{RoundTripper: h, MemoryRequests: 64, SpoolDir: t.TempDir()})
		running(t, f)
		began := time.Now()
		read(t, f, "http://hangs", 100)
		read(t, f, "http://refuses", 20)
		synctest.Wait()
		var want []string
		for i := range 10 {
			want = append(want, fmt.Sprint(i))
		}
		for range 10 {
			before := len(h.seen())
			read(t, f, "http://good", 10)
			synctest.Wait()
			if diff := cmp.Diff(want, h.ids()[before:]); diff != "" || time.Since(began) > 0 {
				t.Fatalf("the good host waited for the others: %s", diff)
			}
		}
		s := f.Stats()
		if s.Delivered != 100 || s.Waiting != 120 || s.Spooled != 68 || len(s.Hosts) != 2 {
			t.Errorf("%+v", s)
		}
		checkSum(t, s)
	})
}

func TestTooManyHosts_AreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{answer: func(*http.Request, string) (*http.Response, error) { return nil, errDown }}
		f := newForwarder(t, relay.Config{RoundTripper: h, MaxHosts: 3})
		running(t, f)
		for i := range 1000 {
			read(t, f, fmt.Sprintf("http://host%d", i), 1)
		}
		s := f.Stats()
		if s.Lost != 997 || len(s.Hosts) != 3 {
			t.Errorf("%+v", s)
		}
		checkSum(t, s)
	})
}

func TestOldRequestsExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{answer: func(*http.Request, string) (*http.Response, error) { return nil, errDown }}
		f := newForwarder(t, relay.Config{RoundTripper: h, MaxAge: time.Minute, MemoryRequests: 4, SpoolDir: t.TempDir()})
		running(t, f)
		read(t, f, "http://h", 10)
		virtually(2 * time.Minute)
		want := relay.Stats{Received: 10, Expired: 10, Spooled: 8}
		s := f.Stats()
		want.Retries = s.Retries
		if diff := cmp.Diff(want, s); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEnd_LastTryThenSpool(t *testing.T) {
	t.Parallel()
	told := func() (*http.Response, error) {
		resp := answer(503)
		resp.Header.Set("Retry-After", "60")
		return resp, nil
	}
	tests := []struct {
		name   string
		answer func(req *http.Request) (*http.Response, error) // after the end; before it the host is down
		before func() (*http.Response, error)
		took   time.Duration
		left   int
		tries  int // after the end
	}{
		{"up again", func(*http.Request) (*http.Response, error) { return answer(200), nil }, nil, 0, 0, 3},
		{"still down", func(*http.Request) (*http.Response, error) { return nil, errDown }, nil, 0, 3, 1},
		{"hangs", hang, nil, 2 * time.Second, 3, 1},
		{"asked us to wait", nil, told, 0, 3, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var ended atomic.Bool
				h := &hosts{answer: func(req *http.Request, _ string) (*http.Response, error) {
					if ended.Load() {
						return tt.answer(req)
					}
					if tt.before != nil {
						return tt.before()
					}
					return nil, errDown
				}}
				dir := t.TempDir()
				f := newForwarder(t, relay.Config{RoundTripper: h, SpoolDir: dir})
				stop := running(t, f)
				read(t, f, "http://h", 3)
				synctest.Wait()
				before, began := len(h.seen()), time.Now()
				ended.Store(true)
				stop()
				if took := time.Since(began); took != tt.took {
					t.Errorf("Run ended after %v, want %v", took, tt.took)
				}
				s := f.Stats()
				if tries := len(h.seen()) - before; tries != tt.tries || s.Waiting != tt.left || s.Spooled != uint64(tt.left) || s.MemoryBytes != 0 {
					t.Errorf("%d tries after the end, %+v", tries, s)
				}
				checkSum(t, s)
				checkRestart(t, dir, tt.left)
			})
		})
	}
}

// checkRestart has a new Forwarder deliver what is left in a spool, in front of what is new.
func checkRestart(t *testing.T, dir string, left int) {
	t.Helper()
	h := &hosts{answer: func(*http.Request, string) (*http.Response, error) { return answer(200), nil }}
	f := newForwarder(t, relay.Config{RoundTripper: h, SpoolDir: dir})
	read(t, f, "http://h", 1)
	running(t, f)
	synctest.Wait()
	want := []string{"0", "1", "2"}[:left]
	if diff := cmp.Diff(append(want, "0"), h.ids()); diff != "" {
		t.Errorf("after the restart (-want +got):\n%s", diff)
	}
	stats := relay.Stats{Received: 1, Restored: uint64(left), Delivered: uint64(left) + 1}
	if diff := cmp.Diff(stats, f.Stats()); diff != "" {
		t.Error(diff)
	}
}

func TestRun_MayBeCalledAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{answer: func(*http.Request, string) (*http.Response, error) { return answer(200), nil }}
		f := newForwarder(t, relay.Config{RoundTripper: h, SpoolDir: t.TempDir()})
		running(t, f)()
		read(t, f, "http://h", 2)
		if s := f.Stats(); s.Spooled != 2 || s.Waiting != 2 {
			t.Errorf("read while nobody ran: %+v", s)
		}
		running(t, f)
		synctest.Wait()
		if diff := cmp.Diff([]string{"0", "1"}, h.ids()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestWhateverHappens_TheNumbersAddUp runs random hosts against random bounds, with an end in the
// middle.
func TestWhateverHappens_TheNumbersAddUp(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 0))
				codes := []int{200, 200, 200, 404, 429, 500, 503, 0}
				var mu sync.Mutex
				h := &hosts{answer: func(req *http.Request, _ string) (*http.Response, error) {
					mu.Lock()
					code := codes[random.IntN(len(codes))]
					mu.Unlock()
					if code == 0 {
						return hang(req)
					}
					return answer(code), nil
				}}
				cfg := relay.Config{
					RoundTripper: h, MemoryRequests: 4, MaxHosts: 3, MaxTries: 3, MaxAge: 5 * time.Minute,
					MaxRequestBytes: 8 << 10, SpoolBytes: 64 << 10,
				}
				if seed%3 > 0 {
					cfg.SpoolDir = t.TempDir()
				}
				f := newForwarder(t, cfg)
				for range 4 {
					stop := running(t, f)
					for range 5 {
						mu.Lock()
						host, n, wait := random.IntN(5), random.IntN(12), time.Duration(random.IntN(60))*time.Second
						mu.Unlock()
						read(t, f, fmt.Sprintf("http://host%d", host), n)
						virtually(wait)
						checkSum(t, f.Stats())
					}
					stop()
					checkSum(t, f.Stats())
				}
				running(t, f)
				virtually(3 * time.Hour)
				s := f.Stats()
				if checkSum(t, s); s.Waiting != 0 || s.MemoryBytes != 0 || s.SpoolBytes != 0 || len(s.Hosts) != 0 || s.SpoolFailures != 0 {
					t.Errorf("nothing should be left: %+v", s)
				}
			})
		})
	}
}

// TestManyWorkers reads from several streams while everything else goes on.
func TestManyWorkers(t *testing.T) {
	t.Parallel()
	delivered := make(chan struct{}, 1)
	var mu sync.Mutex
	n := 0
	f := newForwarder(t, relay.Config{
		MemoryRequests: 8, SpoolDir: t.TempDir(),
		RoundTripper: roundTrip(func(*http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if n++; n == 400 {
				delivered <- struct{}{}
			}
			return answer(200), nil
		}),
	})
	stop := running(t, f)
	var workers runner.Group
	for worker := range 8 {
		workers.Go(func() {
			for range 5 {
				read(t, f, fmt.Sprintf("http://host%d", worker%3), 10)
				_ = f.Stats()
			}
		})
	}
	workers.Wait()
	<-delivered
	stop()
	s := f.Stats()
	want := relay.Stats{Received: 400, Delivered: 400, Spooled: s.Spooled}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

// TestRead_EndsWithItsContext has a grandchild hold the pipe open: what lies in the pipe is read,
// and then Read ends.
func TestRead_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	r, w, err := relay.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := w.Write(frames(t, "http://h", 5)); err != nil {
		t.Fatal(err)
	}
	why := errors.New("the worker is dead")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	f := newForwarder(t, relay.Config{})
	if err := f.Read(ctx, r); !errors.Is(err, why) {
		t.Errorf("Read: %v", err)
	}
	if s := f.Stats(); s.Received != 5 {
		t.Errorf("%+v", s)
	}
}
