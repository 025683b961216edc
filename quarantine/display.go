package quarantine

import (
	"strings"
	"unicode/utf8"
)

const maxSearch = 8 << 10 // bytes of a text that is searched

// DisplayText is the copy of a text from outside that may stand in an indexed
// text column: valid UTF-8 without NUL, cut to at most limit bytes on a rune's
// edge. What it replaces becomes U+FFFD. It is no protection for a terminal or
// a page: each surface escapes what it shows.
func DisplayText(s string, limit int) string {
	s = s[:min(len(s), limit)]
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	if len(s) <= limit {
		return s
	}
	end := limit
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// SearchText is what [Query.Text] looks through: the title and the error texts
// of an entry as display texts, one a line, at most 8 KiB.
func SearchText(e Entry) string {
	lines := []string{e.Title}
	for _, l := range e.Errors {
		lines = append(lines, l.Text)
	}
	for i, s := range lines {
		lines[i] = DisplayText(s, maxText)
	}
	return DisplayText(strings.Join(lines, "\n"), maxSearch)
}

// FoldText brings a text into the form in which [Query.Where] and [Query.Text]
// compare: a display text of at most 8 KiB with ASCII letters in lower case.
func FoldText(s string) string {
	b := []byte(DisplayText(s, maxSearch))
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
