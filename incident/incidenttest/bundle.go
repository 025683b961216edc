package incidenttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/runner"
)

// bundle is what each behaviour of the suite works with. Its methods end the test at an error that
// the behaviour does not expect.
type bundle struct {
	testing.TB
	Harness
	ctx context.Context
	ids atomic.Int64
	now time.Time // by the store's clock, when the test began
}

func newBundle(t testing.TB, h Harness) *bundle {
	b := &bundle{TB: t, Harness: h, ctx: t.Context()}
	now, err := h.Store.Now(b.ctx)
	b.must(err)
	b.now = now.UTC().Truncate(time.Microsecond)
	return b
}

// id returns an id of its own, greater than all before.
func (b *bundle) id() string { return fmt.Sprintf("018f0000-0000-7000-8000-%012x", b.ids.Add(1)) }

// event returns a new event by Ana.
func (b *bundle) event(t incident.EventType, change ...func(*incident.Event)) incident.Event {
	e := incident.Event{
		ID: b.id(), Type: t, V: 1, OccurredAt: b.now.Add(-time.Minute), RecordedAt: b.now,
		Actor:      incident.Actor{Kind: incident.ByPerson, ID: "ana", Name: "Ana"},
		Visibility: incident.Public, Mode: incident.ModeStandard, Data: json.RawMessage(`{"to":"investigating"}`),
	}
	for _, f := range change {
		f(&e)
	}
	return e
}

func keyed(key string) func(*incident.Event) { return func(e *incident.Event) { e.Key = key } }

// incident returns a new one that was not stored.
func (b *bundle) incident(change ...func(*incident.Incident)) incident.Incident {
	inc := incident.Incident{
		ID: b.id(), Name: "checkout is down", Summary: "cards are declined", Status: incident.Investigating,
		Severity: "critical", Type: "outage", Mode: incident.ModeStandard, Visibility: incident.Public,
		Origin: incident.Actor{Kind: incident.ByPerson, ID: "ana", Name: "Ana"},
		Times:  incident.Times{Reported: b.now, Declared: b.now, Created: b.now, Updated: b.now},
	}
	for _, f := range change {
		f(&inc)
	}
	return inc
}

func status(s incident.Status) func(*incident.Incident) {
	return func(inc *incident.Incident) {
		inc.Status = s
		if !s.Open() {
			at := inc.Times.Updated
			inc.Times.Resolved, inc.Times.Closed = at, at
		}
	}
}

func keys(all ...incident.Key) func(*incident.Incident) {
	return func(inc *incident.Incident) { inc.Keys = all }
}

func permanent(text string) incident.Key { return incident.Key{Text: text} }
func open(text string) incident.Key      { return incident.Key{Text: text, Open: true} }

// declare stores a new incident with one event.
func (b *bundle) declare(change ...func(*incident.Incident)) incident.Incident {
	b.Helper()
	inc, err := b.Store.Create(b.ctx, b.incident(change...), []incident.Event{b.event(incident.EvDeclared)})
	b.must(err)
	return inc
}

// save changes an incident and returns it as it then stands.
func (b *bundle) save(inc incident.Incident, change func(*incident.Incident), evs ...incident.Event) incident.Incident {
	b.Helper()
	expected := inc.Version
	change(&inc)
	after, err := b.Store.Save(b.ctx, incident.Change{Incident: &inc, Expected: expected, Events: evs})
	b.must(err)
	return after[0]
}

// tell adds events to an incident and nothing else.
func (b *bundle) tell(inc incident.Incident, evs ...incident.Event) {
	b.Helper()
	_, err := b.Store.Save(b.ctx, incident.Change{IncidentID: inc.ID, Events: evs})
	b.must(err)
}

func (b *bundle) get(ref string) incident.Incident {
	b.Helper()
	inc, err := b.Store.Get(b.ctx, ref)
	b.must(err)
	return inc
}

// events returns all of one incident.
func (b *bundle) events(inc incident.Incident) []incident.Event {
	b.Helper()
	page, err := b.Store.Events(b.ctx, incident.EventFilter{IncidentID: inc.ID, Limit: 1000})
	b.must(err)
	return page.Events
}

// unpublished leases what there is.
func (b *bundle) unpublished() []incident.Outgoing {
	b.Helper()
	out, err := b.Store.Unpublished(b.ctx, 100)
	b.must(err)
	return out
}

// published leases and marks what there is.
func (b *bundle) published() {
	b.Helper()
	b.must(b.Store.MarkPublished(b.ctx, outIDs(b.unpublished())...))
}

func outIDs(out []incident.Outgoing) []string {
	ids := []string{}
	for _, o := range out {
		ids = append(ids, o.ID)
	}
	return ids
}

func refs(all []incident.Incident) []string {
	out := []string{}
	for _, inc := range all {
		out = append(out, inc.Ref())
	}
	return out
}

func (b *bundle) advance(d time.Duration) {
	b.Helper()
	b.Advance(b.TB, d)
}

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) wantErr(err, want error, doing string) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("%s: error %v, want one that wraps %q", doing, err, want)
	}
}

// sameJSON compares what JSON means: stores may write it in another way.
func sameJSON(x, y json.RawMessage) bool {
	var v, w any
	return json.Unmarshal(x, &v) == nil && json.Unmarshal(y, &w) == nil && cmp.Equal(v, w)
}

// isJSON reports that a path leads to JSON that is not empty on both sides.
func isJSON(p cmp.Path) bool {
	x, y := p.Last().Values()
	return p.Last().Type() == reflect.TypeFor[json.RawMessage]() && x.IsValid() && y.IsValid() && x.Len()+y.Len() > 0
}

// wantEqual compares values; an empty list or map is as good as none.
func (b *bundle) wantEqual(want, got any, what string) {
	b.Helper()
	options := cmp.Options{cmpopts.EquateEmpty(), cmp.FilterPath(isJSON, cmp.Comparer(sameJSON))}
	if diff := cmp.Diff(want, got, options); diff != "" {
		b.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

// together calls f n times at once, in turn on both handles of the store, and waits for all.
func (b *bundle) together(n int, f func(i int, s incident.Stores)) {
	var group runner.Group
	start := make(chan struct{})
	for i := range n {
		s := b.Store
		if i%2 == 1 {
			s = b.Other
		}
		group.Go(func() {
			<-start
			f(i, s)
		})
	}
	close(start)
	group.Wait()
}
