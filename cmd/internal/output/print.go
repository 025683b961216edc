package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/cli/go-gh/v2/pkg/jq"
	"github.com/cli/go-gh/v2/pkg/template"

	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/internal/problem"
)

// Target is the stream that an answer goes to.
type Target struct {
	// Out is the stream itself.
	Out io.Writer
	// Terminal reports that a person looks at it, Columns is its width, Color whether to use colour.
	Terminal, Color bool
	Columns         int
}

// Print lays the answer out as the options ask.
func Print(to Target, o Options, a Answer) error {
	w := term.NewWriter(to.Out, to.Color)
	switch f := o.resolve(to.Terminal); f {
	case JSON, JSONL:
		return printJSON(to, o, f, a)
	case Name:
		for _, name := range a.Names {
			w.Printf("%s\n", name)
		}
	case TSV:
		if err := a.Layout.tsv(w); err != nil {
			return err
		}
	default:
		if err := a.Layout.human(w, to.Columns, f == Wide); err != nil {
			return err
		}
	}
	return w.Err()
}

func printJSON(to Target, o Options, f Format, a Answer) error {
	if f == JSONL {
		return printLines(to.Out, a)
	}
	text, err := marshal(a.Value, "  ")
	if err != nil {
		return err
	}
	if o.JQ == "" && o.Template == "" {
		_, err = to.Out.Write(term.JSON(text))
		return err
	}
	var result bytes.Buffer
	if o.JQ != "" {
		err = evaluate(&result, o.JQ, text)
	} else {
		err = execute(&result, to.Columns, o.Template, text)
	}
	if err != nil {
		return err
	}
	_, err = to.Out.Write(term.JSON(result.Bytes()))
	return err
}

// evaluate runs a jq expression. What it prints for a string is the string itself, as jq -r does,
// line breaks included: who writes an expression asks for that.
func evaluate(result io.Writer, expr string, data []byte) error {
	err := jq.Evaluate(bytes.NewReader(data), result, expr)
	if err == nil {
		return nil
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner // without the drawing of the expression over several lines
	}
	return problem.Errorf(problem.Invalid, "--jq: %w", err)
}

// execute leaves colour off: an escape sequence of the template's would not survive term.JSON.
func execute(result io.Writer, columns int, text string, data []byte) error {
	t := template.New(result, columns, false)
	if err := t.Parse(text); err != nil {
		return problem.Errorf(problem.Invalid, "--template: %w", err)
	}
	if err := t.Execute(bytes.NewReader(data)); err != nil {
		return problem.Errorf(problem.Invalid, "--template: %w", err)
	}
	return t.Flush()
}

func printLines(out io.Writer, a Answer) error {
	items := a.Items
	if items == nil {
		items = []any{a.Value}
	}
	for _, item := range items {
		line, err := marshal(item, "")
		if err != nil {
			return err
		}
		if _, err := out.Write(term.JSON(line)); err != nil {
			return err
		}
	}
	return nil
}

// marshal leaves < and > as they are: the reader is a program or a person, not a browser.
func marshal(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return b.Bytes(), nil
}
