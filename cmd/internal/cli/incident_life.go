package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

func newAcceptCommand(t *Tool) *cobra.Command {
	o := &verbOptions{undo: `theriac incident cancel %s --reason "…"`}
	var p incident.AcceptParams
	c := o.command(t, "accept REF", "Say that it is real: from triage to investigating", args(1, 1, "incident accept REF"), func([]string) incident.Verb {
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) { return inc.Accept(act, p) }
	})
	c.Example = `theriac incident accept INC-42 --severity major`
	c.Flags().StringVar(&p.Name, "name", "", "a better name")
	c.Flags().StringVar(&p.Severity, "severity", "", "how bad it is: `ID` of the settings; it may call people")
	c.Flags().StringVar(&p.Type, "type", "", "`ID` of a type of the settings")
	c.Flags().BoolVar(&p.Quiet, "quiet-pages", false, "call nobody, whatever the severity asks for")
	noFiles(c.RegisterFlagCompletionFunc("severity", t.completeSeverities))
	return t.forStages(c, incident.StageTriage)
}

// reasoned makes the command of a verb that takes nothing but a reason.
func (o *verbOptions) reasoned(t *Tool, name, short string, verb func(*incident.Incident, incident.Act, string) ([]incident.Event, error)) *cobra.Command {
	c := o.command(t, name+" REF --reason TEXT", short, args(1, 1, "incident "+name+" REF"), func([]string) incident.Verb {
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return verb(inc, act, o.reason)
		}
	})
	c.Example = "theriac incident " + name + ` INC-42 --reason "…"`
	o.needsReason(c)
	return c
}

// bare makes the command of a verb that takes nothing.
func (o *verbOptions) bare(t *Tool, name, short string, verb func(*incident.Incident, incident.Act) ([]incident.Event, error)) *cobra.Command {
	c := o.command(t, name+" REF", short, args(1, 1, "incident "+name+" REF"), func([]string) incident.Verb { return verb })
	c.Example = "theriac incident " + name + " INC-42"
	return c
}

func newDeclineCommand(t *Tool) *cobra.Command {
	o := &verbOptions{}
	c := o.reasoned(t, "decline", "Say that it is none: it ends, and counts nowhere", (*incident.Incident).Decline)
	c.Example = `theriac incident decline INC-42 --reason "a known flake"`
	return t.forStages(c, incident.StageTriage)
}

func newIncidentPauseCommand(t *Tool) *cobra.Command {
	o := &verbOptions{undo: "theriac incident resume %s"}
	c := o.reasoned(t, "pause", "Nothing can be done for now: nudges rest, paging does not", (*incident.Incident).Pause)
	c.Example = `theriac incident pause INC-42 --reason "waiting for the bank"`
	return t.forStages(c, incident.StageActive)
}

func newIncidentResumeCommand(t *Tool) *cobra.Command {
	o := &verbOptions{undo: `theriac incident pause %s --reason "…"`}
	return t.forStages(o.bare(t, "resume", "Go on with a paused incident, where it stood", (*incident.Incident).Resume), incident.StagePaused)
}

func newCancelCommand(t *Tool) *cobra.Command {
	o := &verbOptions{}
	c := o.reasoned(t, "cancel", "End what was a false alarm; it counts nowhere", (*incident.Incident).Cancel)
	c.Example = `theriac incident cancel INC-42 --reason "the probe was broken"`
	return t.forStages(c, incident.StageActive)
}

func newReopenCommand(t *Tool) *cobra.Command {
	o := &verbOptions{undo: "theriac incident resolve %s"}
	c := o.reasoned(t, "reopen", "It is not over: back to investigating", (*incident.Incident).Reopen)
	c.Example = `theriac incident reopen INC-42 --reason "it is back"`
	return t.forStages(c, incident.StagePost, incident.StageClosed)
}

func newCloseCommand(t *Tool) *cobra.Command {
	o := &verbOptions{undo: `theriac incident reopen %s --reason "…"`}
	c := o.bare(t, "close", "Close it, if nothing is open; else say what is", (*incident.Incident).Close)
	c.Long = "Close an incident that is over. It closes by itself when its tasks are done and its entries are decided; this says\n" +
		"what is still open. An undecided quarantined message keeps every incident open: theriac replay, or discard."
	return t.forStages(c, incident.StagePost)
}

