package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What text may be as long as, in characters.
const (
	maxName    = 200
	maxID      = 200
	maxTitle   = 500
	maxReason  = 2_000
	maxURL     = 2_000
	maxMessage = 10_000 // messages, summaries, lines of the timeline
	maxKey     = 300
)

// cleanText makes a text from outside fit to be kept: valid UTF-8 in which every control character
// but line feed and tab, and every character that turns the direction of writing, is shown as U+FFFD.
// Lines end in a line feed; space around it is cut off. Escaping is the business of who shows it.
func cleanText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t':
			return c
		case unicode.IsControl(c) || turnsWriting(c) || c == '\u2028' || c == '\u2029':
			return '\uFFFD'
		default:
			return c
		}
	}, s)
	return strings.TrimSpace(s)
}

// turnsWriting finds the characters that show text in another order than it is stored in.
func turnsWriting(c rune) bool {
	return c >= '\u202A' && c <= '\u202E' || c >= '\u2066' && c <= '\u2069' || c == '\u200E' || c == '\u200F' || c == '\u061C'
}

// cleanLine is cleanText on one line.
func cleanLine(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\n", " ", "\t", " ").Replace(cleanText(s)))
}

// clip is cleanLine cut to a length. It is for what machines say: an alert is not refused because its
// title is long.
func clip(s string, limit int) string {
	return cutTo(cleanLine(head(s, limit)), limit)
}

// text cleans what a person wrote, which may be empty.
func text(field, s string, limit int) (string, error) {
	if len(s) > limit*utf8.UTFMax {
		return "", tooLong(field, limit)
	}
	s = cleanText(s)
	if utf8.RuneCountInString(s) > limit {
		return "", tooLong(field, limit)
	}
	return s, nil
}

// Blank reports a text in which there is nothing to see: no character, or only such that take space or nothing at
// all, as U+200B does.
func Blank(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		const brailleBlank = '\u2800'
		return c != brailleBlank && !unicode.IsSpace(c) && !unicode.In(c, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
	})
}

// needText is text that must not be empty. One that shows nothing is.
func needText(field, s string, limit int) (string, error) {
	s, err := text(field, s, limit)
	if err == nil && Blank(s) {
		return "", &FieldError{field, "must not be empty"}
	}
	return s, err
}

func tooLong(field string, limit int) error {
	return &FieldError{field, fmt.Sprintf("longer than %d characters", limit)}
}

// needID checks an id that must be exactly what it says: an id that had to be cleaned is another one.
func needID(field, s string) error {
	switch {
	case s == "":
		return &FieldError{field, "must not be empty"}
	case len(s) > maxID || cleanLine(s) != s:
		return &FieldError{field, fmt.Sprintf("%.40q is no id", s)}
	}
	return nil
}

// boundedID keeps an id of a foreign system apart from all others, however long or strange it is:
// what had to be cut or cleaned ends in a digest of the whole.
func boundedID(s string) string {
	if cleanLine(s) == s && utf8.RuneCountInString(s) <= maxKey {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return strings.TrimSpace(clip(s, maxKey-40) + " sha256:" + hex.EncodeToString(sum[:16]))
}

// checkLink accepts addresses that a page may link to.
func checkLink(field, s string) error {
	u, err := url.Parse(s)
	if len(s) > maxURL || err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || cleanLine(s) != s {
		return &FieldError{field, "must be an address that begins with https:// or http://, of at most 2,000 characters"}
	}
	return nil
}

// linkOrNothing drops an address that no page may link to.
func linkOrNothing(s string) string {
	if checkLink("", s) != nil {
		return ""
	}
	return s
}

// checkTime accepts what JSON can say. Whether times are in order is never a reason to refuse them.
func checkTime(field string, t time.Time) error {
	if !t.IsZero() && (t.Year() < 1970 || t.Year() > 9000) {
		return &FieldError{field, "is no time between the years 1970 and 9000"}
	}
	return nil
}

// cutText is cleanText cut to a length, with its lines.
func cutText(s string, limit int) string { return cutTo(cleanText(head(s, limit)), limit) }

// head is all of s that can matter for its first limit characters, so that nobody cleans megabytes.
func head(s string, limit int) string { return s[:min(len(s), (limit+1)*utf8.UTFMax)] }

func cutTo(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:limit-1])) + "…"
}
