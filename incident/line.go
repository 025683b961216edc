package incident

import (
	"fmt"
	"strings"
	"time"
)

// Line returns an event as people read it in a timeline: one line, plain text. What comes from
// outside in it is not escaped. A type of a later version is named and no more.
func Line(e Event) string {
	who := oneOf(e.Actor.Name, e.Actor.ID, string(e.Actor.Kind), "somebody")
	k, ok := kinds[e.Type]
	if !ok {
		return cleanLine(who + ": " + string(e.Type))
	}
	return cleanLine(who + " " + k.told(e))
}

// told is what a line says of its actor.
func (k kind) told(e Event) string {
	data, err := k.data(e)
	if err != nil {
		return k.phrase + " (what it says cannot be read)"
	}
	if t, ok := data.(teller); ok {
		if told := t.told(e); told != "" {
			return told
		}
	}
	return k.phrase + in(": %s", data.detail())
}

// oneOf returns the first text that is not empty.
func oneOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// words joins what is not empty.
func words(texts ...string) string {
	var said []string
	for _, t := range texts {
		if t != "" {
			said = append(said, t)
		}
	}
	return strings.Join(said, " ")
}

// in wraps what is not empty: in("(%s)", "critical").
func in(format, s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf(format, s)
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

func (d DataNew) detail() string      { return words(d.Name, in("(%s)", d.Severity)) }
func (d DataReason) detail() string   { return d.Reason }
func (d DataMerged) detail() string   { return words(d.Ref, in("(%s)", d.Reason)) }
func (d DataResolved) detail() string { return d.Message }
func (d DataStatus) detail() string {
	return words(in("from %s", string(d.From)), "to", string(d.To))
}
func (d DataUpdate) detail() string {
	return words(d.Message, in("(next by %s)", when(d.NextDue)))
}
func (d DataEdited) detail() string {
	var said []string
	for _, c := range d.Changes {
		said = append(said, c.Field)
	}
	return strings.Join(said, ", ")
}
func (d DataSeverity) detail() string {
	return words(in("from %s", d.From), in("to %s", d.To), in("(%s)", d.Reason))
}
func (d DataOverdue) detail() string { return in("due %s", when(d.Due)) }
func (d DataRole) detail() string {
	return words(d.Role, in("from %s", d.From), in("to %s", d.Person), in("(%s)", d.Note))
}
func (d DataParticipant) detail() string { return words(d.Person, in("as %s", string(d.Kind))) }
func (d DataItem) detail() string {
	of := ""
	if d.Of > 0 {
		of = fmt.Sprintf("no. %d", d.Of)
	}
	return words(of, d.Text, in("at %s", when(d.Occurred)))
}
func (d DataTodo) detail() string   { return words(d.Text, in("(%s)", d.Owner)) }
func (d DataTask) detail() string   { return words(oneOf(d.Text, d.ID), in("(%s)", d.Reason)) }
func (d DataOptOut) detail() string { return d.Reason }
func (d DataAlert) detail() string {
	times := ""
	if d.Count > 1 {
		times = fmt.Sprintf("(%d times)", d.Count)
	}
	return words(oneOf(d.Title, d.Dedup), times)
}
func (d DataEntry) detail() string {
	return words(d.Ref, d.Title, d.Decision, in("by %s", d.By), in("(%s)", d.Reason))
}
func (d DataAttachment) detail() string { return words(d.Kind, d.Title, d.URL) }
func (d DataEffect) detail() string {
	return words(effectWords(d.Effect), d.Name, in("(%s)", d.Why))
}

// effectWords says in words what the key of an effect means. The ids in it say nothing to people: the
// line stands in the incident that they are of.
func effectWords(key string) string {
	var parts []string
	for part := range strings.SplitSeq(key, ":") {
		if !isUUID(part) {
			parts = append(parts, part)
		}
	}
	if len(parts) == 5 && parts[0] == "page" {
		target := Target{Kind: TargetKind(parts[3]), ID: parts[4]}
		return fmt.Sprintf("a page to %s, level %s, round %s", target.Words(), parts[2], parts[1])
	}
	return strings.Join(parts, " ")
}

// isUUID reports that a text looks like an id of ours.
func isUUID(s string) bool {
	return len(s) == 36 && strings.Count(s, "-") == 4 && strings.Trim(s, "0123456789abcdef-") == ""
}

func (d DataNudge) detail() string {
	return words(string(d.Kind), in("until %s", when(d.Until)))
}
func (d DataActivity) detail() string { return words(d.Person, in("(%s)", d.What)) }
func (d DataNote) detail() string     { return d.Text }
func (d DataEscalation) detail() string {
	level := ""
	if d.Level > 0 {
		level = fmt.Sprintf("level %d, round %d", d.Level, d.Round)
	}
	comma := ""
	if d.Path != "" && level != "" {
		comma = ","
	}
	return words(d.Path+comma, level, in("(%s)", d.Reason))
}
