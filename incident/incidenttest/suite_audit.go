package incidenttest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
)

func auditPromises() []promise {
	return []promise{
		{"NothingWrong", auditNothing},
		{"AlertWithoutIncident", auditAlert},
		{"PageNotSent", auditPage},
		{"PageNotSent_NotWhenItIsOver", auditPageOver},
		{"EscalationLate", auditLate},
		{"NoChannel", auditChannel},
		{"NoChannel_CountsFromWhenItBegan", auditChannelSince},
		{"NotPublished_OneFindingForAll", auditPublish},
		{"NotPublished_CountsFromWhenItWasAskedFor", auditRepublish},
	}
}

// audit returns what is wrong with limits of a minute, as kind, subject and count.
func (b *bundle) audit() []string {
	b.Helper()
	all, err := b.Store.Audit(b.ctx, incident.AuditLimits{Alert: time.Minute, Page: time.Minute, Escalation: time.Minute,
		Channel: time.Minute, Publish: time.Minute})
	b.must(err)
	got := []string{}
	now, err := b.Store.Now(b.ctx)
	b.must(err)
	for _, f := range all {
		got = append(got, fmt.Sprintf("%s %s%s %d", f.Kind, f.Subject, f.Ref, f.Count))
		if f.Since.IsZero() || f.Since.After(now.Add(-time.Minute)) {
			b.Errorf("%s since %s, and now is %s", f.Kind, f.Since, now)
		}
	}
	return got
}

// healthy stores an incident that has all it should have, and has published it.
func (b *bundle) healthy(change ...func(*incident.Incident)) incident.Incident {
	b.Helper()
	inc := b.declare(append(change, func(inc *incident.Incident) { inc.Channel = &incident.Channel{ID: "C1", Name: "inc"} })...)
	b.published()
	return inc
}

func auditNothing(b *bundle) {
	b.healthy()
	b.accept("x")
	b.published()
	b.advance(time.Hour)
	b.wantEqual([]string{}, b.audit(), "findings")
}

func auditAlert(b *bundle) {
	alert := func(id string) {
		in := row1(id)
		in.Topic = incident.TopicAlerts
		_, err := b.Store.Accept(b.ctx, in)
		b.must(err)
	}
	alert("late")
	alert("handled")
	b.must(b.Store.Handled(b.ctx, "handled", "INC-1"))
	b.published()
	b.advance(50 * time.Second)
	b.wantEqual([]string{}, b.audit(), "after 50 s")
	b.advance(20 * time.Second)
	b.wantEqual([]string{"paged_without_incident late 1"}, b.audit(), "after 70 s")
	b.must(b.Store.Handled(b.ctx, "late", "INC-2"))
	b.wantEqual([]string{}, b.audit(), "once it is handled")
	alert("unreadable")
	b.published()
	b.advance(incident.AlertMaxAge - time.Second)
	b.wantEqual([]string{"paged_without_incident unreadable 1"}, b.audit(), "just before it is too old to call anybody")
	b.advance(2 * time.Second)
	b.wantEqual([]string{}, b.audit(), "when it is too old")
}

// levelDue makes the first level of the incident's escalation due.
func (b *bundle) levelDue(inc incident.Incident, level int) {
	b.Helper()
	b.tell(inc, b.event(incident.EvLevelDue, keyed(fmt.Sprintf("level:%s:1:%d", inc.Escalations[0].ID, level)), ofEscalation(inc)))
	b.published()
}

func ofEscalation(inc incident.Incident) func(*incident.Event) {
	return func(e *incident.Event) {
		e.Data = json.RawMessage(fmt.Sprintf(`{"escalation":%q}`, inc.Escalations[0].ID))
	}
}

func auditPage(b *bundle) {
	inc := b.healthy(b.paging(time.Hour))
	other := b.healthy(b.paging(time.Hour)) // has nothing due
	b.levelDue(inc, 1)
	b.advance(50 * time.Second)
	b.wantEqual([]string{}, b.audit(), "after 50 s")
	b.advance(20 * time.Second)
	finding := []string{"page_not_sent " + inc.ID + "INC-1 1"}
	b.wantEqual(finding, b.audit(), "after 70 s")

	esc := inc.Escalations[0].ID
	for _, key := range []string{"page:" + esc + ":1:1:person:ana", "page:" + esc + ":1:10:person:ana", "page:" + other.Escalations[0].ID + ":1:1:person:ana"} {
		_, err := b.Store.Claim(b.ctx, incident.Claim{Key: key, IncidentID: inc.ID})
		b.must(err)
	}
	b.must(b.Store.Finish(b.ctx, "page:"+esc+":1:10:person:ana", 1, incident.EffectEnd{}))
	b.must(b.Store.Finish(b.ctx, "page:"+other.Escalations[0].ID+":1:1:person:ana", 1, incident.EffectEnd{}))
	b.wantEqual(finding, b.audit(), "begun, and pages of other levels and escalations")
	b.must(b.Store.Finish(b.ctx, "page:"+esc+":1:1:person:ana", 1, incident.EffectEnd{}))
	b.wantEqual([]string{}, b.audit(), "once it was sent")
}

