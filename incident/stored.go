package incident

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file is what all stores share: how things are written, how large they may be, what a page is.

const (
	// MaxDocument bounds the document of an incident, an event, and the body of an inbound row, in bytes.
	MaxDocument = 1 << 20

	maxAttributes    = 64   // of an inbound row
	maxAttribute     = 1024 // bytes of a value, or of an id; the least that any broker takes
	maxAttributeName = 256  // bytes of an attribute's name
)

// EncodeIncident returns the document of an incident as stores keep it: without number, version and
// seq, which are columns. It returns an error that wraps [ErrTooLarge] or [ErrInvalid].
func EncodeIncident(inc *Incident) ([]byte, error) {
	if inc.ID == "" {
		return nil, &FieldError{"id", "an incident must have one"}
	}
	if !inc.Status.Valid() {
		return nil, &FieldError{"status", fmt.Sprintf("%.40q is none", string(inc.Status))}
	}
	doc := *inc
	doc.Number, doc.Version, doc.Seq = 0, 0, 0
	return encode("incident "+inc.ID, doc)
}

// DecodeIncident is the inverse of [EncodeIncident].
func DecodeIncident(doc []byte, number, version, seq int64) (Incident, error) {
	var inc Incident
	if err := json.Unmarshal(doc, &inc); err != nil {
		return Incident{}, fmt.Errorf("the document of %s: %w", Ref(number), err)
	}
	inc.Number, inc.Version, inc.Seq = number, version, seq
	return inc, nil
}

// Brief returns what a listing shows of an incident: who, what, where it stands and since when.
func (inc *Incident) Brief() Incident {
	return Incident{
		ID: inc.ID, Number: inc.Number, Version: inc.Version, Seq: inc.Seq,
		Name: inc.Name, Summary: inc.Summary, Status: inc.Status, Resumes: inc.Resumes, Severity: inc.Severity,
		Type: inc.Type, Mode: inc.Mode, GameDay: inc.GameDay, Visibility: inc.Visibility, Origin: inc.Origin,
		Times: inc.Times, Reopens: inc.Reopens, MergedInto: inc.MergedInto, Assignments: inc.Assignments,
		LastUpdate: inc.LastUpdate, NextUpdateDue: inc.NextUpdateDue, Fields: inc.Fields, NudgeAt: inc.NudgeAt,
		Channel: inc.Channel,
	}
}

// EncodeEvent returns an event as stores keep it. It returns an error that wraps [ErrTooLarge] or
// [ErrInvalid].
func EncodeEvent(e *Event) ([]byte, error) {
	if e.ID == "" || len(e.ID) > maxAttribute || e.Type == "" || len(e.Type) > maxAttribute {
		return nil, &FieldError{"event", "it must have an id and a type of at most 1,024 bytes"}
	}
	return encode("event "+e.ID, e)
}

// DecodeEvent is the inverse of [EncodeEvent].
func DecodeEvent(body []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, fmt.Errorf("an event: %w", err)
	}
	return e, nil
}

func encode(what string, v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", what, ErrInvalid, err)
	}
	if len(data) > MaxDocument {
		return nil, fmt.Errorf("%s has %d bytes: %w", what, len(data), ErrTooLarge)
	}
	return data, nil
}

// Belonging returns an event as number seq of an incident. It is private if its incident is, whatever
// the verb knew that made it.
func (e Event) Belonging(inc *Incident, seq int64) Event {
	e.IncidentID, e.Number, e.Seq = inc.ID, inc.Number, seq
	if e.Visibility == "" || inc.Visibility == Private {
		e.Visibility = inc.Visibility
	}
	if e.Mode == "" {
		e.Mode = inc.Mode
	}
	if e.V == 0 {
		e.V = 1
	}
	return e
}

// Published reports whether events of a type go to the broker. Those of a type that this version
// does not know do.
func (t EventType) Published() bool {
	trait, known := TraitOf(t)
	return trait.Published || !known
}

