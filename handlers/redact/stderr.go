package redact

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// Stderr passes on what a process writes to standard error, but of the last words of a
// dying Go runtime only what may be shown. Everything else passes at once and as it is:
// that is the program's own log, which it answers for.
//
// The runtime begins a panic's text at the beginning of a line and indents its further
// lines with a tab, up to a blank line, so its end is known. A line of the program's own
// that begins with "panic: " or "fatal error: " is taken for the runtime's. Stderr is
// safe for concurrent use.
type Stderr struct {
	to io.Writer
	r  *Redactor

	mu sync.Mutex
	// line is the beginning of a line that may be the runtime's, or is.
	line []byte
	mode mode
	// dying: a panic's text may go on, up to a blank line.
	dying bool
}

// mode is what is known of the line that is being read.
type mode uint8

const (
	lineBegins mode = iota // not enough
	linePasses             // it is the program's own
	lineIsKept             // it is the runtime's, and kept until its end
	lineIsGone             // it is more of a panic's text
)

// What lines of the runtime begin with.
const (
	headPanic     = "panic: "
	headFatal     = "fatal error: "
	headGoroutine = "goroutine "
	headNested    = "\tpanic: " // raised while another one was under way
)

// maxLine is how much of a line of the runtime's is kept: a longer text is withheld
// anyway.
const maxLine = maxText + 64

// NewStderr returns a writer to to. A nil Redactor calls nothing safe.
func NewStderr(to io.Writer, r *Redactor) *Stderr { return &Stderr{to: to, r: r} }

// Write implements io.Writer. It returns the errors of the writer below.
func (s *Stderr) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []byte
	for part := range bytes.Lines(p) {
		text, ends := bytes.CutSuffix(part, []byte{'\n'})
		out = s.take(out, text)
		if ends {
			out = s.end(out)
		}
	}
	if len(out) > 0 {
		if _, err := s.to.Write(out); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Close writes what is left of a line that did not end. It closes nothing.
func (s *Stderr) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.shown()
	s.line, s.mode = nil, lineBegins
	if len(out) == 0 {
		return nil
	}
	_, err := s.to.Write(out)
	return err
}

// take adds to out what of a part of a line is passed on at once.
func (s *Stderr) take(out, part []byte) []byte {
	for s.mode == lineBegins && len(part) > 0 {
		s.line, part = append(s.line, part[0]), part[1:]
		if s.mode = s.judge(); s.mode == linePasses {
			out = append(out, s.line...)
		}
	}
	switch s.mode {
	case linePasses:
		out = append(out, part...)
	case lineIsKept:
		s.line = append(s.line, part[:min(len(part), max(maxLine-len(s.line), 0))]...)
	default:
	}
	return out
}

// end adds to out what was kept of a line that ends.
func (s *Stderr) end(out []byte) []byte {
	if s.mode == lineBegins && len(s.line) == 0 {
		s.dying = false
	}
	if s.dying && s.mode == lineBegins && len(s.line) > 0 && s.line[0] == '\t' {
		s.mode = lineIsGone
	}
	if s.mode != lineIsGone {
		out = append(append(out, s.shown()...), '\n')
	}
	s.line, s.mode = s.line[:0], lineBegins
	return out
}

// judge says what the line is, as far as it is known.
func (s *Stderr) judge() mode {
	line := string(s.line)
	heads := []string{headPanic, headFatal, headGoroutine}
	if s.dying {
		heads = append(heads, headNested)
	}
	for _, head := range heads {
		switch {
		case line == head:
			s.dying = s.dying || head != headGoroutine
			return lineIsKept
		case strings.HasPrefix(head, line):
			return lineBegins
		}
	}
	if s.dying && line[0] == '\t' {
		return lineIsGone
	}
	return linePasses
}

// shown is what may be shown of what was kept of the line.
func (s *Stderr) shown() []byte {
	line := string(s.line)
	switch {
	case s.mode == lineBegins && !(s.dying && strings.HasPrefix(line, "\t")):
		return s.line
	case s.mode != lineIsKept:
		return nil
	case strings.HasPrefix(line, headGoroutine):
		if clean := header(line); clean != "" {
			return []byte(clean)
		}
		return s.line
	}
	text, nested := strings.CutPrefix(line, "\t")
	text = s.r.Death(text)
	if nested {
		text = "\t" + text
	}
	return []byte(text)
}
