package incident

import (
	"encoding/json"
	"fmt"
)

// record collects what happens while a verb runs: every event is made here, so that all carry who,
// when, in whose sight and because of what.
type record struct {
	inc *Incident
	act Act
	evs []Event
	err error
}

// begin starts a record. Names and ids of an actor come from outside and are cleaned here; their role
// is not stored, so what is kept in memory does not have it either.
func (inc *Incident) begin(act Act) *record {
	act.By.Role = ""
	act.By.ID = clip(act.By.ID, maxID)
	act.By.Name = clip(act.By.Name, maxName)
	act.Cause, act.Traceparent = clip(act.Cause, maxID), clip(act.Traceparent, maxID)
	return &record{inc: inc, act: act}
}

// add notes an event and returns its id. The first one of a record takes the key of the act.
func (r *record) add(t EventType, data any) string {
	body, err := json.Marshal(data)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("write what %s says: %w", t, err)
	}
	e := Event{
		ID: r.act.NewID(), Type: t, V: 1, IncidentID: r.inc.ID, Number: r.inc.Number,
		OccurredAt: r.act.At, RecordedAt: r.act.At, Actor: r.act.By,
		Visibility: r.inc.Visibility, Mode: r.inc.Mode,
		Cause: r.act.Cause, Traceparent: r.act.Traceparent, Data: body,
	}
	if len(r.evs) == 0 {
		e.Key = r.act.Key
	}
	r.evs = append(r.evs, e)
	return e.ID
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
