package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

type restoreOptions struct {
	writeOptions
	words []string
}

func newRestoreCommand(t *Tool) *cobra.Command {
	o := &restoreOptions{}
	c := &cobra.Command{
		Use:   "restore REF... | group:REF | -",
		Short: "Take a discard back: the entry is held again",
		Example: `theriac restore Q-7F3K
theriac restore group:G-5TQ0 --yes`,
		Args:              args(1, -1, "restore REF... | group:REF | -"),
		ValidArgsFunction: t.completeRefs(quarantine.StateDiscarded),
		RunE: func(c *cobra.Command, args []string) error {
			o.words = args
			return o.run(c.Context(), t)
		},
	}
	o.add(c)
	return c
}

func (o *restoreOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
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
	write := entryWrite{
		verb: "restore", past: "held again", to: quarantine.StateHeld,
		act: func(ctx context.Context, room *quarantine.Service, e quarantine.Entry) (quarantine.Entry, error) {
			return room.EntryRestore(ctx, e, decision)
		},
		undo: func(ref string) string { return "theriac discard " + ref + ` --reason "…"` },
	}
	group, isGroup, err := groupOf(words)
	if err != nil {
		return err
	}
	if !isGroup {
		return write.run(ctx, t, &o.writeOptions, words)
	}
	discarded, err := o.discarded(ctx, t, group)
	if err != nil {
		return err
	}
	return write.each(ctx, t, &o.writeOptions, discarded)
}

// discarded lists the discarded entries of a group, oldest first.
func (o *restoreOptions) discarded(ctx context.Context, t *Tool, group string) ([]quarantine.Entry, error) {
	room, err := t.Room(ctx)
	if err != nil {
		return nil, err
	}
	g, err := room.GroupGet(ctx, group)
	if err != nil {
		return nil, err
	}
	var found []quarantine.Entry
	q := quarantine.Query{Group: g.Fingerprint, States: []quarantine.State{quarantine.StateDiscarded}, OldestFirst: true, Limit: maxLimit}
	for {
		page, err := room.EntryList(ctx, q)
		if err != nil {
			return nil, err
		}
		found = append(found, page.Entries...)
		if q.After = page.Next; q.After == 0 {
			break
		}
	}
	if len(found) == 0 && !o.dryRun {
		return nil, problem.Errorf(problem.Refused, "%s has no discarded entry: nothing to restore; look: theriac groups %s", g.Ref, g.Ref)
	}
	return found, nil
}
