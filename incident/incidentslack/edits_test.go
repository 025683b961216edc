package incidentslack_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// Fifty changes of one incident in ten seconds are one message in Slack and a few edits of it, and what it
// says in the end is how the incident stands; another incident is announced and kept meanwhile.
func TestHeadline_OfABusyIncident_IsEditedNowAndThen(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	busy := b.declared()
	quiet := b.declared(func(p *incident.NewParams) {
		p.Name, p.Keys = "mail is late", []incident.Key{incident.NewKey("test:quiet", false)}
	})
	rename := func(id, name string) {
		_, err := b.svc.Do(b.ctx, id, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Edit(act, incident.EditParams{Name: &name})
		})
		b.must(err)
	}
	late := deliveries{b: b, reg: b.regs[slices.IndexFunc(b.regs, func(r workflow.Registration) bool { return r.Name == "announce.post" })]}
	for n := range 50 {
		b.clock.Advance(200 * time.Millisecond)
		rename(busy.ID, fmt.Sprint("name ", n+1))
		if n == 30 {
			rename(quiet.ID, "mail is lost")
		}
		late.bring()
		if m, _ := b.fake.Message(quiet.Headline.Channel, quiet.Headline.ID); n == 30 && m.Text != quiet.Ref()+" mail is lost" {
			t.Errorf("the quiet one waits, and says %q", m.Text)
		}
	}
	for range 50 {
		b.clock.Advance(200 * time.Millisecond)
		late.bring()
	}
	if len(late.waiting) > 0 {
		t.Errorf("%d messages wait still", len(late.waiting))
	}
	posted := 0
	for _, m := range b.fake.Messages(busy.Headline.Channel) {
		if m.TS == busy.Headline.ID || m.TS == quiet.Headline.ID {
			posted++
		}
	}
	m, _ := b.fake.Message(busy.Headline.Channel, busy.Headline.ID)
	if posted != 2 || m.Text != busy.Ref()+" name 50" || m.Edits < 2 || m.Edits > 4 {
		t.Errorf("%d headlines; after %d edits it says %q", posted, m.Edits, m.Text)
	}
}

// deliveries are the messages of a handler, each brought again a second after it was told to wait: too early,
// mostly, as brokers may.
type deliveries struct {
	b       *bundle
	reg     workflow.Registration
	waiting []delivery
}

type delivery struct {
	m  handlers.Message
	at time.Time
}

// bring brings all that is due.
func (d *deliveries) bring() {
	d.b.Helper()
	news, err := d.b.store.Unpublished(d.b.ctx, 100)
	d.b.must(err)
	now := d.b.clock.Now()
	for _, o := range news {
		if o.Topic == d.reg.Topic {
			d.waiting = append(d.waiting, delivery{handlers.Message{ID: o.ID, Data: o.Data, Attributes: o.Attributes}, now})
		}
		d.b.must(d.b.store.MarkPublished(d.b.ctx, o.ID))
	}
	d.waiting = slices.DeleteFunc(d.waiting, func(one delivery) bool { return !one.at.After(now) && d.answered(one.m) })
	for i := range d.waiting {
		if !d.waiting[i].at.After(now) {
			d.waiting[i].at = now.Add(time.Second)
		}
	}
}

// answered runs the handler, and reports whether it is done with a message.
func (d *deliveries) answered(m handlers.Message) bool {
	d.b.Helper()
	err := d.reg.Handler.Handle(d.b.ctx, m)
	if err != nil && handlers.Class(err) != handlers.ClassAgain {
		d.b.Fatal(err)
	}
	return err == nil
}
