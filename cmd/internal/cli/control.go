package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// controlOptions are the flags of pause, resume and shed.
type controlOptions struct {
	writeOptions
	span string
}

func newPauseCommand(t *Tool) *cobra.Command {
	o := &controlOptions{}
	c := &cobra.Command{
		Use:   "pause SUBSCRIPTION [--for SPAN] --reason TEXT",
		Short: "Stop a subscription from pulling; nothing is lost, the backlog grows",
		Long: "Stop a subscription from pulling on all workers. What is in flight ends by itself, the backlog waits at\n" +
			"the broker, and theriac replay works all the same. It goes on by itself after --for, else with theriac resume.",
		Example: `theriac pause orders --for 30m --reason "INC-42"
theriac pause orders --reason "the bank is down" --dry-run`,
		Args:              args(1, 1, "pause SUBSCRIPTION"),
		ValidArgsFunction: t.completeSubs,
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.needReason("pause"); err != nil && !o.dryRun {
				return err
			}
			lasts, err := o.lasts(false)
			if err != nil {
				return err
			}
			return o.run(c.Context(), t, quarantine.ControlAct{Verb: quarantine.ControlPause, Subscription: args[0], For: lasts})
		},
	}
	o.addControl(c, "how long: 30m, 2h, 1d; without it until somebody resumes it")
	return c
}

func newResumeCommand(t *Tool) *cobra.Command {
	o := &controlOptions{}
	c := &cobra.Command{
		Use:               "resume SUBSCRIPTION",
		Short:             "Let a paused subscription pull again",
		Example:           `theriac resume orders`,
		Args:              args(1, 1, "resume SUBSCRIPTION"),
		ValidArgsFunction: t.completePaused,
		RunE: func(c *cobra.Command, args []string) error {
			return o.run(c.Context(), t, quarantine.ControlAct{Verb: quarantine.ControlResume, Subscription: args[0]})
		},
	}
	o.add(c)
	return c
}

func newShedCommand(t *Tool) *cobra.Command {
	o := &controlOptions{}
	c := &cobra.Command{
		Use:   "shed normal | non-critical --for SPAN --reason TEXT | critical-only --for SPAN --reason TEXT",
		Short: "Hold back what is not critical, so that the rest has room",
		Long: "Hold back what is not critical, on all workers.\n" +
			"  non-critical    non-critical subscriptions do as each declares: pause, drop, or go on\n" +
			"  critical-only   the same, and those that declare to go on pause, too\n" +
			"  normal          ends it\n" +
			"Critical subscriptions are never held back. What is dropped was declared to be worth nothing later; it does\n" +
			"not come back. It ends by itself after --for.",
		Example: `theriac shed non-critical --for 1h --reason "INC-42"
theriac shed critical-only --for 30m --reason "the database is full" --dry-run
theriac shed normal`,
		Args:      args(1, 1, "shed normal|non-critical|critical-only"),
		ValidArgs: levels(),
		RunE: func(c *cobra.Command, args []string) error {
			return o.shed(c.Context(), t, args[0])
		},
	}
	o.addControl(c, "how long: 30m, 1h; required, but for normal")
	return c
}

func levels() []string {
	var all []string
	for _, level := range handlers.ShedLevels() {
		all = append(all, string(level))
	}
	return all
}

func (o *controlOptions) addControl(c *cobra.Command, span string) {
	o.add(c)
	c.Flags().StringVar(&o.span, "for", "", span)
	noFiles(c.RegisterFlagCompletionFunc("for", cobra.FixedCompletions([]string{"30m", "1h", "8h"}, cobra.ShellCompDirectiveNoFileComp)))
}

// lasts is how long it is to last; 0 means until somebody ends it.
func (o *controlOptions) lasts(required bool) (time.Duration, error) {
	if strings.TrimSpace(o.span) == "" {
		if required {
			return 0, problem.Errorf(problem.Invalid, "shed needs --for: when it ends by itself, such as 1h; what is shed and forgotten is lost work")
		}
		return 0, nil
	}
	span, err := quarantine.ParseSpan(o.span)
	if err != nil {
		return 0, fmt.Errorf("--for %w", err)
	}
	if span <= 0 || span > quarantine.ControlMax {
		return 0, problem.Errorf(problem.Invalid, "--for %s: want more than nothing, at most %d days", o.span, quarantine.ControlMax/(24*time.Hour))
	}
	return span, nil
}

