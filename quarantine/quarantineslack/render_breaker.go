package quarantineslack

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/slackkit"
)

// breaker is the message about a subscription's breaker.
func (r renderer) breaker(s *breakerState, at time.Time) slackkit.Message {
	header := s.headline()
	fields := []*slack.TextBlockObject{field("Why", mark(s.reason(), fieldMax))}
	if b := s.builds(); b != "" {
		fields = append(fields, field("Build", mark(b, fieldMax)))
	}
	if s.Times > 1 {
		fields = append(fields, field("Opened", fmt.Sprintf("%s times, with less than %s between", number(int64(s.Times)), minutes(breakerCalm))))
	}
	if s.Closed == 0 {
		fields = append(fields, field("Open", fmt.Sprintf("in %d of %s", s.Open, plural(int64(s.Workers), "worker"))), field("Next", s.nextText()))
	}
	if s.More > 0 {
		fields = append(fields, field("Not told apart", plural(int64(s.More), "other subscription")+" with an open breaker"))
	}
	foot := []string{code(s.next()), "open since " + clock(time.UnixMilli(s.Since)), "as of " + clock(at)}
	return message(header, header, fields, r.breakerButtons(s), foot)
}

func (r renderer) breakerButtons(s *breakerState) *slack.ActionBlock {
	block := slack.NewActionBlock("q:" + s.ID)
	if r.links != "" { // there is no page of a breaker; what was held before it opened is there
		block.Elements.ElementSet = append(block.Elements.ElementSet, r.open("/groups"))
	}
	if r.pause && s.Closed == 0 {
		block.Elements.ElementSet = append(block.Elements.ElementSet,
			slack.NewButtonBlockElement(actionPause, value{Ref: s.ID, Verb: verbPause}.String(), plainText("Pause...")))
	}
	return block
}

// headline is what it says first, and on a lock screen.
func (s *breakerState) headline() string {
	of := ""
	if b := s.builds(); b != "" {
		of = " on " + b
	}
	open := age(time.UnixMilli(s.Since), time.UnixMilli(s.Closed))
	switch {
	case s.Closed != 0 && s.Lost != 0:
		return fmt.Sprintf("OVER  %s: no living worker serves it; its breaker was open", s.Sub)
	case s.Closed != 0:
		return fmt.Sprintf("CLOSED  %s: its breaker was open for %s; quarantining goes on", s.Sub, open)
	case s.Kills:
		return fmt.Sprintf("BREAKER OPEN  %s: different messages kill its workers%s; nothing is being quarantined", s.Sub, of)
	default:
		return fmt.Sprintf("BREAKER OPEN  %s: many different messages fail%s; nothing is being quarantined", s.Sub, of)
	}
}

func (s *breakerState) builds() string { return strings.Join(s.Builds, ", ") }

// next is the command that tells more.
func (s *breakerState) next() string {
	if s.Kills {
		return "theriac crashes"
	}
	return "theriac doctor"
}

func (s *breakerState) nextText() string {
	if s.Kills {
		return "Roll back. What was held before it opened runs again by itself when a message succeeds."
	}
	return "Look at what its handler needs, and at the build. One message at a time is tried; it closes by itself when one succeeds."
}
