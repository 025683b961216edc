package incidenttest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/theriac/theriac/incident"
)

// List implements [incident.Store].
func (s *Store) List(ctx context.Context, f incident.Filter) (incident.Page, error) {
	cursor, err := incident.ParseCursor(f.Cursor)
	if err != nil {
		return incident.Page{}, err
	}
	if err := s.lock(ctx); err != nil {
		return incident.Page{}, err
	}
	defer s.mu.Unlock()
	var page incident.Page
	for _, r := range slices.Backward(s.numbers) {
		if cursor != 0 && r.number >= cursor || !r.matches(f) {
			continue
		}
		if len(page.Incidents) == f.PageSize() {
			page.Next = strconv.FormatInt(page.Incidents[len(page.Incidents)-1].Number, 10)
			return page, nil
		}
		inc, err := r.load(r.brief)
		if err != nil {
			return incident.Page{}, err
		}
		page.Incidents = append(page.Incidents, inc)
	}
	return page, nil
}

func (r *record) matches(f incident.Filter) bool {
	c := &r.columns
	statuses, some := f.Wanted()
	return (!some || slices.Contains(statuses, c.Status)) &&
		(len(f.Severities) == 0 || slices.Contains(f.Severities, c.Severity)) &&
		(len(f.Modes) == 0 || slices.Contains(f.Modes, c.Mode)) &&
		(f.Text == "" || strings.Contains(r.search, incident.FoldText(f.Text))) &&
		(f.Field == "" || slices.Contains(r.fields[f.Field], f.Value)) &&
		(f.Person == "" || slices.Contains(c.People, f.Person)) &&
		r.sees(f.For)
}

// Events implements [incident.Store].
func (s *Store) Events(ctx context.Context, f incident.EventFilter) (incident.EventPage, error) {
	seq := f.AfterSeq
	if f.IncidentID != "" {
		cursor, err := incident.ParseCursor(f.Cursor)
		if err != nil {
			return incident.EventPage{}, err
		}
		seq = max(seq, cursor)
	}
	if err := s.lock(ctx); err != nil {
		return incident.EventPage{}, err
	}
	defer s.mu.Unlock()
	list := s.lists[f.IncidentID]
	if f.IncidentID == "" {
		list = s.allLocked()
	}
	var page incident.EventPage
	for _, e := range list {
		if f.IncidentID != "" && e.Seq <= seq || f.IncidentID == "" && e.ID <= f.Cursor || !e.matches(f) {
			continue
		}
		if n := len(page.Events); n == f.PageSize() {
			page.Next = page.Events[n-1].ID
			if f.IncidentID != "" {
				page.Next = strconv.FormatInt(page.Events[n-1].Seq, 10)
			}
			return page, nil
		}
		event, err := incident.DecodeEvent(e.body)
		if err != nil {
			return incident.EventPage{}, err
		}
		page.Events = append(page.Events, event)
	}
	return page, nil
}

// allLocked returns all events by id.
func (s *Store) allLocked() []*stored {
	var all []*stored
	for _, list := range s.lists {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b *stored) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func (e *stored) matches(f incident.EventFilter) bool {
	return (len(f.Types) == 0 || slices.Contains(f.Types, e.Type)) &&
		(f.Actor == "" || e.Actor.ID == f.Actor) &&
		(f.Since.IsZero() || !e.RecordedAt.Before(f.Since)) &&
		(f.Until.IsZero() || e.RecordedAt.Before(f.Until))
}
