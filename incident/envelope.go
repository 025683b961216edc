package incident

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"
	"unicode/utf8"
)

// UnknownEventError is an event of a type, or with data in a form, that this version of the program
// does not know. The event itself is fine.
type UnknownEventError struct {
	Type EventType
	V    int
}

// Error names both.
func (e *UnknownEventError) Error() string {
	return fmt.Sprintf("events of type %.80q in version %d are not known to this program", string(e.Type), e.V)
}

// ProblemKind returns "invalid".
func (e *UnknownEventError) ProblemKind() string { return "invalid" }

// Envelope returns an event as it is published: its JSON, and what handlers choose by as attributes.
// The JSON of a private incident's event is its id and nothing else; whoever needs more loads the
// incident, if they may. Stored is left to the store.
func Envelope(e Event) Outgoing {
	out := Outgoing{ID: e.ID, Topic: TopicEvents, Attributes: map[string]string{
		AttrKind: KindEvent, AttrID: e.ID, AttrType: string(e.Type), AttrV: strconv.Itoa(e.V),
		AttrIncident: e.IncidentID, AttrSeq: strconv.FormatInt(e.Seq, 10),
	}}
	some := map[string]string{
		AttrVisibility: string(e.Visibility), AttrMode: string(e.Mode), AttrCause: e.Cause, AttrTrace: e.Traceparent,
	}
	if !e.NotAfter.IsZero() {
		some[AttrNotAfter] = e.NotAfter.Format(time.RFC3339Nano)
	}
	if e.Visibility != Private {
		some[AttrKey] = e.Key
		if data, err := json.Marshal(e); err == nil {
			out.Data = data
		}
	}
	if out.Data == nil {
		out.Data = onlyID(e.ID)
	}
	for name, value := range some {
		if value != "" && len(value) <= maxAttribute { // longer ones stand in the JSON
			out.Attributes[name] = value
		}
	}
	return out
}

// onlyID is the JSON of an event that says nothing else.
func onlyID(id string) []byte {
	data, err := json.Marshal(struct {
		ID string `json:"id"`
	}{id})
	if err != nil { // a text always has a JSON
		return []byte("{}")
	}
	return data
}

// Envelope returns a row as it is published.
func (in Inbound) Envelope() Outgoing {
	attributes := map[string]string{}
	maps.Copy(attributes, in.Attributes)
	attributes[AttrKind], attributes[AttrID] = in.Kind, in.ID
	return Outgoing{ID: in.ID, Topic: in.Topic, Data: in.Body, Attributes: attributes, Stored: in.Stored}
}

// ParseEnvelope reads what [Envelope] wrote. An event of a private incident has nothing but what its
// attributes say. It returns an error that wraps [ErrInvalid] for what is no event or contradicts
// itself, and a *[UnknownEventError] together with the event for one of a later version.
func ParseEnvelope(data []byte, attrs map[string]string) (Event, error) {
	if kind := attrs[AttrKind]; kind != KindEvent {
		return Event{}, &FieldError{AttrKind, fmt.Sprintf("%.40q is no event", kind)}
	}
	if len(data) > 2*MaxDocument {
		return Event{}, &FieldError{"data", fmt.Sprintf("%d bytes are too many for an event", len(data))}
	}
	var e Event
	if err := json.Unmarshal(data, &e); err != nil {
		return Event{}, &FieldError{"data", fmt.Sprintf("no event: %.200q", err.Error())}
	}
	if err := e.complete(attrs); err != nil {
		return Event{}, err
	}
	if _, known := TraitOf(e.Type); !known || e.V != 1 {
		return e, &UnknownEventError{Type: e.Type, V: e.V}
	}
	return e, nil
}

// complete fills in what only the attributes say, and refuses attributes that say something else.
func (e *Event) complete(attrs map[string]string) error {
	numbers := [2]int64{int64(e.V), e.Seq}
	for i, name := range []string{AttrV, AttrSeq} {
		n, err := strconv.ParseInt(attrs[name], 10, 32+32*i)
		if err != nil || n <= 0 || (numbers[i] != 0 && numbers[i] != n) {
			return &FieldError{name, fmt.Sprintf("%.40q is not what the event says", attrs[name])}
		}
		numbers[i] = n
	}
	e.V, e.Seq = int(numbers[0]), numbers[1]
	texts := []struct {
		name     string
		field    *string
		required bool
	}{
		{AttrID, &e.ID, true}, {AttrType, (*string)(&e.Type), true}, {AttrIncident, &e.IncidentID, true},
		{AttrVisibility, (*string)(&e.Visibility), false}, {AttrMode, (*string)(&e.Mode), false},
		{AttrCause, &e.Cause, false}, {AttrTrace, &e.Traceparent, false}, {AttrKey, &e.Key, false},
	}
	for _, t := range texts {
		if err := fill(t.field, attrs, t.name, t.required); err != nil {
			return err
		}
	}
	return e.fillNotAfter(attrs[AttrNotAfter])
}

func fill(field *string, attrs map[string]string, name string, required bool) error {
	value, ok := attrs[name]
	switch {
	case required && (value == "" || len(value) > maxAttribute):
		return &FieldError{name, "an event must have it, in at most 1,024 bytes"}
	case !ok:
	case !utf8.ValidString(value) || (*field != "" && *field != value):
		return &FieldError{name, fmt.Sprintf("%.40q is not what the event says", value)}
	default:
		*field = value
	}
	return nil
}

func (e *Event) fillNotAfter(text string) error {
	if text == "" {
		return nil
	}
	var at time.Time
	if err := at.UnmarshalText([]byte(text)); err != nil || (!e.NotAfter.IsZero() && !e.NotAfter.Equal(at)) {
		return &FieldError{AttrNotAfter, fmt.Sprintf("%.40q is not what the event says", text)}
	}
	if e.NotAfter.IsZero() {
		e.NotAfter = at
	}
	return nil
}
