package quarantineslack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

// The command is for reading: what it says is what messages say, and nobody but the asker sees it.

const (
	commandLines = 10   // entries or groups that an answer lists
	commandMax   = 2900 // characters of an answer, of Slack's 3,000
)

// searchable are the terms that may be asked for in a chat. Whoever could search in error texts and
// attributes could guess what stands there.
func searchable() []string {
	return []string{"sub", "group", "state", "reason", "build", "since", "until", "age"}
}

// command answers what was typed after the command's name.
func (n *Notifier) command(ctx context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
	verb, terms := "help", []string(nil)
	if words := strings.Fields(i.Value); len(words) > 0 {
		verb, terms = strings.ToLower(words[0]), words[1:]
	}
	var text string
	var err error
	switch verb {
	case "why":
		text, err = n.why(ctx, terms)
	case "ls":
		text, err = n.list(ctx, terms, n.entryLines)
	case "groups":
		text, err = n.list(ctx, terms, n.groupLines)
	default:
		text = commandHelp(mark(i.ActionID, 40))
	}
	_, several := errors.AsType[*quarantine.AmbiguousError](err)
	if several || errors.Is(err, quarantine.ErrInvalid) || errors.Is(err, quarantine.ErrNotFound) {
		text, err = mark(err.Error(), reasonMax), nil
	}
	return slackkit.Answer{Text: text}, err
}

func commandHelp(name string) string {
	return fmt.Sprintf("*%s why Q-7F3K*  why a message is held\n*%s ls sub:orders since:1d*  messages that are held\n"+
		"*%s groups*  the problems behind them\nTerms: %s. It only reads; decisions are the buttons', or those of %s.",
		name, name, name, strings.Join(searchable(), ", "), code("theriac"))
}

// why explains one entry.
func (n *Notifier) why(ctx context.Context, terms []string) (string, error) {
	asked := strings.ToUpper(strings.Join(terms, ""))
	if !refForm.MatchString(asked) || !strings.HasPrefix(asked, "Q-") {
		return "Say which message, as in: why Q-7F3K", nil
	}
	e, err := n.cfg.Service.EntryGet(ctx, quarantine.EntryKey{Ref: asked}, quarantine.GetOptions{})
	if err != nil {
		return "", err
	}
	g, err := n.cfg.Service.GroupGet(ctx, e.Group)
	if err != nil && !errors.Is(err, quarantine.ErrNotFound) {
		return "", err
	}
	x := n.render.explained(e, g, time.Now())
	lines := []string{fmt.Sprintf("*%s*  message %s on %s, %s, held %s", ref(x.Ref), mark(x.MessageID, 128), mark(x.Subscription, nameMax), mark(string(x.State), 20), clock(x.Held))}
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, "*"+name+"*  "+mark(value, fieldMax))
		}
	}
	add("What", x.Kind)
	for at, w := range x.WhyThis {
		add(fmt.Sprintf("Why %d", at+1), w)
	}
	add("Where", x.Where)
	add("Build", x.Build)
	add("History", columns(x.History))
	return bounded(append(lines, code("theriac why "+x.Ref))), nil
}

// list answers with what matches the terms, of what is held unless they name a state.
func (n *Notifier) list(ctx context.Context, terms []string, lines func(context.Context, quarantine.Query) ([]string, error)) (string, error) {
	for _, t := range terms {
		if key, _, ok := strings.Cut(t, ":"); !ok || !slices.Contains(searchable(), key) {
			return "Here " + mark(t, 40) + " cannot be asked for. Terms: " + strings.Join(searchable(), ", ") + ".", nil
		}
	}
	q, err := quarantine.ParseQuery(terms, time.Now())
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(terms, func(t string) bool { return strings.HasPrefix(t, "state:") }) {
		q.States = []quarantine.State{quarantine.StateHeld}
	}
	q.Limit = commandLines
	all, err := lines(ctx, q)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "Nothing matches.", nil
	}
	return bounded(all), nil
}

func (n *Notifier) entryLines(ctx context.Context, q quarantine.Query) ([]string, error) {
	page, err := n.cfg.Service.EntryList(ctx, q)
	if err != nil || len(page.Entries) == 0 {
		return nil, err
	}
	var all []string
	for _, e := range page.Entries {
		what := n.render.title(e)
		if what == "" {
			what = string(e.Reason)
		}
		state := mark(string(e.State), 20) + ", "
		if e.State == quarantine.StateHeld {
			state = "" // the time says so
		}
		all = append(all, fmt.Sprintf("%s  %s  %s  %s  %sheld %s ago", ref(e.Ref), mark(e.Subscription, nameMax), mark(what, nameMax),
			mark(safeWhere(e.Where), nameMax), state, age(e.HeldAt, time.Now())))
	}
	atLeast := ""
	if page.TotalCapped {
		atLeast = "at least "
	}
	return append(all, fmt.Sprintf("%d of %s%s shown  %s", len(page.Entries), atLeast, number(int64(page.Total)), code("theriac ls"))), nil
}

func (n *Notifier) groupLines(ctx context.Context, q quarantine.Query) ([]string, error) {
	groups, err := n.cfg.Service.GroupList(ctx, q)
	if err != nil || len(groups) == 0 {
		return nil, err
	}
	var all []string
	for _, g := range groups[:min(len(groups), commandLines)] {
		all = append(all, strings.TrimSuffix(n.render.digestLine(digestLine{ref: g.Ref, group: g}), "\n"))
	}
	return append(all, code("theriac groups")), nil
}

// bounded joins lines, and leaves out those that Slack would not take, but for the last.
func bounded(lines []string) string {
	last := lines[len(lines)-1]
	left := commandMax - len(last)
	kept := lines[:0:0]
	for _, l := range lines[:len(lines)-1] {
		if left -= len(l) + 1; left < 0 {
			break
		}
		kept = append(kept, l)
	}
	return strings.Join(append(kept, last), "\n")
}
