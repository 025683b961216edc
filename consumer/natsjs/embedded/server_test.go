package embedded_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/consumer/natsjs/embedded"
)

func start(t *testing.T, cfg embedded.Config) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// patience is how long the client waits for an answer. Its own 2 s and 5 s are little for 11 MB that are
// synced, on a busy machine.
const patience = time.Minute

// connect reaches the broker as another process would: by what Find tells.
func connect(t *testing.T, dir string) jetstream.JetStream {
	t.Helper()
	e, err := embedded.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(e.TokenFile)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(e.URL, nats.Token(string(token)), nats.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func newMsg(subject string, data []byte) *nats.Msg {
	return &nats.Msg{Subject: subject, Data: data}
}

func TestServer_KeepsMessagesAndPortOverARestart(t *testing.T) {
	t.Parallel()
	for _, sync := range []time.Duration{0, time.Minute} {
		dir := filepath.Join(t.TempDir(), "broker")
		first := start(t, embedded.Config{Dir: dir, SyncEvery: sync})
		js := connect(t, dir)
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
			t.Fatal(err)
		}
		body := bytes.Repeat([]byte("x"), 11<<20)
		if _, err := js.Publish(t.Context(), "s", body); err != nil {
			t.Fatal(err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}

		second := start(t, embedded.Config{Dir: dir, SyncEvery: sync})
		if first.URL() != second.URL() {
			t.Errorf("URL was %s and is %s after a restart", first.URL(), second.URL())
		}
		stream, err := connect(t, dir).Stream(t.Context(), "S")
		if err != nil {
			t.Fatal(err)
		}
		msg, err := stream.GetMsg(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(msg.Data, body) {
			t.Errorf("the message changed over a restart")
		}
	}
}

func TestServer_RefusesStrangers(t *testing.T) {
	t.Parallel()
	s := start(t, embedded.Config{Dir: t.TempDir()})
	for name, opts := range map[string][]nats.Option{
		"NoToken":    nil,
		"WrongToken": {nats.Token("AAAAAAAAAAAAAAAAAAAAAAAAAA")},
		"User":       {nats.UserInfo("admin", "admin")},
	} {
		if nc, err := nats.Connect(s.URL(), append(opts, nats.Timeout(patience))...); err == nil {
			nc.Close()
			t.Errorf("%s: connected", name)
		} else if !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v, want an authorization error", name, err)
		}
	}
}

// Whoever starts a broker as it is set up by default has nothing to read.
func TestServer_ByDefault_WarnsOfNothing(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	s := start(t, embedded.Config{Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); text != "" {
		t.Errorf("it says %s", text)
	}
}

func TestServer_KeepsItsSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log lockedBuffer
	s := start(t, embedded.Config{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	connect(t, dir)
	e := s.Endpoint()
	token, err := os.ReadFile(e.TokenFile)
	if err != nil {
		t.Fatal(err)
	}
	endpoint, err := os.ReadFile(filepath.Join(dir, "broker.json"))
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"URL": s.URL(), "log": log.String(), "broker.json": string(endpoint)} {
		if strings.Contains(text, string(token)) {
			t.Errorf("the token stands in the %s", where)
		}
	}
	for _, file := range []string{"broker.token", "broker.json", "broker.lock"} {
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", file, info.Mode())
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "jetstream")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("jetstream: %v, %v, want mode 0700", info, err)
	}
}

func TestServer_ReplacesATokenThatOthersCouldRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "broker.token")
	leaked := strings.Repeat("A", 26)
	if err := os.WriteFile(path, []byte(leaked), 0o644); err != nil {
		t.Fatal(err)
	}
	start(t, embedded.Config{Dir: dir})
	token, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(token) == leaked {
		t.Error("the leaked token is still in use")
	}
	connect(t, dir)
}

