package incidentlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/litekit"
)

// document is an incident as it is stored, but for number, version and seq.
type document struct {
	incident.Columns
	doc, brief           []byte
	search               string
	keys, people, fields string // JSON arrays
	keyed                bool
}

// encodeDocument does what needs no transaction.
func encodeDocument(inc *incident.Incident) (d document, err error) {
	if d.doc, err = incident.EncodeIncident(inc); err != nil {
		return d, err
	}
	brief := inc.Brief()
	if d.brief, err = incident.EncodeIncident(&brief); err != nil {
		return d, err
	}
	d.Columns, d.search = inc.Columns(), inc.SearchText()
	keys := []string{}
	for _, k := range inc.Held() {
		keys = append(keys, k.Text)
	}
	d.keyed = len(keys) > 0
	fields := [][2]string{}
	for field, values := range inc.Fields {
		for _, value := range values {
			fields = append(fields, [2]string{field, value})
		}
	}
	d.keys, d.people, d.fields = list(keys), list(d.People), list(fields)
	return d, nil
}

// list is how many values come as one argument.
func list[T any](values []T) string {
	if len(values) == 0 {
		return "[]"
	}
	data, err := json.Marshal(values)
	if err != nil { // of texts and numbers there always is one
		return "[]"
	}
	return string(data)
}

// Create implements [incident.Store].
func (s *Store) Create(ctx context.Context, inc incident.Incident, evs []incident.Event) (incident.Incident, error) {
	d, err := encodeDocument(&inc)
	if err != nil {
		return incident.Incident{}, err
	}
	inc.Version, inc.Seq = 1, int64(len(evs))
	err = s.write(ctx, "create an incident", func(x *tx) error {
		if err := x.checkKeys(0, d); err != nil {
			return err
		}
		inc.Number, err = litekit.Value[int64](x, sqlIncidentAdd, d.args(inc.Version, inc.Seq)...)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("incident %s: %w", inc.ID, incident.ErrDuplicate)
		}
		if err != nil {
			return err
		}
		if err := x.addEvents(&inc, 0, evs); err != nil {
			return err
		}
		return x.takeParts(inc.Number, d)
	})
	if err != nil {
		return incident.Incident{}, err
	}
	return inc, nil
}

// args are the arguments of sqlIncidentAdd and sqlIncidentSet.
func (d document) args(version, seq int64) []any {
	return []any{d.ID, version, seq, string(d.Status), d.Severity, d.Type, string(d.Mode), string(d.Visibility), d.MergedInto,
		litekit.Micros(d.Created), litekit.Micros(d.Updated), litekit.Micros(d.Ended), litekit.Micros(d.PageDueAt), litekit.Micros(d.NudgeDueAt), d.HasChannel,
		d.search, d.brief, d.doc}
}

// takeParts stores what stands in tables of its own.
func (x *tx) takeParts(number int64, d document) error {
	for _, part := range []struct{ statement, list string }{
		{sqlKeyTake, d.keys}, {sqlPersonTake, d.people}, {sqlFieldTake, d.fields},
	} {
		if part.list == "[]" {
			continue
		}
		if _, err := x.Exec(part.statement, number, part.list); err != nil {
			return err
		}
	}
	return nil
}

// freeParts deletes what an incident does not have any more.
func (x *tx) freeParts(number int64, d document) error {
	for _, part := range []struct{ statement, list string }{
		{sqlKeyFree, d.keys}, {sqlPersonFree, d.people}, {sqlFieldFree, d.fields},
	} {
		if _, err := x.Exec(part.statement, number, part.list); err != nil {
			return err
		}
	}
	return nil
}

// holder is the row of key_holder.sql.
type holder struct {
	Key    string `db:"key"`
	ID     string `db:"id"`
	Number int64  `db:"number"`
}

// checkKeys returns *incident.ExistsError if another incident holds one of the keys.
func (x *tx) checkKeys(number int64, d document) error {
	if !d.keyed {
		return nil
	}
	h, err := litekit.One[holder](x, sqlKeyHolder, number, d.keys)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &incident.ExistsError{IncidentID: h.ID, Ref: incident.Ref(h.Number), Key: h.Key}
}

