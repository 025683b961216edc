package cli

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

type showOptions struct {
	output.Options
	payload, raw bool
	ref          string
}

func newShowCommand(t *Tool) *cobra.Command {
	o := &showOptions{}
	c := &cobra.Command{
		Use:   "show REF",
		Short: "Print every field of an entry",
		Long: "Print every field of an entry: the message, the verdict, all attempts newest first, and the shape of its payload.\n" +
			"Values of the payload are never shown, only paths, types and sizes; --raw writes the exact bytes, never to a terminal.",
		Example: `theriac show Q-7F3K
theriac show Q-7F3K --payload
theriac show Q-7F3K --raw > payload.bin
theriac show Q-7F3K --jq .entry.attempts[0].stack`,
		Args:              args(1, 1, "show REF"),
		ValidArgsFunction: t.completeRefs(quarantine.States()...),
		RunE: func(c *cobra.Command, args []string) error {
			o.ref = args[0]
			return o.run(c.Context(), t)
		},
	}
	addOutput(c, &o.Options)
	c.Flags().BoolVar(&o.payload, "payload", false, "the whole shape of the payload")
	c.Flags().BoolVar(&o.raw, "raw", false, "only the exact bytes of the payload; refuses a terminal")
	return c
}

func (o *showOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.raw && t.OutTerminal {
		return problem.Errorf(problem.Refused, "--raw writes bytes of strangers as they are and refuses a terminal; write them to a file: theriac show %s --raw > payload.bin", o.ref)
	}
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	e, err := findEntry(ctx, room, o.ref, quarantine.GetOptions{Payload: true})
	if err != nil {
		return err
	}
	if o.raw {
		_, err := t.Streams.Out.Write(e.Message.Data)
		return err
	}
	limit := brief
	if o.payload {
		limit = whole
	}
	return t.Print(o.Options, output.Answer{
		Value:  newEntryAnswer(e),
		Names:  []string{e.Ref},
		Layout: showPage(t, e, limit),
	})
}

func showPage(t *Tool, e quarantine.Entry, limit shapeLimit) output.Page {
	now := t.now()
	p := output.Page{
		Word:  e.Ref,
		Title: fmt.Sprintf("%s   %s   version %d   group %s", e.State, e.Subscription, e.Version, e.Group),
	}
	add := func(name string, lines ...string) {
		if strings.Join(lines, "") != "" {
			p.Sections = append(p.Sections, output.Section{Name: name, Lines: lines})
		}
	}
	list := func(name string, lines []string) {
		if len(lines) > 0 {
			p.Sections = append(p.Sections, output.Section{Name: name, Lines: lines, Apart: true})
		}
	}
	add("WHAT", e.Title)
	add("WHERE", e.Where)
	add("REASON", fmt.Sprintf("%s (%s)   failures %d   crashes %d   replays %d", e.Reason, e.Confidence, e.Totals.Failures, e.Totals.Crashes, e.Replays))
	add("BUILD", e.Build)
	add("HINT", e.Hint)
	add("HELD", moment(e.HeldAt, now))
	add("DECIDED", decided(e.Decided)...)
	add("CLAIM", e.Claim)
	add("MESSAGE", "id "+e.Message.ID, "published "+moment(e.Message.PublishedAt, now))
	add("KEY", e.Message.OrderingKey)
	list("ATTRIBUTES", attributeLines(e.Message.Attributes))
	add("PAYLOAD", count(e.Size)+" bytes", "sha256 "+hex.EncodeToString(e.SHA256[:]))
	list("SHAPE", shape(e.Message.Data, limit))
	list("ERRORS", linkLines(e.Errors))
	for i, a := range e.Attempts {
		list(fmt.Sprintf("ATTEMPT %d of %d, newest first", i+1, len(e.Attempts)), attemptLines(a))
	}
	add("ID", e.ID)
	return p
}

func decided(d quarantine.Decision) []string {
	if d.Actor.Name == "" {
		return nil
	}
	claimed := ""
	if d.Actor.Claimed {
		claimed = ", as claimed"
	}
	line := fmt.Sprintf("by %s (%s%s) at %s", d.Actor.Name, d.Actor.Via, claimed, stamp(d.At))
	if d.Reason == "" {
		return []string{line}
	}
	return []string{line, "because: " + d.Reason}
}

func attributeLines(attributes map[string]string) []string {
	var lines []string
	for _, key := range sortedKeys(attributes) {
		lines = append(lines, key+" = "+attributes[key])
	}
	return lines
}

func linkLines(links []handlers.ErrorLink) []string {
	var lines []string
	for _, l := range links {
		lines = append(lines, l.Type+": "+l.Text)
	}
	return lines
}

func attemptLines(a handlers.Attempt) []string {
	run := "run"
	if a.Replay {
		run = "replay"
	}
	lines := []string{
		fmt.Sprintf("%s at %s: %s after %s", run, stamp(a.Started), a.Outcome, took(a.Ended.Sub(a.Started))),
		fmt.Sprintf("handler %s   worker %s   host %s   build %s   delivery %d", a.Handler, a.Worker, a.Host, a.Build, a.DeliveryAttempt),
	}
	if a.TraceID != "" {
		lines = append(lines, "trace "+a.TraceID)
	}
	if a.Panic != "" {
		lines = append(lines, "panic: "+a.Panic)
	}
	lines = append(lines, linkLines(a.Errors)...)
	for line := range strings.Lines(a.Stack) {
		lines = append(lines, "  "+strings.TrimRight(strings.ReplaceAll(line, "\t", "    "), "\n"))
	}
	if a.StackCut {
		lines = append(lines, "  (the stack was longer)")
	}
	return lines
}
