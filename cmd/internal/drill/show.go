package drill

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/term"
)

// shower shows a drill while it runs: a table for people, lines of JSON for programs.
type shower struct {
	tool *cli.Tool
	json bool
	err  error // the first of writing
	out  *term.Writer
}

func (o *options) shower(t *cli.Tool) *shower { return &shower{tool: t, json: o.json, out: t.Out()} }

func (s *shower) begin(rows int) {
	if s.json {
		return
	}
	s.tool.Hint("%d rows, each with a broker, a store and replicas of its own. Ctrl-C ends them.", rows)
	heading(s.out)
}

func (s *shower) row(r result) {
	if s.json {
		s.line(r)
		return
	}
	r.line(s.out)
}

func (s *shower) end(sum summary) error {
	if s.json {
		s.line(sum)
		return s.err
	}
	sum.print(s.out)
	return s.out.Err()
}

// line writes one object.
func (s *shower) line(v any) {
	if s.err == nil {
		s.err = writeLine(s.tool, v)
	}
}

func writeLine(t *cli.Tool, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	_, err := t.Streams.Out.Write(term.JSON(b.Bytes()))
	return err
}
