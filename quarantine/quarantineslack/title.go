package quarantineslack

import (
	"regexp"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// Title is what may be said in a chat of how an entry failed, "" for nothing beyond
// its reason.
//
// An entry's own title is made of panic values and error texts, and those carry what
// was in the payload: names, addresses, tokens. A chat is read by many and kept by
// somebody else, so of the title only what cannot carry anything passes: the
// runtime's own texts, word for word and with nothing but numbers in them, and our
// own. Of all other failures the Go type of the innermost error that says something
// is told, since types are written by programmers. The rest is one command away, at
// the end of each message.
func Title(e quarantine.Entry) string {
	if t := safeTitle(e.Title); t != "" {
		return t
	}
	for i := len(e.Errors) - 1; i >= 0; i-- {
		if t := e.Errors[i].Type; typeName.MatchString(t) && !plainTypes[t] {
			return t
		}
	}
	return ""
}

// The texts that pass. All are matched whole.
var (
	runtimeText = regexp.MustCompile(`^(?:` + strings.Join([]string{
		`nil pointer dereference`,
		`index out of range \[-?\d{1,20}\](?: with length \d{1,20})?`,
		`slice bounds out of range \[[\d:-]{1,64}\](?: with (?:capacity|length) \d{1,20})?`,
		`integer divide by zero`,
		`makeslice: (?:len|cap) out of range`,
		`growslice: len out of range`,
		`(?:panic: )?(?:assignment to entry in nil map|send on closed channel|close of (?:closed|nil) channel)`,
		`(?:fatal error: )?(?:concurrent map (?:writes|read and map write|iteration and map write)|stack overflow|out of memory|all goroutines are asleep - deadlock!)`,
		`sync: (?:unlock of unlocked mutex|negative WaitGroup counter)`,
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
func safeTitle(title string) string {
	switch {
	case runtimeText.MatchString(title):
		return title
	case strings.HasPrefix(title, "interface conversion: "):
		return "interface conversion"
	case strings.HasPrefix(title, "fatal error: "):
		return "fatal error"
	case strings.HasPrefix(title, "panic: "):
		return "panic"
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
