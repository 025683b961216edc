package incidenttest

import (
	"context"
	"encoding/json"

	"github.com/theriac/theriac/incident"
)

func textPromises() []promise {
	return []promise{
		{"HostileTextIsKeptEverywhere", textEverywhere},
		{"HostileTextIsFoundExactly", textFound},
		{"EndedContext_Unavailable", textEnded},
	}
}

func textEverywhere(b *bundle) {
	for _, h := range HostileTexts() {
		x := h.Text
		want := b.incident(func(inc *incident.Incident) {
			inc.Name, inc.Summary, inc.Severity, inc.Type = x, x, x, x
			inc.Keys = []incident.Key{{Text: "key:" + x, Open: true}}
			inc.Fields = map[string]incident.FieldValue{x: {x}}
			inc.Participants = []incident.Participant{{Person: x, Since: b.now}}
			inc.Channel = &incident.Channel{ID: x, Name: x}
			inc.Origin = incident.Actor{Kind: incident.ByAlert, ID: x, Name: x}
		})
		data, err := json.Marshal(map[string]string{x: x})
		b.must(err)
		event := b.event("custom."+incident.EventType(x), keyed(x), func(e *incident.Event) {
			e.Actor.ID, e.Actor.Name, e.Cause, e.Data = x, x, x, data
		})
		if len(event.Type) > 1024 { // a type is a word, and so bounded
			event.Type = incident.EvDeclared
		}
		created, err := b.Store.Create(b.ctx, want, []incident.Event{event})
		b.must(err)
		want.Number, want.Version, want.Seq = created.Number, 1, 1
		b.wantEqual(want, b.get(want.ID), h.Name)
		event.IncidentID, event.Number, event.Seq = want.ID, want.Number, 1
		b.wantEqual([]incident.Event{event}, b.events(want), h.Name)

		_, err = b.Store.Claim(b.ctx, incident.Claim{Key: x, IncidentID: want.ID, EventID: x})
		b.must(err)
		b.must(b.Store.Finish(b.ctx, x, 1, incident.EffectEnd{ExternalID: x, Result: x}))
		if e := b.effect(x); e.ExternalID != x || e.Result != x || e.EventID != x || e.Key != x {
			b.Errorf("%s: effect %+v", h.Name, e)
		}
		in := incident.Inbound{ID: x, Topic: x, Kind: x, Body: []byte(x), Attributes: map[string]string{"a": x}}
		_, err = b.Store.Accept(b.ctx, in)
		b.must(err)
		b.must(b.Store.Handled(b.ctx, x, x))
		got, err := b.Store.Inbound(b.ctx, x)
		b.must(err)
		in.Stored, in.Handled, in.Result = got.Stored, got.Handled, x
		b.wantEqual(in, got, h.Name)
		p := incident.Person{ID: x, Name: x, Role: incident.Viewer, Zone: x}
		b.must(b.Store.SavePerson(b.ctx, p))
		b.wantEqual(p, b.person(x), h.Name)
	}
}

func textFound(b *bundle) {
	texts := HostileTexts()
	for _, h := range texts {
		b.declare(func(inc *incident.Incident) {
			inc.Name, inc.Severity = h.Text, h.Text
			inc.Fields = map[string]incident.FieldValue{h.Text: {h.Text}}
			inc.Participants = []incident.Participant{{Person: h.Text, Since: b.now}}
			inc.Keys = []incident.Key{{Text: h.Text}}
		})
	}
	for i, h := range texts {
		want := []string{incident.Ref(int64(i + 1))}
		for what, f := range map[string]incident.Filter{
			"severity": {Severities: []string{h.Text}}, "field": {Field: h.Text, Value: h.Text}, "person": {Person: h.Text},
		} {
			b.wantEqual(want, b.list(f), h.Name+" as "+what)
		}
		if found := b.list(incident.Filter{Text: h.Text}); len(found) == 0 {
			b.Errorf("%s is not found as text", h.Name)
		}
		got, err := b.Store.ByKey(b.ctx, h.Text)
		b.must(err)
		b.wantEqual(want[0], got.Ref(), h.Name+" as key")
	}
}

func textEnded(b *bundle) {
	inc := b.declare()
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	s := b.Store
	for name, call := range map[string]func() error{
		"Create":      func() error { _, err := s.Create(ctx, b.incident(), nil); return err },
		"Get":         func() error { _, err := s.Get(ctx, inc.ID); return err },
		"List":        func() error { _, err := s.List(ctx, incident.Filter{}); return err },
		"Save":        func() error { _, err := s.Save(ctx, incident.Change{Incident: &inc, Expected: 1}); return err },
		"Events":      func() error { _, err := s.Events(ctx, incident.EventFilter{}); return err },
		"Unpublished": func() error { _, err := s.Unpublished(ctx, 1); return err },
		"Claim":       func() error { _, err := s.Claim(ctx, incident.Claim{Key: "k"}); return err },
		"Accept":      func() error { _, err := s.Accept(ctx, row1("x")); return err },
		"Settings":    func() error { _, err := s.Settings(ctx); return err },
		"DuePages":    func() error { _, err := s.DuePages(ctx, incident.Due{}, 1); return err },
		"Audit":       func() error { _, err := s.Audit(ctx, incident.AuditLimits{}); return err },
	} {
		b.wantErr(call(), incident.ErrUnavailable, name)
	}
}
