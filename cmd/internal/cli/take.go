package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// takeOptions are the flags of the commands that say who looks after a group.
type takeOptions struct {
	writeOptions
	words []string
	span  string
}

func newTakeCommand(t *Tool) *cobra.Command {
	o := &takeOptions{}
	c := &cobra.Command{
		Use:   "take REF... | -",
		Short: "Say that you look after a group, so that others need not",
		Long:  "Say that you look after a group. Everybody who is told of the group sees it. A group that somebody has is\ntaken over; theriac release gives it back.",
		Example: `theriac take G-9C1E
theriac take G-9C1E --reason "asking the partner"`,
		Args:              args(1, -1, "take REF... | -"),
		ValidArgsFunction: t.completeGroupRefs,
		RunE: func(c *cobra.Command, args []string) error {
			o.words = args
			return o.run(c.Context(), t, takeVerb())
		},
	}
	o.add(c)
	return c
}

func newReleaseCommand(t *Tool) *cobra.Command {
	o := &takeOptions{}
	c := &cobra.Command{
		Use:               "release REF... | -",
		Short:             "Give a group back: nobody looks after it, and it is quiet no more",
		Example:           `theriac release G-9C1E --reason "my shift ends"`,
		Args:              args(1, -1, "release REF... | -"),
		ValidArgsFunction: t.completeGroupRefs,
		RunE: func(c *cobra.Command, args []string) error {
			o.words = args
			return o.run(c.Context(), t, releaseVerb(t.now()))
		},
	}
	o.add(c)
	return c
}

func newSnoozeCommand(t *Tool) *cobra.Command {
	o := &takeOptions{}
	c := &cobra.Command{
		Use:   "snooze REF... | - --for SPAN",
		Short: "Make a group quiet for a while, and take it if nobody has it",
		Long:  "Make a group quiet for a while: what comes is held and counted as ever, and nobody is called for it.\nIf nobody has the group, it is taken; theriac release ends both.",
		Example: `theriac snooze G-9C1E --for 1h
theriac snooze G-9C1E --for 3d --reason "the partner mends it on Monday"`,
		Args:              args(1, -1, "snooze REF... | - --for SPAN"),
		ValidArgsFunction: t.completeGroupRefs,
		RunE: func(c *cobra.Command, args []string) error {
			o.words = args
			return o.snooze(c.Context(), t)
		},
	}
	o.add(c)
	c.Flags().StringVar(&o.span, "for", "", "how long: 90m, 24h, 3d, 2w; at most 366d")
	noFiles(c.RegisterFlagCompletionFunc("for", cobra.FixedCompletions([]string{"1h", "24h", "7d"}, cobra.ShellCompDirectiveNoFileComp)))
	return c
}

// groupVerb is an act on groups: how it is made, said and undone.
type groupVerb struct {
	verb    quarantine.GroupVerb
	act     func(context.Context, *quarantine.Service, quarantine.Group, quarantine.Decision) (quarantine.Group, error)
	leftOut func(quarantine.Group) string
	done    func(before, after quarantine.Group) string
	undo    string
}

func takeVerb() groupVerb {
	return groupVerb{
		verb: quarantine.GroupTake, undo: "theriac release ",
		act: func(ctx context.Context, room *quarantine.Service, g quarantine.Group, d quarantine.Decision) (quarantine.Group, error) {
			return room.GroupTake(ctx, g, d)
		},
		leftOut: func(quarantine.Group) string { return "" },
		done: func(before, after quarantine.Group) string {
			said := "taken by " + after.Taken.Actor.Name
			if had := before.Taken.Actor.Name; had != "" && had != after.Taken.Actor.Name {
				said += ", " + had + " had it"
			}
			return said
		},
	}
}

func releaseVerb(now time.Time) groupVerb {
	return groupVerb{
		verb: quarantine.GroupRelease, undo: "theriac take ",
		act: func(ctx context.Context, room *quarantine.Service, g quarantine.Group, d quarantine.Decision) (quarantine.Group, error) {
			return room.GroupRelease(ctx, g, d)
		},
		leftOut: func(g quarantine.Group) string {
			if g.IsTaken() || g.IsSnoozed(now) {
				return ""
			}
			return "nobody has it"
		},
		done: func(before, _ quarantine.Group) string {
			if !before.IsTaken() {
				return "released, it was quiet and nobody had it"
			}
			return "released, " + before.Taken.Actor.Name + " had it"
		},
	}
}

