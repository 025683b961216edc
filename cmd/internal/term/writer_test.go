package term_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/theriac/theriac/cmd/internal/term"
)

func TestWriter_ArgumentsCannotForgeLines(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := term.NewWriter(&b, false)
	w.Printf("%s held %d: %v\n", "Q-1\nSTORE DOWN", 3, errors.New("x\x1b[2J"))
	if got, want := b.String(), "Q-1\\nSTORE DOWN held 3: x\\x1b[2J\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

func TestWriter_BoundsAnArgument(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	term.NewWriter(&b, false).Printf("%s", strings.Repeat("a\u0301", 1<<20))
	if n := term.Width(b.String()); n > 2000 || n < 1000 {
		t.Errorf("an endless argument took %d columns", n)
	}
}

func TestWriter_PaintOnlyWithColour(t *testing.T) {
	t.Parallel()
	var plain, colour bytes.Buffer
	term.NewWriter(&plain, false).Paint(term.Red, "PROD\x1b")
	term.NewWriter(&colour, true).Paint(term.Red, "PROD\x1b")
	if plain.String() != `PROD\x1b` || colour.String() != "\x1b[31;1mPROD\\x1b\x1b[0m" {
		t.Errorf("plain %q, colour %q", plain.String(), colour.String())
	}
}

func TestWriter_Indented(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	term.NewWriter(&b, false).Indented("  | ", "one\n\ttwo\r\n")
	if got, want := b.String(), "  | one\n  | \ttwo\\r\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

// full fails after the first write, like a full disk or a closed pipe.
type full struct{ writes int }

func (f *full) Write(p []byte) (int, error) {
	if f.writes++; f.writes > 1 {
		return 0, errors.New("no space")
	}
	return len(p), nil
}

func TestWriter_KeepsTheFirstError(t *testing.T) {
	t.Parallel()
	var f full
	w := term.NewWriter(&f, false)
	for range 5 {
		w.Printf("x\n")
	}
	if w.Err() == nil || f.writes != 2 {
		t.Errorf("err %v after %d writes, want an error after 2", w.Err(), f.writes)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	head := []term.Column{{Title: "ENTRY", Fixed: true}, {Title: "WHAT"}, {Title: "HELD", Right: true}, {Title: "STATE"}}
	rows := [][]string{
		{"Q-7F3K", "nil pointer dereference in a goroutine the handler started", "1", "held"},
		{"Q-8D1R", "two\nlines\tand \x1b[31m", "4,211", "held"},
	}
	var wide, narrow, tsv bytes.Buffer
	for _, err := range []error{
		term.Table(term.NewWriter(&wide, false), 100, head, rows),
		term.Table(term.NewWriter(&narrow, false), 50, head, rows),
		term.TSV(term.NewWriter(&tsv, false), head, rows),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := `ENTRY   WHAT                                                         HELD  STATE
Q-7F3K  nil pointer dereference in a goroutine the handler started      1  held
Q-8D1R  two\nlines\tand \x1b[31m                                    4,211  held
`
	if diff := cmp.Diff(want, wide.String()); diff != "" {
		t.Errorf("wide (-want +got):\n%s", diff)
	}
	want = `ENTRY   WHAT                           HELD  STATE
Q-7F3K  nil pointer dereference in …      1  held
Q-8D1R  two\nlines\tand \x1b[31m      4,211  held
`
	if diff := cmp.Diff(want, narrow.String()); diff != "" {
		t.Errorf("narrow (-want +got):\n%s", diff)
	}
	want = "Q-7F3K\tnil pointer dereference in a goroutine the handler started\t1\theld\n" +
		"Q-8D1R\ttwo\\nlines\\tand \\x1b[31m\t4,211\theld\n"
	if diff := cmp.Diff(want, tsv.String()); diff != "" {
		t.Errorf("tsv (-want +got):\n%s", diff)
	}
}
