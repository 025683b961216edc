package term

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// maxMarks is how many combining marks one letter may carry; more climb over the lines above.
const maxMarks = 3

// Line returns s as one line that is safe to show: newlines and tabs are escaped too.
func Line(s string) string { return escape(s, "") }

// Block returns s safe to show with its own newlines and tabs kept.
func Block(s string) string { return escape(s, "\n\t") }

// Clip returns s, which must be one safe line, cut to at most columns on a screen. A cut line
// ends in an ellipsis; a negative number of columns counts as 0.
func Clip(columns int, s string) string {
	if Width(s) <= columns {
		return s
	}
	used := 0
	for i, r := range s {
		if used += runeWidth(r); used > columns-1 {
			return s[:i] + strings.Repeat("…", min(1, max(columns, 0)))
		}
	}
	return s
}

// Width returns how many columns s, which must be one safe line, takes on a screen.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	if r < utf8.RuneSelf {
		return 1
	}
	switch kind := width.LookupRune(r).Kind(); {
	case isMark(r):
		return 0
	case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

func isMark(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Me) }

// escape shows what is unsafe in s, but for the runes in keep.
func escape(s, keep string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + len(s)/8)
	marks := 0
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if isMark(r) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case strings.ContainsRune(keep, r), !isUnsafe(r) && marks <= maxMarks:
			b.WriteRune(r)
		default:
			b.WriteString(visible(r))
		}
		s = s[size:]
	}
	return b.String()
}

// isPlain reports whether s is printable ASCII, the common case.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// isUnsafe reports whether r must not reach a screen as itself.
func isUnsafe(r rune) bool {
	if r < utf8.RuneSelf {
		return r < 0x20 || r == 0x7f
	}
	return !unicode.IsGraphic(r) ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// visible returns the escape of r: a short one where C has it, else \x, \u or \U.
func visible(r rune) string {
	if strings.ContainsRune("\a\b\f\n\r\t\v", r) {
		return strings.Trim(strconv.QuoteRuneToASCII(r), "'")
	}
	switch {
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	default:
		return fmt.Sprintf(`\U%08x`, r)
	}
}
