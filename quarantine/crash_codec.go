package quarantine

import (
	"fmt"

	"github.com/theriac/theriac/handlers"
)

// Limits of what a crash report keeps. Longer values are cut when they are
// encoded.
const (
	maxStderr   = 16 << 10
	maxNotes    = 64
	maxInFlight = 16 << 10 // messages
)

// EncodeCrash encodes a death. Texts of any bytes are kept; those above the
// limits that [handlers.Crash] names are cut, all others at 4 KiB, so a record is
// bounded.
func EncodeCrash(c handlers.Crash) []byte {
	e := newEncoder()
	e.texts(c.ID, c.Role, c.Incarnation, c.Host, c.Build)
	e.int(int64(c.PID))
	e.time(c.Started)
	e.time(c.Died)
	e.texts(c.Exit, c.Kind, c.Tier, c.Reason)
	e.bool(c.Alone)
	e.texts(c.Text)
	e.text(head(c.Stack, maxStack))
	e.bool(c.StackCut || len(c.Stack) > maxStack)
	e.frames(c.Frames)
	e.text(head(c.Stderr, maxStderr))
	e.texts(c.StartedBy, c.Hint)
	notes := c.Notes[:min(len(c.Notes), maxNotes)]
	e.uint(uint64(len(notes)))
	e.texts(notes...)
	flights := c.InFlight[:min(len(c.InFlight), maxInFlight)]
	e.uint(uint64(len(flights)))
	for _, f := range flights {
		e.inFlight(f)
	}
	return e.b
}

func (e *encoder) inFlight(f handlers.InFlight) {
	e.texts(string(f.Part), f.Subscription, f.ID)
	e.bool(f.IDCut || len(f.ID) > maxText)
	e.time(f.PublishedAt)
	e.time(f.Started)
	e.int(int64(f.Attempt))
	e.int(int64(f.Deaths))
	e.texts(f.Why, f.TraceID, f.SpanID, f.Handler)
}

// DecodeCrash is the inverse of [EncodeCrash]. Times are in UTC. It returns an
// error for bytes that are no encoding.
func DecodeCrash(b []byte) (handlers.Crash, error) {
	d := newDecoder(b)
	var c handlers.Crash
	d.texts(&c.ID, &c.Role, &c.Incarnation, &c.Host, &c.Build)
	c.PID, c.Started, c.Died = int(d.int()), d.time(), d.time()
	d.texts(&c.Exit, &c.Kind, &c.Tier, &c.Reason)
	c.Alone, c.Text, c.Stack, c.StackCut = d.bool(), d.text(), d.text(), d.bool()
	c.Frames = d.frames()
	d.texts(&c.Stderr, &c.StartedBy, &c.Hint)
	for range d.count() {
		c.Notes = append(c.Notes, d.text())
	}
	for range d.count() {
		c.InFlight = append(c.InFlight, d.inFlight())
	}
	if d.err != nil {
		return handlers.Crash{}, fmt.Errorf("decode crash report: %w", d.err)
	}
	return c, nil
}

func (d *decoder) inFlight() handlers.InFlight {
	f := handlers.InFlight{Part: handlers.Part(d.text()), Subscription: d.text(), ID: d.text(), IDCut: d.bool()}
	f.PublishedAt, f.Started = d.time(), d.time()
	f.Attempt, f.Deaths = int(d.int()), int(d.int())
	d.texts(&f.Why, &f.TraceID, &f.SpanID, &f.Handler)
	return f
}

// EncodeRunning encodes what a worker runs. Nothing running is nothing: no bytes.
func EncodeRunning(running []handlers.Running) []byte {
	if len(running) == 0 {
		return []byte{}
	}
	e := newEncoder()
	running = running[:min(len(running), maxInFlight)]
	e.uint(uint64(len(running)))
	for _, r := range running {
		e.texts(r.Subscription, r.MessageID)
		e.time(r.PublishedAt)
		e.time(r.Started)
	}
	return e.b
}

// DecodeRunning is the inverse of [EncodeRunning]. Times are in UTC.
func DecodeRunning(b []byte) ([]handlers.Running, error) {
	if len(b) == 0 {
		return nil, nil
	}
	d := newDecoder(b)
	var running []handlers.Running
	for range d.count() {
		running = append(running, handlers.Running{Subscription: d.text(), MessageID: d.text(), PublishedAt: d.time(), Started: d.time()})
	}
	if d.err != nil {
		return nil, fmt.Errorf("decode what was running: %w", d.err)
	}
	return running, nil
}

// texts appends texts, each cut at 4 KiB.
func (e *encoder) texts(texts ...string) {
	for _, s := range texts {
		e.text(head(s, maxText))
	}
}

// texts takes texts.
func (d *decoder) texts(texts ...*string) {
	for _, s := range texts {
		*s = d.text()
	}
}
