package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/relay"
	"github.com/theriac/theriac/internal/runner"
)

const (
	roleVariable = "THERIAC_RELAY_TEST_ROLE"
	hostVariable = "THERIAC_RELAY_TEST_URL"
	dirVariable  = "THERIAC_RELAY_TEST_DIR"
	relayFD      = 3
	ackFD        = 4
	requests     = 30
)

// workerChild sends requests through the descriptor that it inherited and then dies as told.
func workerChild(way string) int {
	w, err := relay.Inherited(relayFD)
	if err != nil {
		return fail(err)
	}
	// So long, a guardian that a busy machine holds up reads again.
	transport, err := relay.NewTransport(w, relay.TransportConfig{WriteTimeout: time.Minute})
	if err != nil {
		return fail(err)
	}
	client := &http.Client{Transport: transport}
	if way == "busy" {
		return busyChild(client)
	}
	for i := range requests {
		if err := post(client, os.Getenv(hostVariable), strconv.Itoa(i)); err != nil {
			return fail(err)
		}
	}
	switch way {
	case "panic":
		panic("the worker dies")
	case "exit":
		os.Exit(7)
	case "kill":
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		return fail(err)
	}
	return fail(fmt.Errorf("no way of dying is called %q", way))
}

// busyChild sends from many goroutines without end, and acknowledges what was handed over.
func busyChild(client *http.Client) int {
	var senders runner.Group
	var acks sync.Mutex
	ack := os.NewFile(ackFD, "acks")
	for sender := range 8 {
		senders.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", sender, i)
				if err := post(client, os.Getenv(hostVariable), id); err != nil {
					continue
				}
				acks.Lock()
				_, err := fmt.Fprintln(ack, id)
				acks.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	senders.Wait()
	return 1
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "child:", err)
	return 1
}

// post sends an event of about 4 KB whose last header says which one it is.
func post(client *http.Client, target, id string) error {
	req, err := http.NewRequest(http.MethodPost, target+"/api/7/envelope/?sentry_version=7", strings.NewReader(body(id)))
	if err != nil {
		return err
	}
	req.Header.Set("X-Sentry-Auth", "Sentry sentry_key=secret")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && (len(b) > 0 || resp.StatusCode != http.StatusAccepted) {
		err = fmt.Errorf("answered %d %q", resp.StatusCode, b)
	}
	return err
}

func body(id string) string { return id + "\n" + strings.Repeat("event ", 700) }

// sink is a server that remembers what arrived.
type sink struct {
	*httptest.Server
	mu      sync.Mutex
	ids     []string
	wrong   []string
	arrived chan struct{} // has room for one
}

func newSink(t *testing.T, latency time.Duration) *sink {
	t.Helper()
	s := &sink{arrived: make(chan struct{}, 1)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.take(r)
		timer := time.NewTimer(latency)
		defer timer.Stop()
		<-timer.C
		select {
		case s.arrived <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) take(r *http.Request) {
	b, err := io.ReadAll(r.Body)
	id, _, _ := strings.Cut(string(b), "\n")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = append(s.ids, id)
	if err != nil || string(b) != body(id) || r.Method != http.MethodPost ||
		r.RequestURI != "/api/7/envelope/?sentry_version=7" || r.Header.Get("X-Sentry-Auth") != "Sentry sentry_key=secret" {
		s.wrong = append(s.wrong, fmt.Sprint(r.Method, r.RequestURI, r.Header, len(b), err))
	}
}

func (s *sink) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.ids...)
}

// wait waits until n requests have arrived, and fails if one was not as it was sent.
func (s *sink) wait(t *testing.T, n int) {
	t.Helper()
	for len(s.seen()) < n {
		select {
		case <-s.arrived:
		case <-time.After(time.Minute):
			t.Fatalf("%d of %d requests arrived", len(s.seen()), n)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wrong) > 0 {
		t.Errorf("arrived changed: %v", s.wrong)
	}
}

// running starts Run and returns a function that ends it and waits.
func running(t *testing.T, f *relay.Forwarder) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var group runner.Group
	group.Go(func() {
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); group.Wait() })
	t.Cleanup(stop)
	return stop
}

