package incidenttest

import (
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
)

func eventPromises() []promise {
	return []promise{
		{"OfOneIncidentBySeq", eventsOfOne},
		{"AcrossAllByID", eventsOfAll},
		{"Filters", eventFilters},
		{"UnknownIncident_Nothing", func(b *bundle) {
			b.declare()
			b.wantEqual(0, len(b.events(incident.Incident{ID: "nobody"})), "events")
		}},
		{"WrongCursor_Invalid", func(b *bundle) {
			inc := b.declare()
			_, err := b.Store.Events(b.ctx, incident.EventFilter{IncidentID: inc.ID, Cursor: "x"})
			b.wantErr(err, incident.ErrInvalid, "cursor")
		}},
		{"ComeBackWhole", eventWhole},
		{"LimitsAreKept", eventLimits},
	}
}

// read returns the ids of all events that match, page by page.
func (b *bundle) read(f incident.EventFilter) []string {
	b.Helper()
	all := []string{}
	for {
		page, err := b.Store.Events(b.ctx, f)
		b.must(err)
		for _, e := range page.Events {
			all = append(all, e.ID)
		}
		if page.Next == "" {
			return all
		}
		if len(page.Events) != f.PageSize() || page.Next == f.Cursor {
			b.Fatalf("a page of %d in the middle, want %d and another cursor", len(page.Events), f.PageSize())
		}
		f.Cursor = page.Next
	}
}

func eventsOfOne(b *bundle) {
	inc, other := b.declare(), b.declare()
	want := []string{b.events(inc)[0].ID}
	for range 6 {
		e := b.event(incident.EvActivity)
		b.tell(inc, e)
		b.tell(other, b.event(incident.EvActivity))
		want = append(want, e.ID)
	}
	for _, limit := range []int{0, 1, 2, 6, 7} {
		b.wantEqual(want, b.read(incident.EventFilter{IncidentID: inc.ID, Limit: limit}), fmt.Sprint("limit ", limit))
		b.wantEqual(want[3:], b.read(incident.EventFilter{IncidentID: inc.ID, AfterSeq: 3, Limit: limit}), fmt.Sprint("after 3, limit ", limit))
	}
	b.wantEqual([]string{}, b.read(incident.EventFilter{IncidentID: inc.ID, AfterSeq: 7}), "after the last")
}

func eventsOfAll(b *bundle) {
	inc, other := b.declare(), b.declare()
	early := b.event(incident.EvActivity) // its id is older than that of what is stored before it
	late := b.event(incident.EvActivity)
	b.tell(inc, late)
	b.tell(other, early)
	want := []string{b.events(inc)[0].ID, b.events(other)[0].ID, early.ID, late.ID}
	for _, limit := range []int{0, 1, 3, 4} {
		b.wantEqual(want, b.read(incident.EventFilter{Limit: limit}), fmt.Sprint("limit ", limit))
	}
}

func eventFilters(b *bundle) {
	inc := b.declare()
	at := func(minutes int) func(*incident.Event) {
		return func(e *incident.Event) { e.RecordedAt = b.now.Add(time.Duration(minutes) * time.Minute) }
	}
	by := func(id string) func(*incident.Event) { return func(e *incident.Event) { e.Actor.ID = id } }
	first := b.event(incident.EvActivity, at(1), by("ben"))
	second := b.event(incident.EvUpdate, at(2))
	third := b.event(incident.EvActivity, at(3), by("ben"))
	b.tell(inc, first, second, third)
	zero := b.events(inc)[0]
	for _, c := range []struct {
		name string
		f    incident.EventFilter
		want []string
	}{
		{"a type", incident.EventFilter{Types: []incident.EventType{incident.EvActivity}}, []string{first.ID, third.ID}},
		{"types", incident.EventFilter{Types: []incident.EventType{incident.EvUpdate, incident.EvDeclared}}, []string{zero.ID, second.ID}},
		{"actor", incident.EventFilter{Actor: "ben"}, []string{first.ID, third.ID}},
		{"since", incident.EventFilter{Since: second.RecordedAt}, []string{second.ID, third.ID}},
		{"until", incident.EventFilter{Until: second.RecordedAt}, []string{zero.ID, first.ID}},
		{"all at once", incident.EventFilter{Types: []incident.EventType{incident.EvActivity}, Actor: "ben",
			Since: first.RecordedAt, Until: third.RecordedAt}, []string{first.ID}},
		{"nothing", incident.EventFilter{Actor: "eve"}, nil},
	} {
		for _, id := range []string{"", inc.ID} {
			for _, limit := range []int{0, 1} {
				c.f.IncidentID, c.f.Limit = id, limit
				b.wantEqual(c.want, b.read(c.f), fmt.Sprintf("%s of %q, limit %d", c.name, id, limit))
			}
		}
	}
}

func eventWhole(b *bundle) {
	inc := b.declare()
	want := b.event(incident.EvLevelDue, keyed("level:x:1:1"), func(e *incident.Event) {
		e.Cause, e.Traceparent, e.NotAfter = "c-1", "00-aa-bb-01", b.now.Add(time.Minute)
		e.Mode, e.V = incident.ModeTest, 3
	})
	b.tell(inc, want)
	want.IncidentID, want.Number, want.Seq = inc.ID, inc.Number, 2
	b.wantEqual(want, b.events(inc)[1], "event")
}

func eventLimits(b *bundle) {
	inc := b.declare()
	var more []incident.Event
	for range 100 {
		more = append(more, b.event(incident.EvActivity))
	}
	b.tell(inc, more...)
	for _, id := range []string{"", inc.ID} {
		page, err := b.Store.Events(b.ctx, incident.EventFilter{IncidentID: id})
		b.must(err)
		if len(page.Events) != 100 || page.Next == "" {
			b.Errorf("a page of %d by default", len(page.Events))
		}
	}
}
