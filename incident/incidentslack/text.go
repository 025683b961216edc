package incidentslack

import (
	"html"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/theriac/theriac/internal/slackkit"
)

// escape is text from outside as mrkdwn, on one line: a line of its own could look like one of ours.
func escape(text string, limit int) string { return slackkit.Escape(oneLine(text, limit), limit) }

// plain is text from outside for plain text objects, on one line.
func plain(text string, limit int) string { return slackkit.Plain(oneLine(text, limit), limit) }

// bare is escape for a text within our own markup, whose stars would end it.
func bare(text string, limit int) string {
	return strings.NewReplacer("*", "∗", "_", " ", "~", "∼").Replace(escape(text, limit))
}

func oneLine(text string, limit int) string {
	if most := 8 * limit; len(text) > most {
		text = text[:most] // more than is shown, so that the cut is seen
	}
	return strings.Join(strings.Fields(text), " ")
}

func runes(text string) int { return utf8.RuneCountInString(text) }

// bracketed is what Slack puts in angle brackets into the texts that it sends: people, channels, groups,
// commands and links, with or without what they are called.
var bracketed = regexp.MustCompile(`<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>`)

// readable is a text that Slack sent as people read it: names for ids, addresses for links, and letters
// for entities. It is plain text afterwards, and whoever shows it escapes it.
func readable(text string) string {
	text = bracketed.ReplaceAllStringFunc(text, func(found string) string {
		part := bracketed.FindStringSubmatch(found)
		kind, id, label := part[1], part[2], part[3]
		if kind == "" {
			return id // the address itself: a label may say something else
		}
		if kind == "!" {
			kind = "@"
			if label == "" {
				label, _, _ = strings.Cut(id, "^")
			}
		}
		if label == "" {
			label = id
		}
		return kind + strings.TrimLeft(label, "@#")
	})
	return html.UnescapeString(text)
}
