package crashtrace

import "cmp"

// Limits bound what Read keeps. Zero fields take the defaults.
type Limits struct {
	// PreambleBytes is how much is kept of what comes before the first header. Default 64 KiB.
	PreambleBytes int
	// DumpBytes is how much is read from the first header on. Default 4 MiB, which is some 20,000
	// goroutines.
	DumpBytes int
	// BlockBytes is how much of the first block is kept as text and frames. Default 256 KiB; the
	// runtime cuts a stack to 100 frames, some 105 KB.
	BlockBytes int
	// Goroutines is how many goroutines are listed. Default 32,768.
	Goroutines int
}

func (l Limits) withDefaults() Limits {
	l.PreambleBytes = cmp.Or(max(l.PreambleBytes, 0), 64<<10)
	l.DumpBytes = cmp.Or(max(l.DumpBytes, 0), 4<<20)
	l.BlockBytes = cmp.Or(max(l.BlockBytes, 0), 256<<10)
	l.Goroutines = cmp.Or(max(l.Goroutines, 0), 32<<10)
	return l
}

// Goroutine is what a trace says of one goroutine.
type Goroutine struct {
	// ID is the runtime's number of it, never 0 if there is a goroutine.
	ID uint64
	// Status is what stands before the labels, such as "chan receive, 5 minutes". It is "" where the
	// header had a form that is not known; then there are no labels either.
	Status string
	// Running: it was running or ready to run.
	Running bool
	// Allocating: its frames show that it was asking for memory.
	Allocating bool
	// Labels are the labels under [LabelKey] that can be read, at most four.
	Labels []Label
	// Frames are its calls, innermost first, kept for the first goroutine only.
	Frames []Frame
}

// Trace is what a dying process wrote. It may be copied; nobody changes it once it was handed out.
type Trace struct {
	// Kind is the way of dying.
	Kind Kind
	// Reason is the first line of the preamble that is not blank, such as "panic: boom": at most 1
	// KiB of printable text, "" where the runtime gives none (see [Tail.Fatal] for those).
	Reason string
	// First is the goroutine that died; its ID is 0 if no header came.
	First Goroutine
	// Block is the text of its block, header included, as it was written.
	Block string
	// BlockCut: the stream broke off within the first block, in the middle of a line.
	BlockCut bool
	// Signal is the signal that the death is about, zero if none.
	Signal Signal
	// Goroutines are the others, in the order of the trace.
	Goroutines []Goroutine
	// Dump is everything that was kept, as it was written.
	Dump []byte
	// Complete: the stream came to its end with a whole line, so every goroutine is listed. A process
	// that was killed while it wrote may leave that too; how it exited tells (the Go runtime exits
	// with code 2).
	Complete bool
	// Truncated: text was left out because of a limit. That need not make the trace incomplete.
	Truncated bool
	// Bytes is how many bytes were read, kept or not.
	Bytes int64
}

// FaultAddress returns the address that the signal of the death is about, if one was printed. It is
// 0 for a nil pointer.
func (t *Trace) FaultAddress() (uint64, bool) { return t.Signal.Address, t.Signal.Addressed }