func (o *takeOptions) snooze(ctx context.Context, t *Tool) error {
	if strings.TrimSpace(o.span) == "" {
		return problem.Errorf(problem.Invalid, "snooze needs --for: how long the group is quiet, such as 24h")
	}
	span, err := quarantine.ParseSpan(o.span)
	if err != nil {
		return fmt.Errorf("--for %w", err)
	}
	if span <= 0 || span > quarantine.SnoozeMax {
		return problem.Errorf(problem.Invalid, "--for %s: want more than nothing, at most %d days", o.span, quarantine.SnoozeMax/(24*time.Hour))
	}
	until := t.now().Add(span)
	return o.run(ctx, t, groupVerb{
		verb: quarantine.GroupSnooze, undo: "theriac release ",
		act: func(ctx context.Context, room *quarantine.Service, g quarantine.Group, d quarantine.Decision) (quarantine.Group, error) {
			return room.GroupSnooze(ctx, g, until, d)
		},
		leftOut: func(quarantine.Group) string { return "" },
		done: func(_, after quarantine.Group) string {
			return fmt.Sprintf("quiet until %s, %s has it", after.SnoozedUntil.UTC().Format("2006-01-02 15:04:05Z"), after.Taken.Actor.Name)
		},
	})
}

func (o *takeOptions) run(ctx context.Context, t *Tool, v groupVerb) error {
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
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	groups, err := findGroups(ctx, room, words)
	if err != nil {
		return err
	}
	if o.dryRun {
		return o.plan(t, v, groups)
	}
	if len(groups) > 1 {
		if err := t.confirm(o.yes, "%s %s?", title(string(v.verb)), plural(len(groups), "group", "groups")); err != nil {
			return err
		}
	}
	for i, g := range groups {
		after, err := v.act(ctx, room, g, o.decision(t.actor(settings)))
		if err == nil {
			err = o.print(t, v, g, after)
		}
		if err != nil {
			return partly(err, i, len(groups), "done")
		}
	}
	return nil
}

func (o *takeOptions) print(t *Tool, v groupVerb, before, after quarantine.Group) error {
	return t.Print(o.Options, output.Answer{Value: newGroupAnswer(after), Names: []string{after.Ref}, Layout: output.Screen(func(w *term.Writer) {
		w.Printf("%s  %s   Undo: %s\n", after.Ref, v.done(before, after), v.undo+after.Ref)
	})})
}

// groupPlanJSON is what an act on groups would do, in theriac/1.
type groupPlanJSON struct {
	output.Head
	DryRun      bool          `json:"dry_run"`
	Verb        string        `json:"verb"`
	WouldChange int           `json:"would_change"`
	Groups      []groupJSON   `json:"groups"`
	LeftOut     []leftOutJSON `json:"left_out"`
}

// plan says what would change and what is left out.
func (o *takeOptions) plan(t *Tool, v groupVerb, groups []quarantine.Group) error {
	j := groupPlanJSON{Head: output.NewHead(), DryRun: true, Verb: string(v.verb), Groups: []groupJSON{}, LeftOut: []leftOutJSON{}}
	a := output.Answer{}
	for _, g := range groups {
		if why := v.leftOut(g); why != "" {
			j.LeftOut = append(j.LeftOut, leftOutJSON{g.Ref, why})
			continue
		}
		j.WouldChange++
		j.Groups = append(j.Groups, newGroupJSON(g))
		a.Names = append(a.Names, g.Ref)
	}
	a.Value = j
	a.Layout = output.Screen(func(w *term.Writer) {
		w.Printf("Would %s %s.   Nothing is done.\n", v.verb, plural(j.WouldChange, "group", "groups"))
		for _, g := range j.Groups {
			w.Printf("  %s  %s  %s\n", g.Ref, g.Subscription, g.Title)
		}
		for _, l := range j.LeftOut {
			w.Printf("Left out: %s  %s\n", l.Ref, l.Why)
		}
	})
	return t.Print(o.Options, a)
}

// findGroups finds the groups of all words, each once, before anything is done to
// the first. A word is a reference, a unique prefix of one or the address of its page.
func findGroups(ctx context.Context, room *quarantine.Service, words []string) ([]quarantine.Group, error) {
	var found []quarantine.Group
	seen := map[string]bool{}
	for _, word := range words {
		ref := strings.TrimPrefix(lastOfURL(word), groupPrefix)
		if strings.HasPrefix(strings.ToUpper(ref), "Q-") {
			return nil, problem.Errorf(problem.Invalid, "%q is an entry, and only groups are taken; its group: theriac why %s", ref, ref)
		}
		g, err := room.GroupGet(ctx, ref)
		if errors.Is(err, quarantine.ErrNotFound) {
			return nil, &noGroupError{ref}
		}
		if err != nil {
			return nil, err
		}
		if !seen[g.Ref] {
			seen[g.Ref] = true
			found = append(found, g)
		}
	}
	return found, nil
}

// noGroupError says that a word names no group.
type noGroupError struct{ word string }

// Error says what a word may be.
func (e *noGroupError) Error() string {
	return fmt.Sprintf("no group %q: want a reference such as G-9C1E", e.word)
}

// Unwrap returns [quarantine.ErrNotFound].
func (e *noGroupError) Unwrap() error { return quarantine.ErrNotFound }
