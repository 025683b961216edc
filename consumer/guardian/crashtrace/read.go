package crashtrace

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// lineBytes is how much of one line is looked at. The runtime's own lines are short; only labels and
// panic values make longer ones.
const lineBytes = 64 << 10

// maxFrames bounds the frames of one block; the runtime prints 100.
const maxFrames = 256

// Read reads what a dying process writes until the end of the stream, a limit, or an error of r,
// which it returns together with what was read by then. A stream that ends is no error.
//
// As soon as the block of the first goroutine is complete, and at most once, onFirst is called, in
// the caller's goroutine, with a Trace that has neither Goroutines nor Dump; reading waits for it.
// Its Kind, Reason, First, Block and Signal are final. It may be nil. It is not called if the stream
// broke off before, so a Trace with a First may be returned without.
//
// Lines count as soon as they have come: Read never waits for more than r has.
func Read(r io.Reader, limits Limits, onFirst func(Trace)) (Trace, error) {
	d := reader{limits: limits.withDefaults(), onFirst: onFirst}
	input := bufio.NewReaderSize(r, lineBytes)
	atStart := true
	for {
		piece, err := input.ReadSlice('\n')
		d.trace.Bytes += int64(len(piece))
		long := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !long {
			d.trace.BlockCut = d.at == inFirst && (!atStart || len(piece) > 0)
			d.keep(piece)
			if !errors.Is(err, io.EOF) {
				return d.end(), fmt.Errorf("read crash output: %w", err)
			}
			d.trace.Complete = atStart && len(piece) == 0
			d.endBlock()
			return d.end(), nil
		}
		if atStart {
			d.line(piece, long)
		} else {
			d.keep(piece)
		}
		atStart = !long
		if d.full() {
			d.trace.Truncated = true
			return d.end(), nil
		}
	}
}

// place says what the line that comes next belongs to.
type place uint8

const (
	inPreamble place = iota
	inThread         // the stack of a thread, before the first goroutine
	inFirst
	inOthers
	inSkipped // a block of goroutine 0, or of a thread, after the first goroutine
)

// reader is the state of one Read.
type reader struct {
	limits  Limits
	onFirst func(Trace)
	trace   Trace
	before  preamble
	at      place
	block   strings.Builder
	// head is the kept part of the preamble, dump what is kept from the first header on.
	head, dump []byte
	headCut    bool
	dumpBytes  int
	// tooMany: there was a goroutine more than the limits allow.
	tooMany bool
}

// full reports whether a limit ends the reading.
func (d *reader) full() bool {
	return d.dumpBytes > d.limits.DumpBytes || d.tooMany
}

// line takes the beginning of a line, LF included unless it is long.
func (d *reader) line(piece []byte, long bool) {
	if piece[0] == '\t' && d.at != inFirst && d.at != inThread {
		d.keep(piece) // one of perhaps millions of lines of a panic value, or a place that nobody asks for
		return
	}
	text := strings.TrimSuffix(string(piece), "\n")
	switch {
	case text == "":
		d.keep(piece)
		d.endBlock()
	case isHeader(text):
		d.endBlock()
		d.begin(parseHeader(text))
		d.keep(piece)
	case text == "runtime stack:":
		d.endBlock()
		d.beginThread()
		d.keep(piece)
	default:
		d.keep(piece)
		d.inside(text, long)
	}
}

// begin takes the header of a goroutine.
func (d *reader) begin(g Goroutine) {
	switch {
	case g.ID == 0 || g.Status == "idle":
		d.beginThread()
	case d.trace.First.ID == 0:
		d.trace.First, d.at = g, inFirst
	case len(d.trace.Goroutines) == d.limits.Goroutines:
		d.tooMany = true
	default:
		d.trace.Goroutines, d.at = append(d.trace.Goroutines, g), inOthers
	}
}

// beginThread takes the header of a block that is no goroutine's.
func (d *reader) beginThread() {
	if d.trace.First.ID != 0 {
		d.at = inSkipped
		return
	}
	d.before.thread, d.at = true, inThread
}

// inside takes any other line.
func (d *reader) inside(text string, long bool) {
	switch d.at {
	case inPreamble:
		d.before.read(text)
	case inThread:
		d.before.calls = addFrame(d.before.calls, text)
	case inFirst:
		if d.block.Len() <= d.limits.BlockBytes && !long {
			d.trace.First.Frames = addFrame(d.trace.First.Frames, text)
			d.trace.First.Allocating = d.trace.First.Allocating || asksForMemory(text)
		}
	case inOthers:
		if last := &d.trace.Goroutines[len(d.trace.Goroutines)-1]; asksForMemory(text) {
			last.Allocating = true
		}
	case inSkipped:
	}
}

// addFrame adds what a line of a stack says.
func addFrame(frames []Frame, text string) []Frame {
	if call, ok := parseCall(text); ok && len(frames) < maxFrames {
		return append(frames, call)
	}
	if file, number, ok := parsePlace(text); ok && len(frames) > 0 && frames[len(frames)-1].File == "" {
		frames[len(frames)-1].File, frames[len(frames)-1].Line = file, number
	}
	return frames
}

// endBlock is called at an empty line, before a header and at the end of the stream.
func (d *reader) endBlock() {
	switch d.at {
	case inFirst:
		d.at = inSkipped
		d.judge()
		if d.onFirst != nil {
			d.onFirst(d.trace)
		}
	case inThread:
		d.at = inPreamble
	case inOthers:
		d.at = inSkipped
	case inPreamble, inSkipped:
	}
}

// judge fills in what follows from the preamble and the first block.
func (d *reader) judge() {
	d.trace.Reason, d.trace.Signal = d.before.reason, d.before.signal
	d.trace.Block = d.block.String()
	if d.trace.First.ID != 0 {
		d.trace.Kind = kindOf(d.before, d.trace.First)
	}
}

// end returns the trace with what was kept.
func (d *reader) end() Trace {
	d.judge()
	d.trace.Dump = d.head
	if d.headCut {
		d.trace.Dump = append(d.trace.Dump, "\n...the preamble was longer...\n\n"...)
	}
	d.trace.Dump = append(d.trace.Dump, d.dump...)
	return d.trace
}

// keep keeps a piece as far as the limits allow.
func (d *reader) keep(piece []byte) {
	if d.trace.First.ID == 0 {
		rest := max(d.limits.PreambleBytes-len(d.head), 0)
		if len(piece) > rest {
			d.headCut, d.trace.Truncated = true, true
			piece = piece[:rest]
		}
		d.head = append(d.head, piece...)
		return
	}
	d.dumpBytes += len(piece)
	kept := piece[:min(len(piece), max(d.limits.DumpBytes-len(d.dump), 0))]
	d.dump = append(d.dump, kept...)
	if d.at == inFirst {
		rest := max(d.limits.BlockBytes-d.block.Len(), 0)
		if len(kept) > rest {
			d.trace.Truncated = true
			kept = kept[:rest]
		}
		d.block.Write(kept)
	}
}
