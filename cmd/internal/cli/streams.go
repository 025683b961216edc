package cli

import (
	"io"
	"os"

	xterm "golang.org/x/term"
)

// Streams are where a command reads and writes, and what is known about them.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// The three report whether a person is at the other end.
	InTerminal, OutTerminal, ErrTerminal bool
	// Columns is the width of the terminal at Out.
	Columns int
}

// defaultColumns is the width where no terminal tells its own, minColumns what tables need.
const (
	defaultColumns = 100
	minColumns     = 40
)

// FileStreams returns the streams of a process.
func FileStreams(in, out, err *os.File) Streams {
	s := Streams{
		In: in, Out: out, Err: err, Columns: defaultColumns,
		InTerminal:  xterm.IsTerminal(int(in.Fd())),
		OutTerminal: xterm.IsTerminal(int(out.Fd())),
		ErrTerminal: xterm.IsTerminal(int(err.Fd())),
	}
	if columns, _, err := xterm.GetSize(int(out.Fd())); err == nil && columns > 0 {
		s.Columns = max(columns, minColumns)
	}
	return s
}
