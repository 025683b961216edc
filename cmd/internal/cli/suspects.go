package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

type suspectsOptions struct {
	output.Options
	all        bool
	crash, sub string
	limit      int
}

func newSuspectsCommand(t *Tool) *cobra.Command {
	o := &suspectsOptions{}
	c := &cobra.Command{
		Use:   "suspects",
		Short: "List the messages that may have killed a process and are not cleared",
		Long: "List the messages that may have killed a process. Each runs alone, away from all others, before it may\n" +
			"run beside them again: who survives is cleared, who dies again is held. Usually that takes seconds.",
		Example: `theriac suspects
theriac suspects --crash C-4M2P --all       and what became of each
theriac suspects --sub orders`,
		Args: args(0, 0, "suspects"),
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), t) },
	}
	addOutput(c, &o.Options)
	c.Flags().BoolVar(&o.all, "all", false, "settled ones, too")
	c.Flags().StringVar(&o.crash, "crash", "", "only those of the death with this `REF`")
	c.Flags().StringVar(&o.sub, "sub", "", "only those of this `SUBSCRIPTION`")
	c.Flags().IntVarP(&o.limit, "limit", "n", 30, "at most so many, up to 1000")
	noFiles(c.RegisterFlagCompletionFunc("crash", t.completeCrashes))
	noFiles(c.RegisterFlagCompletionFunc("sub", t.completeSubs))
	return c
}

// suspectJSON is a suspect in theriac/1.
type suspectJSON struct {
	Seq          int64      `json:"seq"`
	Crash        string     `json:"crash"`
	ReportedAt   time.Time  `json:"reported_at"`
	Subscription string     `json:"subscription"`
	MessageID    string     `json:"message_id"`
	IDCut        bool       `json:"id_cut,omitempty"`
	PublishedAt  time.Time  `json:"published_at"`
	Part         string     `json:"part"`
	Why          string     `json:"why,omitempty"`
	Deaths       int        `json:"deaths"`
	State        string     `json:"state"`
	SettledAt    *time.Time `json:"settled_at"`
	Entry        string     `json:"entry,omitempty"`
}

func newSuspectJSON(f suspect) suspectJSON {
	j := suspectJSON{
		Seq: f.Seq, Crash: f.Crash, ReportedAt: f.ReportedAt.UTC(), Subscription: f.Subscription, MessageID: f.MessageID,
		IDCut: f.IDCut, PublishedAt: f.PublishedAt.UTC(), Part: string(f.Part), Why: f.Why, Deaths: f.Deaths,
		State: string(f.State), Entry: f.entry,
	}
	if !f.SettledAt.IsZero() {
		at := f.SettledAt.UTC()
		j.SettledAt = &at
	}
	return j
}

type suspectListJSON struct {
	output.Head
	Suspects []suspectJSON  `json:"suspects"`
	Counts   map[string]int `json:"counts"`
	Crashes  int            `json:"crashes"`
}

type suspectAnswerJSON struct {
	output.Head
	Suspect suspectJSON `json:"suspect"`
}

func (o *suspectsOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.limit < 1 || o.limit > maxLimit {
		return problem.Errorf(problem.Invalid, "--limit %d: want 1 to %d", o.limit, maxLimit)
	}
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	if o.crash != "" {
		r, err := findCrash(ctx, room, o.crash)
		if err != nil {
			return err
		}
		o.crash = r.Ref
	}
	shown, err := o.find(ctx, room)
	if err != nil {
		return err
	}
	counts, crashes, err := o.count(ctx, room, shown)
	if err != nil {
		return err
	}
	if err := t.Print(o.Options, o.answer(t, shown, counts, crashes)); err != nil {
		return err
	}
	o.footer(t, shown, counts, crashes)
	return nil
}

// find returns the suspects that are asked for: those that wait in the order in which they were
// reported, all of them by the newest death.
func (o *suspectsOptions) find(ctx context.Context, room *quarantine.Service) ([]suspect, error) {
	l := newLedger(room)
	q := quarantine.SuspectQuery{Crash: o.crash, Subscription: o.sub, Limit: o.limit}
	switch {
	case !o.all:
		q.States = []quarantine.SuspectState{quarantine.SuspectWaiting}
		return l.suspects(ctx, q)
	case o.crash != "":
		return l.suspects(ctx, q)
	}
	var found []suspect
	deaths := quarantine.CrashQuery{Subscription: o.sub, Limit: maxLimit}
	for {
		page, err := room.CrashList(ctx, deaths)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Reports {
			if len(r.Suspects) == 0 {
				continue
			}
			q.Crash, q.Limit = r.Ref, o.limit-len(found)
			more, err := l.suspects(ctx, q)
			if err != nil {
				return nil, err
			}
			if found = append(found, more...); len(found) == o.limit {
				return found, nil
			}
		}
		if deaths.After = page.Next; deaths.After == 0 {
			return found, nil
		}
	}
}

