package incidentslack_test

import (
	"context"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentslack"
	"github.com/theriac/theriac/internal/slackkit"
)

// What was done in place, or opened, is left alone by the handler, which may get it all the same.
func TestHandlers_WhatIsHandled_IsLeftAlone(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	if a := b.take(b.intake, typed("C0OPS", "U0ANA", "", "1")); a.Modal == nil {
		t.Fatalf("no window: %+v", a)
	}
	if a := b.take(b.intake, typed("C0OPS", "U0ANA", "declare x", "2")); a.Text == "" {
		t.Fatalf("not declared: %+v", a)
	}
	b.take(b.intake, typed(inc.Channel.ID, "U0ANA", "update we look", "3"))
	b.clock.Advance(time.Minute)
	b.wantText("the update", b.told("U0ANA", func() error { return nil }), "is shared")
	for _, id := range []string{"slack:cmd:1", "slack:cmd:2", "slack:cmd:3"} {
		if b.row(id).Handled.IsZero() {
			t.Errorf("%s is not noted", id)
		}
		m := b.message(id)
		b.must(b.reg(m).Handler.Handle(b.ctx, m))
	}
	if heard := b.heard("U0ANA"); len(heard) != 1 {
		t.Errorf("told %v", heard)
	}
}

// An id of ours that looks like one of Slack's gives nobody its rights.
func TestWho_IsNotWhoeverIsCalledSo(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.must(b.store.SavePerson(b.ctx, incident.Person{ID: "U0ZOE", Name: "Not Zoe", Role: incident.Admin}))
	b.wantText("declare", b.inc("C0OPS", "U0ZOE", "declare x"), "nobody that Theriac knows")
	if len(b.all()) != 0 {
		t.Error("it was declared")
	}
}

func TestHandOver_FromWhomTheFormShowed(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	b.inc(inc.Channel.ID, "U0ANA", "lead @ben")
	v := b.window(func() error { return b.fake.Command(b.ctx, inc.Channel.ID, "U0ANA", "/inc", "lead") })
	b.wantText("hand over", b.submit(v, "U0ANA", map[string]string{"role": "lead", "person": "U0ANA", "reason": "ben sleeps"}), "ana is lead now")
	now := b.get(inc.ID)
	if n := len(b.events(inc.ID, incident.EvHandedOff)); n != 1 || now.Lead() != "ana" {
		t.Errorf("%d hand-overs, the lead is %q", n, now.Lead())
	}
}

// A form that was open while somebody else acted does not take back what they did: what its menus showed and
// nobody changed was not said.
func TestForms_WhatNobodyChanged_IsNotSaid(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared(func(p *incident.NewParams) { p.Severity = "minor" })
	v := b.window(func() error { return b.fake.Command(b.ctx, inc.Channel.ID, "U0ANA", "/inc", "update") })
	_, err := b.svc.Do(b.ctx, inc.ID, person("ben"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ShareUpdate(act, incident.UpdateParams{Message: "it was the cache", Status: incident.Monitoring, Severity: "critical"})
	})
	b.must(err)
	b.wantText("update", b.submit(v, "U0ANA", map[string]string{"message": "we look", "status": "investigating", "severity": "minor"}), "INC-1 is monitoring now")
	if now := b.get(inc.ID); now.Status != incident.Monitoring || now.Severity != "critical" || now.LastUpdate.Message != "we look" {
		t.Errorf("it is %s, %s: %+v", now.Status, now.Severity, now.LastUpdate)
	}

	triage := b.reported("k")
	headline := b.get(triage.ID).Headline
	v = b.window(func() error { return b.fake.Press(b.ctx, headline.Channel, headline.ID, workflow.ActAccept, "U0ANA") })
	name, severity := "the probe lies", "major"
	_, err = b.svc.Do(b.ctx, triage.ID, person("ben"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Edit(act, incident.EditParams{Name: &name, Severity: &severity})
	})
	b.must(err)
	b.wantText("accept", b.submit(v, "U0ANA", map[string]string{"name": triage.Name}), "is investigating now")
	if now := b.get(triage.ID); now.Name != name || now.Severity != severity {
		t.Errorf("it is %s, %s", now.Name, now.Severity)
	}
}

// hiding is a store in which an incident becomes private right after it was looked at.
type hiding struct {
	incident.Stores
	hide func()
}

func (h *hiding) Get(ctx context.Context, ref string) (incident.Incident, error) {
	inc, err := h.Stores.Get(ctx, ref)
	if hide := h.hide; hide != nil {
		h.hide = nil
		hide()
	}
	return inc, err
}

func TestPrivate_BetweenLookAndDeed_IsRefused(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	stores := &hiding{Stores: b.store}
	svc, err := incident.NewService(incident.Config{Stores: stores, Now: b.clock.Now, SettingsAge: time.Nanosecond})
	b.must(err)
	in := b.newIntake(func(cfg *incidentslack.IntakeConfig) { cfg.Service = svc })
	stores.hide = func() {
		_, err := b.svc.Do(b.ctx, inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.MakePrivate(act, "leaked keys")
		})
		b.must(err)
	}
	b.must(b.intake.Accept(b.ctx, typed("C0OPS", "U0BEN", "resolve INC-1 done", "1")))
	m := b.message("slack:cmd:1")
	for _, reg := range in.Registrations() {
		b.must(reg.Handler.Handle(b.ctx, m))
	}
	b.wantText("resolve", b.next("U0BEN", 0), "There is no such incident, or it is not for you.")
	if now := b.get(inc.ID); now.Status != incident.Investigating || now.Visibility != incident.Private {
		t.Errorf("it is %s, %s", now.Status, now.Visibility)
	}
}

// The same event four times, to two processes, is kept once; one that happened elsewhere, or that the
// workflow has no word for, is not kept.
func TestEvents_FourTimes_AreKeptOnce(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	b.must(b.fake.Settle(b.ctx))
	b.work()
	event := func(id, kind, channel string) slackkit.Interaction {
		return slackkit.Interaction{Type: slackkit.EventCallback, User: "U0BEN", Channel: channel, MessageTS: "1772618400.000100", Request: "slack:event:" + id,
			Event: slackkit.Event{ID: id, Kind: kind, TS: "1772618400.000100", Text: "x"}}
	}
	other := b.newIntake()
	for _, in := range []*incidentslack.Intake{b.intake, other, b.intake, other} {
		for _, i := range []slackkit.Interaction{
			event("Ev1", slackkit.MessagePosted, inc.Channel.ID), event("Ev2", slackkit.MessagePosted, "C0OPS"), event("Ev3", slackkit.ChannelUnarchived, inc.Channel.ID),
		} {
			if a := b.take(in, i); a.Text != "" || a.Modal != nil {
				t.Errorf("an event is answered: %+v", a)
			}
		}
		b.work()
	}
	if n := len(b.events(inc.ID, incident.EvActivity)); n != 1 {
		t.Errorf("it counts %d times", n)
	}
	for _, id := range []string{"slack:event:Ev2", "slack:event:Ev3"} {
		if row, err := b.store.Inbound(b.ctx, id); err == nil {
			t.Errorf("kept %+v", row)
		}
	}
}
