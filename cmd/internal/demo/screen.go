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

// screen lays a report out for people.
type screen struct {
	report
	interrupted bool
	// kept: the data directory stays after the end. stays: worker and broker go on.
	kept, stays bool
}

func (s screen) print(w *term.Writer) {
	s.verdict(w)
	s.sum(w)
	s.table(w)
	s.held(w)
	s.next(w)
}

func (s screen) verdict(w *term.Writer) {
	took := (time.Duration(s.WallMS) * time.Millisecond).Round(100 * time.Millisecond).String()
	switch {
	case s.interrupted:
		w.Paint(term.Yellow, "INTERRUPTED")
		w.Printf("  after %s; this is how it stands\n", took)
	case s.AddsUp:
		w.Paint(term.Green, "IT ADDS UP")
		w.Printf("  %s messages in %s\n", thousands(s.Published), took)
	default:
		w.Paint(term.Red, "IT DOES NOT ADD UP")
		w.Printf("  %s\n", s.wrong())
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
		return "some messages are done and held as well, or the sum is short"
	default:
		return "not exactly those messages are held that were made to fail"
	}
}

func (s screen) sum(w *term.Writer) {
	w.Printf("%s published = %s done + %d held + %d discarded", thousands(s.Published), thousands(s.Done), s.Quarantined, s.Discarded)
	if s.Unfinished > 0 {
		w.Printf(" + %s unfinished", thousands(s.Unfinished))
	}
	w.Printf("   %d lost   %d duplicates\n", s.Lost, s.Duplicates)
	if s.Replayed > 0 {
		w.Printf("%d of the done was held first, and replayed after its handler was mended\n", s.Replayed)
	}
	if s.Repeated > 0 {
		w.Printf("%d deliveries came again after their work was done; the handler recognised them\n", s.Repeated)
	}
}

func (s screen) table(w *term.Writer) {
	w.Printf("\n%-17s %-13s %9s %9s %6s\n", "SUBSCRIPTION", "CLASS", "PUBLISHED", "DONE", "HELD")
	for _, sub := range s.Subscriptions {
		w.Printf("%-17s %-13s %9s %9s %6d\n", sub.Name, sub.Criticality, thousands(sub.Published), thousands(sub.Done), sub.Quarantined)
	}
}

func (s screen) held(w *term.Writer) {
	if len(s.Entries) == 0 {
		return
	}
	w.Printf("\n%d messages were made to fail, each in its own way. ", len(s.Entries)-s.Innocent)
	if s.Innocent == 0 {
		w.Printf("No other message suffered.\n")
	} else {
		w.Printf("%d others are held too.\n", s.Innocent)
	}
	for _, e := range s.Entries {
		w.Printf("\n")
		w.Paint(term.Bold, e.Ref)
		w.Printf("  %s in %s: %s\n", e.way(), e.Subscription, e.State)
		for _, line := range []string{e.story, e.Title, e.Where, e.ending()} {
			if line != "" {
				w.Printf("        %s\n", line)
			}
		}
	}
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
	text := fmt.Sprintf("%s, held %s after it was published", times(e.Failures), after)
	if e.Reason == string(handlers.ReasonPermanent) || e.Reason == string(handlers.ReasonUndecodable) {
		text = fmt.Sprintf("held at once, %s after it was published", after)
	}
	if e.State == string(quarantine.StateReplayed) {
		text += "; replayed with its handler mended"
	}
	return text
}

func times(n int) string {
	if n == 1 {
		return "failed once"
	}
	return fmt.Sprintf("failed %d times", n)
}

// next are the commands to try.
func (s screen) next(w *term.Writer) {
	ref := ""
	for _, e := range s.Entries {
		if e.State == string(quarantine.StateHeld) {
			ref = e.Ref
			break
		}
	}
	w.Printf("\n")
	switch {
	case s.interrupted && s.kept:
		w.Printf("Go on where it stopped:  theriac demo --data-dir %s\n", s.DataDir)
	case ref == "":
	case s.kept:
		where := ""
		if s.stays {
			where = " in another terminal"
		}
		w.Printf("Try%s:\n", where)
		if filepath.Clean(s.DataDir) != defaultDataDir {
			w.Printf("  export THERIAC_DATA_DIR=%s\n", s.DataDir)
		}
		w.Printf("  theriac why %s       what happened, and why this message\n", ref)
		w.Printf("  theriac ls               all that is held\n")
		if s.stays {
			w.Printf("  theriac replay %s    run it again: it is still poison\n", ref)
		}
		w.Printf("  theriac discard %s --reason \"demo\"\n", ref)
	default:
		w.Printf("All of this was in a temporary directory. To look around in it:\n")
		w.Printf("  theriac demo --stay --data-dir theriac-data\n")
		w.Printf("and in another terminal:  theriac ls,  theriac why REF,  theriac replay REF\n")
	}
}

// thousands writes n with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
