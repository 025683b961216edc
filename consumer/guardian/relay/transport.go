package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of [Transport.RoundTrip], to be asked for with errors.Is. Each is counted in [Drops].
var (
	// ErrFull: the guardian did not read fast enough for TransportConfig.WriteTimeout. The request
	// is most likely lost; if part of it was in the pipe already, it may still arrive.
	ErrFull = errors.New("the guardian does not read its relay pipe fast enough: the request is dropped")
	// ErrTooLarge: the request exceeds TransportConfig.MaxRequestBytes, its URL 8 KiB, or its
	// header 256 lines.
	ErrTooLarge = errors.New("the request is larger than the relay takes: send less or raise MaxRequestBytes on both sides")
	// ErrGone: the guardian closed its end, or Close was called. It stays so.
	ErrGone = errors.New("the guardian does not listen any more: the request is dropped")
	// ErrInvalid: the URL is neither http nor https or has no host, or method, Host or a header
	// line are not what HTTP allows.
	ErrInvalid = errors.New("the request is not one that can be relayed: want a plain method, an http or https URL with a host, and valid header lines")
)

// Writer is the worker's end of the relay: an *os.File of a pipe that supports deadlines (see
// [Inherited]) or a plain net.Conn. A Transport is its only user.
type Writer interface {
	io.WriteCloser
	// SetWriteDeadline ends later writes at t with an error that wraps os.ErrDeadlineExceeded.
	SetWriteDeadline(t time.Time) error
}

// Transport is the worker's side: an http.RoundTripper that hands each request to the guardian and
// answers 202 Accepted with an empty body, since the real answer is never known here. When
// RoundTrip returned without an error the request outlives this process, however it dies.
//
// All methods are safe for concurrent use.
type Transport struct {
	cfg     TransportConfig
	w       Writer
	turn    chan struct{} // full while somebody writes; guards the next two
	rest    []byte        // of a frame that was begun: it is finished before the next one begins
	gone    bool
	buffers sync.Pool
	drops   struct{ full, tooLarge, gone, invalid, aborted atomic.Uint64 }
}

// Drops counts, by reason, requests that RoundTrip did not hand over.
type Drops struct {
	// Full, TooLarge, Gone and Invalid are those that failed with the error of that name.
	Full, TooLarge, Gone, Invalid uint64
	// Aborted are those whose context had ended or whose body could not be read.
	Aborted uint64
}

// Total returns the sum of all reasons.
func (d Drops) Total() uint64 { return d.Full + d.TooLarge + d.Gone + d.Invalid + d.Aborted }

// keptBuffer is the largest buffer that is kept for reuse: a Sentry event with a stack and a full
// OpenTelemetry batch fit, and a rare large request does not stay in memory for ever.
const keptBuffer = 128 << 10

// NewTransport returns a Transport that writes to w and owns it. It fails for a bad cfg and for a w
// without deadlines, since a write to that could hold up the worker for ever.
func NewTransport(w Writer, cfg TransportConfig) (*Transport, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := w.SetWriteDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("the relay's writer takes no deadline (open an inherited pipe with relay.Inherited): %w", err)
	}
	return &Transport{cfg: cfg, w: w, turn: make(chan struct{}, 1)}, nil
}

// RoundTrip hands req over and closes its body. It takes at most TransportConfig.WriteTimeout, or
// until the context's deadline where that is earlier, beside the time that reading the body takes.
// Its errors wrap one of this package's, the context's or the body's, and name the host only: URLs
// and headers hold secrets.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.relay(req); err != nil {
		t.count(err)
		host := ""
		if req.URL != nil {
			host = req.URL.Host
		}
		return nil, fmt.Errorf("relay a request for %q: %w", host, err)
	}
	return &http.Response{
		Status: "202 Accepted", StatusCode: http.StatusAccepted,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req,
	}, nil
}

// Dropped returns how many requests were not handed over, by reason.
func (t *Transport) Dropped() Drops {
	return Drops{
		Full: t.drops.full.Load(), TooLarge: t.drops.tooLarge.Load(), Gone: t.drops.gone.Load(),
		Invalid: t.drops.invalid.Load(), Aborted: t.drops.aborted.Load(),
	}
}

// Close closes the writer once whoever is writing has ended. Later requests fail with [ErrGone].
func (t *Transport) Close() error {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	if t.gone {
		return nil
	}
	t.gone = true
	return t.w.Close()
}

func (t *Transport) relay(req *http.Request) error {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if err := req.Context().Err(); err != nil {
		return err
	}
	buffer, _ := t.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	frame, err := appendRequest(beginFrame((*buffer)[:0]), req, frameHeaderSize+t.cfg.MaxRequestBytes)
	if err == nil {
		sealFrame(frame, kindRequest)
		err = t.write(req.Context(), frame)
	}
	if cap(frame) <= keptBuffer {
		*buffer = frame
		t.buffers.Put(buffer)
	}
	return err
}

// write puts a whole frame into the pipe. When the deadline cuts it, the stream is not lost: the
// rest is kept and goes out before the next frame.
func (t *Transport) write(ctx context.Context, frame []byte) error {
	deadline := time.Now().Add(t.cfg.WriteTimeout)
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(deadline) {
		deadline = earlier
	}
	if err := t.takeTurn(ctx, deadline); err != nil {
		return err
	}
	defer func() { <-t.turn }()
	if t.gone {
		return ErrGone
	}
	if err := t.w.SetWriteDeadline(deadline); err != nil {
		return t.leave(err)
	}
	if n, err := t.writeAll(t.rest); err != nil {
		t.rest = t.rest[n:]
		return err
	}
	t.rest = nil
	n, err := t.writeAll(frame)
	if n > 0 && err != nil {
		t.rest = bytes.Clone(frame[n:]) // the frame itself goes back to the pool
	}
	return err
}

func (t *Transport) takeTurn(ctx context.Context, deadline time.Time) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-timer.C:
		return ErrFull
	case <-ctx.Done():
		return ctx.Err()
	}
}

// writeAll returns how much of b was written, and [ErrFull] or [ErrGone] if that is not all.
func (t *Transport) writeAll(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := t.w.Write(b)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, ErrFull
	default:
		return n, t.leave(err)
	}
}

// leave gives the stream up after an error that no later write can mend.
func (t *Transport) leave(cause error) error {
	t.gone, t.rest = true, nil
	return errors.Join(ErrGone, cause, t.w.Close())
}

func (t *Transport) count(err error) {
	switch {
	case errors.Is(err, ErrFull):
		t.drops.full.Add(1)
	case errors.Is(err, ErrTooLarge):
		t.drops.tooLarge.Add(1)
	case errors.Is(err, ErrGone):
		t.drops.gone.Add(1)
	case errors.Is(err, ErrInvalid):
		t.drops.invalid.Add(1)
	default:
		t.drops.aborted.Add(1)
	}
}
