package workflow

import (
	"strings"
	"unicode"
)

// line returns a text from outside on one line, at most limit runes long: white space is a space, and
// control characters and broken bytes are U+FFFD, so that a reader sees that something was there.
func line(text string, limit int) string {
	return cut(strings.Join(strings.Fields(visible(text, false)), " "), limit)
}

// lines is line for texts that may have several.
func lines(text string, limit int) string {
	return cut(strings.TrimSpace(visible(text, true)), limit)
}

// visible replaces what cannot be seen.
func visible(text string, keepLines bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case keepLines && r == '\n':
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			return unicode.ReplacementChar
		default:
			return r
		}
	}, strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
}

// cut returns at most limit runes, the last of them an ellipsis where something is missing.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}
