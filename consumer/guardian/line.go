package guardian

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// A ward line is a connection between the guardian and a worker, or a ward, beside the control
// connection: it carries messages, which may be large, and the guardian only passes them on. A frame
// is a version, a kind, two empty bytes, the number of the run, the lengths of its head and its body,
// and both; the head is JSON, nothing in the body is interpreted.
//
//	worker ──lineRun──► guardian ──lineRun──► ward
//	worker ◄─lineAnswer─ guardian ◄─lineAnswer─ ward      it survived
//	worker ◄──lineDied── guardian                         it died of it
//	worker ◄─lineRefused─ guardian                        no ward can be had; nothing ran
const (
	lineVersion = 1
	lineHeader  = 16
	// maxLineHead and maxLineBody bound what one side makes the other allocate. A message of Pub/Sub has
	// at most 10 MB, one of JetStream at most 64 MB.
	maxLineHead = 256 << 10
	maxLineBody = 80 << 20
	// lineQueue is how many frames may wait to be written to one line. A side that does not read that
	// many is broken.
	lineQueue = 256
	// lineHeld is how many bytes of what a child sent the guardian holds, one of the largest frames at the
	// least, and lineRuns how many frames, the answers that it did not read yet included. Who sends more
	// waits. lineOwed is how many bytes may wait to be written to one child.
	lineHeld = maxLineHead + maxLineBody
	lineRuns = lineQueue / 2
	lineOwed = 2 * lineHeld
)

type lineKind uint8

const (
	lineRun lineKind = 1 + iota
	lineAnswer
	lineDied
	lineRefused
)

// lineFrame is one frame of a ward line.
type lineFrame struct {
	kind lineKind
	run  uint32
	head []byte
	body []byte
	from *allowance // nil, or what its bytes are held of
	ends *allowance // nil, or where a frame is done with once this one is written
}

func (f lineFrame) size() int { return len(f.head) + len(f.body) }

// release says that the frame is not held any more.
func (f lineFrame) release() {
	if f.from != nil {
		f.from.give(f.size(), 0)
	}
}

// written says that the frame was written, or never will be.
func (f lineFrame) written() {
	f.release()
	if f.ends != nil {
		f.ends.give(0, 1)
	}
}

// runHead is the head of a lineRun.
type runHead struct {
	// Subscription is what the guardian counts deaths by.
	Subscription string `json:"subscription"`
	// Fresh asks for a ward that ran nothing before.
	Fresh bool `json:"fresh"`
	// Limit is how long it may take.
	Limit time.Duration `json:"limit"`
}

// answerHead is the head of a lineAnswer.
type answerHead struct {
	// OK: the handler succeeded.
	OK bool `json:"ok"`
	// Spent: something of the message still runs in the ward, so it must not run another one.
	Spent bool `json:"spent"`
	// Fresh is filled in by the guardian: it was the first that the ward ran.
	Fresh bool `json:"fresh"`
}

// refusedHead is the head of a lineRefused.
type refusedHead struct {
	Why string `json:"why"`
}

func newLineFrame(kind lineKind, run uint32, head any, body []byte) (lineFrame, error) {
	text, err := json.Marshal(head)
	if err != nil {
		return lineFrame{}, fmt.Errorf("head of a ward frame: %w", err)
	}
	if len(text) > maxLineHead || len(body) > maxLineBody {
		return lineFrame{}, fmt.Errorf("ward frame has %d and %d bytes, more than %d and %d", len(text), len(body), maxLineHead, maxLineBody)
	}
	return lineFrame{kind: kind, run: run, head: text, body: body}, nil
}

func (f lineFrame) write(w io.Writer) error {
	buf := make([]byte, lineHeader, lineHeader+len(f.head))
	buf[0], buf[1] = lineVersion, byte(f.kind)
	binary.BigEndian.PutUint32(buf[4:], f.run)
	binary.BigEndian.PutUint32(buf[8:], uint32(len(f.head)))
	binary.BigEndian.PutUint32(buf[12:], uint32(len(f.body)))
	if _, err := w.Write(append(buf, f.head...)); err != nil {
		return err
	}
	_, err := w.Write(f.body)
	return err
}

// readLine reads one frame. Its error is errFrame for anything that write does not write, and then
// the other side is not trusted any further.
func readLine(r io.Reader) (lineFrame, error) { return readLineWithin(r, nil) }

// readLineWithin reads a frame that counts towards an allowance, if there is one, until it is released.
// It waits until the frame fits before it reads more than its header.
func readLineWithin(r io.Reader, held *allowance) (lineFrame, error) {
	var h [lineHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return lineFrame{}, err
	}
	f := lineFrame{kind: lineKind(h[1]), run: binary.BigEndian.Uint32(h[4:])}
	head, body := binary.BigEndian.Uint32(h[8:]), binary.BigEndian.Uint32(h[12:])
	if h[0] != lineVersion || h[2] != 0 || h[3] != 0 || f.kind < lineRun || f.kind > lineRefused || head > maxLineHead || body > maxLineBody {
		return lineFrame{}, errFrame
	}
	if held != nil {
		if !held.take(int(head) + int(body)) {
			return lineFrame{}, io.ErrClosedPipe
		}
		f.from = held
	}
	var err error
	if f.head, err = readExactly(r, int(head)); err == nil {
		f.body, err = readExactly(r, int(body))
	}
	return f, err
}

// allowance bounds what is held for somebody: frames, and their bytes. It is safe for concurrent use.
type allowance struct {
	mu     sync.Mutex
	more   sync.Cond
	bytes  int
	frames int
	closed bool
}

func newAllowance(bytes, frames int) *allowance {
	a := &allowance{bytes: bytes, frames: frames}
	a.more.L = &a.mu
	return a
}

// take waits until a frame of n bytes may be held; false: none will be.
func (a *allowance) take(n int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for (a.bytes < n || a.frames < 1) && !a.closed {
		a.more.Wait()
	}
	a.bytes -= n
	a.frames--
	return !a.closed
}

func (a *allowance) give(bytes, frames int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes += bytes
	a.frames += frames
	a.more.Signal()
}

// close ends all waiting.
func (a *allowance) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.more.Broadcast()
}

// readExactly reads n bytes, and allocates no more than a little ahead of what really comes.
func readExactly(r io.Reader, n int) ([]byte, error) {
	const ahead = 1 << 20
	buf := make([]byte, 0, min(n, ahead))
	for len(buf) < n {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, min(n, 2*cap(buf))), buf...)
		}
		got, err := r.Read(buf[len(buf):min(n, cap(buf))])
		buf = buf[:len(buf)+got]
		if err == io.EOF && len(buf) < n {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil && len(buf) < n {
			return nil, err
		}
	}
	return buf, nil
}
