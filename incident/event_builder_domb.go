package incident

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tidy makes a text from outside fit to be kept: one line of valid UTF-8 without control characters,
// of at most so many characters.
func tidy(s string, limit int) string {
	s = s[:min(len(s), limit*utf8.UTFMax)]
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) {
			return '\uFFFD'
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if runes := []rune(s); len(runes) > limit {
		s = string(runes[:limit])
	}
	return strings.TrimSpace(s)
}

// tidied is an act whose author may be kept.
func tidied(act Act) Act {
	act.By.ID, act.By.Name = tidy(act.By.ID, 200), tidy(act.By.Name, 200)
	act.Cause, act.Traceparent = tidy(act.Cause, 200), tidy(act.Traceparent, 200)
	return act
}

// event returns an event of the incident as it stands, by the author and at the time of an act.
func (inc *Incident) event(act Act, t EventType, data any) Event {
	e := Event{
		ID: act.NewID(), Type: t, V: 1, IncidentID: inc.ID, Number: inc.Number,
		OccurredAt: act.At, RecordedAt: act.At, Actor: act.By,
		Visibility: inc.Visibility, Mode: inc.Mode, Cause: act.Cause, Traceparent: act.Traceparent,
	}
	if data == nil {
		return e
	}
	raw, err := json.Marshal(data)
	if err != nil {
		panic("incident: data of " + string(t) + " cannot be written: " + err.Error()) // it is made of plain types
	}
	e.Data = raw
	return e
}
