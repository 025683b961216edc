package webkit

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Problem is an answer that says what is wrong, as RFC 9457 writes it. It is an error, so that
// whoever finds something wrong returns it.
type Problem struct {
	Status int
	// Code is for programs and does not change: letters and underscores.
	Code string
	// Detail is for people.
	Detail string
	// More is what else the answer says, by name. It cannot replace the names of RFC 9457, nor "code".
	More map[string]any
	// RetryAfter tells the caller when to come again, in whole seconds upwards. Zero says nothing.
	RetryAfter time.Duration
	// Header goes with the answer.
	Header http.Header
}

// Problemf returns a problem whose detail is formatted.
func Problemf(status int, code, format string, args ...any) *Problem {
	return &Problem{Status: status, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// With adds something to what the answer says and returns p.
func (p *Problem) With(name string, value any) *Problem {
	if p.More == nil {
		p.More = map[string]any{}
	}
	p.More[name] = value
	return p
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// Write answers a request with the problem. Nothing may have been written before.
func (p *Problem) Write(w http.ResponseWriter) {
	body := map[string]any{}
	maps.Copy(body, p.More)
	body["type"] = "urn:theriac:problem:" + p.Code
	body["title"] = http.StatusText(p.Status)
	body["status"] = p.Status
	body["code"] = p.Code
	body["detail"] = p.Detail
	maps.Copy(w.Header(), p.Header)
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
	WriteJSON(w, p.Status, "application/problem+json", body)
}

// WriteJSON answers with a body in JSON, whose length it says, so that the caller has all of it before
// the route ends. A body that has none is answered with status 500 and
// nothing: it is a mistake of the program.
func WriteJSON(w http.ResponseWriter, status int, contentType string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"code":"internal","status":500}`)
		contentType = "application/problem+json"
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // nobody is left to tell
	_ = http.NewResponseController(w).Flush()
}
