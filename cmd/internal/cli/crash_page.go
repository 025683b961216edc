package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// How much of its long texts a report shows on a screen. Wide, pipes and JSON have all.
const (
	stackLines  = 60
	stderrLines = 20
	flightLines = 40
)

// crashPage lays a report out; whole without leaving out of its long texts.
func crashPage(now time.Time, d dossier, whole bool) output.Page {
	died := diedAt(d.CrashReport)
	p := output.Page{
		Word:  d.Ref,
		Title: fmt.Sprintf("%s   %s   died %s ago", quarantine.DeathTitle(d.Crash), worker(d.Crash), age(died, now)),
	}
	add := func(name string, lines ...string) {
		if strings.Join(lines, "") != "" {
			p.Sections = append(p.Sections, output.Section{Name: name, Lines: lines})
		}
	}
	list := func(name string, lines []string) {
		if len(lines) > 0 {
			p.Sections = append(p.Sections, output.Section{Name: name, Lines: lines, Apart: true})
		}
	}
	add("VERDICT", verdictLines(d)...)
	add("HELD", strings.Join(d.entries, " "))
	add("DIED", dyingLines(d.Crash, moment(died, now))...)
	add("PROCESS", processLines(d.Crash)...)
	add("WHERE", d.where)
	if d.StartedBy != "" {
		add("STARTER", "message "+d.StartedBy+" had started the goroutine that died; it was over by then and is not blamed")
	}
	add("HINT", d.Hint)
	add("NOTES", d.Notes...)
	list("IN FLIGHT", firstOf(flightTable(d), flightLines+1, whole, "message", "messages"))
	list("GOROUTINE", stackOf(d.Crash, whole))
	list("STDERR", lastOf(linesOf(d.Stderr), stderrLines, whole))
	add("ID", d.ID)
	return p
}

// verdictLines say who is to blame and on what evidence; where nobody is, both are the same.
func verdictLines(d dossier) []string {
	verdict, evidence := quarantine.DeathVerdict(d.CrashReport), quarantine.DeathEvidence(d.Crash)
	if strings.HasPrefix(verdict, "nobody: ") {
		return []string{verdict}
	}
	return []string{verdict, evidence}
}

// dyingLines say when and how it ended, and what the runtime said first.
func dyingLines(c handlers.Crash, when string) []string {
	line := when + "   " + c.Exit
	if c.Kind != "" && c.Kind != "unknown" {
		line += " (" + c.Kind + ")"
	}
	if c.Text == "" {
		return []string{line}
	}
	return []string{line, c.Text}
}

func processLines(c handlers.Crash) []string {
	lived := "-"
	if !c.Started.IsZero() && c.Died.After(c.Started) {
		lived = took(c.Died.Sub(c.Started))
	}
	return []string{
		fmt.Sprintf("role %s   host %s   pid %d   build %s   lived %s", c.Role, c.Host, c.PID, c.Build, lived),
		"incarnation " + c.Incarnation,
	}
}

// flightTable is what was in flight, in aligned columns below their heads.
func flightTable(d dossier) []string {
	if len(d.InFlight) == 0 {
		return nil
	}
	rows := [][]string{{"PART", "SUBSCRIPTION", "MESSAGE", "RAN FOR", "TRY", "FATE", "WHY"}}
	for _, f := range d.InFlight {
		ran := "-"
		if !f.Started.IsZero() && !d.Died.Before(f.Started) {
			ran = took(d.Died.Sub(f.Started))
		}
		rows = append(rows, []string{string(f.Part), f.Subscription, idOf(f.ID, f.IDCut), ran, count(f.Attempt), fateOf(f, d.fate(f)), f.Why})
	}
	return aligned(rows)
}

// idOf is a message id, with an ellipsis where only its beginning is known.
func idOf(id string, cut bool) string {
	if cut {
		return id + "…"
	}
	return id
}

func fateOf(f handlers.InFlight, s suspect) string {
	fate := string(s.State)
	switch {
	case !f.Part.Alone():
		fate = "not charged"
	case s.entry != "":
		fate += " " + s.entry
	}
	if f.Deaths > 0 {
		fate += fmt.Sprintf(", %s counted", plural(f.Deaths, "death", "deaths"))
	}
	return fate
}

// cellColumns is the most that one cell of an aligned table takes.
const cellColumns = 44

// aligned makes lines of rows, each cell one safe line. The last cell of a row is not cut.
func aligned(rows [][]string) []string {
	var widths []int
	for _, row := range rows {
		for i := range row {
			row[i] = term.Line(row[i])
			if i < len(row)-1 {
				row[i] = term.Clip(cellColumns, row[i])
			}
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], term.Width(row[i]))
		}
	}
	lines := make([]string, len(rows))
	for r, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell + strings.Repeat(" ", widths[i]-term.Width(cell)+2))
		}
		lines[r] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

// marksLegend says what the marks in the stack stand for.
func marksLegend(labelled, own bool) string {
	switch {
	case labelled && own:
		return "> marks the label of its message and the first frame of ours"
	case labelled:
		return "> marks the label of its message"
	default:
		return "> marks the first frame of ours"
	}
}

// labelLine is the head of the goroutine, and whether it carries a label.
func labelLine(stack string) (head string, labelled bool) {
	for line := range strings.Lines(stack) {
		if strings.HasPrefix(line, "goroutine ") {
			return line, strings.Contains(line, "labels:{")
		}
	}
	return "", false
}

// stackOf is the trace of the goroutine that died, its label and the first frame of ours marked.
func stackOf(c handlers.Crash, whole bool) []string {
	head, labelled := labelLine(c.Stack)
	ours := ""
	if i := quarantine.OwnFrame(c.Frames); i >= 0 && strings.Contains(c.Stack, "\n"+c.Frames[i].Func+"(") {
		ours = c.Frames[i].Func + "("
	}
	var lines []string
	if labelled || ours != "" {
		lines = append(lines, marksLegend(labelled, ours != ""))
	}
	for line := range strings.Lines(c.Stack) {
		mark := "  "
		switch {
		case labelled && line == head:
			mark, labelled = "> ", false
		case ours != "" && strings.HasPrefix(line, ours):
			mark, ours = "> ", ""
		}
		lines = append(lines, mark+untabbed(line))
	}
	if c.StackCut {
		lines = append(lines, "  (the stack was longer)")
	}
	return firstOf(lines, stackLines, whole, "line", "lines")
}

func linesOf(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, untabbed(line))
	}
	return lines
}

func untabbed(line string) string {
	return strings.TrimRight(strings.ReplaceAll(line, "\t", "    "), "\r\n")
}

// firstOf leaves the end of a long list out and says so, unless whole.
func firstOf(lines []string, most int, whole bool, one, many string) []string {
	if whole || len(lines) <= most {
		return lines
	}
	return append(lines[:most:most], fmt.Sprintf("… %s more: -o wide", plural(len(lines)-most, one, many)))
}

// lastOf leaves the beginning out.
func lastOf(lines []string, most int, whole bool) []string {
	if whole || len(lines) <= most {
		return lines
	}
	left := len(lines) - most
	return append([]string{fmt.Sprintf("… %s before: -o wide", plural(left, "line", "lines"))}, lines[left:]...)
}
