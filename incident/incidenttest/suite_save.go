package incidenttest

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/theriac/theriac/incident"
)

func savePromises() []promise {
	return []promise{
		{"RaisesVersionAndSeq", saveRaises},
		{"LostRace_ConflictSaysWhoWasFirst", saveConflict},
		{"OneOfManyWins", saveRace},
		{"TwoIncidents_AllOrNone", saveTwo},
		{"EventsOnly_NeitherCheckNorRaiseTheVersion", saveEventsOnly},
		{"SeqHasNoGapsUnderConcurrency", saveSeq},
		{"EventKeyTwice_Duplicate", saveDuplicate},
		{"EventKeyOfAnotherIncidentIsFree", saveOtherKey},
		{"OneOfManyWithOneEventKeyWins", saveKeyRace},
		{"EventIDTwice_Duplicate", saveEventID},
		{"UnknownIncident_NotFound", saveUnknown},
		{"NumberIsNeverChanged", saveNumber},
		{"EventsOfAPrivateIncidentArePrivate", savePrivate},
		{"NothingIsNoError", func(b *bundle) {
			after, err := b.Store.Save(b.ctx)
			b.must(err)
			b.wantEqual(0, len(after), "results")
		}},
	}
}

func saveRaises(b *bundle) {
	inc := b.declare()
	after := b.save(inc, func(inc *incident.Incident) { inc.Name = "renamed" }, b.event(incident.EvEdited), b.event(incident.EvSeverity))
	if after.Version != 2 || after.Seq != 3 || after.Number != inc.Number || after.Name != "renamed" {
		b.Errorf("saved %+v", after)
	}
	b.wantEqual(after, b.get(inc.ID), "loaded")
	for i, e := range b.events(inc) {
		if e.Seq != int64(i+1) || e.IncidentID != inc.ID || e.Number != inc.Number {
			b.Errorf("event %d: %+v", i, e)
		}
	}
}

func saveConflict(b *bundle) {
	mine := b.declare()
	b.save(mine, func(inc *incident.Incident) { inc.Name = "theirs" }, b.event(incident.EvEdited, func(e *incident.Event) {
		e.Actor = incident.Actor{Kind: incident.ByPerson, ID: "ben", Name: "Ben"}
	}))
	mine.Name = "mine"
	_, err := b.Store.Save(b.ctx, incident.Change{Incident: &mine, Expected: mine.Version, Events: []incident.Event{b.event(incident.EvEdited)}})
	b.wantErr(err, incident.ErrConflict, "save what was changed")
	conflict, ok := errors.AsType[*incident.ConflictError](err)
	if !ok || conflict.Ref != "INC-1" || conflict.Version != 2 || conflict.By.ID != "ben" || !conflict.At.Equal(b.now) || conflict.What == "" {
		b.Errorf("the conflict says %+v", conflict)
	}
	if after := b.get(mine.ID); after.Name != "theirs" || after.Seq != 2 || len(b.events(mine)) != 2 {
		b.Errorf("something was kept: %+v", after)
	}
}

func saveRace(b *bundle) {
	inc := b.declare()
	var won, lost atomic.Int64
	b.together(12, func(i int, s incident.Stores) {
		mine := inc
		mine.Name = fmt.Sprint("by ", i)
		_, err := s.Save(b.ctx, incident.Change{Incident: &mine, Expected: inc.Version, Events: []incident.Event{b.event(incident.EvEdited)}})
		switch {
		case errors.Is(err, incident.ErrConflict):
			lost.Add(1)
		case err != nil:
			b.Error(err)
		default:
			won.Add(1)
		}
	})
	if won.Load() != 1 || lost.Load() != 11 {
		b.Errorf("%d won and %d lost", won.Load(), lost.Load())
	}
	if after := b.get(inc.ID); after.Version != 2 || after.Seq != 2 {
		b.Errorf("version %d, seq %d", after.Version, after.Seq)
	}
}

