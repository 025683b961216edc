package slackkit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// shelf is where interactions are kept, when it works.
type shelf struct {
	mu    sync.Mutex
	calls int
	kept  map[string]slackkit.Interaction
	fail  func(n int) error // of the nth call
}

func (s *shelf) accept(_ context.Context, i slackkit.Interaction) error {
	s.mu.Lock()
	s.calls++
	n := s.calls
	s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(n); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string]slackkit.Interaction{}
	}
	s.kept[i.Request] = i
	return nil
}

// has reports whether something of this kind of request is kept.
func (s *shelf) has(prefix string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for request := range s.kept {
		if strings.HasPrefix(request, prefix) {
			return true
		}
	}
	return false
}

// listen starts an app with an Accept, over HTTP.
func listen(t *testing.T, cfg slackfake.Config, limits slackkit.Limits, accept slackkit.Accept, handle slackkit.Handle) *way {
	t.Helper()
	w := &way{Server: fake(t, cfg)}
	w.client = client(t, w.Server, nil)
	v, err := slackkit.NewVerifier([]string{w.SigningSecret()}, nil)
	ok(t, "verifier", err)
	w.in = slackkit.NewInteractions(slackkit.InteractionsConfig{Verifier: v, Client: w.client, Team: w.Team(), Limits: limits, Accept: accept,
		Handle: func(ctx context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
			w.count.Add(1)
			w.mu.Lock()
			w.last = i
			w.mu.Unlock()
			return handle(ctx, i)
		}})
	w.app = httptest.NewServer(w.in)
	t.Cleanup(func() {
		w.app.Close()
		w.in.Close(context.WithoutCancel(t.Context()))
		_ = w.Close()
	})
	w.SetRequestURL(w.app.URL)
	return w
}

func TestAccept_Fails_NothingIsTakenUntilItDoesNot(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(int) error{
		"an error": func(n int) error { return map[bool]error{true: errors.New("no store")}[n < 3] },
		"a panic": func(n int) error {
			if n < 3 {
				panic(canary)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shelf{fail: fail}
			w := listen(t, slackfake.Config{}, slackkit.Limits{}, s.accept, nothing)
			body := w.press(t, w.message(t), "")
			for i, want := range []int{503, 503, 200, 200} {
				if got := w.send(t, slackfake.Sign(w.SigningSecret(), time.Now(), body), body); got != want {
					t.Errorf("try %d: status %d, want %d", i+1, got, want)
				}
			}
			if n := w.count.Load(); n != 1 || s.calls != 3 || !s.has("slack:act:") {
				t.Errorf("handled %d times, asked to keep it %d times", n, s.calls)
			}
		})
	}
}

func TestAccept_Slow_IsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, err := slackkit.NewVerifier([]string{"s"}, nil)
		ok(t, "verifier", err)
		began := time.Now()
		in := slackkit.NewInteractions(slackkit.InteractionsConfig{Verifier: v, Client: wired(t, &wire{}), Team: "T1", Handle: nothing,
			Accept: func(ctx context.Context, _ slackkit.Interaction) error { <-ctx.Done(); return ctx.Err() }})
		body := []byte("command=%2Finc&team_id=T1&user_id=U1&trigger_id=1.2&text=")
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
		r.Header = slackfake.Sign("s", time.Now(), body)
		rec := httptest.NewRecorder()
		in.ServeHTTP(rec, r)
		if took := time.Since(began); rec.Code != http.StatusServiceUnavailable || took != 1500*time.Millisecond {
			t.Errorf("status %d after %s", rec.Code, took)
		}
		in.Close(t.Context())
	})
}

// TestAccept_SameRequestManyTimesAtOnce is about a repetition that comes while the first fails: whoever
// hears 200 must not send again, so then it has to be kept.
func TestAccept_SameRequestManyTimesAtOnce_200MeansKept(t *testing.T) {
	t.Parallel()
	var turns atomic.Int32
	s := &shelf{fail: func(int) error {
		if turns.Add(1)%3 != 0 {
			return errors.New("not now")
		}
		return nil
	}}
	w := listen(t, slackfake.Config{}, slackkit.Limits{}, s.accept, nothing)
	for i := range 20 {
		body := []byte(fmt.Sprintf("command=%%2Finc&team_id=T0FAKE&user_id=U0ANA&trigger_id=%d.1&text=", i))
		key := fmt.Sprintf("slack:cmd:%d.1", i)
		var sending sync.WaitGroup
		for range 8 {
			sending.Go(func() {
				if w.send(t, slackfake.Sign(w.SigningSecret(), time.Now(), body), body) == http.StatusOK && !s.has(key) {
					t.Errorf("%s was taken and is not kept", key)
				}
			})
		}
		sending.Wait()
		if !s.has(key) {
			t.Errorf("%s was never kept", key)
		}
	}
	if n := w.count.Load(); n != 20 {
		t.Errorf("handled %d times, want 20", n)
	}
}

func TestAccept_TooMuch_IsKeptAndTheirPersonTold(t *testing.T) {
	t.Parallel()
	finish, began := make(chan struct{}), make(chan struct{}, 10)
	s := &shelf{}
	w := listen(t, slackfake.Config{}, slackkit.Limits{Pool: 1}, s.accept, func(context.Context, slackkit.Interaction) (slackkit.Answer, error) {
		began <- struct{}{}
		<-finish
		return slackkit.Answer{}, nil
	})
	defer close(finish)
	ok(t, "the first", w.Command(t.Context(), "C0OPS", "U0ANA", "/inc", ""))
	<-began
	ok(t, "the second", w.Command(t.Context(), "C0OPS", "U0BEN", "/inc", "list"))
	if len(s.kept) != 2 {
		t.Errorf("%d are kept", len(s.kept))
	}
	ok(t, "wait", w.Wait(t.Context(), func() bool {
		for _, e := range w.Ephemerals() {
			if e.User == "U0BEN" && strings.Contains(e.Text, "noted") {
				return true
			}
		}
		return false
	}))
}

func TestAccept_Socket_IsNotAcknowledgedUntilKept(t *testing.T) {
	t.Parallel()
	s := &shelf{fail: func(n int) error { return map[bool]error{true: errors.New("no store")}[n == 1] }}
	p := plug(t, func(cfg *slackkit.SocketConfig) { cfg.Accept = s.accept })
	p.connected(t)
	place := p.button(t)
	payload, err := p.PressPayload(place.Channel, place.TS, "q:take", "", "U0ANA")
	ok(t, "payload", err)
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := p.Deliver(short, payload); !errors.Is(err, slackfake.ErrUnanswered) {
		t.Errorf("error %v, want it unanswered", err)
	}
	_, err = p.Deliver(t.Context(), payload)
	ok(t, "again", err)
	if i := <-p.heard; !s.has(i.Request) {
		t.Errorf("%s is not kept", i.Request)
	}
}

// TestAccept_Interaction_CanBeStored shows that what is kept can be written down and read again.
func TestAccept_Interaction_CanBeStored(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	w := listen(t, slackfake.Config{}, slackkit.Limits{}, s.accept, nothing)
	p := w.message(t)
	ok(t, "press", w.Press(t.Context(), p.Channel, p.TS, "q:take", "U0ANA"))
	data, err := json.Marshal(w.last)
	ok(t, "marshal", err)
	var read slackkit.Interaction
	ok(t, "unmarshal", json.Unmarshal(data, &read))
	if fmt.Sprintf("%#v", plain(read)) != fmt.Sprintf("%#v", plain(w.last)) {
		t.Errorf("read %#v, want %#v", plain(read), plain(w.last))
	}
}