func auditPageOver(b *bundle) {
	for _, t := range []incident.EventType{incident.EvLevelNotified, incident.EvAcked, incident.EvEscCancelled,
		incident.EvEscResolved, incident.EvExhausted} {
		inc := b.healthy(b.paging(time.Hour))
		b.levelDue(inc, 1)
		b.tell(inc, b.event(t, ofEscalation(inc)))
	}
	unrelated := b.healthy(b.paging(time.Hour))
	b.levelDue(unrelated, 1)
	b.tell(unrelated, b.event(incident.EvAcked, func(e *incident.Event) { e.Data = json.RawMessage(`{"escalation":"another"}`) }))
	missed := b.healthy(b.paging(time.Hour))
	b.levelDue(missed, 1)
	b.levelDue(missed, 2)
	ended := b.healthy()
	ended.Escalations = []incident.Escalation{{ID: "over"}}
	b.levelDue(ended, 1)
	b.published()
	b.advance(70 * time.Second)
	b.wantEqual([]string{
		"page_not_sent " + unrelated.ID + unrelated.Ref() + " 1", "page_not_sent " + missed.ID + missed.Ref() + " 1",
	}, b.audit(), "findings")
}

func auditLate(b *bundle) {
	inc := b.healthy(b.paging(0))
	b.healthy(b.paging(time.Hour))
	b.advance(50 * time.Second)
	b.wantEqual([]string{}, b.audit(), "after 50 s")
	b.advance(20 * time.Second)
	b.wantEqual([]string{"escalation_late " + inc.ID + "INC-1 1"}, b.audit(), "after 70 s")
}

func auditChannel(b *bundle) {
	b.declare(status(incident.Triage)) // gets one when it is accepted
	b.declare(status(incident.Closed))
	b.declare(func(inc *incident.Incident) { inc.Mode = incident.ModeRetrospective })
	without := b.declare(status(incident.Paused))
	b.published()
	b.advance(50 * time.Second)
	b.wantEqual([]string{}, b.audit(), "after 50 s")
	b.advance(20 * time.Second)
	b.wantEqual([]string{"no_channel " + without.ID + without.Ref() + " 1"}, b.audit(), "after 70 s")
}

func auditChannelSince(b *bundle) {
	inc, err := b.Store.Create(b.ctx, b.incident(status(incident.Triage)), []incident.Event{b.event(incident.EvReported)})
	b.must(err)
	b.advance(time.Hour)
	b.save(inc, status(incident.Investigating), b.event(incident.EvAccepted))
	b.published()
	b.wantEqual([]string{}, b.audit(), "at once")
	b.advance(70 * time.Second)
	b.wantEqual([]string{"no_channel " + inc.ID + "INC-1 1"}, b.audit(), "after 70 s")
}

func auditPublish(b *bundle) {
	inc := b.healthy()
	b.published()
	later := row1("later")
	later.NotBefore = b.now.Add(time.Minute)
	_, err := b.Store.Accept(b.ctx, later)
	b.must(err)
	first := b.event(incident.EvUpdate)
	b.tell(inc, first)
	b.advance(time.Second)
	b.accept("x")
	b.wantEqual([]string{}, b.audit(), "at once")
	b.unpublished() // leased, and then their relay dies
	b.advance(70 * time.Second)
	b.wantEqual([]string{"not_published " + first.ID + " 2"}, b.audit(), "after 71 s")
	b.published()
	b.wantEqual([]string{}, b.audit(), "once it is out")
}

func auditRepublish(b *bundle) {
	inc := b.healthy()
	b.advance(time.Hour)
	b.must(b.Store.Republish(b.ctx, b.events(inc)[0].ID))
	b.wantEqual([]string{}, b.audit(), "at once")
	b.advance(70 * time.Second)
	b.wantEqual(1, len(b.audit()), "findings after 70 s")
}
