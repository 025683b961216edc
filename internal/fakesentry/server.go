package fakesentry

import (
	"bytes"
	"compress/gzip"
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
	key     = "0123456789abcdef0123456789abcdef"
	project = "42"
)

// Fault is how one request is answered instead of being taken.
type Fault struct {
	// Status is the answer, such as 429 or 503; 0 takes the request.
	Status int
	// RetryAfter is sent along, in whole seconds, if it is not 0.
	RetryAfter time.Duration
	// Cut ends the connection without an answer.
	Cut bool
}

// Refusal is a request that was no envelope.
type Refusal struct {
	Path, Why string
}

// Server is a running server. All methods are safe for concurrent use.
type Server struct {
	listener net.Listener
	http     http.Server
	serving  runner.Group

	mu         sync.Mutex
	events     []Event // in order of arrival
	byID       map[string]int
	refusals   []Refusal
	duplicates int
	requests   int
	latency    time.Duration
	fault      func(n int) Fault
	changed    chan struct{} // closed and replaced at each event
}

// Start serves on a free port of this machine until Close.
func Start(ctx context.Context) (*Server, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("fake Sentry: %w", err)
	}
	s := &Server{listener: listener, byID: make(map[string]int), changed: make(chan struct{})}
	s.http = http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.serving.Go(func() { _ = s.http.Serve(listener) })
	return s, nil
}

// Close ends all connections.
func (s *Server) Close() error {
	err := s.http.Close()
	s.serving.Wait()
	return err
}

// DSN is what a Sentry client is given.
func (s *Server) DSN() string {
	return "http://" + key + "@" + s.listener.Addr().String() + "/" + project
}

// SetLatency makes every later answer wait.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// SetFault lets f decide about later requests; n counts all that came, from 1. Nil takes all.
func (s *Server) SetFault(f func(n int) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Events returns what arrived, in order, each id once.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// Refusals returns the requests that were no envelopes.
func (s *Server) Refusals() []Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refusals)
}

// Duplicates is how many events came whose id was there.
func (s *Server) Duplicates() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.duplicates
}

// Requests is how many requests came, whatever became of them.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Wait returns the events once enough says that they are, or what there is when ctx ends.
func (s *Server) Wait(ctx context.Context, enough func([]Event) bool) ([]Event, error) {
	for {
		s.mu.Lock()
		events, changed := slices.Clone(s.events), s.changed
		s.mu.Unlock()
		if enough(events) {
			return events, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return events, ctx.Err()
		}
	}
}

// ServeHTTP takes one envelope.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault, latency := s.begin()
	envelope, status, err := s.read(w, r)
	if latency > 0 {
		late := time.NewTimer(latency)
		defer late.Stop()
		select {
		case <-late.C:
		case <-r.Context().Done():
		}
	}
	switch {
	case fault.Cut:
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		if fault.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(fault.RetryAfter/time.Second)))
		}
		w.WriteHeader(fault.Status)
		return
	}
	if err == nil {
		var event *Event
		if event, err = eventOf(envelope); event != nil {
			s.keep(*event)
		}
		status = http.StatusBadRequest
	}
	if err != nil {
		s.refuse(Refusal{Path: r.URL.Path, Why: err.Error()})
		http.Error(w, err.Error(), status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, "{\"id\":%q}", envelope.EventID)
}

func (s *Server) begin() (Fault, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.fault == nil {
		return Fault{}, s.latency
	}
	return s.fault(s.requests), s.latency
}

// read returns the envelope of a request, or why there is none and how to say so.
func (s *Server) read(w http.ResponseWriter, r *http.Request) (Envelope, int, error) {
	switch {
	case r.URL.Path != "/api/"+project+"/envelope/":
		return Envelope{}, http.StatusNotFound, errors.New("no such endpoint")
	case r.Method != http.MethodPost:
		return Envelope{}, http.StatusMethodNotAllowed, errors.New("want POST")
	case !authorized(r.Header.Get("X-Sentry-Auth")):
		return Envelope{}, http.StatusUnauthorized, errors.New("the key is missing or not the DSN's")
	}
	body := io.Reader(http.MaxBytesReader(w, r.Body, MaxEnvelope))
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return Envelope{}, http.StatusBadRequest, fmt.Errorf("gzip: %w", err)
		}
		body = unpacked
	default:
		return Envelope{}, http.StatusBadRequest, fmt.Errorf("content encoding %.40q", encoding)
	}
	var data bytes.Buffer
	// One byte more than is taken, so that what is too long is seen to be.
	if _, err := data.ReadFrom(io.LimitReader(body, MaxEnvelope+1)); err != nil {
		return Envelope{}, http.StatusBadRequest, fmt.Errorf("read the body: %w", err)
	}
	envelope, err := ParseEnvelope(data.Bytes())
	return envelope, http.StatusBadRequest, err
}

// authorized reads "Sentry sentry_version=7, sentry_key=…".
func authorized(header string) bool {
	fields, ok := strings.CutPrefix(header, "Sentry ")
	return ok && slices.Contains(strings.Split(strings.ReplaceAll(fields, " ", ""), ","), "sentry_key="+key)
}

func (s *Server) refuse(r Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals = append(s.refusals, r)
}

func (s *Server) keep(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, known := s.byID[e.ID]; known {
		s.duplicates++
		s.events[at] = e
		return
	}
	s.byID[e.ID] = len(s.events)
	s.events = append(s.events, e)
	close(s.changed)
	s.changed = make(chan struct{})
}
