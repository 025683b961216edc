package incidentpg

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/pgkit"
)

// incidentRow is an incident as it is read.
type incidentRow struct {
	Number   int64  `db:"number"`
	Version  int64  `db:"version"`
	Seq      int64  `db:"seq"`
	Document []byte `db:"document"`
}

func (r incidentRow) incident() (incident.Incident, error) {
	return incident.DecodeIncident(r.Document, r.Number, r.Version, r.Seq)
}

// eventRow is an event as it is read.
type eventRow struct {
	Number     int64  `db:"number"`
	Seq        int64  `db:"seq"`
	Visibility string `db:"visibility"`
	Mode       string `db:"mode"`
	Body       []byte `db:"body"`
}

func (r eventRow) event() (incident.Event, error) {
	e, err := incident.DecodeEvent(r.Body)
	if err != nil {
		return incident.Event{}, fmt.Errorf("number %d of %s: %w", r.Seq, incident.Ref(r.Number), err)
	}
	e.Number, e.Seq = r.Number, r.Seq
	e.Visibility, e.Mode = incident.Visibility(r.Visibility), incident.Mode(r.Mode)
	return e, nil
}

// documentArgs are the arguments of an incident's row.
func documentArgs(inc *incident.Incident) (pgx.NamedArgs, error) {
	document, err := incident.EncodeIncident(inc)
	if err != nil {
		return nil, err
	}
	brief := inc.Brief()
	listing, err := incident.EncodeIncident(&brief)
	if err != nil {
		return nil, err
	}
	c := inc.Columns()
	return pgx.NamedArgs{
		"id": c.ID, "status": string(c.Status), "stage": string(c.Stage), "mode": string(c.Mode),
		"visibility": string(c.Visibility), "severity": pgkit.Blob(c.Severity), "type": pgkit.Blob(c.Type), "merged_into": c.MergedInto,
		"created_at": bounded(c.Created), "updated_at": bounded(c.Updated), "ended_at": nullable(c.Ended),
		"page_due_at": nullable(c.PageDueAt), "nudge_due_at": nullable(c.NudgeDueAt), "has_channel": c.HasChannel,
		"people": blobs(c.People), "fields": fieldBlobs(inc.Fields), "search": pgkit.Blob(inc.SearchText()),
		"listing": listing, "document": document, "keys": heldBlobs(inc),
	}, nil
}

// addEvents adds the arguments of the events of one incident.
func addEvents(args pgx.NamedArgs, incidentID string, evs []incident.Event) error {
	bodies := make([][]byte, len(evs))
	for i, e := range evs {
		e.IncidentID, e.V = incidentID, max(e.V, 1)
		body, err := incident.EncodeEvent(&e)
		if err != nil {
			return err
		}
		bodies[i] = body
	}
	type event = incident.Event
	args["event_bodies"] = bodies
	args["event_ids"] = pgkit.Column(evs, func(e event) string { return e.ID })
	args["event_types"] = pgkit.Column(evs, func(e event) string { return string(e.Type) })
	args["event_actors"] = pgkit.Column(evs, func(e event) []byte { return pgkit.Blob(e.Actor.ID) })
	args["event_keys"] = pgkit.Column(evs, func(e event) []byte {
		if e.Key == "" {
			return nil // null: many may have none
		}
		return []byte(e.Key)
	})
	args["event_recorded"] = pgkit.Column(evs, func(e event) time.Time { return bounded(e.RecordedAt) })
	args["event_visibilities"] = pgkit.Column(evs, func(e event) string { return string(e.Visibility) })
	args["event_modes"] = pgkit.Column(evs, func(e event) string { return string(e.Mode) })
	args["event_published"] = pgkit.Column(evs, func(e event) bool { return e.Type.Published() })
	return nil
}

// heldBlobs are the keys that an incident holds.
func heldBlobs(inc *incident.Incident) [][]byte {
	return pgkit.Column(inc.Held(), func(k incident.Key) []byte { return pgkit.Blob(k.Text) })
}

// fieldBlobs are the values of custom fields, each with the name of its field.
func fieldBlobs(fields map[string]incident.FieldValue) [][]byte {
	all := [][]byte{}
	for field, values := range fields {
		for _, value := range values {
			all = append(all, fieldBlob(field, value))
		}
	}
	return all
}

// fieldBlob is a pair that no other pair is the same as.
func fieldBlob(field, value string) []byte {
	return fmt.Appendf(nil, "%d:%s%s", len(field), field, value)
}

// bounded keeps a time inside what the server's timestamps can hold.
func bounded(t time.Time) time.Time {
	first, last := time.Date(-4000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(290_000, 1, 1, 0, 0, 0, 0, time.UTC)
	switch {
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t
}

// nullable is a time as a column takes it, null for never.
func nullable(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	at := bounded(t)
	return &at
}

// encode returns a value of ours as JSON.
func encode(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", incident.ErrInvalid, err)
	}
	return data, nil
}

// decode is the inverse of encode.
func decode[T any](what string, data []byte) (v T, err error) {
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}
