package incident

import (
	"fmt"
	"strings"
)

// teller is data that knows a whole sentence without its subject, where the phrase of its type with the
// detail behind it would read like a form. "" leaves it to these.
type teller interface{ told(e Event) string }

// bySelf reports that an event is what a person did of themselves.
func (e Event) bySelf(person string) bool { return e.Actor.Kind == ByPerson && e.Actor.ID == person }

func (d DataStatus) told(Event) string {
	if d.From == "" {
		return in("set the status to %s", string(d.To))
	}
	return fmt.Sprintf("changed the status from %s to %s", d.From, d.To)
}

func (d DataSeverity) told(Event) string {
	switch {
	case d.To == "":
		return ""
	case d.From == "":
		return words("set the severity to", d.To, in("(%s)", d.Reason))
	default:
		return words("changed the severity from", d.From, "to", d.To, in("(%s)", d.Reason))
	}
}

func (d DataRole) told(e Event) string {
	switch {
	case e.Type != EvAssigned || d.Role == "" || d.Person == "":
		return ""
	case e.bySelf(d.Person):
		return words("became", d.Role, in("in place of %s", d.From), in("(%s)", d.Note))
	default:
		return words("made", d.Person, d.Role, in("in place of %s", d.From), in("(%s)", d.Note))
	}
}

func (d DataParticipant) told(e Event) string {
	self := e.bySelf(d.Person)
	switch {
	case d.Person == "":
		return ""
	case e.Type == EvJoined && self:
		return words("joined", in("as %s", string(d.Kind)))
	case e.Type == EvJoined:
		return words("added", d.Person, in("as %s", string(d.Kind)))
	case e.Type == EvLeft && self:
		return "left"
	case e.Type == EvLeft:
		return "noted that " + d.Person + " left"
	default:
		return ""
	}
}

// told says who is called. A level is not "the next" to who reads it: it may be the first.
func (d DataEscalation) told(e Event) string {
	if e.Type != EvLevelDue {
		return ""
	}
	var whom []string
	for _, t := range d.Targets {
		whom = append(whom, t.Words())
	}
	return words("called", oneOf(listed(whom), "people")) + in(": %s", d.detail())
}

// listed joins names as people do: ana, ben and zoe.
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

func (d DataEffect) told(e Event) string {
	if e.Type != EvEffectDone || d.Name == "" {
		return ""
	}
	switch d.Effect {
	case effectChannel:
		return "made the channel #" + d.Name
	case effectArchived:
		return "archived the channel #" + d.Name
	case effectHeadline:
		return "announced it in " + Target{ToChannel, d.Name}.Words()
	default:
		return ""
	}
}
