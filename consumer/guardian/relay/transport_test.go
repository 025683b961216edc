package relay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/relay"
	"github.com/theriac/theriac/internal/runner"
)

// recorder is a writer that is never full.
type recorder struct{ bytes.Buffer }

func (*recorder) Close() error                       { return nil }
func (*recorder) SetWriteDeadline(_ time.Time) error { return nil }

func newTransport(t testing.TB, w relay.Writer, cfg relay.TransportConfig) *relay.Transport {
	t.Helper()
	transport, err := relay.NewTransport(w, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = transport.Close() })
	return transport
}

func newRequest(t testing.TB, method, target, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// hand sends req through a transport and wants nothing but the error.
func hand(transport *relay.Transport, req *http.Request) error {
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// closing counts how often a body is closed, and fails on demand.
type closing struct {
	io.Reader
	closed int
}

func (c *closing) Close() error { c.closed++; return nil }

var errBody = errors.New("the body breaks")

func TestRoundTrip_Refuses(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name   string
		change func(req *http.Request)
		want   error
		drops  relay.Drops
	}{
		{"other scheme", func(r *http.Request) { r.URL.Scheme = "ftp" }, relay.ErrInvalid, relay.Drops{Invalid: 1}},
		{"no host", func(r *http.Request) { r.URL.Host = "" }, relay.ErrInvalid, relay.Drops{Invalid: 1}},
		{"no URL", func(r *http.Request) { r.URL = nil }, relay.ErrInvalid, relay.Drops{Invalid: 1}},
		{"tunnel", func(r *http.Request) { r.Method = http.MethodConnect }, relay.ErrInvalid, relay.Drops{Invalid: 1}},
		{"bad header", func(r *http.Request) { r.Header.Set("A", "x\r\nB: y") }, relay.ErrInvalid, relay.Drops{Invalid: 1}},
		{"bad host", func(r *http.Request) { r.Host = "a\nb" }, relay.ErrInvalid, relay.Drops{Invalid: 1}},
		{"length above the bound", func(r *http.Request) { r.ContentLength = 2000 }, relay.ErrTooLarge, relay.Drops{TooLarge: 1}},
		{"body above the bound", func(r *http.Request) {
			r.Body, r.ContentLength = &closing{Reader: strings.NewReader(strings.Repeat("x", 2000))}, -1
		}, relay.ErrTooLarge, relay.Drops{TooLarge: 1}},
		{"header above the bound", func(r *http.Request) { r.Header.Set("A", strings.Repeat("x", 2000)) }, relay.ErrTooLarge, relay.Drops{TooLarge: 1}},
		{"long URL", func(r *http.Request) { r.URL.Path = strings.Repeat("x", 9000) }, relay.ErrTooLarge, relay.Drops{TooLarge: 1}},
		{"many lines", func(r *http.Request) { r.Header["A"] = make([]string, 257) }, relay.ErrTooLarge, relay.Drops{TooLarge: 1}},
		{"broken body", func(r *http.Request) {
			r.Body = &closing{Reader: io.MultiReader(strings.NewReader("x"), errorReader{})}
		}, errBody, relay.Drops{Aborted: 1}},
		{"context ended", func(r *http.Request) { *r = *r.WithContext(ended) }, context.Canceled, relay.Drops{Aborted: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var w recorder
			transport := newTransport(t, &w, relay.TransportConfig{MaxRequestBytes: 1000})
			req := newRequest(t, http.MethodPost, "http://127.0.0.1/secret", "x")
			req.Header.Set("Authorization", "secret")
			req.Body = &closing{Reader: req.Body}
			tt.change(req)
			err := hand(transport, req)
			if !errors.Is(err, tt.want) {
				t.Fatalf("RoundTrip: %v, want %v", err, tt.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells a secret: %v", err)
			}
			if n := req.Body.(*closing).closed; n != 1 {
				t.Errorf("the body was closed %d times", n)
			}
			if diff := cmp.Diff(tt.drops, transport.Dropped()); diff != "" || transport.Dropped().Total() != 1 {
				t.Error(diff)
			}
			if w.Len() > 0 {
				t.Errorf("%d bytes were written", w.Len())
			}
		})
	}
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errBody }

func TestRoundTrip_TakesRequestsUpToTheBound(t *testing.T) {
	t.Parallel()
	var w recorder
	transport := newTransport(t, &w, relay.TransportConfig{MaxRequestBytes: 1000})
	size := 0
	for ; ; size++ {
		if err := hand(transport, newRequest(t, http.MethodPost, "http://h/", strings.Repeat("x", size))); err != nil {
			break
		}
		w.Reset()
	}
	if size < 970 || size > 1000 {
		t.Errorf("the largest body is %d bytes", size-1)
	}
}

// TestFullPipe drops within the deadline, whoever writes and waits, and loses nothing but that:
// when the guardian reads again, the stream is whole.
func TestFullPipe(t *testing.T) {
	t.Parallel()
	const timeout = 100 * time.Millisecond
	for name, open := range map[string]func(t *testing.T) (net.Conn, relay.Writer){"pipe": openPipe, "connection": openConnection} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w := open(t)
			transport := newTransport(t, w, relay.TransportConfig{WriteTimeout: timeout})
			big := strings.Repeat("x", 300<<10)
			sent := 0
			for ; ; sent++ { // the frame that does not fit any more is cut
				began := time.Now()
				err := hand(transport, newRequest(t, http.MethodPost, "http://127.0.0.1:1/", big))
				if err == nil {
					continue
				}
				if took := time.Since(began); !errors.Is(err, relay.ErrFull) || took < timeout/2 || took > 200*timeout {
					t.Errorf("RoundTrip failed after %v: %v", took, err)
				}
				break
			}
			var others runner.Group
			for range 8 {
				others.Go(func() {
					if err := hand(transport, newRequest(t, http.MethodPost, "http://127.0.0.1:1/", "x")); !errors.Is(err, relay.ErrFull) {
						t.Errorf("RoundTrip: %v", err)
					}
				})
			}
			others.Wait()
			if diff := cmp.Diff(relay.Drops{Full: 9}, transport.Dropped()); diff != "" {
				t.Error(diff)
			}

			f := newForwarder(t, relay.Config{})
			var reading runner.Group
			reading.Go(func() {
				if err := f.Read(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
			if err := hand(transport, newRequest(t, http.MethodPost, "http://127.0.0.1:1/", "x")); err != nil {
				t.Fatal(err)
			}
			if err := transport.Close(); err != nil {
				t.Error(err)
			}
			reading.Wait()
			s := f.Stats()
			if s.Received != uint64(sent+2) || s.Cut+s.Corrupt+s.Unknown+s.SkippedBytes > 0 {
				t.Errorf("of %d whole, 1 finished later and 1 small request: %+v", sent, s)
			}
		})
	}
}

// file makes the read end of a pipe a net.Conn as far as these tests need one.
type file struct {
	*os.File
	net.Conn
}

func (f file) Read(b []byte) (int, error)          { return f.File.Read(b) }
func (f file) Write(b []byte) (int, error)         { return f.File.Write(b) }
func (f file) Close() error                        { return f.File.Close() }
func (f file) SetDeadline(at time.Time) error      { return f.File.SetDeadline(at) }
func (f file) SetReadDeadline(at time.Time) error  { return f.File.SetReadDeadline(at) }
func (f file) SetWriteDeadline(at time.Time) error { return f.File.SetWriteDeadline(at) }

func openPipe(t *testing.T) (net.Conn, relay.Writer) {
	t.Helper()
	r, w, err := relay.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return file{File: r}, w
}

func openConnection(t *testing.T) (net.Conn, relay.Writer) {
	t.Helper()
	listener, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	w, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, w
}

func TestGuardianGone(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) (net.Conn, relay.Writer){"pipe": openPipe, "connection": openConnection} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w := open(t)
			transport := newTransport(t, w, relay.TransportConfig{WriteTimeout: time.Hour}) // which it does not wait for
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := hand(transport, newRequest(t, http.MethodPost, "http://127.0.0.1:1/", "x")); !errors.Is(err, relay.ErrGone) {
					t.Errorf("RoundTrip: %v", err)
				}
			}
			if diff := cmp.Diff(relay.Drops{Gone: 3}, transport.Dropped()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNewTransport_WantsDeadlines(t *testing.T) {
	t.Parallel()
	f, err := os.Create(t.TempDir() + "/plain")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := relay.NewTransport(f, relay.TransportConfig{}); !errors.Is(err, os.ErrNoDeadline) {
		t.Errorf("a plain file was taken: %v", err)
	}
	if _, err := relay.Inherited(987); err == nil {
		t.Error("a descriptor that nobody opened was taken")
	}
}

// TestConcurrentRoundTrips writes from many goroutines and reads every request back, whole.
func TestConcurrentRoundTrips(t *testing.T) {
	t.Parallel()
	server := newSink(t, 0)
	r, w := openPipe(t)
	transport := newTransport(t, w, relay.TransportConfig{WriteTimeout: 20 * time.Second})
	f := newForwarder(t, relay.Config{MemoryRequests: 10_000})
	running(t, f)
	var reading, senders runner.Group
	reading.Go(func() {
		if err := f.Read(t.Context(), r); err != nil {
			t.Error(err)
		}
	})
	for sender := range 16 {
		senders.Go(func() {
			for i := range 20 {
				if err := post(&http.Client{Transport: transport}, server.URL, fmt.Sprint(sender, "-", i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	senders.Wait()
	if err := transport.Close(); err != nil {
		t.Error(err)
	}
	reading.Wait()
	server.wait(t, 320)
	next := map[string]int{}
	for _, id := range server.seen() {
		sender, i, _ := strings.Cut(id, "-")
		if i != fmt.Sprint(next[sender]) {
			t.Fatalf("request %s arrived when %d was next", id, next[sender])
		}
		next[sender]++
	}
}

// TestRequestArrivesUnchanged checks what a record carries and what it leaves out.
func TestRequestArrivesUnchanged(t *testing.T) {
	t.Parallel()
	var w recorder
	transport := newTransport(t, &w, relay.TransportConfig{})
	req := newRequest(t, http.MethodPut, "http://user:pass@h.example:8080/a%2Fb?c=d%20e#f", "\x00\xff body")
	req.Host = "other.example"
	req.Header = http.Header{
		"Content-Type": {"application/x-protobuf"}, "X-Two": {"1", "2"}, "Authorization": {"Bearer t"},
		"Connection": {"close"}, "Expect": {"100-continue"}, "Proxy-Authorization": {"Basic x"},
	}
	if err := hand(transport, req); err != nil {
		t.Fatal(err)
	}
	got := make(chan *http.Request, 1)
	f := newForwarder(t, relay.Config{RoundTripper: roundTrip(func(r *http.Request) (*http.Response, error) {
		got <- r
		return answer(http.StatusOK), nil
	})})
	if err := f.Read(t.Context(), &w.Buffer); err != nil {
		t.Fatal(err)
	}
	stop := running(t, f)
	arrived := <-got
	b, err := io.ReadAll(arrived.Body)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	want := []any{
		http.MethodPut, "http://h.example:8080/a%2Fb?c=d%20e", "other.example", "\x00\xff body", int64(7), (*url.Userinfo)(nil),
		http.Header{"Content-Type": {"application/x-protobuf"}, "X-Two": {"1", "2"}, "Authorization": {"Bearer t"}},
	}
	have := []any{
		arrived.Method, arrived.URL.String(), arrived.Host, string(b), arrived.ContentLength, arrived.URL.User, arrived.Header,
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// roundTrip is a host in memory.
type roundTrip func(req *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func answer(code int) *http.Response {
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: http.NoBody}
}

func BenchmarkRoundTrip(b *testing.B) {
	for _, size := range []int{4 << 10, 48 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			r, w, err := relay.Pipe()
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			transport := newTransport(b, w, relay.TransportConfig{})
			var reading runner.Group
			reading.Go(func() { _, _ = io.Copy(struct{ io.Writer }{io.Discard}, r) })
			payload := strings.Repeat("x", size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				req := newRequest(b, http.MethodPost, "https://o1.ingest.example/api/7/envelope/", payload)
				if err := hand(transport, req); err != nil {
					b.Fatal(err)
				}
			}
			_ = transport.Close()
			reading.Wait()
		})
	}
}
