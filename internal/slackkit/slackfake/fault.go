package slackfake

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// Fault is how one call is answered instead of being carried out. The zero value carries it out.
type Fault struct {
	// Status is the answer's status, 0 for 200, and Body what it says. HTML is assumed unless Body
	// begins with a brace.
	Status int
	Body   string
	// RetryAfter is sent as the header of that name, as it is; "" leaves it out.
	RetryAfter string
	// Code answers ok:false with this code.
	Code string
	// Cut ends the answer in the middle of its JSON.
	Cut bool
	// Bytes answers with so many bytes of valid JSON.
	Bytes int
	// Stall answers nothing until Mend, Close, or the caller hangs up.
	Stall bool
	// Reset ends the connection.
	Reset bool
	// After carries the call out first, so that only the answer is lost.
	After bool
}

// Limited is a 429. Slack says how long to wait, in seconds; retryAfter may be anything, "" says nothing.
func Limited(retryAfter string) Fault {
	return Fault{Status: http.StatusTooManyRequests, RetryAfter: retryAfter, Body: `{"ok":false,"error":"ratelimited"}`}
}

// Broken is a 500 with a page for people.
func Broken() Fault {
	return Fault{Status: http.StatusInternalServerError, Body: "<!DOCTYPE html><html><body><h1>Server Error</h1></body></html>"}
}

// Refused is an answer of ok:false.
func Refused(code string) Fault { return Fault{Code: code} }

func (f Fault) isNone() bool { return f == Fault{} || f == Fault{After: true} }

// Fail orders the answers of the next calls of a method, such as "chat.update", "response_url", or "" for
// any; they are used up in order, those of the method first. A zero Fault lets a call through.
func (s *Server) Fail(method string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[method] = append(s.faults[method], faults...)
}

// Mend forgets all faults that were not used, and ends the stalls that go on.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.faults)
	close(s.release)
	s.release = make(chan struct{})
}

func (s *Server) faultLocked(method string) Fault {
	for _, name := range []string{method, ""} {
		if waiting := s.faults[name]; len(waiting) > 0 {
			s.faults[name] = waiting[1:]
			return waiting[0]
		}
	}
	return Fault{}
}

// fail answers a call with a fault.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, f Fault, release <-chan struct{}) {
	if f.Stall {
		select {
		case <-release:
		case <-s.closed:
		case <-r.Context().Done():
		}
	}
	if f.Reset || f.Stall {
		panic(http.ErrAbortHandler)
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	body := f.Body
	switch {
	case f.Code != "":
		body = string(encode(map[string]any{"ok": false, "error": f.Code}))
	case f.Cut:
		body = `{"ok":true,"channel":"C0O`
	case f.Bytes > 0:
		body = `{"ok":true,"pad":"`
	}
	kind := "text/html; charset=utf-8"
	if strings.HasPrefix(body, "{") {
		kind = "application/json; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	if f.Status != 0 {
		w.WriteHeader(f.Status)
	}
	_, _ = io.WriteString(w, body)
	if f.Bytes > 0 {
		_, _ = io.CopyN(w, pad{}, int64(f.Bytes))
		_, _ = io.WriteString(w, `"}`)
	}
}

// pad is an endless row of letters.
type pad struct{}

func (pad) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// wait returns how long a caller of a channel has to wait, and takes one call from its credit if that is 0.
func (c *channel) wait(now time.Time, every time.Duration, burst int) time.Duration {
	if every <= 0 {
		return 0
	}
	if c.refill.IsZero() {
		c.refill = now
	}
	for c.credit < burst && now.Sub(c.refill) >= every {
		c.credit++
		c.refill = c.refill.Add(every)
	}
	if c.credit >= burst {
		c.credit, c.refill = burst, now
	}
	if c.credit == 0 {
		return every - now.Sub(c.refill)
	}
	c.credit--
	return 0
}
