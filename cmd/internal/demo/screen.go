package demo

import (
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// defaultDataDir is where the other commands look without --data-dir.
const defaultDataDir = "theriac-data"

// indent is below a reference and its two blanks.
const indent = "        "

// screen lays a report out for people: what was held, then the sum and what to try, which are still
// to be seen on a small terminal.
type screen struct {
	report
	columns     int
	program     string // what to type for theriac
	interrupted bool
	// kept: the data directory stays after the end. stays: worker and broker go on.
	kept, stays bool
}

func (s screen) print(w *term.Writer) {
	s.held(w)
	s.table(w)
	s.verdict(w)
	s.slack(w)
	s.next(w)
}

// slack shows what the channel says, as a lock screen would.
func (s screen) slack(w *term.Writer) {
	if len(s.told) == 0 {
		return
	}
	w.Printf("\nIn Slack by then (a workspace of its own, on this machine):\n")
	for _, line := range s.told {
		w.Printf("  %s\n", line)
	}
}

// held tells of each entry.
func (s screen) held(w *term.Writer) {
	if len(s.Entries) == 0 {
		return
	}
	made := len(s.Entries) - s.Innocent
	w.Printf("%d messages were made to fail, each in its own way. ", made)
	if s.Innocent == 0 {
		w.Printf("No other message suffered.\n\n")
	} else {
		w.Printf("%d others are held too.\n\n", s.Innocent)
	}
	for _, e := range s.Entries {
		w.Paint(term.Bold, e.Ref)
		w.Printf("  %s in %s: %s\n", e.way(), e.Subscription, e.ending())
		if e.story != "" {
			w.Printf(indent+"%s\n", e.story)
		}
		gap := "   "
		if len(indent)+term.Width(term.Line(e.Title))+len(gap)+term.Width(term.Line(e.Where)) > s.columns {
			gap = "\n" + indent
		}
		w.Printf(indent+"%s"+gap+"%s\n", e.Title, e.Where)
	}
	w.Printf("\n")
}

func (e entryReport) way() string {
	if e.Way == "" {
		return "a good message"
	}
	return e.Way
}

// ending says how the entry came to be held and what became of it.
func (e entryReport) ending() string {
	after := (time.Duration(e.HeldMS) * time.Millisecond).Round(10 * time.Millisecond)
	text := fmt.Sprintf("held after %s", after)
	switch {
	case e.State == string(quarantine.StateReplayed):
		return text + ", mended, replayed"
	case e.State != string(quarantine.StateHeld):
		return text + ", " + e.State
	case e.Reason == string(handlers.ReasonPermanent) || e.Reason == string(handlers.ReasonUndecodable):
		return "held at once"
	case e.Failures == 1:
		return "failed once, " + text
	default:
		return fmt.Sprintf("failed %d times, %s", e.Failures, text)
	}
}

func (s screen) table(w *term.Writer) {
	const row = "%-17s %-13s %9s %9s %6s\n"
	w.Printf(row, "SUBSCRIPTION", "CLASS", "PUBLISHED", "DONE", "HELD")
	for _, sub := range s.Subscriptions {
		w.Printf(row, sub.Name, sub.Criticality, thousands(sub.Published), thousands(sub.Done), thousands(sub.Quarantined))
	}
	w.Printf("\n")
}

// verdict says whether it adds up, and the sum.
func (s screen) verdict(w *term.Writer) {
	took := (time.Duration(s.WallMS) * time.Millisecond).Round(100 * time.Millisecond).String()
	switch {
	case s.interrupted:
		w.Paint(term.Yellow, "INTERRUPTED")
		w.Printf("  after %s; this is how it stands\n", took)
	case s.AddsUp:
		w.Paint(term.Green, "IT ADDS UP")
		w.Printf("  after %s\n", took)
	default:
		w.Paint(term.Red, "IT DOES NOT ADD UP")
		w.Printf("  %s\n", s.wrong())
	}
	w.Printf("%s published = %s done + %d held + %d discarded", thousands(s.Published), thousands(s.Done), s.Quarantined, s.Discarded)
	gap := "   "
	if s.Unfinished > 0 {
		w.Printf(" + %s unfinished", thousands(s.Unfinished))
		gap = "\n"
	}
	w.Printf(gap+"%d lost   %d duplicates\n", s.Lost, s.Duplicates)
	if s.Replayed > 0 {
		w.Printf("%s of the done: held first, and replayed after its handler was mended\n", thousands(s.Replayed))
	}
	if s.Repeated > 0 {
		w.Printf("%s came again after their work was done, and their handler recognised them\n", thousands(s.Repeated))
	}
}

// wrong says which part of the account is off, the worst first.
func (r report) wrong() string {
	switch {
	case r.Lost > 0:
		return fmt.Sprintf("%d messages were published and came to no end", r.Lost)
	case r.Duplicates > 0:
		return fmt.Sprintf("%d effects happened twice", r.Duplicates)
	case r.Innocent > 0:
		return fmt.Sprintf("%d good messages were held", r.Innocent)
	case r.Published != r.Done+r.Quarantined+r.Discarded:
		return "some messages are done and held as well"
	default:
		return "not exactly those messages are held that were made to fail"
	}
}

// next are the commands to try.
func (s screen) next(w *term.Writer) {
	ref := s.firstHeld()
	if s.Metrics != "" {
		w.Printf("\nMetrics, for Prometheus or curl:  %s\n", s.Metrics)
	}
	if s.Slack != "" {
		w.Printf("Slack, a workspace of its own:    %s\n", s.Slack)
	}
	switch {
	case s.interrupted && s.kept:
		w.Printf("\nGo on where it stopped:  %s demo --data-dir %s\n", s.program, s.DataDir)
	case s.interrupted || ref == "":
	case s.Engine == engineCloud:
		w.Printf("\nTry, in another terminal and with the same --store:\n")
		s.commands(w, ref)
	case s.kept:
		w.Printf("\nTry, in another terminal:\n")
		if filepath.Clean(s.DataDir) != defaultDataDir {
			w.Printf("  export THERIAC_DATA_DIR=%s\n", s.DataDir)
		}
		s.commands(w, ref)
	default:
		w.Printf("\nAll of this was in a temporary directory. To look around in it:\n")
		w.Printf("  %s demo --stay --data-dir %s\n", s.program, defaultDataDir)
	}
}

func (s screen) commands(w *term.Writer, ref string) {
	commands := [][2]string{{"why " + ref, "what happened, and why"}, {"ls", "all that is held"}}
	if s.stays {
		commands = append(commands, [2]string{"replay " + ref, "run it again: it is still poison"})
	}
	commands = append(commands, [2]string{"discard " + ref + ` --reason "demo"`, "never run it"})
	for _, c := range commands {
		w.Printf("  %s %-32s %s\n", s.program, c[0], c[1])
	}
}

func (s screen) firstHeld() string {
	for _, e := range s.Entries {
		if e.State == string(quarantine.StateHeld) {
			return e.Ref
		}
	}
	return ""
}

// thousands writes n with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
