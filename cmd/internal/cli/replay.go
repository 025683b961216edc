package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

const noUndo = "A replay has no undo: its effects have happened."

type replayOptions struct {
	writeOptions
	force bool
	wait  time.Duration
	words []string
}

func newReplayCommand(t *Tool) *cobra.Command {
	o := &replayOptions{}
	c := &cobra.Command{
		Use:   "replay REF... | group:REF | -",
		Short: "Run entries again, through their own subscription's handler",
		Long: "Run entries again through their own subscription's handler, on the build running now, and wait\n" +
			"for the end. A group runs one entry after another, oldest first; the first is the canary, and the\n" +
			"first that fails again ends it. Exit code 9 says that an entry is still poison, 8 that no living\n" +
			"worker serves the subscription or that the wait ran out.",
		Example: `theriac replay Q-7F3K
theriac replay group:G-5TQ0 --reason "INC-42, fixed in v2.41.1"
theriac ls sub:orders build:v2.40.2 -o name | theriac replay - --yes`,
		Args:              args(1, -1, "replay REF... | group:REF | -"),
		ValidArgsFunction: t.completeRefs(quarantine.StateHeld),
		RunE: func(c *cobra.Command, args []string) error {
			o.words = args
			return o.run(c.Context(), t)
		},
	}
	o.add(c)
	c.Flags().BoolVar(&o.force, "force", false, fmt.Sprintf("also entries that ran %d times already", quarantine.ReplaysFree))
	c.Flags().DurationVar(&o.wait, "wait", 10*time.Minute, "wait so long for each entry; 0 only asks for the replay")
	return c
}

// verdictJSON is how the replay of one entry ended, in theriac/1.
type verdictJSON struct {
	output.Head
	Verdict string    `json:"verdict"` // replayed, still poison, or asked where nobody waited
	Entry   entryJSON `json:"entry"`
}

func (o *replayOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.wait < 0 {
		return problem.Errorf(problem.Invalid, "--wait %s: want 0 or more", o.wait)
	}
	settings, err := t.beginWrite(o.dryRun)
	if err != nil {
		return err
	}
	words, err := t.words(o.words)
	if err != nil {
		return err
	}
	params := quarantine.ReplayParams{Decision: o.decision(t.actor(settings)), Force: o.force}
	group, isGroup, err := groupOf(words)
	switch {
	case err != nil:
		return err
	case isGroup:
		return o.group(ctx, t, group, params)
	default:
		return o.entries(ctx, t, words, params)
	}
}

func (o *replayOptions) entries(ctx context.Context, t *Tool, words []string, params quarantine.ReplayParams) error {
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	found, err := findAll(ctx, room, words)
	if err != nil {
		return err
	}
	if o.dryRun {
		return dryRun(t, o.Options, plan{Verb: "replay", To: quarantine.StateReplaying, Entries: found, LeftOut: o.leftOut})
	}
	if len(found) > 1 {
		if err := t.confirm(o.yes, "Replay %s, one after another, until one fails?", entries(len(found))); err != nil {
			return err
		}
	}
	for i, e := range found {
		if err := o.entry(ctx, t, e, params); err != nil {
			return partly(err, i, len(found), "replayed")
		}
	}
	return nil
}

// leftOut says why an entry would not be replayed, or "".
func (o *replayOptions) leftOut(e quarantine.Entry) string {
	switch {
	case !e.State.CanBecome(quarantine.StateReplaying):
		return "is " + string(e.State)
	case e.Replays >= quarantine.ReplaysFree && !o.force:
		return fmt.Sprintf("ran %d times already, needs --force", e.Replays)
	default:
		return ""
	}
}

func (o *replayOptions) entry(ctx context.Context, t *Tool, e quarantine.Entry, params quarantine.ReplayParams) error {
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	asked, err := room.EntryReplay(ctx, e, params)
	if err != nil {
		return err
	}
	if o.wait == 0 {
		return o.print(t, "asked", asked)
	}
	t.Hint("%s  %s runs it again ...", e.Ref, e.Subscription)
	after, err := o.await(ctx, room, asked)
	if err != nil {
		return err
	}
	if after.State == quarantine.StateReplayed {
		return o.print(t, "replayed", after)
	}
	if err := o.print(t, "still poison", after); err != nil {
		return err
	}
	return &shownError{problem.BadAnswer}
}

// await waits for the end of a replay and loads the attempt that ended it.
func (o *replayOptions) await(ctx context.Context, room *quarantine.Service, e quarantine.Entry) (quarantine.Entry, error) {
	waiting, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	_, err := room.EntryReplayWait(waiting, e, 0)
	switch {
	case err != nil && ctx.Err() != nil:
		return e, problem.Errorf(problem.Interrupted, "stopped waiting; the replay goes on, look with: theriac show %s", e.Ref)
	case errors.Is(err, context.DeadlineExceeded):
		return e, problem.Errorf(problem.StillRunning, "%s still runs after %s; it goes on, look with: theriac show %s", e.Ref, o.wait, e.Ref)
	case err != nil:
		return e, err
	}
	return room.EntryGet(ctx, quarantine.EntryKey{ID: e.ID}, quarantine.GetOptions{})
}

func (o *replayOptions) print(t *Tool, verdict string, e quarantine.Entry) error {
	v := verdictJSON{output.NewHead(), verdict, newEntryJSON(e)}
	return t.Print(o.Options, output.Answer{Value: v, Names: []string{e.Ref}, Layout: output.Screen(func(w *term.Writer) {
		switch verdict {
		case "replayed":
			w.Paint(term.Green, "REPLAYED")
			w.Printf("  %s%s   %s\n", e.Ref, lastRun(e), noUndo)
		case "asked":
			w.Printf("REPLAYING  %s  will run on %s   look: theriac show %s\n", e.Ref, e.Subscription, e.Ref)
		default:
			w.Paint(term.Red, "STILL POISON")
			w.Printf("  %s%s   %s, nothing else was touched   replay %d of %d\n",
				e.Ref, lastRun(e), standing(e.State), e.Replays, max(quarantine.ReplaysFree, e.Replays))
		}
	})})
}

func standing(s quarantine.State) string {
	if s == quarantine.StateHeld {
		return "held again"
	}
	return string(s)
}

// lastRun tells of the newest attempt: its end, how long it took, on which build.
func lastRun(e quarantine.Entry) string {
	if len(e.Attempts) == 0 || !e.Attempts[0].Replay {
		return ""
	}
	a := e.Attempts[0]
	why := a.Panic
	if why == "" && len(a.Errors) > 0 {
		why = a.Errors[0].Text
	}
	if why != "" {
		why = ": " + why
	}
	on := ""
	if a.Build != "" {
		on = " on build " + a.Build
	}
	return fmt.Sprintf("  %s after %s%s%s", a.Outcome, took(a.Ended.Sub(a.Started)), on, why)
}

// partly says how far a command over several entries came before its error.
func partly(err error, done, of int, past string) error {
	if done == 0 || of == 1 || problem.Of(err) == problem.BadAnswer || problem.Of(err) == problem.Interrupted {
		return err
	}
	return problem.Errorf(problem.PartlyDone, "%d of %d %s, then: %w", done, of, past, err)
}