func newOptOutCommand(t *Tool) *cobra.Command {
	o := &verbOptions{undo: `theriac incident reopen %s --reason "…"`}
	c := o.reasoned(t, "opt-out", "Skip the open tasks and close; undecided entries are not skipped", (*incident.Incident).OptOut)
	c.Example = `theriac incident opt-out INC-42 --reason "known, written down in INC-40"`
	return t.forStages(c, incident.StagePost)
}

func newResolveCommand(t *Tool) *cobra.Command {
	o := &verbOptions{undo: `theriac incident reopen %s --reason "…"`}
	var p incident.ResolveParams
	c := o.bare(t, "resolve", "It is over: what follows is written down, or it closes", func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, p)
	})
	c.Example = `theriac incident resolve INC-42 --message "rolled back, error rate normal"`
	c.Flags().StringVar(&p.Message, "message", "", "what people are told")
	c.Flags().BoolVar(&p.Resume, "resume", false, "go on with a paused one first")
	return t.forStages(c, incident.StageTriage, incident.StageActive, incident.StagePaused)
}

func newUpdateCommand(t *Tool) *cobra.Command {
	o := &verbOptions{}
	var p incident.UpdateParams
	var status, next string
	c := o.command(t, "update REF MESSAGE", "Tell people how it stands", args(2, 2, `incident update REF "MESSAGE"`), nil)
	c.Example = `theriac incident update INC-42 "rolling back v2.41.0" --status fixing --next 20m`
	c.Flags().StringVar(&status, "status", "", "the new `STATUS`: investigating, fixing, monitoring")
	c.Flags().StringVar(&p.Severity, "severity", "", "how bad it is now: `ID` of the settings")
	c.Flags().StringVar(&next, "next", "", "when the next update is promised: 20m, or none (default as the severity asks)")
	noFiles(c.RegisterFlagCompletionFunc("status", cobra.FixedCompletions([]string{"investigating", "fixing", "monitoring"}, cobra.ShellCompDirectiveNoFileComp)))
	noFiles(c.RegisterFlagCompletionFunc("severity", t.completeSeverities))
	c.RunE = func(c *cobra.Command, given []string) error {
		p.Message, p.Status = given[1], incident.Status(strings.ToLower(status))
		if p.Status != "" && p.Status.Stage() != incident.StageActive {
			return problem.Errorf(problem.Invalid, "--status %.60q: want investigating, fixing or monitoring", status)
		}
		var err error
		if p.NextIn, err = parseNext(next); err != nil {
			return err
		}
		return o.runIn(c.Context(), t, given[0], func(context.Context, *incidentRoom) (incident.Verb, error) {
			return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.ShareUpdate(act, p)
			}, nil
		})
	}
	return t.forStages(c, incident.StageActive)
}

// parseNext reads when the next update is promised; below 0 is none.
func parseNext(text string) (time.Duration, error) {
	switch text {
	case "":
		return 0, nil
	case "none":
		return -1, nil
	}
	span, err := quarantine.ParseSpan(text)
	if err != nil || span == 0 {
		return 0, problem.Errorf(problem.Invalid, "--next %.60q: want a time such as 20m, or none", text)
	}
	return span, nil
}

func newSeverityCommand(t *Tool) *cobra.Command {
	o := &verbOptions{same: "nothing changed: it has this severity"}
	c := o.command(t, "severity REF SEVERITY", "Say how bad it is; a worse one may call people", args(2, 2, "incident severity REF SEVERITY"), func(given []string) incident.Verb {
		return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.ChangeSeverity(act, given[1], o.reason)
		}
	})
	c.Example = `theriac incident severity INC-42 critical --reason "all customers"`
	o.mayReason(c)
	return completeSecond(c, t.completeSeverities)
}

