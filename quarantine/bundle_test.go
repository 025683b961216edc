package quarantine_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// script is the store in memory with a say in what happens before each call: a
// hook that returns an error keeps the call from the store, one that panics or
// blocks does so in the store's name.
type script struct {
	*quarantinetest.Store

	mu       sync.Mutex
	onHold   func(ctx context.Context, batch []quarantine.NewEntry) error
	onRecord func(ctx context.Context, batch []quarantine.AttemptRecord) error
	onChange func(t quarantine.Transition) error
	after    func(method string) error // the call was done, and the answer is lost
	calls    map[string]int
	holds    [][]quarantine.NewEntry // batches that reached the store
}

func newScript() *script {
	return &script{Store: quarantinetest.NewStore(), calls: map[string]int{}}
}

func (s *script) set(change func(s *script)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *script) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

func (s *script) called(method string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[method]++
}

func (s *script) lost(method string) error {
	s.mu.Lock()
	after := s.after
	s.mu.Unlock()
	if after == nil {
		return nil
	}
	return after(method)
}

func (s *script) HoldEntries(ctx context.Context, batch []quarantine.NewEntry) ([]quarantine.HoldResult, error) {
	s.called("HoldEntries")
	s.mu.Lock()
	hook := s.onHold
	s.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, batch); err != nil {
			return nil, err
		}
	}
	s.set(func(s *script) { s.holds = append(s.holds, batch) })
	return s.Store.HoldEntries(ctx, batch)
}

func (s *script) RecordAttempts(ctx context.Context, batch []quarantine.AttemptRecord) ([]handlers.Totals, error) {
	s.called("RecordAttempts")
	s.mu.Lock()
	hook := s.onRecord
	s.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, batch); err != nil {
			return nil, err
		}
	}
	return s.Store.RecordAttempts(ctx, batch)
}

func (s *script) Decided(ctx context.Context, identity [32]byte) (bool, error) {
	s.called("Decided")
	return s.Store.Decided(ctx, identity)
}

func (s *script) EntryGet(ctx context.Context, key quarantine.EntryKey, opt quarantine.GetOptions) (quarantine.Entry, error) {
	s.called("EntryGet")
	return s.Store.EntryGet(ctx, key, opt)
}

func (s *script) Transition(ctx context.Context, t quarantine.Transition) (quarantine.Entry, error) {
	s.mu.Lock()
	hook := s.onChange
	s.mu.Unlock()
	if hook != nil {
		if err := hook(t); err != nil {
			return quarantine.Entry{}, err
		}
	}
	e, err := s.Store.Transition(ctx, t)
	if lost := s.lost("Transition"); lost != nil {
		return quarantine.Entry{}, lost
	}
	return e, err
}

func (s *script) ClaimReplay(ctx context.Context, sub, incarnation string) (quarantine.Entry, error) {
	s.called("ClaimReplay")
	e, err := s.Store.ClaimReplay(ctx, sub, incarnation)
	if lost := s.lost("ClaimReplay"); lost != nil {
		return quarantine.Entry{}, lost
	}
	return e, err
}

func (s *script) Join(ctx context.Context, w quarantine.Worker) (quarantine.Membership, error) {
	s.called("Join")
	return s.Store.Join(ctx, w)
}

// errAway is a store that cannot be reached.
var errAway = errors.Join(quarantine.ErrUnavailable, errors.New("connection refused"))

// ana decides in tests.
var ana = quarantine.Actor{Name: "ana@laptop", Via: "cli", Claimed: true}

func worker() quarantine.Worker {
	return quarantine.Worker{Name: "w-1", Host: "h-1", Build: "v2", PID: 7, Subscriptions: []string{"orders"}}
}

func newService(t testing.TB, store quarantine.Store, cfg quarantine.Config) *quarantine.Service {
	t.Helper()
	cfg.Logger = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := quarantine.New(store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// testWriter writes a log to the test's own.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", b)
	return len(b), nil
}

// run runs s until stop is called, which waits for it.
func run(t testing.TB, s *quarantine.Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var group runner.Group
	group.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	once := sync.OnceFunc(func() {
		cancel()
		group.Wait()
	})
	t.Cleanup(once)
	<-s.Ready()
	return once
}

func message(id string) handlers.Message {
	return handlers.Message{
		ID: id, Data: []byte("payload of " + id), Attributes: map[string]string{"k\x00": "\xff\xfe"},
		OrderingKey: "key", PublishedAt: time.Date(2022, 11, 18, 15, 40, 0, 123456000, time.UTC), DeliveryAttempt: 3,
	}
}

var started = time.Date(2022, 11, 18, 15, 41, 0, 0, time.UTC)

// failure is evidence of a plain failure, the n-th.
func failure(n int) handlers.Evidence {
	at := started.Add(time.Duration(n) * time.Minute)
	return handlers.Evidence{
		Reason: handlers.ReasonFailed, Confidence: handlers.ConfidenceCertain, Hint: "look at the customer",
		Totals: handlers.Totals{Failures: n},
		Attempt: handlers.Attempt{
			Started: at, Ended: at.Add(12 * time.Millisecond), Outcome: handlers.OutcomeFailed, Class: handlers.ClassFailed,
			Errors:  []handlers.ErrorLink{{Type: "*errors.errorString", Text: "no customer 17"}},
			Handler: "orders", Worker: "w-1", Host: "h-1", Build: "v2",
		},
	}
}

func get(t testing.TB, s *quarantine.Service, key quarantine.EntryKey) quarantine.Entry {
	t.Helper()
	e, err := s.EntryGet(t.Context(), key, quarantine.GetOptions{Payload: true})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// kind is the kind of problem that err says it is.
func kind(err error) string {
	k, ok := errors.AsType[interface {
		error
		ProblemKind() string
	}](err)
	if !ok {
		return ""
	}
	return k.ProblemKind()
}
