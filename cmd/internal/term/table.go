package term

import (
	"strings"

	"github.com/cli/go-gh/v2/pkg/tableprinter"
)

// Column is one column of a table.
type Column struct {
	// Title is its heading.
	Title string
	// Right aligns numbers; Fixed columns (references) are never cut.
	Right, Fixed bool
}

// Table shows rows below their headings, cut to the width of the screen.
func Table(w *Writer, columns int, head []Column, rows [][]string) error {
	t := tableprinter.New(w, true, columns)
	titles := make([]string, len(head))
	for i, c := range head {
		titles[i] = c.Title
	}
	addRow(t, head, titles)
	return addRows(t, head, rows)
}

// TSV writes rows without headings, cells parted by one tab and never cut.
func TSV(w *Writer, head []Column, rows [][]string) error {
	return addRows(tableprinter.New(w, false, 0), head, rows)
}

func addRows(t tableprinter.TablePrinter, head []Column, rows [][]string) error {
	for _, row := range rows {
		addRow(t, head, row)
	}
	return t.Render()
}

func addRow(t tableprinter.TablePrinter, head []Column, row []string) {
	for i, cell := range row {
		addCell(t, head[i], i == len(head)-1, Line(cell))
	}
	t.EndRow()
}

func addCell(t tableprinter.TablePrinter, c Column, last bool, cell string) {
	truncate, pad := Clip, padRight
	if c.Fixed {
		truncate = nil
	}
	switch {
	case c.Right:
		pad = padLeft
	case last:
		pad = func(_ int, s string) string { return s }
	}
	t.AddField(cell, tableprinter.WithTruncate(truncate), tableprinter.WithPadding(pad))
}

func padRight(columns int, s string) string { return s + blanks(columns-Width(s)) }
func padLeft(columns int, s string) string  { return blanks(columns-Width(s)) + s }

func blanks(n int) string { return strings.Repeat(" ", max(n, 0)) }