// Held returns the keys that an incident holds: each once, and those that are open only while it is.
func (inc *Incident) Held() []Key {
	var held []Key
	for _, k := range inc.Keys {
		at := slices.IndexFunc(held, func(h Key) bool { return h.Text == k.Text })
		switch {
		case k.Open && !inc.Status.Open():
		case at < 0:
			held = append(held, k)
		case !k.Open:
			held[at].Open = false
		}
	}
	return held
}

// ParseRef returns the number that a reference such as "INC-42", "inc-42" or "42" names, false for
// what is none.
func ParseRef(ref string) (int64, bool) {
	digits := ref
	if len(ref) > 4 && strings.EqualFold(ref[:4], "INC-") {
		digits = ref[4:]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n > 0 && digits[0] != '+'
}

// FoldText returns a text as it is searched: case does not matter.
func FoldText(s string) string { return strings.ToLower(s) }

// SearchText is where [Filter].Text is looked for, folded.
func (inc *Incident) SearchText() string { return FoldText(inc.Name + "\n" + inc.Summary) }

// PageSize is how many incidents a page has.
func (f Filter) PageSize() int { return pageSize(f.Limit, 30, 200) }

// PageSize is how many events a page has.
func (f EventFilter) PageSize() int { return pageSize(f.Limit, 100, 1000) }

func pageSize(limit, usual, most int) int {
	if limit <= 0 {
		return usual
	}
	return min(limit, most)
}

// Wanted returns the statuses that a filter lets through, and false if it lets all.
func (f Filter) Wanted() ([]Status, bool) {
	if len(f.Statuses)+len(f.Stages) == 0 {
		return nil, false
	}
	wanted := []Status{}
	for _, s := range Statuses() {
		if (len(f.Statuses) == 0 || slices.Contains(f.Statuses, s)) &&
			(len(f.Stages) == 0 || slices.Contains(f.Stages, s.Stage())) {
			wanted = append(wanted, s)
		}
	}
	return wanted, true
}

// SeesAll reports that private incidents are no secret from r. Nil is the program itself.
func (r *Reader) SeesAll() bool { return r == nil || r.Role.Allows(Admin) }

// ParseCursor returns the number in a cursor, 0 for none, or a *[FieldError].
func ParseCursor(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || n <= 0 {
		return 0, &FieldError{"cursor", fmt.Sprintf("%.40q was not given by a listing", cursor)}
	}
	return n, nil
}

// Validate returns a *[FieldError] for a row that no broker would take: what cannot be published must
// not be accepted.
func (in Inbound) Validate() error {
	switch {
	case in.ID == "" || !attribute(in.ID):
		return &FieldError{"id", "a row must have one, of at most 1,024 bytes of text"}
	case in.Topic == "":
		return &FieldError{"topic", "a row must have one"}
	case !attribute(in.Kind):
		return &FieldError{"kind", "it has more than 1,024 bytes, or is no text"}
	case len(in.Body) > MaxDocument:
		return &FieldError{"body", fmt.Sprintf("%d bytes are more than 1 MiB", len(in.Body))}
	case len(in.Attributes) > maxAttributes:
		return &FieldError{"attributes", fmt.Sprintf("%d are more than %d", len(in.Attributes), maxAttributes)}
	}
	for name, value := range in.Attributes {
		if name == "" || len(name) > maxAttributeName || !attribute(name) || !attribute(value) || strings.HasPrefix(name, "goog") {
			return &FieldError{"attributes", fmt.Sprintf("%.40q and its value must be texts of 1 to %d and at most %d "+
				"bytes, and not begin with goog", name, maxAttributeName, maxAttribute)}
		}
	}
	return nil
}

// attribute reports whether every broker and every store takes a text as an attribute.
func attribute(s string) bool {
	return len(s) <= maxAttribute && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}