func TestStart_RefusesADirectoryInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, embedded.Config{Dir: dir})
	_, err := embedded.Start(t.Context(), embedded.Config{Dir: dir})
	held, ok := errors.AsType[*embedded.HeldError](err)
	if !ok {
		t.Fatalf("Start = %v, want a *HeldError", err)
	}
	if diff := cmp.Diff(&embedded.HeldError{Dir: dir, PID: os.Getpid()}, held); diff != "" {
		t.Error(diff)
	}
	if e, err := embedded.Find(dir); err != nil || e.URL != first.URL() {
		t.Errorf("the refused start disturbed the first broker: %v, %v", e, err)
	}
}

func TestStart_RefusesAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := embedded.Start(t.Context(), embedded.Config{Dir: dir, MinFree: 1 << 60})
	full, ok := errors.AsType[*embedded.DiskFullError](err)
	if !ok || full.Dir != dir || full.NeedBytes != 1<<60 || full.FreeBytes <= 0 {
		t.Fatalf("Start = %v, want a *DiskFullError with the figures", err)
	}
	start(t, embedded.Config{Dir: dir}) // the refusal gave the directory free
}

func TestStart_RefusesATakenPort(t *testing.T) {
	t.Parallel()
	s := start(t, embedded.Config{Dir: t.TempDir()})
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL(), "nats://"), ":")
	var cfg embedded.Config
	if err := json.Unmarshal([]byte(port), &cfg.Port); err != nil {
		t.Fatal(err)
	}
	cfg.Dir = t.TempDir()
	if _, err := embedded.Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), port) {
		t.Errorf("Start = %v, want an error that names port %s", err, port)
	}
}

func TestStart_RefusesABadConfig(t *testing.T) {
	t.Parallel()
	_, err := embedded.Start(t.Context(), embedded.Config{Port: -1, SyncEvery: -1, MaxPayload: 1 << 30, StoreLimit: -1, MinFree: -1})
	if err == nil {
		t.Fatal("a config of nonsense was taken")
	}
	for _, field := range []string{"Dir", "Port", "SyncEvery", "MaxPayload", "StoreLimit", "MinFree"} {
		if !strings.Contains(err.Error(), "broker config: "+field+" is") {
			t.Errorf("%v does not name %s", err, field)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := embedded.Find(dir); !errors.Is(err, embedded.ErrNotRunning) {
		t.Errorf("Find in an empty directory = %v, want ErrNotRunning", err)
	}
	s := start(t, embedded.Config{Dir: dir})
	got, err := embedded.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Endpoint(), got); diff != "" {
		t.Error(diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "broker.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("broker.json after a clean stop: %v, want it gone", err)
	}
	stale := []byte(`{"url":"nats://127.0.0.1:1","pid":1,"token_file":""}`)
	if err := os.WriteFile(filepath.Join(dir, "broker.json"), stale, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Find(dir); !errors.Is(err, embedded.ErrNotRunning) {
		t.Errorf("Find with the file of a dead broker = %v, want ErrNotRunning", err)
	}
}

func TestRun_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, embedded.Config{Dir: dir})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Find(dir); !errors.Is(err, embedded.ErrNotRunning) {
		t.Errorf("Find after Run = %v, want ErrNotRunning", err)
	}
	start(t, embedded.Config{Dir: dir})
}

func TestRun_EndsWhenTheDirectoryIsRemoved(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "broker")
	s := start(t, embedded.Config{Dir: dir})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); !errors.Is(err, embedded.ErrUnhealthy) || !strings.Contains(err.Error(), dir) {
		t.Errorf("Run = %v, want ErrUnhealthy that names the directory", err)
	}
}

func TestServer_StoreLimitRefusesPublishers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, embedded.Config{Dir: dir, StoreLimit: 4 << 20, SyncEvery: time.Minute})
	js := connect(t, dir)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 1<<20)
	for range 8 {
		if _, err := js.Publish(t.Context(), "s", body); err != nil {
			var api *jetstream.APIError
			if !errors.As(err, &api) {
				t.Errorf("publish beyond the limit = %v, want an answer of the broker", err)
			}
			return
		}
	}
	t.Error("8 MiB were stored beyond a limit of 4 MiB")
}

// lockedBuffer is a log that the server writes while the test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
