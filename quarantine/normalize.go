package quarantine

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	normalizeIn  = 4 << 10 // bytes of a text that are looked at
	normalizeOut = 512     // bytes of the result
	placeholder  = '#'
	mail         = "<email>"
)

// normalize replaces what differs between two cases of one problem by '#':
// numbers, hex, UUIDs, ids with digits in them, quoted strings, times and
// addresses; emails become <email>. Lists of such things become one. The result
// is one printable line of at most 512 bytes.
func normalize(text string) string {
	n := normalizer{in: text[:min(len(text), normalizeIn)]}
	n.closed = map[byte]bool{}
	for n.at < len(n.in) && len(n.out) < 2*normalizeOut {
		n.step()
	}
	return strings.TrimSpace(cut(string(n.out), normalizeOut))
}

// normalizer walks its input once. No step looks back over input, and a search
// forward is made at most once in vain per kind of quote, so the time is linear.
type normalizer struct {
	in     string
	at     int
	out    []byte
	local  int           // where in out the run of characters began that may be an email's local part
	closed map[byte]bool // quotes that do not occur any more
}

func (n *normalizer) step() {
	c := n.in[n.at]
	switch {
	case isQuote(c) && n.quoted(c):
	case c == '@' && n.email():
	case isAlnum(c):
		n.word()
	case c >= utf8.RuneSelf:
		n.rune()
	case c <= ' ' || c == 0x7f:
		n.space()
		n.at++
	default:
		n.put(c)
		n.at++
	}
}

// put writes one printable ASCII character that is part of no word.
func (n *normalizer) put(c byte) {
	n.out = append(n.out, c)
	if !strings.ContainsRune("._%+-", rune(c)) {
		n.local = len(n.out)
	}
}

func (n *normalizer) space() {
	if len(n.out) > 0 && n.out[len(n.out)-1] != ' ' {
		n.out = append(n.out, ' ')
	}
	n.local = len(n.out)
}

// hole writes the placeholder, merging it with one that stands just before it:
// "10.0.0.1:80", "[1 2 3]" and "2022-11-18T15:40:00Z" are one each.
func (n *normalizer) hole() {
	trimmed := strings.TrimRight(string(n.out[max(0, len(n.out)-3):]), " .,:;/+-_")
	keep := max(0, len(n.out)-3) + len(trimmed)
	if keep > 0 && n.out[keep-1] == placeholder {
		n.out = n.out[:keep]
		n.local = min(n.local, keep)
		return
	}
	if k := len(n.out); k > 0 && (n.out[k-1] == '-' || n.out[k-1] == '+') && (k == 1 || n.out[k-2] == ' ') {
		n.out = n.out[:k-1] // a sign
		n.local = min(n.local, k-1)
	}
	n.out = append(n.out, placeholder)
}

// quoted replaces a quoted string. A quote within a word is an apostrophe.
func (n *normalizer) quoted(q byte) bool {
	if n.closed[q] || (q == '\'' && n.at > 0 && isAlnum(n.in[n.at-1])) {
		return false
	}
	end := strings.IndexByte(n.in[n.at+1:], q)
	if end < 0 {
		n.closed[q] = true
		return false
	}
	n.at += end + 2
	n.hole()
	n.local = len(n.out)
	return true
}

// email replaces the local part that was just written and the domain behind.
func (n *normalizer) email() bool {
	domain := n.at + 1
	for domain < len(n.in) && (isAlnum(n.in[domain]) || n.in[domain] == '.' || n.in[domain] == '-') {
		domain++
	}
	if n.local == len(n.out) || domain == n.at+1 {
		return false
	}
	n.out = append(n.out[:n.local], mail...)
	n.at = domain
	n.local = len(n.out)
	return true
}

// word writes a run of ASCII letters and digits, or what stands for it.
func (n *normalizer) word() {
	if isUUID(n.in[n.at:]) {
		n.at += 36
		n.hole()
		return
	}
	start := n.at
	digits, hexes, lead := 0, true, 0
	for n.at < len(n.in) && isAlnum(n.in[n.at]) {
		c := n.in[n.at]
		if isDigit(c) {
			digits++
		} else if digits == 0 {
			lead++
		}
		hexes = hexes && isHex(c)
		n.at++
	}
	length := n.at - start
	switch {
	case hexes && (length >= 8 || digits > 0 && length >= 6):
		n.hole()
	case digits == 0:
		n.out = append(n.out, n.in[start:n.at]...)
	case lead > 0 && lead+digits == length: // "order42": the name says something
		n.out = append(n.out, n.in[start:start+lead]...)
		n.out = append(n.out, placeholder)
	default:
		n.hole()
	}
}

// rune writes a printable character beyond ASCII and replaces any other.
func (n *normalizer) rune() {
	r, size := utf8.DecodeRuneInString(n.in[n.at:])
	n.at += size
	switch {
	case unicode.IsDigit(r):
		n.hole()
	case unicode.IsSpace(r):
		n.space()
	case r != utf8.RuneError && unicode.IsPrint(r):
		n.out = utf8.AppendRune(n.out, r)
	default:
		n.out = append(n.out, '?')
	}
	n.local = len(n.out)
}

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

// isUUID reports whether s begins with a UUID in its usual form.
func isUUID(s string) bool {
	if len(s) < 36 || len(s) > 36 && isAlnum(s[36]) {
		return false
	}
	for i := range 36 {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !isHex(s[i]) {
			return false
		}
	}
	return true
}