func saveTwo(b *bundle) {
	source, target := b.declare(), b.declare()
	stale := target
	target = b.save(target, func(inc *incident.Incident) { inc.Name = "changed" })
	source.Status, source.MergedInto = incident.Merged, target.ID
	source.Times.Closed = b.now
	merge := func(target incident.Incident) ([]incident.Incident, error) {
		return b.Store.Save(b.ctx,
			incident.Change{Incident: &source, Expected: source.Version, Events: []incident.Event{b.event(incident.EvMerged, keyed("m"))}},
			incident.Change{Incident: &target, Expected: target.Version, Events: []incident.Event{b.event(incident.EvAbsorbed)}})
	}
	_, err := merge(stale)
	b.wantErr(err, incident.ErrConflict, "merge into what was changed")
	if after := b.get(source.ID); after.Status != incident.Investigating || after.Seq != 1 || len(b.events(source)) != 1 {
		b.Errorf("half was kept: %+v", after)
	}
	after, err := merge(target)
	b.must(err)
	if len(after) != 2 || after[0].ID != source.ID || after[0].Version != 2 || after[1].ID != target.ID || after[1].Version != 3 {
		b.Errorf("saved %+v", after)
	}
	b.wantEqual(after[0], b.get(source.ID), "source")
	b.wantEqual(after[1], b.get(target.ID), "target")
	if len(b.events(source)) != 2 || len(b.events(target)) != 2 {
		b.Errorf("events %d and %d", len(b.events(source)), len(b.events(target)))
	}
}

func saveEventsOnly(b *bundle) {
	inc := b.declare()
	after, err := b.Store.Save(b.ctx, incident.Change{IncidentID: inc.ID, Expected: 99,
		Events: []incident.Event{b.event(incident.EvActivity), b.event(incident.EvActivity)}})
	b.must(err)
	b.wantEqual([]incident.Incident{{ID: inc.ID, Number: 1, Version: 1, Seq: 3}}, after, "result")
	inc.Name = "renamed" // the document was loaded before
	renamed := b.save(inc, func(*incident.Incident) {}, b.event(incident.EvEdited))
	if renamed.Version != 2 || renamed.Seq != 4 || b.get(inc.ID).Name != "renamed" {
		b.Errorf("then saved %+v", renamed)
	}
}

func saveSeq(b *bundle) {
	inc, other := b.declare(), b.declare()
	b.together(24, func(i int, s incident.Stores) {
		changes := []incident.Change{{IncidentID: inc.ID, Events: []incident.Event{b.event(incident.EvActivity), b.event(incident.EvActivity)}}}
		if i%3 == 0 {
			changes = append(changes, incident.Change{IncidentID: other.ID, Events: []incident.Event{b.event(incident.EvActivity)}})
		}
		if i%6 == 0 { // in the other order, as two merges against each other would
			changes[0], changes[1] = changes[1], changes[0]
		}
		if _, err := s.Save(b.ctx, changes...); err != nil {
			b.Error(err)
		}
	})
	for inc, want := range map[string]int{inc.ID: 49, other.ID: 9} {
		events := b.events(incident.Incident{ID: inc})
		if len(events) != want || b.get(inc).Seq != int64(want) {
			b.Errorf("%d events, seq %d, want %d", len(events), b.get(inc).Seq, want)
		}
		for i, e := range events {
			if e.Seq != int64(i+1) {
				b.Fatalf("event %d has seq %d", i, e.Seq)
			}
		}
	}
}

