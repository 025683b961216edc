package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/quarantine"
)

type whyOptions struct {
	output.Options
	ref string
}

func newWhyCommand(t *Tool) *cobra.Command {
	o := &whyOptions{}
	c := &cobra.Command{
		Use:   "why REF",
		Short: "Say what happened to a message and why it is held",
		Example: `theriac why Q-7F3K
theriac why 7f3
theriac why 1284933119027        by the broker's message id`,
		Args:              args(1, 1, "why REF"),
		ValidArgsFunction: t.completeRefs(quarantine.States()...),
		RunE: func(c *cobra.Command, args []string) error {
			o.ref = args[0]
			return o.run(c.Context(), t)
		},
	}
	addOutput(c, &o.Options)
	return c
}

// whyJSON is an explanation in theriac/1.
type whyJSON struct {
	output.Head
	Ref          string    `json:"ref"`
	MessageID    string    `json:"message_id"`
	Subscription string    `json:"subscription"`
	Published    time.Time `json:"published_at"`
	Held         time.Time `json:"held_at"`
	Group        string    `json:"group"`
	GroupEntries int64     `json:"group_entries"`
	GroupCare    string    `json:"group_care"`
	State        string    `json:"state"`
	Version      int64     `json:"version"`
	Standing     string    `json:"standing"`
	Kind         string    `json:"kind"`
	WhyThis      []string  `json:"why_this"`
	Where        string    `json:"where"`
	Build        string    `json:"build"`
	Odd          []oddJSON `json:"odd"`
	History      string    `json:"history"`
	LikeIt       string    `json:"like_it"`
	Hint         string    `json:"hint,omitempty"`
	Crashes      []string  `json:"crashes"`
}

type oddJSON struct {
	Path string `json:"path"`
	Here string `json:"here"`
	Good string `json:"good"`
}

func newWhyJSON(x quarantine.Explanation) whyJSON {
	j := whyJSON{
		Head: output.NewHead(), Ref: x.Ref, MessageID: x.MessageID, Subscription: x.Subscription,
		Published: x.Published.UTC(), Held: x.Held.UTC(), Group: x.Group, GroupEntries: x.GroupEntries, GroupCare: x.Care,
		State: string(x.State), Version: x.Version, Standing: x.Standing, Kind: x.Kind,
		WhyThis: append([]string{}, x.WhyThis...), Where: x.Where, Build: x.Build,
		Odd: []oddJSON{}, History: x.History, LikeIt: x.LikeIt, Hint: x.Hint,
		Crashes: append([]string{}, x.CrashReports...),
	}
	for _, o := range x.Odd {
		j.Odd = append(j.Odd, oddJSON(o))
	}
	return j
}

func (o *whyOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	e, err := findEntry(ctx, room, o.ref, quarantine.GetOptions{})
	if err != nil {
		return err
	}
	g, err := room.GroupGet(ctx, e.Group)
	if err != nil && !errors.Is(err, quarantine.ErrNotFound) {
		return err
	}
	x := quarantine.Explain(e, g, t.now())
	err = t.Print(o.Options, output.Answer{Value: newWhyJSON(x), Names: []string{x.Ref}, Layout: whyPage(t, x)})
	if err == nil && !o.Machine(t.OutTerminal) {
		nextAfterWhy(t, e)
	}
	return err
}

// whyDeaths is how many deaths the page of an entry names.
const whyDeaths = 5

func whyPage(t *Tool, x quarantine.Explanation) output.Page {
	now := t.now()
	p := output.Page{
		Word:  x.Ref,
		Title: fmt.Sprintf("message %s on %s   group %s, %s   version %d", x.MessageID, x.Subscription, x.Group, entries(x.GroupEntries), x.Version),
	}
	add := func(name, text string) {
		if text != "" {
			p.Sections = append(p.Sections, output.Section{Name: name, Lines: []string{text}})
		}
	}
	add("STATE", x.Standing)
	add("WHEN", "published "+moment(x.Published, now)+"   held "+moment(x.Held, now))
	add("KIND", x.Kind)
	var why, odd []string
	for i, reason := range x.WhyThis {
		why = append(why, fmt.Sprintf("%d  %s", i+1, reason))
	}
	p.Sections = append(p.Sections, output.Section{Name: "WHY THIS ONE", Lines: why, Apart: true})
	if x.Where != "" {
		add("WHERE", x.Where+"     build "+x.Build)
	} else {
		add("BUILD", x.Build)
	}
	for _, f := range x.Odd {
		odd = append(odd, fmt.Sprintf("%s   %s   %s in the last good message", f.Path, f.Here, f.Good))
	}
	if len(odd) > 0 {
		p.Sections = append(p.Sections, output.Section{Name: "ODD", Lines: odd})
	}
	add("HISTORY", x.History)
	add("LIKE IT", x.LikeIt)
	add("GROUP", x.Care)
	var links []string
	for _, ref := range x.CrashReports[:min(len(x.CrashReports), whyDeaths)] {
		links = append(links, "theriac crashes "+ref)
	}
	if more := len(x.CrashReports) - len(links); more > 0 {
		links = append(links, plural(more, "death", "deaths")+" before: theriac crashes"+subFlag(x.Subscription))
	}
	if len(links) > 0 {
		p.Sections = append(p.Sections, output.Section{Name: "LINKS", Lines: links})
	}
	add("HINT", x.Hint)
	return p
}

func nextAfterWhy(t *Tool, e quarantine.Entry) {
	switch e.State {
	case quarantine.StateHeld:
		t.Hint("Next     theriac replay %s   theriac discard %s --reason \"…\"", e.Ref, e.Ref)
	case quarantine.StateDiscarded:
		t.Hint("Next     theriac restore %s", e.Ref)
	default:
	}
}