func (o *controlOptions) shed(ctx context.Context, t *Tool, word string) error {
	level := handlers.ShedLevel(strings.ToLower(word))
	if !slices.Contains(handlers.ShedLevels(), level) {
		return problem.Errorf(problem.Invalid, "no level %q, want one of %s", word, strings.Join(levels(), ", "))
	}
	act := quarantine.ControlAct{Verb: quarantine.ControlShed, Level: level}
	if level == handlers.ShedNothing {
		if o.span != "" {
			return problem.Errorf(problem.Invalid, "normal has no end: leave --for out")
		}
		return o.run(ctx, t, act)
	}
	if err := o.needReason("shed"); err != nil && !o.dryRun {
		return err
	}
	var err error
	if act.For, err = o.lasts(!o.dryRun); err != nil {
		return err
	}
	return o.run(ctx, t, act)
}

// run acts, waits until the workers have done it, and says so.
func (o *controlOptions) run(ctx context.Context, t *Tool, act quarantine.ControlAct) error {
	if err := o.Validate(); err != nil {
		return err
	}
	settings, err := t.beginWrite(o.dryRun)
	if err != nil {
		return err
	}
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	status, err := room.Status(ctx)
	if err != nil {
		return err
	}
	if err := knownSubscription(status, act.Subscription); err != nil {
		return err
	}
	v := controlView{act: act, before: status.Controls, now: t.now()}
	act.Decision = o.decision(t.actor(settings))
	if o.dryRun {
		return o.plan(t, v, status)
	}
	if v.after, err = room.ControlAct(ctx, act); err != nil {
		return err
	}
	v.confirmed, err = room.WaitConfirmed(ctx, v.after.Version, quarantine.ConfirmPatience)
	if err != nil {
		return fmt.Errorf("it is ordered, and the workers do it as soon as they read it; who has cannot be said: %w", err)
	}
	if err := t.Print(o.Options, v.answer()); err != nil {
		return err
	}
	return unconfirmed(v.confirmed)
}

// plan says what would happen, as far as the workers have said.
func (o *controlOptions) plan(t *Tool, v controlView, status quarantine.Status) error {
	act := v.act
	act.Decision = quarantine.Decision{Actor: quarantine.Actor{Name: "nobody", Via: "cli"}}
	var err error
	if v.after, err = act.Apply(v.before, v.before.At); err != nil {
		return err
	}
	v.dryRun = true
	v.confirmed = quarantine.ConfirmationsOf(status.Workers, 0)
	return t.Print(o.Options, v.answer())
}

// unconfirmed is the error that names who has not done it in time, nil if all have.
func unconfirmed(c quarantine.Confirmations) error {
	if len(c.Missing) == 0 {
		return nil
	}
	return problem.Errorf(problem.StillRunning,
		"%s not confirmed within %s: %s. It is ordered, and they do it as soon as they read it. Look at them: theriac doctor",
		plural(len(c.Missing), "worker has", "workers have"), quarantine.ConfirmPatience, strings.Join(workerNames(c.Missing), ", "))
}

// namesMost is how many workers are named at once.
const namesMost = 5

func workerNames(workers []quarantine.Worker) []string {
	var names []string
	for _, w := range workers[:min(len(workers), namesMost)] {
		names = append(names, fmt.Sprintf("%s on %s (pid %d)", w.Name, w.Host, w.PID))
	}
	if more := len(workers) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return names
}

// knownSubscription refuses a name that nobody has: a pause of what does not exist
// looks like one that works.
func knownSubscription(st quarantine.Status, name string) error {
	if name == "" {
		return nil
	}
	known := subscriptionsOf(st)
	if slices.Contains(known, name) {
		return nil
	}
	if len(known) == 0 {
		return problem.Errorf(problem.NotFound, "no subscription %q: no worker has served one yet", name)
	}
	return problem.Errorf(problem.NotFound, "no subscription %q; known: %s", name, strings.Join(known, ", "))
}

// subscriptionsOf are all that have an entry, a worker, dead or alive, or a pause.
func subscriptionsOf(st quarantine.Status) []string {
	var all []string
	for _, s := range st.Subscriptions {
		all = append(all, s.Name)
	}
	for _, w := range st.Workers {
		all = append(all, w.Subscriptions...)
	}
	for _, c := range st.Controls.InForce {
		if c.Subscription != "" {
			all = append(all, c.Subscription)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// completePaused offers what is paused.
func (t *Tool) completePaused(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return t.completing(c, func(ctx context.Context, room *quarantine.Service) []cobra.Completion {
		controls, err := room.Controls(ctx)
		if err != nil {
			return nil
		}
		var words []cobra.Completion
		for _, one := range controls.InForce {
			if one.Subscription != "" {
				words = offer(words, typed, one.Subscription, "by "+one.Ordered.Actor.Name+": "+one.Ordered.Reason)
			}
		}
		return words
	}), cobra.ShellCompDirectiveNoFileComp
}