func saveDuplicate(b *bundle) {
	inc := b.declare()
	b.tell(inc, b.event(incident.EvActivity, keyed("activity:1")))
	_, err := b.Store.Save(b.ctx, incident.Change{IncidentID: inc.ID,
		Events: []incident.Event{b.event(incident.EvActivity), b.event(incident.EvActivity, keyed("activity:1"))}})
	b.wantErr(err, incident.ErrDuplicate, "the same activity again")
	inc = b.get(inc.ID)
	inc.Name = "renamed"
	_, err = b.Store.Save(b.ctx, incident.Change{Incident: &inc, Expected: inc.Version,
		Events: []incident.Event{b.event(incident.EvEdited, keyed("activity:1"))}})
	b.wantErr(err, incident.ErrDuplicate, "with a document")
	if after := b.get(inc.ID); after.Name == "renamed" || after.Version != 1 || after.Seq != 2 || len(b.events(inc)) != 2 {
		b.Errorf("something was kept: %+v", after)
	}
}

func saveOtherKey(b *bundle) {
	first, second := b.declare(), b.declare()
	b.tell(first, b.event(incident.EvActivity, keyed("k")))
	b.tell(second, b.event(incident.EvActivity, keyed("k")), b.event(incident.EvActivity), b.event(incident.EvActivity))
	b.wantEqual(4, len(b.events(second)), "events")
	_, err := b.Store.Save(b.ctx,
		incident.Change{IncidentID: first.ID, Events: []incident.Event{b.event(incident.EvMerged, keyed("merge"))}},
		incident.Change{IncidentID: second.ID, Events: []incident.Event{b.event(incident.EvAbsorbed, keyed("merge"))}})
	b.must(err)
}

func saveKeyRace(b *bundle) {
	inc := b.declare()
	var won atomic.Int64
	b.together(12, func(_ int, s incident.Stores) {
		_, err := s.Save(b.ctx, incident.Change{IncidentID: inc.ID, Events: []incident.Event{b.event(incident.EvActivity, keyed("k"))}})
		if err == nil {
			won.Add(1)
		} else if !errors.Is(err, incident.ErrDuplicate) {
			b.Error(err)
		}
	})
	if n := len(b.events(inc)); won.Load() != 1 || n != 2 {
		b.Errorf("%d won, %d events", won.Load(), n)
	}
}

func saveEventID(b *bundle) {
	inc, other := b.declare(), b.declare()
	e := b.event(incident.EvActivity)
	b.tell(inc, e)
	for _, inc := range []incident.Incident{inc, other} {
		_, err := b.Store.Save(b.ctx, incident.Change{IncidentID: inc.ID, Events: []incident.Event{e}})
		b.wantErr(err, incident.ErrDuplicate, "the same event again")
	}
}

func saveUnknown(b *bundle) {
	inc := b.declare()
	ghost := b.incident()
	for _, c := range []incident.Change{{Incident: &ghost}, {IncidentID: ghost.ID, Events: []incident.Event{b.event(incident.EvActivity)}}, {}} {
		_, err := b.Store.Save(b.ctx, incident.Change{IncidentID: inc.ID, Events: []incident.Event{b.event(incident.EvActivity)}}, c)
		b.wantErr(err, incident.ErrNotFound, "save what was never created")
	}
	b.wantEqual(1, len(b.events(inc)), "events of the other")
}

func saveNumber(b *bundle) {
	b.declare()
	inc := b.declare()
	after := b.save(inc, func(inc *incident.Incident) { inc.Number, inc.Seq, inc.Version = 1, 77, 88 }, b.event(incident.EvEdited))
	if after.Number != 2 || after.Seq != 2 || after.Version != 2 || b.get("INC-2").ID != inc.ID {
		b.Errorf("saved %+v", after)
	}
}

func savePrivate(b *bundle) {
	inc := b.declare()
	b.save(inc, func(inc *incident.Incident) { inc.Visibility = incident.Private }, b.event(incident.EvPrivate))
	b.tell(inc, b.event(incident.EvActivity)) // made by who had loaded it before
	for _, e := range b.events(inc)[1:] {
		if e.Visibility != incident.Private {
			b.Errorf("%s is %s", e.Type, e.Visibility)
		}
	}
}