func newForwarder(t *testing.T, cfg relay.Config) *relay.Forwarder {
	t.Helper()
	if cfg.RoundTripper == nil {
		own := &http.Transport{}
		t.Cleanup(own.CloseIdleConnections)
		cfg.RoundTripper = own
	}
	f, err := relay.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// child starts this binary in a role. Descriptors 3 and up are files, which are closed here.
func child(t *testing.T, role string, env []string, files ...*os.File) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append(env, roleVariable+"="+role)...)
	cmd.ExtraFiles = files
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the child's stderr:\n%s", stderr.String())
		}
	})
	return cmd
}

func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range cmd.ExtraFiles {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWorkerDies_EverythingHandedOverArrives(t *testing.T) {
	t.Parallel()
	for way, death := range map[string]string{"panic": "exit status 2", "exit": "exit status 7", "kill": "signal: killed"} {
		for _, latency := range []time.Duration{0, 50 * time.Millisecond} {
			t.Run(fmt.Sprint(way, "_", latency), func(t *testing.T) {
				t.Parallel()
				server := newSink(t, latency)
				r, w, err := relay.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				f := newForwarder(t, relay.Config{})
				cmd := child(t, way, []string{hostVariable + "=" + server.URL}, w)
				start(t, cmd)
				stop := running(t, f)
				if err := f.Read(t.Context(), r); err != nil {
					t.Error(err)
				}
				if err := cmd.Wait(); err == nil || cmd.ProcessState.String() != death {
					t.Errorf("the child ended with %v, want %s", cmd.ProcessState, death)
				}
				server.wait(t, requests)
				stop()
				var want []string
				for i := range requests {
					want = append(want, strconv.Itoa(i))
				}
				if diff := cmp.Diff(want, server.seen()); diff != "" {
					t.Errorf("arrived, in order (-want +got):\n%s", diff)
				}
				wantStats := relay.Stats{Received: requests, Delivered: requests}
				if diff := cmp.Diff(wantStats, f.Stats()); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestWorkerKilledWhileSending kills a child whose goroutines never stop sending. What was
// acknowledged arrives, and at most one frame is cut.
func TestWorkerKilledWhileSending(t *testing.T) {
	t.Parallel()
	server := newSink(t, 0)
	r, w, err := relay.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ackRead, ackWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ackRead.Close()
	f := newForwarder(t, relay.Config{MemoryRequests: 1 << 20, MemoryBytes: 1 << 30})
	cmd := child(t, "busy", []string{hostVariable + "=" + server.URL}, w, ackWrite)
	start(t, cmd)
	running(t, f)
	var reading runner.Group
	reading.Go(func() {
		if err := f.Read(t.Context(), r); err != nil {
			t.Error(err)
		}
	})
	acked := readLines(t, ackRead, 200, func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
	})
	_ = cmd.Wait()
	reading.Wait()
	server.wait(t, int(f.Stats().Received))
	arrived := map[string]int{}
	for _, id := range server.seen() {
		arrived[id]++
	}
	for _, id := range acked {
		if arrived[id] != 1 {
			t.Errorf("request %s was handed over and arrived %d times", id, arrived[id])
		}
	}
	if s := f.Stats(); s.Cut > 1 || s.Corrupt+s.Unknown+s.TooLarge+s.SkippedBytes+s.Lost > 0 {
		t.Errorf("damage: %+v", s)
	}
}

// readLines returns all whole lines of r, and calls enough when it has seen n.
func readLines(t *testing.T, r io.Reader, n int, enough func()) []string {
	t.Helper()
	var all bytes.Buffer
	chunk := make([]byte, 256)
	called := false
	for {
		read, err := r.Read(chunk)
		all.Write(chunk[:read])
		if !called && bytes.Count(all.Bytes(), []byte("\n")) >= n {
			called = true
			enough()
		}
		if err != nil {
			break
		}
	}
	lines := strings.Split(all.String(), "\n")
	return lines[:len(lines)-1]
}
