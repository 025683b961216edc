package notifyfake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/theriac/theriac/internal/runner"
)

const (
	// MaxBody bounds a request: what PagerDuty takes.
	MaxBody = 512 << 10
	// maxJournal is how many requests are kept.
	maxJournal = 1000
)

// Fault is how one request is answered instead of as usual. Its fields work together where that makes
// sense: with Taken and Reset the request has its effect and its sender never hears of it.
type Fault struct {
	// Status is the answer, 0 the usual one (or 200, where Taken is not set).
	Status int
	// RetryAfter, Location and Body are sent with it as they stand.
	RetryAfter, Location, Body string
	// Taken lets the request have its effect all the same.
	Taken bool
	// Stall waits before the answer, and StallBody after its headers, until the client gives up or the
	// server is closed.
	Stall, StallBody bool
	// Reset ends the connection with a TCP reset instead of an answer.
	Reset bool
	// Cut promises more bytes than it sends.
	Cut bool
	// Bytes, if not 0, is how many bytes the body has, made up.
	Bytes int
}

// Request is one that arrived.
type Request struct {
	// Method, Path (with its query), Header and Body are what came; a body over MaxBody is cut there.
	Method, Path string
	Header       http.Header
	Body         []byte
	// Status is what it was answered, 0 if nothing.
	Status int
	// Faulted says that it met an ordered fault.
	Faulted bool
}

// Server is what both fakes have. All methods are safe for concurrent use.
type Server struct {
	listener net.Listener
	http     http.Server
	serving  runner.Group
	closing  chan struct{}
	closed   sync.Once
	take     func(r Request) reply

	mu       sync.Mutex
	faults   []Fault
	journal  []Request
	requests int
	changed  chan struct{} // closed and replaced at each request
}

// reply is how a request is answered.
type reply struct {
	status int
	body   string
}

// start serves on a free port of this machine until Close. Take has the effect of a request; it is
// called by one goroutine at a time.
func (s *Server) start(ctx context.Context, take func(Request) reply) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("fake receiver of alerts: %w", err)
	}
	s.listener, s.take = listener, take
	s.closing, s.changed = make(chan struct{}), make(chan struct{})
	s.http = http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	s.serving.Go(func() { _ = s.http.Serve(listener) })
	return nil
}

// Close ends all connections, stalled ones included.
func (s *Server) Close() error {
	s.closed.Do(func() { close(s.closing) })
	err := s.http.Close()
	s.serving.Wait()
	return err
}

// Order makes the next requests meet these faults, one each, after those that were ordered before.
func (s *Server) Order(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Journal returns the newest requests in the order in which they came.
func (s *Server) Journal() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.journal)
}

// Saw reports whether text stands anywhere in the requests of the journal.
func (s *Server) Saw(text string) bool {
	return slices.ContainsFunc(s.Journal(), func(r Request) bool {
		return strings.Contains(r.Path, text) || bytes.Contains(r.Body, []byte(text)) || strings.Contains(fmt.Sprint(r.Header), text)
	})
}

// Requests is how many requests came, whatever became of them.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Wait returns once n requests came, or with the error of ctx.
func (s *Server) Wait(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		requests, changed := s.requests, s.changed
		s.mu.Unlock()
		if requests >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *Server) address() string { return "http://" + s.listener.Addr().String() }

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLong *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLong) {
		panic(http.ErrAbortHandler) // the client went while it was sending
	}
	fault, answer := s.handle(Request{
		Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: body,
	}, tooLong != nil)
	if fault == nil {
		send(w, answer)
		return
	}
	if fault.Stall {
		s.stall(r)
		panic(http.ErrAbortHandler)
	}
	if fault.Reset {
		reset(w)
		return
	}
	s.faulty(w, r, *fault, answer)
}

// handle lets a request have its effect unless a fault forbids it, and writes the journal. The lock makes
// effects and journal one order.
func (s *Server) handle(r Request, tooLong bool) (*Fault, reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fault *Fault
	if len(s.faults) > 0 {
		fault, s.faults = &s.faults[0], s.faults[1:]
	}
	answer := reply{status: http.StatusOK}
	switch {
	case fault != nil && !fault.Taken:
	case tooLong:
		answer = reply{status: http.StatusRequestEntityTooLarge}
	default:
		answer = s.take(r)
	}
	if fault != nil && fault.Status != 0 {
		answer = reply{status: fault.Status}
	}
	if fault != nil && fault.Body != "" {
		answer.body = fault.Body
	}
	r.Faulted, r.Status = fault != nil, answer.status
	if fault != nil && (fault.Stall || fault.Reset) {
		r.Status = 0
	}
	s.journal = append(s.journal, r)
	s.journal = s.journal[max(0, len(s.journal)-maxJournal):]
	s.requests++
	close(s.changed)
	s.changed = make(chan struct{})
	return fault, answer
}

// faulty answers in the ordered way.
func (s *Server) faulty(w http.ResponseWriter, r *http.Request, f Fault, answer reply) {
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.Location != "" {
		w.Header().Set("Location", f.Location)
	}
	if f.Bytes > 0 {
		answer.body = strings.Repeat("a", f.Bytes)
	}
	if f.Cut || f.StallBody {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)+100))
	}
	send(w, answer)
	if !f.Cut && !f.StallBody {
		return
	}
	_ = http.NewResponseController(w).Flush()
	if f.StallBody {
		s.stall(r)
	}
	panic(http.ErrAbortHandler)
}

func send(w http.ResponseWriter, answer reply) {
	if strings.HasPrefix(answer.body, "{") {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

// stall waits until nobody waits for the answer any more.
func (s *Server) stall(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.closing:
	}
}

// reset ends the connection so that the other side reads a reset and not an end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