// addEvents stores events that follow number seq of their incident.
func (x *tx) addEvents(inc *incident.Incident, seq int64, evs []incident.Event) error {
	for _, e := range evs {
		seq++
		e = e.Belonging(inc, seq)
		body, err := incident.EncodeEvent(&e)
		if err != nil {
			return err
		}
		var pending int64
		if e.Type.Published() {
			pending = litekit.Micros(x.Now)
		}
		n, err := x.Exec(sqlEventAdd, e.ID, e.IncidentID, e.Seq, string(e.Type), e.Actor.ID, e.Key, litekit.Micros(e.RecordedAt),
			litekit.Micros(x.Now), pending, body)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("event %.80q of %s: %w", e.Type, incident.Ref(e.Number), incident.ErrDuplicate)
		}
	}
	return nil
}

// head is the row of incident_head.sql.
type head struct {
	Number     int64  `db:"number"`
	Version    int64  `db:"version"`
	Seq        int64  `db:"seq"`
	Mode       string `db:"mode"`
	Visibility string `db:"visibility"`
}

// Save implements [incident.Store].
func (s *Store) Save(ctx context.Context, changes ...incident.Change) ([]incident.Incident, error) {
	documents := make([]document, len(changes))
	for i, c := range changes {
		if c.Incident == nil {
			continue
		}
		var err error
		if documents[i], err = encodeDocument(c.Incident); err != nil {
			return nil, err
		}
	}
	results := make([]incident.Incident, len(changes))
	if len(changes) == 0 {
		return results, nil
	}
	err := s.write(ctx, "save incidents", func(x *tx) (err error) {
		for i, c := range changes {
			if results[i], err = x.change(c, documents[i]); err != nil {
				return err
			}
		}
		for i, d := range documents { // after all were freed: a merge moves them
			if changes[i].Incident == nil {
				continue
			}
			if err := x.checkKeys(results[i].Number, d); err != nil {
				return err
			}
			if err := x.takeParts(results[i].Number, d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// change makes one change, but for what it takes, and returns the incident as it then stands.
func (x *tx) change(c incident.Change, d document) (incident.Incident, error) {
	inc := incident.Incident{ID: c.IncidentID}
	if c.Incident != nil {
		inc = *c.Incident
	}
	h, err := litekit.One[head](x, sqlIncidentHead, inc.ID)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("incident %.80q: %w", inc.ID, incident.ErrNotFound)
	}
	if err != nil {
		return incident.Incident{}, err
	}
	inc.Number, inc.Version, inc.Seq = h.Number, h.Version, h.Seq+int64(len(c.Events))
	if c.Incident == nil {
		return x.addOnly(inc, h, c.Events)
	}
	if h.Version != c.Expected {
		return incident.Incident{}, x.conflict(inc.ID, h, c.Expected)
	}
	inc.Version++
	if err := x.addEvents(&inc, h.Seq, c.Events); err != nil {
		return incident.Incident{}, err
	}
	if _, err := x.Exec(sqlIncidentSet, d.args(inc.Version, inc.Seq)...); err != nil {
		return incident.Incident{}, err
	}
	return inc, x.freeParts(inc.Number, d)
}

// addOnly adds events and leaves the document alone.
func (x *tx) addOnly(inc incident.Incident, h head, evs []incident.Event) (incident.Incident, error) {
	of := inc
	of.Mode, of.Visibility = incident.Mode(h.Mode), incident.Visibility(h.Visibility)
	if err := x.addEvents(&of, h.Seq, evs); err != nil {
		return incident.Incident{}, err
	}
	_, err := x.Exec(sqlIncidentSeq, inc.ID, inc.Seq)
	return inc, err
}

// conflict says who was first.
func (x *tx) conflict(id string, h head, expected int64) error {
	conflict := &incident.ConflictError{Ref: incident.Ref(h.Number), Version: h.Version,
		What: fmt.Sprintf("it is at version %d, not %d any more", h.Version, expected)}
	bodies, err := litekit.Values[[]byte](x, sqlEventLast, id)
	if err != nil {
		return err
	}
	for _, body := range bodies {
		last, err := incident.DecodeEvent(body)
		if err != nil {
			return err
		}
		conflict.By, conflict.At = last.Actor, last.RecordedAt
	}
	return conflict
}
