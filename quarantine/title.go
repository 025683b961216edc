package quarantine

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/theriac/theriac/handlers"
)

const titleMax = 160 // bytes

// clean makes one printable line of a text from outside: white space becomes
// one space, what cannot be printed '?', and it is cut at max bytes.
func clean(text string, max int) string {
	var b strings.Builder
	space := false
	for _, r := range text[:min(len(text), 4*max)] {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case r == utf8.RuneError || !unicode.IsPrint(r):
			r = '?'
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return cut(b.String(), max)
}

// cut shortens s to at most max bytes, at the boundary of a character, and says
// so with an ellipsis.
func cut(s string, max int) string {
	const ellipsis = "…"
	if len(s) <= max {
		return s
	}
	end := max - len(ellipsis)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

// title says in one line what happened.
func title(ev handlers.Evidence) string {
	a := ev.Attempt
	switch {
	case a.Outcome == handlers.OutcomeCrashed:
		return clean(deathTitle(a), titleMax)
	case a.Panic != "":
		return clean(shortPanic(a.Panic), titleMax)
	case a.Outcome == handlers.OutcomeExited:
		return "the handler called runtime.Goexit"
	case a.Outcome == handlers.OutcomeTimedOut && a.Stack != "":
		return "hung: passed its deadline and its grace"
	case a.Outcome == handlers.OutcomeTimedOut: // no stack: it returned, too late but within its grace
		return clean("passed its deadline: "+innermost(a.Errors), titleMax)
	}
	if t := innermost(a.Errors); t != "" {
		return t
	}
	if ev.Hint != "" {
		return clean(ev.Hint, titleMax)
	}
	return clean(fmt.Sprintf("%s, no error text", ev.Reason), titleMax)
}

// deathTitle says what the process died of, in the runtime's words where it had
// any: "panic: boom", "fatal error: concurrent map writes".
func deathTitle(a handlers.Attempt) string {
	if rest, ok := strings.CutPrefix(a.Panic, "panic: "); ok {
		return shortPanic(rest)
	}
	if strings.HasPrefix(a.Panic, "runtime error: ") {
		return shortPanic(a.Panic)
	}
	if text := clean(a.Panic, titleMax); text != "" {
		return text
	}
	if text := innermost(a.Errors); text != "" {
		return text
	}
	return "its process died and said nothing"
}

// innermost is the text closest to the cause.
func innermost(chain []handlers.ErrorLink) string {
	for _, link := range slices.Backward(chain) {
		if t := clean(link.Text, titleMax); t != "" {
			return t
		}
	}
	return ""
}

// shortPanic shortens the texts of the runtime that everybody knows.
func shortPanic(text string) string {
	rest, ok := strings.CutPrefix(text, "runtime error: ")
	if !ok {
		return "panic: " + text
	}
	if strings.HasPrefix(rest, "invalid memory address or nil pointer dereference") {
		return "nil pointer dereference"
	}
	return rest
}

// where names the first frame that is ours: "billing.Apply.func1
// handler.go:118". Without a stack it is the handler's name.
func where(a handlers.Attempt, ours func(string) bool) string {
	for _, f := range a.Frames {
		if !ours(f.Func) {
			continue
		}
		place := f.Func[strings.LastIndexByte(f.Func, '/')+1:]
		if f.File != "" {
			place += fmt.Sprintf(" %s:%d", f.File, f.Line)
		}
		return clean(place, titleMax)
	}
	return clean(a.Handler, titleMax)
}
