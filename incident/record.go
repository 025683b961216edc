package incident

import (
	"encoding/json"
)

// record collects what happens while a verb runs: every event is made here, so that all carry who,
// when, in whose sight and because of what.
type record struct {
	inc *Incident
	act Act
	evs []Event
	err error
}

// begin starts a record.
func (inc *Incident) begin(act Act) *record {
	return &record{inc: inc, act: tidied(act)}
}

// tidied is an act whose author and cause may be kept.
func tidied(act Act) Act {
	act.By.Role = "" // it is not stored, so what is kept in memory does not have it either
	act.By.ID, act.By.Name = clip(act.By.ID, maxID), clip(act.By.Name, maxName)
	act.Cause, act.Traceparent = clip(act.Cause, maxID), clip(act.Traceparent, maxID)
	return act
}

// add notes an event and returns its id. The first one of a record takes the key of the act.
func (r *record) add(t EventType, data any) string {
	e := r.inc.event(r.act, t, data)
	if len(r.evs) == 0 {
		e.Key = r.act.Key
	}
	r.evs = append(r.evs, e)
	return e.ID
}

// event returns an event of the incident as it stands, by the author and at the time of an act.
func (inc *Incident) event(act Act, t EventType, data any) Event {
	body, err := json.Marshal(data)
	if err != nil {
		panic("incident: what " + string(t) + " says cannot be written: " + err.Error()) // it is made of plain types
	}
	return Event{
		ID: act.NewID(), Type: t, V: 1, IncidentID: inc.ID, Number: inc.Number,
		OccurredAt: act.At, RecordedAt: act.At, Actor: act.By, Visibility: inc.Visibility, Mode: inc.Mode,
		Cause: act.Cause, Traceparent: act.Traceparent, Data: body,
	}
}

// take appends events that were made elsewhere with r.inner.
func (r *record) take(evs []Event) { r.evs = append(r.evs, evs...) }

// inner is the act for what happens as a part of this one: its key is spent.
func (r *record) inner() Act {
	act := r.act
	act.Key = ""
	return act
}

// end returns what happened. Where nothing did, the document is as it was.
func (r *record) end() ([]Event, error) {
	if r.err != nil {
		return nil, r.err
	}
	if len(r.evs) > 0 {
		r.inc.Times.Updated = r.act.At
	}
	return r.evs, nil
}

// note is a verb that records one event and nothing else.
func (inc *Incident) note(act Act, t EventType, data any) ([]Event, error) {
	r := inc.begin(act)
	r.add(t, data)
	return r.end()
}
