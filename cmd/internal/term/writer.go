package term

import (
	"fmt"
	"io"
	"strings"
)

// maxColumns bounds one argument of Printf: enough for any honest text, too little to scroll the
// rest of an answer away.
const maxColumns = 2000

// Style is how a word is set off. A word always carries the meaning; the style repeats it.
type Style string

// The styles, as the parameters of the terminal's own sequence.
const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31;1"
	Green  Style = "32"
	Yellow Style = "33"
)

// Writer is the only way to a screen. It is not safe for concurrent use. The first error of the
// stream below is kept, further output is dropped, and Err returns it.
type Writer struct {
	w     io.Writer
	color bool
	err   error
}

// NewWriter returns a Writer onto w. With color, Paint sends the styles' sequences.
func NewWriter(w io.Writer, color bool) *Writer { return &Writer{w: w, color: color} }

// Write shows p with its own newlines and tabs. A rune cut in two by a caller is shown as bytes.
func (w *Writer) Write(p []byte) (int, error) {
	w.send(Block(string(p)))
	return len(p), w.err
}

// Printf formats like fmt.Printf. The format is ours; strings, errors and Stringers among the
// arguments are not, and become one safe line of bounded width each.
func (w *Writer) Printf(format string, args ...any) {
	w.send(Sprintf(format, args...))
}

// Paint shows text, one safe line, in a style.
func (w *Writer) Paint(style Style, text string) {
	text = oneLine(text)
	if w.color {
		text = "\x1b[" + string(style) + "m" + text + "\x1b[0m"
	}
	w.send(text)
}

// Indented shows a text of many lines, each behind the prefix.
func (w *Writer) Indented(prefix, text string) {
	for line := range strings.Lines(text) {
		w.send(prefix + Block(strings.TrimSuffix(line, "\n")) + "\n")
	}
}

// Err returns the first error of the stream below.
func (w *Writer) Err() error { return w.err }

func (w *Writer) send(s string) {
	if w.err == nil {
		_, w.err = io.WriteString(w.w, s)
	}
}

// Sprintf is the text that Printf would show.
func Sprintf(format string, args ...any) string {
	safe := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case string:
			safe[i] = oneLine(v)
		case error:
			safe[i] = oneLine(v.Error())
		case fmt.Stringer:
			safe[i] = oneLine(v.String())
		default:
			safe[i] = arg
		}
	}
	return fmt.Sprintf(format, safe...)
}

func oneLine(s string) string {
	if len(s) > 16*maxColumns {
		s = s[:16*maxColumns]
	}
	return Clip(maxColumns, Line(s))
}

// Clear empties the screen and puts the cursor at its top.
func (w *Writer) Clear() { w.send("\x1b[H\x1b[2J") }
