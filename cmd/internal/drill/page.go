package drill

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/term"
)

func sortEvents(events []happening) {
	slices.SortStableFunc(events, func(a, b happening) int { return cmp.Compare(a.AfterMS, b.AfterMS) })
}

func (o *options) showNovember(t *cli.Tool, r replay) error {
	if o.json {
		return writeLine(t, r)
	}
	w := t.Out()
	r.print(w)
	return w.Err()
}

// stackLines is how much of a stack is on the page.
const stackLines = 12

// print lays the page out for the write-up of a game day.
func (r replay) print(w *term.Writer) {
	w.Paint(term.Bold, "THE INCIDENT OF 18 NOVEMBER 2022, REPLAYED")
	w.Printf("\n\n%d replicas on %s, web traffic against each, %d ordinary messages in flight; and one message\n", r.Replicas, r.Engine, r.InFlight)
	w.Printf("whose handler panics in a goroutine of its own.\n\n")
	for _, e := range r.Events {
		w.Printf("%9s  %s\n", millis(e.AfterMS), e.Text)
	}
	w.Printf("\nDIED      %d worker, %d wards, %d web servers\n", r.WorkerDeaths, r.WardDeaths, r.webDied)
	w.Printf("NAMED     %s: message %s, entry %s\n", yes(r.Named), r.MessageID, orNone(r.Ref))
	w.Printf("WEB       %s requests served, %d failed, the slowest took %s\n", thousands(r.WebRequests), r.WebFailures, millis(r.WebSlowestMS))
	w.Printf("MESSAGES  %s published, %s done, the message held; %d innocents held, %d lost, %d done twice\n",
		thousands(r.Published), thousands(r.Done), r.InnocentsQuarantined, r.Lost, r.Duplicates)
	w.Printf("STACK     kept: %s\n", yes(r.Stack))
	lines := strings.Split(strings.TrimSpace(r.StackText), "\n")
	w.Indented("          ", strings.Join(lines[:min(len(lines), stackLines)], "\n"))
	r.compare(w)
	if !r.Passed {
		w.Printf("\n")
		w.Paint(term.Red, "NOT AS IT SHOULD BE")
		w.Printf("\n")
		for _, p := range r.Problems {
			w.Printf("  %s\n", p)
		}
		if r.KeptIn != "" {
			w.Printf("  kept in %s\n", r.KeptIn)
		}
	}
	w.Printf("\nseed %d, build %s, %s/%s, %d CPUs, %s\n", r.Seed, r.Build, r.Host.OS, r.Host.Arch, r.Host.CPUs,
		(time.Duration(r.WallMS) * time.Millisecond).Round(100*time.Millisecond).String())
}

// compare sets this beside what happened.
func (r replay) compare(w *term.Writer) {
	const row = "%-11s %-46s %s\n"
	w.Printf("\n"+row, "", "2022", "this replay")
	w.Printf(row, "down", "13 minutes within 32", number(r.WebFailures)+" of "+thousands(r.WebRequests+r.WebFailures)+" requests failed")
	w.Printf(row, "died", "every replica, again and again", number(r.WorkerDeaths)+" worker, once")
	w.Printf(row, "contained", "after 32 minutes", "after "+millis(r.ContainedMS))
	w.Printf(row, "cause", "guessed from the rhythm of the retries", "message and stack, in the report of the death")
	w.Printf(row, "remedy", "queues purged by hand, a restart after each", "none was needed")
}

func orNone(ref string) string {
	if ref == "" {
		return "none"
	}
	return ref
}

func (o *options) showCampaign(t *cli.Tool, r campaignResult) error {
	if o.json {
		return writeLine(t, r)
	}
	w := t.Out()
	r.print(w)
	return w.Err()
}

func (r campaignResult) print(w *term.Writer) {
	if r.Passed {
		w.Paint(term.Green, "PASSED")
	} else {
		w.Paint(term.Red, "FAILED")
	}
	w.Printf("  drill %s on %s, %d replicas, in %s\n", r.Drill, r.Engine, r.Replicas, (time.Duration(r.WallMS) * time.Millisecond).Round(100*time.Millisecond).String())
	for _, p := range r.Problems {
		w.Printf("  %s\n", p)
	}
	if r.KeptIn != "" {
		w.Printf("  kept in %s\n", r.KeptIn)
	}
	w.Printf("\n%s published = %s done + %d in quarantine + %d lost   %d duplicates, %s repeated\n",
		thousands(r.Published), thousands(r.Done), r.InnocentsQuarantined, r.Lost, r.Duplicates, thousands(r.Repeated))
	w.Printf("workers died %d times, wards %d; %s web requests were served, %d failed\n", r.WorkerDeaths, r.WardDeaths, thousands(r.WebRequests), r.WebFailures)
	if r.Kills > 0 {
		w.Printf("killed %s times; the next worker served after %s (p50), %s (p99)\n", thousands(r.Kills), millis(r.Restart.P50MS), millis(r.Restart.P99MS))
	}
	if r.HeldMeanwhile > 0 {
		w.Printf("%d were in quarantine meanwhile\n", r.HeldMeanwhile)
	}
	if r.BreakerOpened > 0 {
		w.Printf("breakers opened %d times\n", r.BreakerOpened)
	}
	for _, why := range r.Reasons {
		w.Printf("  %s\n", why)
	}
	w.Printf("everything was done %s after the trouble\n", millis(r.RecoveredMS))
	w.Printf("seed %d, build %s, %s/%s, %d CPUs\n", r.Seed, r.Build, r.Host.OS, r.Host.Arch, r.Host.CPUs)
}
