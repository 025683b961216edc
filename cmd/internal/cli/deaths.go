package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/quarantine"
)

const (
	// lately is how far back the status screen tells of deaths, and mostLately how many it counts.
	lately     = time.Hour
	mostLately = 100
	// namedSuspects is how many suspects of a subscription the status screen names.
	namedSuspects = 3
)

// deaths are what the status screen and the doctor know of deaths.
type deaths struct {
	// waiting are the suspects that must run alone, in the order in which they were reported.
	waiting []quarantine.Suspect
	// lastHour are the deaths of the last hour, newest first, at most mostLately.
	lastHour []quarantine.CrashReport
	// reports are the deaths that anybody waits for, by their references.
	reports map[string]quarantine.CrashReport
}

func recentDeaths(ctx context.Context, room *quarantine.Service, now time.Time) (d deaths, err error) {
	d.waiting, err = room.SuspectList(ctx, quarantine.SuspectQuery{
		States: []quarantine.SuspectState{quarantine.SuspectWaiting}, Limit: maxLimit,
	})
	if err != nil {
		return d, err
	}
	page, err := room.CrashList(ctx, quarantine.CrashQuery{Since: now.Add(-lately), Limit: mostLately})
	if err != nil {
		return d, err
	}
	d.lastHour, d.reports = page.Reports, map[string]quarantine.CrashReport{}
	for _, r := range page.Reports {
		d.reports[r.Ref] = r
	}
	for _, sub := range d.subscriptions() {
		last := d.of(sub)[len(d.of(sub))-1].Crash
		if _, ok := d.reports[last]; ok {
			continue
		}
		r, err := room.CrashGet(ctx, quarantine.CrashKey{Ref: last})
		if err != nil && !errors.Is(err, quarantine.ErrNotFound) { // as a death may be forgotten between two looks
			return d, err
		}
		d.reports[last] = r
	}
	return d, nil
}

// subscriptions are those with a waiting suspect, in order.
func (d deaths) subscriptions() []string {
	var subs []string
	for _, f := range d.waiting {
		subs = append(subs, f.Subscription)
	}
	slices.Sort(subs)
	return slices.Compact(subs)
}

// of are the waiting suspects of a subscription.
func (d deaths) of(sub string) []quarantine.Suspect {
	var found []quarantine.Suspect
	for _, f := range d.waiting {
		if f.Subscription == sub {
			found = append(found, f)
		}
	}
	return found
}

// namingBlocks has one block for each subscription of which messages wait to run alone.
func namingBlocks(st overview) []block {
	var blocks []block
	atLeast := ""
	if len(st.waiting) == maxLimit {
		atLeast = "at least "
	}
	for _, sub := range st.subscriptions() {
		waiting := st.of(sub)
		last := st.reports[waiting[len(waiting)-1].Crash]
		workers := 0
		for _, s := range st.Subscriptions {
			if s.Name == sub {
				workers = s.Workers
			}
		}
		b := block{
			Word: wordNaming, Subscription: sub, Messages: int64(len(waiting)), Workers: workers,
			text: fmt.Sprintf("%s%s to run alone, oldest %s   %s", atLeast, plural(len(waiting), "suspect waits", "suspects wait"),
				age(waiting[0].ReportedAt, st.At), served(quarantine.SubscriptionStatus{Workers: workers})),
		}
		if last.Ref != "" {
			b.details = append(b.details, fmt.Sprintf("%s  %s died %s ago: %s", last.Ref, worker(last.Crash), age(diedAt(last), st.At), shortTitle(last)))
		}
		for _, f := range waiting[:min(len(waiting), namedSuspects)] {
			line := fmt.Sprintf("%s  message %s   %s", f.Crash, idOf(f.MessageID, f.IDCut), f.Part)
			if f.Why != "" {
				line += ", " + f.Why
			}
			b.details = append(b.details, line)
		}
		if more := len(waiting) - namedSuspects; more > 0 {
			b.details = append(b.details, count(more)+" more: theriac suspects"+subFlag(sub))
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// subFlag is the flag for a subscription in a command that a person copies. A name from the memory
// of a dead process may be anything; where it could mean something to a shell there is no flag.
func subFlag(sub string) string {
	if !plainWord(sub) {
		return ""
	}
	return " --sub " + sub
}

// shortTitle is what a process died of, short enough for one line among others.
func shortTitle(r quarantine.CrashReport) string {
	return term.Clip(50, term.Line(quarantine.DeathTitle(r.Crash)))
}

// print says what died of late.
func (d deaths) print(w *term.Writer, now time.Time) {
	if len(d.lastHour) == 0 {
		return
	}
	atLeast := ""
	if len(d.lastHour) == mostLately {
		atLeast = "at least "
	}
	last := slices.MaxFunc(d.lastHour, func(a, b quarantine.CrashReport) int { return cmp.Compare(a.Seq, b.Seq) })
	w.Printf("Died   %s%s in the last hour, the last %s ago: %s (%s)   theriac crashes\n", atLeast,
		plural(len(d.lastHour), "process", "processes"), age(diedAt(last), now), shortTitle(last), last.Ref)
}
