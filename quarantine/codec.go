package quarantine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Limits of what an attempt's record keeps. Longer values are cut when they are
// encoded; [handlers.Attempt] says so of its fields.
const (
	maxText   = 4 << 10
	maxStack  = 64 << 10
	maxLinks  = 32
	maxFrames = 64
)

// codecVersion starts every encoding. A later version may only append fields:
// each program reads what it knows and ignores the rest, so rows stay readable
// in both directions of an upgrade.
const codecVersion = 1

// errEncoding is the cause of every decoding error.
var errEncoding = errors.New("not a valid encoding")

// EncodeAttributes encodes attributes of any bytes. Equal maps have equal
// encodings. A nil and an empty map are the same.
func EncodeAttributes(attributes map[string]string) []byte {
	e := newEncoder()
	e.uint(uint64(len(attributes)))
	for _, k := range slices.Sorted(maps.Keys(attributes)) {
		e.text(k)
		e.text(attributes[k])
	}
	return e.b
}

// DecodeAttributes is the inverse of [EncodeAttributes]. It returns nil for an
// empty map, and an error for bytes that are no encoding.
func DecodeAttributes(b []byte) (map[string]string, error) {
	d := newDecoder(b)
	n := d.count()
	var attributes map[string]string
	for range n {
		if attributes == nil {
			attributes = make(map[string]string)
		}
		k := d.text()
		attributes[k] = d.text()
	}
	if d.err != nil {
		return nil, fmt.Errorf("decode attributes: %w", d.err)
	}
	return attributes, nil
}

// EncodeTexts encodes a list of texts of any bytes.
func EncodeTexts(texts []string) []byte {
	e := newEncoder()
	e.uint(uint64(len(texts)))
	for _, s := range texts {
		e.text(s)
	}
	return e.b
}

// DecodeTexts is the inverse of [EncodeTexts]. It returns nil for no texts.
func DecodeTexts(b []byte) ([]string, error) {
	d := newDecoder(b)
	var texts []string
	for range d.count() {
		texts = append(texts, d.text())
	}
	if d.err != nil {
		return nil, fmt.Errorf("decode texts: %w", d.err)
	}
	return texts, nil
}

// EncodeAttempt encodes an attempt. Texts of any bytes are kept; those above
// the limits that [handlers.Attempt] names are cut, so a record is bounded.
func EncodeAttempt(a handlers.Attempt) []byte {
	e := newEncoder()
	e.time(a.Started)
	e.time(a.Ended)
	e.text(a.Outcome.String())
	e.text(a.Class.String())
	e.links(a.Errors)
	e.text(head(a.Panic, maxText))
	e.text(head(a.Stack, maxStack))
	e.bool(a.StackCut || len(a.Stack) > maxStack)
	e.frames(a.Frames)
	e.texts(a.Handler, a.Worker, a.Host, a.Build, a.TraceID)
	e.int(int64(a.DeliveryAttempt))
	e.bool(a.Replay)
	return e.b
}

// DecodeAttempt is the inverse of [EncodeAttempt]. Times are in UTC. It returns
// an error for bytes that are no encoding.
func DecodeAttempt(b []byte) (handlers.Attempt, error) {
	d := newDecoder(b)
	a := handlers.Attempt{Started: d.time(), Ended: d.time()}
	outcome, class := d.text(), d.text()
	a.Errors = d.links()
	a.Panic, a.Stack, a.StackCut = d.text(), d.text(), d.bool()
	a.Frames = d.frames()
	d.texts(&a.Handler, &a.Worker, &a.Host, &a.Build, &a.TraceID)
	a.DeliveryAttempt, a.Replay = int(d.int()), d.bool()
	if d.err != nil {
		return handlers.Attempt{}, fmt.Errorf("decode attempt: %w", d.err)
	}
	var err error
	if a.Outcome, err = handlers.ParseOutcome(outcome); err != nil {
		return handlers.Attempt{}, fmt.Errorf("decode attempt: %w", err)
	}
	a.Class = parseClass(class)
	return a, nil
}