func newMergeCommand(t *Tool) *cobra.Command {
	o := &verbOptions{}
	var into string
	c := o.command(t, "merge REF --into REF", "End it in favour of another incident; there is no way back", args(1, 1, "incident merge REF --into REF"), nil)
	c.Long = "End an incident in favour of another. Its keys, entries and alerts move there, whoever takes part takes part there,\n" +
		"and whom it calls is called no more. The timelines are linked, not mixed."
	c.Example = `theriac incident merge INC-43 --into INC-42 --reason "the same cause"`
	c.Flags().StringVar(&into, "into", "", "the incident that it lives on in (required)")
	noFiles(c.RegisterFlagCompletionFunc("into", t.completeIncidents(notOver()...)))
	o.mayReason(c)
	c.RunE = func(c *cobra.Command, given []string) error {
		if into == "" {
			return problem.Errorf(problem.Invalid, "merge needs --into: the incident that it lives on in")
		}
		return o.merge(c.Context(), t, given[0], into)
	}
	return t.forStages(c, incident.StageTriage, incident.StageActive)
}

func (o *verbOptions) merge(ctx context.Context, t *Tool, word, into string) error {
	room, source, err := o.begin(ctx, t, word)
	if err != nil {
		return err
	}
	target, err := room.get(ctx, into)
	if err != nil {
		return err
	}
	seen := source.Seq
	done := incidentWrite{dryRun: o.dryRun, changed: true}
	if o.dryRun {
		done.inc, done.events, err = room.plan(ctx, source, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			evs, _, err := inc.MergeInto(act, &target, o.reason)
			return evs, err
		}, o.version)
	} else if done.inc, _, err = room.svc.Merge(ctx, source.ID, target.ID, room.by, o.reason, o.options()...); err == nil {
		done.events = room.happened(ctx, done.inc, seen)
	}
	if err != nil {
		return err
	}
	return t.Print(o.Options, done.answer())
}

func newEditCommand(t *Tool) *cobra.Command {
	o := &verbOptions{same: "nothing changed: it says so already"}
	var name, summary, kind, started, reported, resolved string
	var fields []string
	c := o.command(t, "edit REF", "Change its name, summary, type, fields or times", args(1, 1, "incident edit REF"), nil)
	c.Example = `theriac incident edit INC-42 --summary "no card payments in the EU"
theriac incident edit INC-42 --field service=checkout --field cause=
theriac incident edit INC-42 --impact-started 2022-11-18T15:36:00Z`
	f := c.Flags()
	f.StringVar(&name, "name", "", "the new name")
	f.StringVar(&summary, "summary", "", "what is known, in a few sentences")
	f.StringVar(&kind, "type", "", "`ID` of a type of the settings")
	f.StringArrayVar(&fields, "field", nil, "custom field `ID=VALUE`; without a value it is cleared")
	f.StringVar(&started, "impact-started", "", "when it began to hurt: 10m for ten minutes ago, or RFC 3339")
	f.StringVar(&reported, "reported", "", "when it was reported, likewise")
	f.StringVar(&resolved, "resolved", "", "when it was over, likewise")
	c.RunE = func(c *cobra.Command, given []string) error {
		var p incident.EditParams
		for flag, to := range map[string]**string{"name": &p.Name, "summary": &p.Summary, "type": &p.Type} {
			if c.Flags().Changed(flag) {
				*to = map[string]*string{"name": &name, "summary": &summary, "type": &kind}[flag]
			}
		}
		var err error
		if p.Fields, err = parseFields(fields); err != nil {
			return err
		}
		for _, one := range []struct {
			flag, text string
			to         **time.Time
		}{{"impact-started", started, &p.ImpactStarted}, {"reported", reported, &p.Reported}, {"resolved", resolved, &p.Resolved}} {
			if !c.Flags().Changed(one.flag) {
				continue
			}
			at, err := parseMoment("--"+one.flag, one.text, t.now())
			if err != nil {
				return err
			}
			*one.to = &at
		}
		return o.runIn(c.Context(), t, given[0], func(context.Context, *incidentRoom) (incident.Verb, error) {
			return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) { return inc.Edit(act, p) }, nil
		})
	}
	return c
}
