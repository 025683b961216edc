package crashtrace

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// printable returns at most limit bytes of s as text that a terminal can be given: bytes that are no
// UTF-8 and characters that do not print, escapes among them, appear as Go would quote them.
func printable(s string, limit int) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		shown := s[:size]
		if r == utf8.RuneError && size == 1 || !strconv.IsPrint(r) {
			shown = strconv.Quote(shown)
			shown = shown[1 : len(shown)-1]
		}
		if b.Len()+len(shown) > limit {
			break
		}
		b.WriteString(shown)
		s = s[size:]
	}
	return b.String()
}