// EncodeEvidence encodes the texts of an entry that come from outside: title,
// place, hint, build and error chain.
func EncodeEvidence(e Entry) []byte {
	w := newEncoder()
	w.texts(e.Title, e.Where, e.Hint, e.Build)
	w.links(e.Errors)
	return w.b
}

// DecodeEvidence sets the fields of e that [EncodeEvidence] encodes.
func DecodeEvidence(b []byte, e *Entry) error {
	d := newDecoder(b)
	title, where, hint, build, links := d.text(), d.text(), d.text(), d.text(), d.links()
	if d.err != nil {
		return fmt.Errorf("decode evidence: %w", d.err)
	}
	e.Title, e.Where, e.Hint, e.Build, e.Errors = title, where, hint, build, links
	return nil
}

// parseClass is the inverse of [handlers.ErrorClass.String]; a class of a newer
// program counts as a plain failure.
func parseClass(s string) handlers.ErrorClass {
	for c := handlers.ClassNone; c <= handlers.ClassUndecodable; c++ {
		if c.String() == s {
			return c
		}
	}
	return handlers.ClassFailed
}

func head(s string, limit int) string { return s[:min(len(s), limit)] }

// encoder appends fields to b.
type encoder struct{ b []byte }

func newEncoder() *encoder { return &encoder{b: []byte{codecVersion}} }

func (e *encoder) uint(n uint64) { e.b = binary.AppendUvarint(e.b, n) }
func (e *encoder) int(n int64)   { e.b = binary.AppendVarint(e.b, n) }

func (e *encoder) bool(v bool) {
	var n byte
	if v {
		n = 1
	}
	e.b = append(e.b, n)
}

func (e *encoder) text(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) time(t time.Time) {
	e.int(t.Unix())
	e.uint(uint64(t.Nanosecond()))
}

func (e *encoder) links(links []handlers.ErrorLink) {
	links = links[:min(len(links), maxLinks)]
	e.uint(uint64(len(links)))
	for _, l := range links {
		e.text(head(l.Type, maxText))
		e.text(head(l.Text, maxText))
	}
}

func (e *encoder) frames(frames []handlers.Frame) {
	frames = frames[:min(len(frames), maxFrames)]
	e.uint(uint64(len(frames)))
	for _, f := range frames {
		e.texts(f.Func, f.File)
		e.int(int64(f.Line))
	}
}

// decoder takes fields from b. After an error all fields are zero.
type decoder struct {
	b   []byte
	err error
}

func newDecoder(b []byte) *decoder {
	if len(b) == 0 || b[0] < codecVersion {
		return &decoder{err: errEncoding}
	}
	return &decoder{b: b[1:]}
}

func (d *decoder) fail() { d.b, d.err = nil, errEncoding }

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) int() int64 {
	n, size := binary.Varint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

// count reads the length of a list. Each element takes a byte at least, so a
// longer list than there are bytes is a lie that must not cost memory or time.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) bool() bool { return d.byte() == 1 }

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) text() string {
	n := d.count()
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) time() time.Time {
	sec, nsec := d.int(), d.uint()
	if nsec >= uint64(time.Second) {
		d.fail()
		return time.Time{}
	}
	return time.Unix(sec, int64(nsec)).UTC()
}

func (d *decoder) links() []handlers.ErrorLink {
	var links []handlers.ErrorLink
	for range d.count() {
		links = append(links, handlers.ErrorLink{Type: d.text(), Text: d.text()})
	}
	return links
}

func (d *decoder) frames() []handlers.Frame {
	var frames []handlers.Frame
	for range d.count() {
		frames = append(frames, handlers.Frame{Func: d.text(), File: d.text(), Line: int(d.int())})
	}
	return frames
}
