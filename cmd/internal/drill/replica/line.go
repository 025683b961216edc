package replica

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/theriac/theriac/handlers"
)

// What a replica posts to the drill.
const (
	PathHello  = "/hello"
	PathBegin  = "/begin"
	PathCommit = "/commit"
	PathCrash  = "/crash"
)

// Hello says that a process serves.
type Hello struct {
	Replica     int    `json:"replica"`
	Role        string `json:"role"`
	Incarnation string `json:"incarnation"`
	PID         int    `json:"pid"`
	Address     string `json:"address,omitempty"` // of a web server
}

// Began says that a handler begins. The answer is an [Order], and the connection that it comes on is
// open for as long as the handler waits for it: that it breaks says that the process died.
type Began struct {
	Replica int    `json:"replica"`
	Role    string `json:"role"`
	PID     int    `json:"pid"`
	Key     string `json:"key"`
	ID      string `json:"id"`
	// Span and Child are trace and span id of the attempt's span and of one below it that has ended, with
	// a blank between; "" where there is none.
	Span  string `json:"span,omitempty"`
	Child string `json:"child,omitempty"`
}

// Commit asks for the effect of a message.
type Commit struct {
	Key string `json:"key"`
}

// Order is what a handler is to do.
type Order struct {
	// Known: the effect of this message is there, nothing is left to do.
	Known bool `json:"known,omitempty"`
	// Fail: return an error, as when the downstream is away.
	Fail string `json:"fail,omitempty"`
	// Way: die in this way.
	Way string `json:"way,omitempty"`
	// Work is how long the handler works before it asks for its effect.
	Work time.Duration `json:"work,omitempty"`
}

// Line is a replica's connection to the drill. It is safe for concurrent use.
type Line struct {
	number int
	pid    int
	client *http.Client
}

// NewLine returns the line of a replica to the drill's socket. Nothing is dialled yet.
func NewLine(socket string, number int) *Line {
	var dialer net.Dialer
	return &Line{number: number, pid: pid(), client: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
		DisableCompression: true,
		// A connection that is kept leaves goroutines behind that carry the message's label, and a ward
		// in which a message left one is not used again.
		DisableKeepAlives: true,
	}}}
}

// Close gives idle connections up.
func (l *Line) Close() { l.client.CloseIdleConnections() }

// Hello tells that a process serves.
func (l *Line) Hello(ctx context.Context, h Hello) error {
	h.Replica, h.PID = l.number, l.pid
	return l.tell(ctx, PathHello, h)
}

// Crash passes a death on.
func (l *Line) Crash(ctx context.Context, c handlers.Crash) error { return l.tell(ctx, PathCrash, c) }

// Commit does a message's effect.
func (l *Line) Commit(ctx context.Context, key string) error {
	return l.tell(ctx, PathCommit, Commit{Key: key})
}

func (l *Line) tell(ctx context.Context, path string, v any) error {
	answer, err := l.post(ctx, path, v)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer)
	_ = answer.Close()
	return err
}

// begin tells that a handler begins.
func (l *Line) begin(ctx context.Context, b Began) (*run, error) {
	b.Replica, b.PID = l.number, l.pid
	answer, err := l.post(ctx, PathBegin, b)
	return &run{answer}, err
}

func (l *Line) post(ctx context.Context, path string, v any) (io.ReadCloser, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("tell the drill: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://drill"+path, bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("tell the drill: %w", err)
	}
	answer, err := l.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("tell the drill: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		_ = answer.Body.Close()
		return nil, fmt.Errorf("tell the drill: it answers %s to %s", answer.Status, path)
	}
	return answer.Body, nil
}

// run is one run of a handler.
type run struct{ answer io.ReadCloser }

// order waits for what the drill wants done.
func (r *run) order() (o Order, err error) {
	if err = json.NewDecoder(r.answer).Decode(&o); err != nil {
		err = fmt.Errorf("wait for the drill: %w", err)
	}
	return o, err
}

// end tells that the handler is over.
func (r *run) end() { _ = r.answer.Close() }
