package quarantineslack

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/slackkit"
)

const threadLines = 12 // events that one reply tells

// thread is a reply that tells what happened. first, if not empty, is why the whole
// channel hears it.
func (r renderer) thread(first string, events []event) slackkit.Message {
	var lines []string
	if first != "" {
		lines = append(lines, "*"+slackkit.Escape(first, headerMax)+"*")
	}
	if len(lines)+len(events) == 0 {
		lines = append(lines, "something changed, see "+code("theriac groups"))
	}
	left := 2500 // of the 3,000 characters that Slack takes
	for i, e := range events {
		line := e.line()
		if i == threadLines || len(line) > left {
			lines = append(lines, fmt.Sprintf("and %d more changes, see %s", len(events)-i, code("theriac groups")))
			break
		}
		left -= len(line)
		lines = append(lines, line)
	}
	body := strings.Join(lines, "\n")
	return slackkit.Message{Text: lines[0], Blocks: []slack.Block{slack.NewSectionBlock(markdown(body), nil, nil)}}
}

// line tells one event, as markdown.
func (e event) line() string {
	what := ref(e.refs...)
	if e.n > len(e.refs) {
		what = plural(int64(e.n), "entry") + " (" + what + ", ...)"
	}
	by := ""
	if e.by.Name != "" {
		by = " by " + mark(e.by.Name, nameMax) + via(e.by)
	}
	var s string
	switch e.what {
	case eventTaken:
		s = "taken" + by
	case eventReleased:
		s = "given back" + by
	case eventSnoozed:
		s = "quiet until " + clock(e.until) + by
	case eventPaused:
		s = mark(e.sub, nameMax) + " paused until " + clock(e.until) + by
	case eventAsked:
		s = what + " to run again, asked" + by
	case eventReplayed:
		s = what + " replayed" + by
	case eventAgain:
		s = what + " held again"
		if e.end != "" {
			s += " after " + mark(e.end, reasonMax)
		}
		if by != "" {
			s += ", asked" + by
		}
	default:
		s = what + " " + string(e.what) + by
	}
	return clock(e.at) + "  " + s + because(e.why)
}
