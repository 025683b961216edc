package crashtrace

import (
	"bytes"
	"strings"
	"sync"
)

// TailBytes is how much of standard error a [Tail] keeps.
const TailBytes = 64 << 10

// maxLineBytes is how much of one line a Tail tells people.
const maxLineBytes = 512

// Tail keeps the end of what a process prints to standard error, for people: anybody can print
// anything there. It holds a little more than TailBytes however much is written, with or without
// newlines. The zero value is ready to use; a Tail must not be copied. All methods are safe for
// concurrent use.
type Tail struct {
	mu sync.Mutex
	// ring holds the last bytes; once it is full, next is where the oldest is.
	ring []byte
	next int
	// line is the beginning of the line that is being written, last the one before that is not
	// blank, fatal the last one with which the runtime begins to die.
	line, last, fatal []byte
}

// Write keeps p. It never fails and never blocks for long.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keepLocked(p)
	for rest := p; len(rest) > 0; {
		at := bytes.IndexByte(rest, '\n')
		if at < 0 {
			t.extendLocked(rest)
			break
		}
		t.extendLocked(rest[:at])
		t.endLineLocked()
		rest = rest[at+1:]
	}
	return len(p), nil
}

// Bytes returns a copy of the last bytes, oldest first.
func (t *Tail) Bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(append(make([]byte, 0, len(t.ring)), t.ring[t.next:]...), t.ring[:t.next]...)
}

// Fatal returns the last line that began with "fatal error: " or "panic: ", however long ago, or "".
// It is the reason of a death whose trace has none. The text is printable and at most 512 bytes.
func (t *Tail) Fatal() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	fatal := t.fatal
	if isFatal(t.line) {
		fatal = t.line
	}
	return printable(string(fatal), maxLineBytes)
}

// Last returns the last line that is not blank, finished or not, or "". It is what a process says
// that ends itself, with log.Fatal for one. The text is printable and at most 512 bytes.
func (t *Tail) Last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := t.last
	if len(bytes.TrimSpace(t.line)) > 0 {
		last = t.line
	}
	return printable(strings.TrimSpace(string(last)), maxLineBytes)
}

func (t *Tail) keepLocked(p []byte) {
	p = p[max(len(p)-TailBytes, 0):]
	grown := min(len(p), TailBytes-len(t.ring))
	t.ring = append(t.ring, p[:grown]...)
	for p = p[grown:]; len(p) > 0; {
		n := copy(t.ring[t.next:], p)
		t.next = (t.next + n) % TailBytes
		p = p[n:]
	}
}

func (t *Tail) extendLocked(p []byte) {
	t.line = append(t.line, p[:min(len(p), maxLineBytes-len(t.line))]...)
}

func (t *Tail) endLineLocked() {
	if isFatal(t.line) {
		t.fatal = append(t.fatal[:0], t.line...)
	}
	if len(bytes.TrimSpace(t.line)) > 0 {
		t.last = append(t.last[:0], t.line...)
	}
	t.line = t.line[:0]
}

func isFatal(line []byte) bool {
	return bytes.HasPrefix(line, []byte("fatal error: ")) || bytes.HasPrefix(line, []byte("panic: "))
}
