package quarantineslack

import (
	"regexp"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/redact"
	"github.com/theriac/theriac/quarantine"
)

// Title is what may be said in a chat of how an entry failed, "" for nothing beyond
// its reason, where nothing was called safe; see [Config].Redact.
//
// An entry's own title is made of panic values and error texts, and those carry what
// was in the payload: names, addresses, tokens. A chat is read by many and kept by
// somebody else, so of the title only what cannot carry anything passes: texts that
// package redact lets pass, and our own. Of all other failures the Go type of the
// innermost error that says something is told, since types are written by
// programmers. The rest is one command away, at the end of each message.
func Title(e quarantine.Entry) string { return title(nil, e) }

// title is Title, and more where safe calls more safe.
func title(safe *redact.Redactor, e quarantine.Entry) string {
	if t := safeTitle(safe, e.Title); t != "" {
		return t
	}
	for i := len(e.Errors) - 1; i >= 0; i-- {
		link := e.Errors[i]
		if t := safe.Text(link.Type, link.Text); t != "" && t != redact.Withheld {
			return t
		}
		if typeName.MatchString(link.Type) && !plainTypes[link.Type] {
			return link.Type
		}
	}
	return ""
}

var (
	// ownText are titles that we make ourselves, matched whole.
	ownText = regexp.MustCompile(`^(?:` + strings.Join([]string{
		`nil pointer dereference`,
		`exit (?:code|status) \d{1,3}`,
		`signal:? (?:killed|terminated|aborted|interrupt|segmentation fault|bus error|quit|trap)`,
		`the handler called runtime\.Goexit`,
		`hung: passed its deadline and its grace`,
		`its process died and said nothing`,
		`died and said nothing`,
		`evidence could not be stored`,
	}, "|") + `)$`)
	typeName   = regexp.MustCompile(`^\*?[A-Za-z_][\w./\[\]*]{0,79}$`)
	placeName  = regexp.MustCompile(`^[\w.()*\[\]/$-]{1,160}(?: [\w.-]{1,80}:\d{1,7})?$`)
	replayText = regexp.MustCompile(`^replay \d{1,9}: [a-z ]{1,20}`)
	// plainTypes wrap texts and say nothing themselves.
	plainTypes = map[string]bool{
		"*errors.errorString": true, "*errors.joinError": true, "*fmt.wrapError": true, "*fmt.wrapErrors": true,
	}
)

// safeTitle is what of a title may be said.
func safeTitle(safe *redact.Redactor, title string) string {
	kind, text := "", title
	for _, k := range []string{"panic", "fatal error", "runtime error"} {
		if rest, ok := strings.CutPrefix(title, k+": "); ok {
			kind, text = k, rest
		}
	}
	switch {
	case title == "":
		return ""
	case ownText.MatchString(title), safe.Text("", text) != redact.Withheld:
		return title
	case kind != "":
		return kind
	case strings.HasPrefix(title, "interface conversion: "):
		return "interface conversion"
	case strings.HasPrefix(title, "passed its deadline: "):
		return "passed its deadline"
	default:
		return ""
	}
}

// safeWhere is a place if it looks like one: a function, and a file with its line.
// A panic value can print what looks like a stack.
func safeWhere(where string) string {
	if !placeName.MatchString(where) {
		return ""
	}
	return where
}

// safeReason is why an entry was changed, as it may be told. What people write, they
// write to be read. The reasons of the system end with an error's text.
func safeReason(d quarantine.Decision) string {
	if d.Actor.Via != "system" {
		return d.Reason
	}
	switch {
	case replayText.MatchString(d.Reason):
		return strings.TrimSpace(replayText.FindString(d.Reason))
	case strings.HasPrefix(d.Reason, "no living worker"):
		return "no living worker serves the subscription"
	case strings.Contains(d.Reason, "died while replaying it"):
		return "its worker died"
	default:
		return ""
	}
}

// explained is what Explain says of an entry, with nothing in it that Title holds
// back.
func (r renderer) explained(e quarantine.Entry, g quarantine.Group, now time.Time) quarantine.Explanation {
	e.Title, e.Where, e.Hint = r.title(e), safeWhere(e.Where), ""
	if e.Title == "panic" && e.Reason == handlers.ReasonFailed {
		e.Title = "" // Explain says panicked
	}
	return quarantine.Explain(e, g, now)
}
