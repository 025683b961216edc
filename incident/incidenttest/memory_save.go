package incidenttest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/incident"
)

// Create implements [incident.Store].
func (s *Store) Create(ctx context.Context, inc incident.Incident, evs []incident.Event) (incident.Incident, error) {
	if err := s.lock(ctx); err != nil {
		return incident.Incident{}, err
	}
	defer s.mu.Unlock()
	inc.Number, inc.Version, inc.Seq = int64(len(s.numbers)+1), 1, 0
	d := s.draft()
	if err := d.takeKeys(&inc, true); err != nil {
		return incident.Incident{}, err
	}
	if s.incidents[inc.ID] != nil {
		return incident.Incident{}, fmt.Errorf("incident %s: %w", inc.ID, incident.ErrDuplicate)
	}
	if err := d.put(&inc, evs); err != nil {
		return incident.Incident{}, err
	}
	d.commit()
	r := s.incidents[inc.ID]
	return r.load(r.doc)
}

// Save implements [incident.Store].
func (s *Store) Save(ctx context.Context, changes ...incident.Change) ([]incident.Incident, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	d := s.draft()
	results := make([]incident.Incident, len(changes))
	for i, c := range changes {
		if c.Incident != nil {
			d.freeKeys(c.Incident)
		}
		var err error
		if results[i], err = d.change(c); err != nil {
			return nil, err
		}
	}
	for _, c := range changes { // after all were freed: a merge moves them
		if c.Incident != nil {
			if err := d.takeKeys(c.Incident, false); err != nil {
				return nil, err
			}
		}
	}
	d.commit()
	return results, nil
}

// draft is what a transaction would leave behind.
type draft struct {
	s         *Store
	now       time.Time
	incidents map[string]*record
	keys      map[string]heldKey // taken, or freed where the incident is ""
	fresh     []*stored
}

func (s *Store) draft() *draft {
	return &draft{s: s, now: s.now(), incidents: make(map[string]*record), keys: make(map[string]heldKey)}
}

// record returns an incident as the transaction sees it, nil for none.
func (d *draft) record(id string) *record {
	if r := d.incidents[id]; r != nil {
		return r
	}
	return d.s.incidents[id]
}

// holder returns who holds a key as the transaction sees it.
func (d *draft) holder(key string) heldKey {
	if k, ok := d.keys[key]; ok {
		return k
	}
	return d.s.keys[key]
}

func (d *draft) freeKeys(inc *incident.Incident) {
	r := d.record(inc.ID)
	if r == nil {
		return
	}
	held := inc.Held()
	for _, k := range r.held {
		if !slices.Contains(held, k) {
			d.keys[k.Text] = heldKey{}
		}
	}
}

func (d *draft) takeKeys(inc *incident.Incident, fresh bool) error {
	for _, k := range inc.Held() {
		holder := d.holder(k.Text)
		if holder.incident != "" && (fresh || holder.incident != inc.ID) {
			return &incident.ExistsError{IncidentID: holder.incident,
				Ref: incident.Ref(d.record(holder.incident).number), Key: k.Text}
		}
		d.keys[k.Text] = heldKey{incident: inc.ID}
	}
	return nil
}

// change makes one change and returns the incident as it then stands.
func (d *draft) change(c incident.Change) (incident.Incident, error) {
	id := c.IncidentID
	if c.Incident != nil {
		id = c.Incident.ID
	}
	r := d.record(id)
	if r == nil {
		return incident.Incident{}, fmt.Errorf("incident %.80q: %w", id, incident.ErrNotFound)
	}
	if c.Incident == nil {
		return d.addOnly(r, c.Events)
	}
	if r.version != c.Expected {
		return incident.Incident{}, d.conflict(r, c.Expected)
	}
	inc := *c.Incident
	inc.Number, inc.Version, inc.Seq = r.number, r.version+1, r.seq
	if err := d.put(&inc, c.Events); err != nil {
		return incident.Incident{}, err
	}
	r = d.incidents[id]
	return r.load(r.doc)
}

