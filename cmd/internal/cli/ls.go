package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// maxLimit is how many entries one page may hold.
const maxLimit = 1000

type lsOptions struct {
	output.Options
	limit int
	after string
	terms []string
}

func newLsCommand(t *Tool) *cobra.Command {
	o := &lsOptions{}
	c := &cobra.Command{
		Use:   "ls [TERM...]",
		Short: "List entries",
		Long:  "List entries, newest first; without a state: term those that are held. See: theriac help query",
		Example: `theriac ls
theriac ls sub:orders since:1d
theriac ls state:all reason:undecodable -o jsonl
theriac ls "unexpected EOF" where:billing`,
		ValidArgsFunction: t.completeTerms,
		RunE: func(c *cobra.Command, args []string) error {
			o.terms = args
			return o.run(c.Context(), t)
		},
	}
	addOutput(c, &o.Options)
	c.Flags().IntVar(&o.limit, "limit", 30, "at most so many entries, up to 1000")
	c.Flags().StringVar(&o.after, "after", "", "go on below this `REF`")
	return c
}

type entryListJSON struct {
	output.Head
	Entries     []entryJSON `json:"entries"`
	Total       int         `json:"total"`
	TotalCapped bool        `json:"total_capped"`
	Next        string      `json:"next"`
}

func (o *lsOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.limit < 1 || o.limit > maxLimit {
		return problem.Errorf(problem.Invalid, "--limit %d: want 1 to %d", o.limit, maxLimit)
	}
	terms := withState(o.terms)
	q, err := quarantine.ParseQuery(terms, t.now())
	if err != nil {
		return err
	}
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	q.Limit = o.limit
	if o.after != "" {
		e, err := findEntry(ctx, room, o.after, quarantine.GetOptions{})
		if err != nil {
			return err
		}
		q.After = e.Seq
	}
	page, err := room.EntryList(ctx, q)
	if err != nil {
		return err
	}
	if err := t.Print(o.Options, listAnswer(t, page)); err != nil {
		return err
	}
	o.footer(t, page, terms)
	return nil
}

// withState adds state:held, the default, where no state is asked for.
func withState(terms []string) []string {
	if slices.ContainsFunc(terms, func(term string) bool { return strings.HasPrefix(term, "state:") }) {
		return terms
	}
	return append(slices.Clone(terms), "state:held")
}

func listAnswer(t *Tool, page quarantine.EntryPage) output.Answer {
	list := entryListJSON{Head: output.NewHead(), Entries: []entryJSON{}, Total: page.Total, TotalCapped: page.TotalCapped}
	if page.Next != 0 && len(page.Entries) > 0 {
		list.Next = page.Entries[len(page.Entries)-1].Ref
	}
	a := output.Answer{Items: []any{}}
	for _, e := range page.Entries {
		list.Entries = append(list.Entries, newEntryJSON(e))
		a.Items = append(a.Items, newEntryAnswer(e))
		a.Names = append(a.Names, e.Ref)
	}
	a.Value = list
	a.Layout = output.Rows[quarantine.Entry]{Columns: entryColumns(t.now()), Items: page.Entries, Empty: "no entry matches"}
	return a
}

func (o *lsOptions) footer(t *Tool, page quarantine.EntryPage, terms []string) {
	total := count(page.Total)
	if page.TotalCapped {
		total = "more than " + total
	}
	next := ""
	if page.Next != 0 && len(page.Entries) > 0 {
		next = "   next: --after " + page.Entries[len(page.Entries)-1].Ref
	}
	t.Hint("%s", fmt.Sprintf("%d of %s shown%s   query: %s", len(page.Entries), total, next, strings.Join(terms, " ")))
}
