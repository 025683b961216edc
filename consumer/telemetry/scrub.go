package telemetry

import (
	"regexp"
	"strings"

	"github.com/theriac/theriac/handlers/redact"
)

// What Scrub takes out, in this order: the more a pattern knows, the earlier it is
// tried. All of them are linear in the length of the text.
var (
	keyBlock    = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|$)`)
	urlPassword = regexp.MustCompile(`://[^\s/@'"]+@`)
	webToken    = regexp.MustCompile(`\beyJ[\w-]{4,}(?:\.[\w-]*)*`)
	authScheme  = regexp.MustCompile(`(?i)\b(bearer|basic|digest|apikey)\s+[\w.~+/=:-]{6,}`)
	named       = regexp.MustCompile(`(?i)((?:passw(?:or)?d|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|` +
		`private[_-]?key|authorization|cookie|session|credential|signature)[\w-]*\\?["']?\s*(?::=|[:=])\s*)` +
		`(?:\\?"[^"\\]*\\?"|'[^']*'|[^\s,;&})\]]+)`)
	knownToken = regexp.MustCompile(`\b(?:A[KS]IA[0-9A-Z]{12,}|gh[a-z]_\w{10,}|github_pat_\w{10,}|glpat-[\w-]{10,}|` +
		`[sprw]k[-_](?:live[-_]|test[-_])?\w[\w-]{9,}|xox[a-z]-[\w-]{8,}|AIza[\w-]{20,}|npm_\w{20,}|SG\.[\w.-]{20,})`)
	mail     = regexp.MustCompile(`[\p{L}\p{N}._%+'-]+(?:@|%40)[\p{L}\p{N}.-]+\.\p{L}{2,}`)
	longWord = regexp.MustCompile(`[\w+/-]{24,}={0,2}`)
	digits   = regexp.MustCompile(`\p{Nd}(?:[ .\-/]?\p{Nd}){6,}`)
)

// Scrub removes what looks personal or secret from a text that leaves the process:
// e-mail addresses, numbers of seven digits and more (also with blanks, dots and
// dashes between), passwords in URLs, values of fields that are named like
// secrets, known forms of tokens and keys, and long words that look random. It
// removes rather too much: dates go as well. It knows no names of people, nor what is
// secret in your domain: it is the second net behind package redact, and the only one
// under AllTexts.
func Scrub(text string) string {
	// Most texts hold none of these, and to look for a word costs little.
	if strings.Contains(text, "-----BEGIN ") {
		text = keyBlock.ReplaceAllLiteralString(text, "[key]")
	}
	if strings.Contains(text, "://") {
		text = urlPassword.ReplaceAllLiteralString(text, "://[secret]@")
	}
	if strings.Contains(text, "eyJ") {
		text = webToken.ReplaceAllLiteralString(text, "[token]")
	}
	text = authScheme.ReplaceAllString(text, "${1} [secret]")
	text = named.ReplaceAllString(text, "${1}[secret]")
	text = knownToken.ReplaceAllLiteralString(text, "[token]")
	if strings.Contains(text, "@") || strings.Contains(text, "%40") {
		text = mail.ReplaceAllLiteralString(text, "[email]")
	}
	text = longWord.ReplaceAllStringFunc(text, func(word string) string {
		if looksRandom(word) {
			return "[token]"
		}
		return word
	})
	return digits.ReplaceAllLiteralString(text, "[number]")
}

// looksRandom tells encoded bytes from paths, identifiers and UUIDs.
func looksRandom(word string) bool {
	word = strings.TrimRight(word, "=")
	var upper, lower, digit, other int
	hex := true
	for _, c := range []byte(word) {
		switch {
		case c >= '0' && c <= '9':
			digit++
		case c >= 'a' && c <= 'z':
			lower++
			hex = hex && c <= 'f'
		case c >= 'A' && c <= 'Z':
			upper++
			hex = hex && c <= 'F'
		default:
			other++
			hex = false
		}
	}
	switch {
	case hex:
		return true
	case digit == 0:
		return false
	case other == 0 && digit*6 >= len(word):
		return true
	default:
		// Encoded bytes mix all three, and hardly ever have a separator every few characters.
		return upper > 2 && lower > 2 && digit > 1 && other*6 < len(word)
	}
}

// texts decides what of texts leaves the process.
type texts struct {
	safe *redact.Redactor
	// all lets every text out that scrub went over, not only those that are safe.
	all   bool
	scrub scrubber
}

// of is the text of an error or a panic value of a type, "" where that is unknown.
func (t texts) of(kind, text string) string {
	if !t.all {
		text = t.safe.Text(kind, text)
	}
	return t.scrub.text(text)
}

// death is what a dying process said.
func (t texts) death(words string) string {
	if !t.all {
		words = t.safe.Death(words)
	}
	return t.scrub.text(words)
}

// stack is a goroutine's trace.
func (t texts) stack(trace string) string {
	if !t.all {
		trace = redact.Stack(trace)
	}
	return t.scrub.text(withoutLabels(trace))
}

// words are ours, and may quote something.
func (t texts) words(text string) string { return t.scrub.text(text) }

// scrubber applies the user's function or Scrub, and never lets a text out that it
// could not go through.
type scrubber func(string) string

func (f scrubber) text(text string) (clean string) {
	defer func() {
		if recover() != nil {
			clean = "[text removed: the scrub function panicked]"
		}
	}()
	// The end of a text that was cut may be half of something that is known only whole.
	if whole, cut := strings.CutSuffix(text, cutMark); cut {
		text = whole[:strings.LastIndexAny(whole, " \n\t")+1] + cutMark
	}
	return f(strings.ToValidUTF8(text, "\uFFFD"))
}

// cutMark is what consumers put at the end of a text that was longer.
const cutMark = "… (cut)"
