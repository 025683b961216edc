package slackkit

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

const ellipsis = "…"

// Escape returns text from outside as it may stand in Slack's mrkdwn, at most maxRunes runes of it.
//
//   - & < > become entities, so no mention, link or command can begin;
//   - each backtick becomes a look-alike, so no code span or fence around the text can be left, whatever
//     stands next to it;
//   - controls other than newline and tab, bidirectional and zero-width characters and bytes that are no
//     UTF-8 are shown as escapes, such as \u202e;
//   - what is too long is cut between runes and entities and ends with an ellipsis.
//
// Letters that only style (* _ ~) are left alone.
func Escape(text string, maxRunes int) string {
	return shorten(text, maxRunes, func(r rune) string {
		switch r {
		case '&':
			return "&amp;"
		case '<':
			return "&lt;"
		case '>':
			return "&gt;"
		case '`':
			return "\u02cb"
		default:
			return ""
		}
	})
}

// Plain returns text from outside as it may stand in a plain_text object, at most maxRunes runes of it:
// like [Escape], but Slack reads no entities and no backticks there, so & and ` stay. < and > become
// look-alikes all the same, for a text that strays into mrkdwn, and a line break, which headers and
// buttons do not show, becomes a space.
func Plain(text string, maxRunes int) string {
	return shorten(text, maxRunes, func(r rune) string {
		switch r {
		case '\n', '\t':
			return " "
		case '<':
			return "\u2039"
		case '>':
			return "\u203a"
		default:
			return ""
		}
	})
}

// Mrkdwn returns a mrkdwn text in which Slack makes no links out of what merely looks like an address, a
// channel or a name. The caller has escaped what came from outside.
func Mrkdwn(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, true)
}

// PlainText returns a plain text without emoji codes. The caller has cleaned what came from outside.
func PlainText(text string) *slack.TextBlockObject {
	no := false
	return &slack.TextBlockObject{Type: slack.PlainTextType, Text: text, Emoji: &no}
}

// shorten replaces each rune by what replace or visible makes of it and cuts the whole. It stops reading
// where it cuts, so a text of any length costs no more than what is shown.
func shorten(text string, maxRunes int, replace func(rune) string) string {
	if maxRunes <= 0 {
		return ""
	}
	var b strings.Builder
	used, cut := 0, 0 // cut: bytes that fit if an ellipsis must follow
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		out := replace(r)
		if out == "" {
			out = visible(r, size, text[i])
		}
		n := utf8.RuneCountInString(out)
		if used+n > maxRunes {
			return b.String()[:cut] + ellipsis
		}
		b.WriteString(out)
		used += n
		if used < maxRunes {
			cut = b.Len()
		}
		i += size
	}
	return b.String()
}

// visible returns r, or an escape for what a reader would not see or would be fooled by.
func visible(r rune, size int, first byte) string {
	switch {
	case r == utf8.RuneError && size == 1:
		return fmt.Sprintf(`\x%02x`, first)
	case r == '\n' || r == '\t':
		return string(r)
	case r == '\r':
		return `\r`
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return fmt.Sprintf(`\x%02x`, r)
	case !hidden(r):
		return string(r)
	case r > 0xffff:
		return fmt.Sprintf(`\U%08x`, r)
	default:
		return fmt.Sprintf(`\u%04x`, r)
	}
}

// hidden reports whether r is a control, a format character (bidirectional and zero-width ones are), a
// line separator, private, or one of the letters that are drawn as nothing.
func hidden(r rune) bool {
	switch r {
	case 0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x2800, 0x3164, 0xffa0:
		return true
	}
	return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) || r >= 0xe0000 && r <= 0xe0fff
}