func (d *draft) conflict(r *record, expected int64) error {
	list := d.s.lists[r.columns.ID]
	conflict := &incident.ConflictError{Ref: incident.Ref(r.number), Version: r.version,
		What: fmt.Sprintf("it is at version %d, not %d any more", r.version, expected)}
	if len(list) > 0 {
		last := list[len(list)-1]
		conflict.By, conflict.At = last.Actor, last.RecordedAt
	}
	return conflict
}

// addOnly adds events and leaves the document alone.
func (d *draft) addOnly(r *record, evs []incident.Event) (incident.Incident, error) {
	after := *r
	inc := incident.Incident{ID: r.columns.ID, Number: r.number, Mode: r.columns.Mode, Visibility: r.columns.Visibility}
	for _, e := range evs {
		after.seq++
		if err := d.add(e.Belonging(&inc, after.seq)); err != nil {
			return incident.Incident{}, err
		}
	}
	d.incidents[inc.ID] = &after
	return incident.Incident{ID: inc.ID, Number: r.number, Version: r.version, Seq: after.seq}, nil
}

// put drafts an incident whose Seq is that of the event before these.
func (d *draft) put(inc *incident.Incident, evs []incident.Event) error {
	for _, e := range evs {
		inc.Seq++
		if err := d.add(e.Belonging(inc, inc.Seq)); err != nil {
			return err
		}
	}
	doc, err := incident.EncodeIncident(inc)
	if err != nil {
		return err
	}
	short := inc.Brief()
	brief, err := incident.EncodeIncident(&short)
	if err != nil {
		return err
	}
	columns := inc.Columns()
	columns.People = slices.Clone(columns.People)
	fields := make(map[string]incident.FieldValue)
	for id, values := range inc.Fields {
		fields[id] = slices.Clone(values)
	}
	d.incidents[inc.ID] = &record{doc: doc, brief: brief, columns: columns, search: inc.SearchText(), fields: fields,
		held: inc.Held(), number: inc.Number, version: inc.Version, seq: inc.Seq}
	return nil
}

func (d *draft) add(e incident.Event) error {
	body, err := incident.EncodeEvent(&e)
	if err != nil {
		return err
	}
	seen := func(old *stored) bool {
		return old.ID == e.ID || e.Key != "" && old.Key == e.Key && old.IncidentID == e.IncidentID
	}
	if d.s.events[e.ID] != nil || slices.ContainsFunc(d.s.lists[e.IncidentID], seen) || slices.ContainsFunc(d.fresh, seen) {
		return fmt.Errorf("event %.80q of %s: %w", e.Type, incident.Ref(e.Number), incident.ErrDuplicate)
	}
	if e, err = incident.DecodeEvent(body); err != nil {
		return err
	}
	d.fresh = append(d.fresh, &stored{Event: e, body: body})
	return nil
}

// commit makes it so.
func (d *draft) commit() {
	s := d.s
	for key, k := range d.keys {
		s.keys[key] = k
		if k.incident == "" {
			delete(s.keys, key)
		}
	}
	for id, r := range d.incidents {
		s.incidents[id] = r
		if r.number > int64(len(s.numbers)) {
			s.numbers = append(s.numbers, nil)
		}
		s.numbers[r.number-1] = r
	}
	for _, e := range d.fresh {
		s.events[e.ID] = e
		s.lists[e.IncidentID] = append(s.lists[e.IncidentID], e)
		e.waiting = &waiting{id: e.ID, at: d.now, out: func() incident.Outgoing { return s.envelope(e) }}
		if e.Type.Published() {
			e.waiting.since = d.now
			s.enqueueLocked(e.waiting)
		}
	}
}

// envelope is an event as it is published: what its incident keeps private now is private.
func (s *Store) envelope(e *stored) incident.Outgoing {
	event := e.Event
	if s.incidents[e.IncidentID].columns.Visibility == incident.Private {
		event.Visibility = incident.Private
	}
	return incident.Envelope(event)
}
