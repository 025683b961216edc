package drill

import (
	"fmt"
	"time"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/cmd/internal/term"
)

const rowFormat = "%-17s %-8s %6s %4s %6s %5s %4s  %-7s %5s %5s %8s %4s %5s %10s  "

// heading is the first line of the table.
func heading(w *term.Writer) {
	w.Printf(rowFormat+"\n", "WAY", "ENGINE", "FLIGHT", "REPL", "WORKER", "WARD", "WEB", "ENDED", "NAMED", "STACK", "INNOCENT", "LOST", "TWICE", "CONTAINED")
}

// line is one row of the table: deaths of workers and wards, failed web requests, and what became of
// the messages.
func (r result) line(w *term.Writer) {
	contained := "-"
	if r.ContainedMS > 0 {
		contained = millis(r.ContainedMS - r.OwnMS)
	}
	w.Printf(rowFormat, r.Way, r.Engine, number(r.InFlight), number(r.Replicas), number(r.WorkerDeaths), number(r.WardDeaths),
		number(r.WebFailures), r.Ended, yes(r.Named), yes(r.Stack), number(r.InnocentsQuarantined), number(r.Lost),
		number(r.Duplicates), contained)
	if r.Passed {
		w.Paint(term.Green, "ok")
		w.Printf("\n")
		return
	}
	w.Paint(term.Red, "FAILED")
	w.Printf("\n")
	for _, p := range r.Problems {
		w.Printf("  %s\n", p)
	}
	if r.KeptIn != "" {
		w.Printf("  kept in %s\n", r.KeptIn)
	}
}

func (s summary) print(w *term.Writer) {
	w.Printf("\n")
	switch {
	case s.Failed == 0 && len(s.Failures) == 0 && s.Complete:
		w.Paint(term.Green, "PASSED")
	case !s.Complete:
		w.Paint(term.Yellow, "NOT COMPLETE")
	default:
		w.Paint(term.Red, "FAILED")
	}
	w.Printf("  %d of %d rows as expected, in %s\n", s.Passed, s.Rows, (time.Duration(s.WallMS) * time.Millisecond).Round(time.Second).String())
	w.Printf("workers died %d times, wards %d; %s web requests were served, %d failed\n", s.WorkerDeaths, s.WardDeaths, thousands(s.WebRequests), s.WebFailures)
	w.Printf("%d innocents in quarantine   %d lost   %d duplicates\n", s.InnocentsQuarantined, s.Lost, s.Duplicates)
	for _, class := range []replica.Class{replica.Recovered, replica.Traced, replica.Silent, replica.Hung} {
		t, ok := s.Contained[class]
		if !ok {
			continue
		}
		bound := ""
		if t.WithinMS > 0 {
			bound = ", at most " + millis(t.WithinMS)
		}
		w.Printf("contained, %-9s  p50 %s, p99 %s%s\n", string(class), millis(t.P50MS), millis(t.P99MS), bound)
	}
	if s.BystandersP99MS > 0 {
		w.Printf("bystanders ran again within %s (p99)\n", millis(s.BystandersP99MS))
	}
	for _, f := range s.Failures {
		w.Printf("  %s\n", f)
	}
	w.Printf("seed %d, build %s, %s, %s/%s, %d CPUs\n", s.Seed, s.Build, s.Go, s.Host.OS, s.Host.Arch, s.Host.CPUs)
}

// millis is a time for people.
func millis(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	if d >= 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func number(n int) string { return fmt.Sprint(n) }

// thousands writes n with commas.
func thousands(n int) string {
	text := number(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
