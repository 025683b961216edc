package quarantineslack

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

// digestLine is one group of a digest.
type digestLine struct {
	ref   string
	group quarantine.Group
	gone  bool // it could not be read
}

const digestLines = 25 // groups that a digest shows

// digest is the message that tells of many groups at once. lines are the newest.
func (r renderer) digest(lines []digestLine, groups int, at time.Time) slackkit.Message {
	held, open := int64(0), 0
	for _, l := range lines {
		if n := l.group.Counts[quarantine.StateHeld] + l.group.Counts[quarantine.StateReplaying]; n > 0 {
			held, open = held+n, open+1
		}
	}
	header := fmt.Sprintf("CONTAINED  %s, each a different problem", plural(int64(groups), "more group"))
	text := header
	if open == 0 && len(lines) > 0 && groups <= len(lines) {
		header = fmt.Sprintf("RESOLVED  %s groups, each a different problem", number(int64(groups)))
		text = header
	}
	var b strings.Builder
	shown := 0
	for _, l := range lines {
		line := r.digestLine(l)
		if shown == digestLines || b.Len()+len(line) > 2900 { // Slack takes 3,000 characters
			break
		}
		b.WriteString(line)
		shown++
	}
	if more := groups - shown; more > 0 {
		fmt.Fprintf(&b, "and %s more\n", number(int64(more)))
	}
	blocks := []slack.Block{
		headline(header),
		slack.NewSectionBlock(markdown(strings.TrimSuffix(b.String(), "\n")), nil, nil),
		slack.NewContextBlock("", markdown(strings.Join([]string{
			code("theriac groups"), number(held) + " held or running in the groups above", "as of " + clock(at)}, "  |  "))),
	}
	if r.links != "" {
		blocks = append(blocks, slack.NewActionBlock("q:digest", r.open("/groups")))
	}
	return slackkit.Message{Text: mark(text, 300), Blocks: blocks}
}

func (r renderer) digestLine(l digestLine) string {
	if l.gone {
		return ref(l.ref) + "\n"
	}
	g := l.group
	held, again := g.Counts[quarantine.StateHeld], g.Counts[quarantine.StateReplaying]
	standing := number(held) + " held"
	switch {
	case again > 0:
		standing += ", " + number(again) + " running again"
	case held == 0:
		standing = "resolved"
	case g.Taken.Actor.Name != "":
		standing += ", taken by " + mark(g.Taken.Actor.Name, nameMax)
	}
	what := r.title(quarantine.Entry{Title: g.Title, Reason: g.Reason})
	if what == "" {
		what = string(g.Reason)
	}
	line := fmt.Sprintf("%s  %s  %s", ref(g.Ref), mark(g.Subscription, nameMax), mark(what, nameMax))
	if where := safeWhere(g.Where); where != "" {
		line += "  " + mark(where, nameMax)
	}
	return line + ": " + standing + "\n"
}
