package cli

import (
	"context"
	"fmt"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// plan is what a write would do.
type plan struct {
	Verb    string
	To      quarantine.State
	Entries []quarantine.Entry
	// More entries would change than are listed.
	More int64
	// LeftOut says why an entry would be left out, or "".
	LeftOut func(quarantine.Entry) string
}

type planJSON struct {
	output.Head
	DryRun      bool          `json:"dry_run"`
	Verb        string        `json:"verb"`
	WouldChange int64         `json:"would_change"`
	Samples     []entryJSON   `json:"samples"`
	LeftOut     []leftOutJSON `json:"left_out"`
}

type leftOutJSON struct {
	Ref string `json:"ref"`
	Why string `json:"why"`
}

// samples is how many entries a dry run shows.
const samples = 3

// dryRun says what would change: how many, three samples, what is left out and why.
func dryRun(t *Tool, o output.Options, p plan) error {
	j := planJSON{Head: output.NewHead(), DryRun: true, Verb: p.Verb, WouldChange: p.More, Samples: []entryJSON{}, LeftOut: []leftOutJSON{}}
	a := output.Answer{}
	for _, e := range p.Entries {
		if why := p.LeftOut(e); why != "" {
			j.LeftOut = append(j.LeftOut, leftOutJSON{e.Ref, why})
			continue
		}
		j.WouldChange++
		a.Names = append(a.Names, e.Ref)
		if len(j.Samples) < samples {
			j.Samples = append(j.Samples, newEntryJSON(e))
		}
	}
	a.Value = j
	a.Layout = output.Screen(func(w *term.Writer) {
		w.Printf("Would %s %s.   Nothing is done.\n", p.Verb, entries(j.WouldChange))
		for _, e := range j.Samples {
			w.Printf("  %s  %s  %s\n", e.Ref, e.Subscription, e.Title)
		}
		for _, l := range j.LeftOut {
			w.Printf("Left out: %s  %s\n", l.Ref, l.Why)
		}
	})
	return t.Print(o, a)
}

// groupWrite is a write to all held entries of a group.
type groupWrite struct {
	verb, past string
	to         quarantine.State
	leftOut    func(quarantine.Entry) string
	act        func(ctx context.Context, room *quarantine.Service, group string, progress func(quarantine.Entry, error)) (quarantine.GroupResult, error)
	undo       func(quarantine.Group) string
}

// groupResultJSON is how a write to a group went, in theriac/1.
type groupResultJSON struct {
	output.Head
	Verb     string     `json:"verb"`
	Group    groupJSON  `json:"group"`
	Selected int        `json:"selected"`
	Done     int        `json:"done"`
	Skipped  int        `json:"skipped"`
	LeftOut  int        `json:"left_out"`
	Left     int        `json:"left"`
	Stopped  *entryJSON `json:"stopped"`
}

func (w groupWrite) run(ctx context.Context, t *Tool, o *writeOptions, ref string) error {
	if err := o.needReason(w.verb + " of a group"); err != nil && !o.dryRun {
		return err
	}
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	g, err := room.GroupGet(ctx, ref)
	if err != nil {
		return err
	}
	held := g.Counts[quarantine.StateHeld]
	if o.dryRun {
		return w.dryRun(ctx, t, o, g)
	}
	if held == 0 {
		return problem.Errorf(problem.Refused, "%s has no held entry: nothing to %s; look: theriac groups %s", g.Ref, w.verb, g.Ref)
	}
	if err := t.confirm(o.yes, "%s: %s on %s.\n%s %s?", g.Ref, g.Title, g.Subscription, title(w.verb), entries(held)); err != nil {
		return err
	}
	bar := newProgress(t, w.past, held)
	res, err := w.act(ctx, room, g.Fingerprint, bar.step)
	bar.end()
	if err != nil {
		return w.stopped(ctx, res, err)
	}
	return w.print(t, o.Options, res)
}

func (w groupWrite) dryRun(ctx context.Context, t *Tool, o *writeOptions, g quarantine.Group) error {
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	page, err := room.EntryList(ctx, quarantine.Query{
		Group: g.Fingerprint, States: []quarantine.State{quarantine.StateHeld}, OldestFirst: true, Limit: maxLimit,
	})
	if err != nil {
		return err
	}
	more := g.Counts[quarantine.StateHeld] - int64(len(page.Entries))
	return dryRun(t, o.Options, plan{Verb: w.verb, To: w.to, Entries: page.Entries, More: max(more, 0), LeftOut: w.leftOut})
}

// stopped reports an operation that could not go on.
func (w groupWrite) stopped(ctx context.Context, res quarantine.GroupResult, err error) error {
	switch {
	case ctx.Err() != nil:
		return problem.Errorf(problem.Interrupted, "stopped after %s of %s %s; one that runs now goes on, the rest was not touched",
			count(res.Done), entries(res.Selected), w.past)
	case res.Done == 0:
		return err
	default:
		return problem.Errorf(problem.PartlyDone, "%s of %s %s, then: %w; the rest was not touched", count(res.Done), entries(res.Selected), w.past, err)
	}
}

func (w groupWrite) print(t *Tool, o output.Options, res quarantine.GroupResult) error {
	j := groupResultJSON{
		Head: output.NewHead(), Verb: w.verb, Group: newGroupJSON(res.Group),
		Selected: res.Selected, Done: res.Done, Skipped: res.Skipped, LeftOut: res.LeftOut, Left: res.Left(),
	}
	poison := res.Stopped.ID != ""
	if poison {
		e := newEntryJSON(res.Stopped)
		j.Stopped = &e
	}
	err := t.Print(o, output.Answer{Value: j, Names: []string{res.Group.Ref}, Layout: output.Screen(func(out *term.Writer) {
		if poison {
			out.Paint(term.Red, "STILL POISON")
			out.Printf("  %s is %s: %s   %s %s before it, %s not touched\n", res.Stopped.Ref, standing(res.Stopped.State), res.Stopped.Title,
				count(res.Done), w.past, count(res.Left()))
		} else {
			out.Printf("%s  %s %s", res.Group.Ref, entries(res.Done), w.past)
			out.Printf("%s   %s\n", asides(res), w.undo(res.Group))
		}
	})})
	if err == nil && poison {
		err = &shownError{problem.BadAnswer}
	}
	return err
}

func asides(res quarantine.GroupResult) string {
	s := ""
	if res.Skipped > 0 {
		s += fmt.Sprintf("   %s skipped, changed meanwhile", count(res.Skipped))
	}
	if res.LeftOut > 0 {
		s += fmt.Sprintf("   %s left out, ran %d times already (--force)", count(res.LeftOut), quarantine.ReplaysFree)
	}
	return s
}

func title(verb string) string { return string(verb[0]-'a'+'A') + verb[1:] }

func (o *replayOptions) group(ctx context.Context, t *Tool, ref string, params quarantine.ReplayParams) error {
	return groupWrite{
		verb: "replay", past: "replayed", to: quarantine.StateReplaying, leftOut: o.leftOut,
		act: func(ctx context.Context, room *quarantine.Service, group string, progress func(quarantine.Entry, error)) (quarantine.GroupResult, error) {
			return room.GroupReplay(ctx, group, params, progress)
		},
		undo: func(quarantine.Group) string { return noUndo },
	}.run(ctx, t, &o.writeOptions, ref)
}
