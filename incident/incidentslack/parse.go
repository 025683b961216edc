package incidentslack

import (
	"html"
	"regexp"
	"strings"

	"github.com/theriac/theriac/incident"
)

// args are the arguments of a command, as Slack sent them, from left to right. What was read is gone.
type args struct{ rest string }

// newArgs begins at the first argument.
func newArgs(text string) *args { return &args{rest: strings.TrimSpace(text)} }

// next returns the next word without taking it.
func (a *args) next() string {
	if fields := strings.Fields(a.rest); len(fields) > 0 {
		return fields[0]
	}
	return ""
}

// take takes a word that next returned.
func (a *args) take(word string) {
	a.rest = strings.TrimSpace(strings.TrimPrefix(a.rest, word))
}

// word takes the next word, "" at the end.
func (a *args) word() string {
	word := a.next()
	a.take(word)
	return html.UnescapeString(word)
}

// ref takes a reference such as INC-42, if that is next. A number alone is none: it may begin a text.
func (a *args) ref() string {
	word := a.next()
	if len(word) < 5 || !strings.EqualFold(word[:4], "INC-") {
		return ""
	}
	n, ok := incident.ParseRef(word)
	if !ok {
		return ""
	}
	a.take(word)
	return incident.Ref(n)
}

// mention is how Slack writes a person, if the command escapes names: <@U0ANA> or <@U0ANA|ana>.
var mention = regexp.MustCompile(`^<@([A-Za-z0-9]{1,40})(?:\|[^<>]*)?>`)

// name takes a person, if one is next: as Slack escapes them, or an id of ours after an @, or me. It
// returns @ and the Slack id, the id of ours, or "me".
func (a *args) name() string {
	if found := mention.FindStringSubmatch(a.rest); found != nil {
		a.rest = strings.TrimSpace(a.rest[len(found[0]):])
		return "@" + found[1]
	}
	word := a.next()
	id, isName := strings.CutPrefix(word, "@")
	switch {
	case isName && id != "":
		a.take(word)
		return html.UnescapeString(id)
	case strings.EqualFold(word, "me"):
		a.take(word)
		return "me"
	default:
		return ""
	}
}

// owner is name before a text, which may begin with the word me.
func (a *args) owner() string {
	if word := a.next(); strings.EqualFold(word, "me") {
		return ""
	}
	return a.name()
}

// names takes all people that are next.
func (a *args) names() []string {
	var all []string
	for {
		name := a.name()
		if name == "" {
			return all
		}
		all = append(all, name)
		a.rest = strings.TrimLeft(a.rest, ", ")
	}
}

// text takes all that is left, as people read it.
func (a *args) text() string {
	text := readable(a.rest)
	a.rest = ""
	return strings.TrimSpace(text)
}

// empty reports that nothing is left.
func (a *args) empty() bool { return a.rest == "" }
