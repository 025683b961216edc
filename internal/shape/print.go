package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// shown is how many of the largest are listed.
const shown = 10

func (m *measures) print(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "production: %d lines of code, %.2f comment lines each; %.2f test lines each\n",
		m.codeLines, ratio(m.commentLines, m.codeLines), ratio(m.testLines, m.codeLines))
	list(&b, "lines per file", m.files, 400)
	list(&b, "lines per function", m.functions, 60)
	list(&b, "parameters after ctx", m.params, 4)
	list(&b, "methods per interface", m.interfaces, 5)
	_, err := io.WriteString(out, b.String())
	return err
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// list writes the distribution of some things and the largest of them, with a mark on those that
// raise a question.
func list(b *strings.Builder, title string, things []thing, question int) {
	if len(things) == 0 {
		return
	}
	slices.SortFunc(things, func(x, y thing) int { return cmp.Or(cmp.Compare(y.size, x.size), cmp.Compare(x.name, y.name)) })
	fmt.Fprintf(b, "\n%s: median %d, p90 %d, max %d, of %d\n", title,
		things[len(things)/2].size, things[len(things)/10].size, things[0].size, len(things))
	for _, t := range things[:min(shown, len(things))] {
		mark := " "
		if t.size > question {
			mark = "?"
		}
		fmt.Fprintf(b, "%6d %s %s\n", t.size, mark, t.name)
	}
}
