package incident

import "encoding/json"

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
