package output

import (
	"strings"

	"github.com/theriac/theriac/cmd/internal/term"
)

// Answer is what a command found out.
type Answer struct {
	// Value is the JSON object: a struct that embeds [Head].
	Value any
	// Items are the objects of jsonl; nil means Value alone.
	Items []any
	// Names are the references of -o name.
	Names []string
	// Layout is how people and TSV see it.
	Layout Layout
}

// Head opens every JSON object.
type Head struct {
	Schema string `json:"schema"`
}

// NewHead returns the present schema.
func NewHead() Head { return Head{Schema} }

// Layout prints an answer for people, or as tab-separated values.
type Layout interface {
	human(w *term.Writer, columns int, wide bool) error
	tsv(w *term.Writer) error
}

// Column is one column of a list of T.
type Column[T any] struct {
	Title string
	// Right aligns numbers; Fixed columns are never cut; Wide ones are not shown in a plain table.
	Right, Fixed, Wide bool
	// Human is the cell on a screen, Machine in TSV; without it TSV has the same.
	Human, Machine func(T) string
}

// uncut is the width of a wide table: who asks for every column wants to read them.
const uncut = 1 << 20

// Rows is a list laid out in columns.
type Rows[T any] struct {
	Columns []Column[T]
	Items   []T
	// Empty is said on a screen instead of a table without rows.
	Empty string
}

func (r Rows[T]) human(w *term.Writer, columns int, wide bool) error {
	if len(r.Items) == 0 {
		w.Printf("%s\n", r.Empty)
		return nil
	}
	var shown []Column[T]
	for _, c := range r.Columns {
		if wide || !c.Wide {
			shown = append(shown, c)
		}
	}
	if wide {
		columns = uncut
	}
	return term.Table(w, columns, heads(shown), cells(r.Items, shown, func(c Column[T]) func(T) string { return c.Human }))
}

func (r Rows[T]) tsv(w *term.Writer) error {
	return term.TSV(w, heads(r.Columns), cells(r.Items, r.Columns, func(c Column[T]) func(T) string {
		if c.Machine != nil {
			return c.Machine
		}
		return c.Human
	}))
}

func heads[T any](columns []Column[T]) []term.Column {
	heads := make([]term.Column, len(columns))
	for i, c := range columns {
		heads[i] = term.Column{Title: c.Title, Right: c.Right, Fixed: c.Fixed}
	}
	return heads
}

func cells[T any](items []T, columns []Column[T], cell func(Column[T]) func(T) string) [][]string {
	rows := make([][]string, len(items))
	for i, item := range items {
		for _, c := range columns {
			rows[i] = append(rows[i], cell(c)(item))
		}
	}
	return rows
}

// Section is a named part of a page; its lines are safe to be hostile.
type Section struct {
	Name  string
	Lines []string
	// Apart sets the lines below the name, for lists and long texts.
	Apart bool
}

// Page is one thing laid out as sections, such as an entry.
type Page struct {
	// Title is the first line, its first word set off.
	Word, Title string
	Sections    []Section
}

// nameColumns is the room for the name of a section.
const nameColumns = 9

func (p Page) human(w *term.Writer, _ int, _ bool) error {
	w.Paint(term.Bold, p.Word)
	w.Printf("   %s\n", p.Title)
	for _, s := range p.Sections {
		w.Paint(term.Dim, s.Name)
		lines := s.Lines
		if s.Apart || len(lines) == 0 {
			w.Printf("\n")
		} else {
			w.Printf("%*s%s\n", max(nameColumns-term.Width(s.Name), 1), "", lines[0])
			lines = lines[1:]
		}
		for _, line := range lines {
			w.Printf("%*s%s\n", s.indent(), "", line)
		}
	}
	return nil
}

func (s Section) indent() int {
	if s.Apart {
		return 2
	}
	return nameColumns
}

// tsv prints the title behind its word, then each line behind the name of its section.
func (p Page) tsv(w *term.Writer) error {
	w.Printf("%s\t%s\n", p.Word, p.Title)
	for _, s := range p.Sections {
		for _, line := range s.Lines {
			w.Printf("%s\t%s\n", strings.ToLower(s.Name), line)
		}
	}
	return nil
}

// Screen is a layout of its own, the same for people and pipes.
type Screen func(w *term.Writer)

func (s Screen) human(w *term.Writer, _ int, _ bool) error { s(w); return nil }
func (s Screen) tsv(w *term.Writer) error                  { s(w); return nil }

// Block is a part of an answer below a heading of its own.
type Block struct {
	// Word is set off in the heading; Title, which may be empty, follows it.
	Word, Title string
	Layout      Layout
}

// Blocks are several layouts one below the other. TSV leaves the headings out: a column of each says
// what its rows belong to.
type Blocks []Block

func (b Blocks) human(w *term.Writer, columns int, wide bool) error {
	for i, one := range b {
		if i > 0 {
			w.Printf("\n")
		}
		w.Paint(term.Bold, one.Word)
		w.Printf("   %s\n", one.Title)
		if err := one.Layout.human(w, columns, wide); err != nil {
			return err
		}
	}
	return nil
}

func (b Blocks) tsv(w *term.Writer) error {
	for _, one := range b {
		if err := one.Layout.tsv(w); err != nil {
			return err
		}
	}
	return nil
}