// count counts all suspects, by state, of the deaths that those shown belong to.
func (o *suspectsOptions) count(ctx context.Context, room *quarantine.Service, shown []suspect) (map[quarantine.SuspectState]int, int, error) {
	counts := map[quarantine.SuspectState]int{}
	seen := map[string]bool{}
	if o.crash != "" {
		shown = append(shown[:len(shown):len(shown)], suspect{Suspect: quarantine.Suspect{Crash: o.crash}})
	}
	for _, f := range shown {
		if seen[f.Crash] {
			continue
		}
		seen[f.Crash] = true
		q := quarantine.SuspectQuery{Crash: f.Crash, Subscription: o.sub, Limit: maxLimit}
		for {
			list, err := room.SuspectList(ctx, q)
			if err != nil {
				return nil, 0, err
			}
			for _, s := range list {
				counts[s.State]++
			}
			if len(list) < maxLimit {
				break
			}
			q.After = list[len(list)-1].Seq
		}
	}
	return counts, len(seen), nil
}

func (o *suspectsOptions) answer(t *Tool, shown []suspect, counts map[quarantine.SuspectState]int, crashes int) output.Answer {
	list := suspectListJSON{Head: output.NewHead(), Suspects: []suspectJSON{}, Counts: suspectCounts(counts), Crashes: crashes}
	a := output.Answer{Items: []any{}}
	for _, f := range shown {
		j := newSuspectJSON(f)
		list.Suspects = append(list.Suspects, j)
		a.Items = append(a.Items, suspectAnswerJSON{output.NewHead(), j})
		a.Names = append(a.Names, f.MessageID)
	}
	a.Value = list
	empty := "nobody is suspected"
	if o.all || o.crash != "" || o.sub != "" {
		empty = "no suspect matches"
		if !o.all {
			empty = "nobody of these is suspected any more"
		}
	}
	a.Layout = output.Rows[suspect]{Columns: suspectColumns(t.now()), Items: shown, Empty: empty}
	return a
}

func (o *suspectsOptions) footer(t *Tool, shown []suspect, counts map[quarantine.SuspectState]int, crashes int) {
	total := 0
	var parts []string
	for _, s := range []quarantine.SuspectState{quarantine.SuspectDone, quarantine.SuspectCleared, quarantine.SuspectWaiting, quarantine.SuspectHeld} {
		if total += counts[s]; counts[s] > 0 {
			parts = append(parts, count(counts[s])+" "+string(s))
		}
	}
	if total == 0 {
		return
	}
	t.Hint("%s of %s: %s", plural(total, "suspect", "suspects"), plural(crashes, "death", "deaths"), strings.Join(parts, ", "))
	if len(shown) == o.limit {
		t.Hint("%d shown, there may be more: --limit %d", len(shown), min(2*o.limit, maxLimit))
	}
	if len(shown) > 0 && !o.Machine(t.OutTerminal) {
		t.Hint("Next     theriac crashes %s   theriac suspects --crash %s --all", shown[0].Crash, shown[0].Crash)
	}
}

func suspectColumns(now time.Time) []output.Column[suspect] {
	type s = suspect
	return []output.Column[s]{
		{Title: "CRASH", Fixed: true, Human: func(s s) string { return s.Crash }},
		{Title: "SUBSCRIPTION", Human: func(s s) string { return s.Subscription }},
		{Title: "MESSAGE", Human: func(s s) string { return idOf(s.MessageID, s.IDCut) }, Machine: func(s s) string { return s.MessageID }},
		{Title: "PART", Human: func(s s) string { return string(s.Part) }},
		{Title: "STATE", Human: func(s s) string { return string(s.State) }},
		{Title: "AGE", Fixed: true, Human: func(s s) string { return age(s.ReportedAt, now) }, Machine: func(s s) string { return stamp(s.ReportedAt) }},
		{Title: "WHY", Human: func(s s) string { return s.Why }},
		{Title: "ENTRY", Fixed: true, Human: func(s s) string { return dash(s.entry) }, Machine: func(s s) string { return s.entry }},
		{Title: "SETTLED", Wide: true, Human: func(s s) string { return age(s.SettledAt, now) }, Machine: func(s s) string { return stamp(s.SettledAt) }},
		{Title: "DEATHS", Wide: true, Right: true, Human: func(s s) string { return count(s.Deaths) }, Machine: func(s s) string { return plain(int64(s.Deaths)) }},
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
