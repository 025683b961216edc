package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/quarantine"
)

type discardOptions struct {
	writeOptions
	words []string
}

func newDiscardCommand(t *Tool) *cobra.Command {
	o := &discardOptions{}
	c := &cobra.Command{
		Use:   "discard REF... | group:REF | -",
		Short: "Decide that entries will never run, with a reason",
		Long:  "Decide that held entries will never run. A reason is required; theriac restore takes it back.",
		Example: `theriac discard Q-7F3K --reason "test order, customer removed"
theriac discard group:G-5TQ0 --reason "INC-42, sent again by the partner"`,
		Args:              args(1, -1, "discard REF... | group:REF | -"),
		ValidArgsFunction: t.completeRefs(quarantine.StateHeld),
		RunE: func(c *cobra.Command, args []string) error {
			o.words = args
			return o.run(c.Context(), t)
		},
	}
	o.add(c)
	return c
}

func (o *discardOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if err := o.needReason("discard"); err != nil && !o.dryRun {
		return err
	}
	settings, err := t.beginWrite(o.dryRun)
	if err != nil {
		return err
	}
	words, err := t.words(o.words)
	if err != nil {
		return err
	}
	decision := o.decision(t.actor(settings))
	group, isGroup, err := groupOf(words)
	switch {
	case err != nil:
		return err
	case isGroup:
		return o.group(ctx, t, group, decision)
	}
	return entryWrite{
		verb: "discard", past: "discarded", to: quarantine.StateDiscarded,
		act: func(ctx context.Context, room *quarantine.Service, e quarantine.Entry) (quarantine.Entry, error) {
			return room.EntryDiscard(ctx, e, decision)
		},
		undo: func(ref string) string { return "theriac restore " + ref },
	}.run(ctx, t, &o.writeOptions, words)
}

func (o *discardOptions) group(ctx context.Context, t *Tool, ref string, decision quarantine.Decision) error {
	return groupWrite{
		verb: "discard", past: "discarded", to: quarantine.StateDiscarded, leftOut: stays(quarantine.StateDiscarded),
		act: func(ctx context.Context, room *quarantine.Service, group string, progress func(quarantine.Entry, error)) (quarantine.GroupResult, error) {
			return room.GroupDiscard(ctx, group, decision, progress)
		},
		undo: func(g quarantine.Group) string { return "Undo: theriac restore group:" + g.Ref },
	}.run(ctx, t, &o.writeOptions, ref)
}

// stays says why an entry cannot reach a state, or "".
func stays(to quarantine.State) func(quarantine.Entry) string {
	return func(e quarantine.Entry) string {
		if e.State.CanBecome(to) {
			return ""
		}
		return "is " + string(e.State)
	}
}

// entryWrite moves single entries to another state.
type entryWrite struct {
	verb, past string
	to         quarantine.State
	act        func(context.Context, *quarantine.Service, quarantine.Entry) (quarantine.Entry, error)
	undo       func(ref string) string
}

func (w entryWrite) run(ctx context.Context, t *Tool, o *writeOptions, words []string) error {
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	found, err := findAll(ctx, room, words)
	if err != nil {
		return err
	}
	return w.each(ctx, t, o, found)
}

// each does it to all entries, after a question if they are several.
func (w entryWrite) each(ctx context.Context, t *Tool, o *writeOptions, found []quarantine.Entry) error {
	if o.dryRun {
		return dryRun(t, o.Options, plan{Verb: w.verb, To: w.to, Entries: found, LeftOut: stays(w.to)})
	}
	if len(found) > 1 {
		if err := t.confirm(o.yes, "%s %s?", title(w.verb), entries(len(found))); err != nil {
			return err
		}
	}
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	for i, e := range found {
		after, err := w.act(ctx, room, e)
		if err == nil {
			err = w.print(t, o.Options, after)
		}
		if err != nil {
			return partly(err, i, len(found), w.past)
		}
	}
	return nil
}

func (w entryWrite) print(t *Tool, o output.Options, e quarantine.Entry) error {
	return t.Print(o, output.Answer{Value: newEntryAnswer(e), Names: []string{e.Ref}, Layout: output.Screen(func(out *term.Writer) {
		out.Printf("%s  %s   Undo: %s\n", e.Ref, w.past, w.undo(e.Ref))
	})})
}
