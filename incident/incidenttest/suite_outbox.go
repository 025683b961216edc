package incidenttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/runner"
)

func outboxPromises() []promise {
	return []promise{
		{"EventsComeAsEnvelopesOldestFirst", outboxOrder},
		{"OnlyWhatIsPublishedIs", outboxTraits},
		{"LeasedForTenSeconds", outboxLease},
		{"TwoRelaysShare", outboxShare},
		{"MarkedIsGone", outboxMarked},
		{"LimitIsKept", outboxLimit},
		{"ChoresGiveWay", outboxChoresGiveWay},
		{"ChoresDoNotStarve", outboxChoresShare},
		{"ChoresTakeWhatIsLeft", outboxChoresFill},
		{"RepublishBringsItBackOnce", outboxRepublish},
		{"RepublishWhileLeasedIsNotLost", outboxRepublishLeased},
		{"WhatBecamePrivateSaysItsIDAndNothingElse", outboxPrivate},
		{"RowsComeWithTheirAttributes", outboxRow},
		{"RowsWaitForNotBefore", outboxNotBefore},
		{"HandledRowsAreNotPublished", outboxHandled},
		{"Wake_ReturnsAtOnceIfSomethingWaits", outboxWakeDue},
		{"Wake_ReturnsWhenSomethingComes", outboxWake},
		{"Wake_HasPatience", outboxPatience},
		{"Wake_EndsWithItsContext", outboxWakeEnds},
	}
}

func outboxOrder(b *bundle) {
	inc := b.declare()
	b.tell(inc, b.event(incident.EvUpdate), b.event(incident.EvUpdate))
	out := b.unpublished()
	events := b.events(inc)
	if len(out) != len(events) {
		b.Fatalf("%d of %d", len(out), len(events))
	}
	for i, o := range out {
		got, err := incident.ParseEnvelope(o.Data, o.Attributes)
		b.must(err)
		b.wantEqual(events[i], got, "event")
		want := incident.Envelope(events[i])
		b.wantEqual(want.Attributes, o.Attributes, "attributes")
		if o.ID != events[i].ID || o.Topic != incident.TopicEvents || !o.Stored.Equal(b.stored(o)) {
			b.Errorf("%s on %s, stored %s", o.ID, o.Topic, o.Stored)
		}
	}
}

// stored checks that something was stored while the test ran.
func (b *bundle) stored(o incident.Outgoing) time.Time {
	b.Helper()
	now, err := b.Store.Now(b.ctx)
	b.must(err)
	if o.Stored.Before(b.now) || o.Stored.After(now) {
		b.Errorf("%s was stored at %s, which is not between %s and %s", o.ID, o.Stored, b.now, now)
	}
	return o.Stored
}

func outboxTraits(b *bundle) {
	inc := b.declare()
	b.published()
	later := b.event("incident.teleported")
	b.tell(inc, b.event(incident.EvActivity), later, b.event(incident.EvNudged))
	b.wantEqual([]string{later.ID}, outIDs(b.unpublished()), "what goes out")
}

func outboxLease(b *bundle) {
	b.declare()
	first := outIDs(b.unpublished())
	b.wantEqual(1, len(first), "leased")
	b.wantEqual([]string{}, outIDs(b.unpublished()), "at once")
	b.advance(8 * time.Second)
	other, err := b.Other.Unpublished(b.ctx, 10)
	b.must(err)
	b.wantEqual([]string{}, outIDs(other), "after 8 s")
	b.advance(3 * time.Second)
	other, err = b.Other.Unpublished(b.ctx, 10)
	b.must(err)
	b.wantEqual(first, outIDs(other), "after 11 s, when its relay must be dead")
	b.wantEqual([]string{}, outIDs(b.unpublished()), "leased by the other")
}

func outboxShare(b *bundle) {
	inc := b.declare()
	for range 19 {
		b.tell(inc, b.event(incident.EvUpdate))
	}
	const relays = 8
	taken := make([][]string, relays)
	b.together(relays, func(i int, s incident.Stores) {
		for {
			out, err := s.Unpublished(b.ctx, 3)
			if err != nil || len(out) == 0 {
				if err != nil {
					b.Error(err)
				}
				return
			}
			taken[i] = append(taken[i], outIDs(out)...)
			if err := s.MarkPublished(b.ctx, outIDs(out)...); err != nil {
				b.Error(err)
			}
		}
	})
	all := slices.Concat(taken...)
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); len(all) != 20 || n != 20 {
		b.Errorf("%d taken, %d different", len(all), n)
	}
}

func outboxMarked(b *bundle) {
	b.declare()
	b.accept("x")
	b.published()
	b.advance(time.Hour)
	b.wantEqual([]string{}, outIDs(b.unpublished()), "an hour later")
	b.must(b.Store.MarkPublished(b.ctx))
	b.must(b.Store.MarkPublished(b.ctx, "nobody", "", "'"))
	inc := b.declare()
	b.must(b.Store.MarkPublished(b.ctx, b.events(inc)[0].ID)) // its lease was never taken
	b.wantEqual([]string{}, outIDs(b.unpublished()), "marked without a lease")
}

func outboxLimit(b *bundle) {
	inc := b.declare()
	b.accept("x", "y")
	for range 4 {
		b.tell(inc, b.event(incident.EvUpdate))
	}
	var got []int
	for range 4 {
		out, err := b.Store.Unpublished(b.ctx, 3)
		b.must(err)
		got = append(got, len(out))
	}
	b.wantEqual([]int{3, 3, 1, 0}, got, "taken")
}

// chores stores so many reminders and returns their ids.
func (b *bundle) chores(n int) (ids []string) {
	b.Helper()
	var rows []incident.Inbound
	for i := range n {
		rows = append(rows, incident.Tick{Job: incident.JobNudge, IncidentID: "i", At: b.now.Add(time.Duration(i) * time.Second)}.Inbound())
		ids = append(ids, rows[i].ID)
	}
	for _, row := range rows { // in one call they would be of the same age
		_, err := b.Store.Accept(b.ctx, row)
		b.must(err)
	}
	return ids
}

// outboxChoresGiveWay stores reminders first: what people wait for goes out before them all the same.
func outboxChoresGiveWay(b *bundle) {
	chores := b.chores(12)
	_, err := b.Store.Accept(b.ctx, incident.Inbound{ID: "said", Topic: incident.TopicActivity, Kind: "message"})
	b.must(err)
	b.advance(time.Second)
	b.accept("asked")
	b.advance(time.Second)
	inc := b.declare()
	b.advance(time.Second)
	due := incident.Tick{Job: incident.JobDue, IncidentID: inc.ID, At: b.now}.Inbound()
	_, err = b.Store.Accept(b.ctx, due)
	b.must(err)
	want := slices.Concat([]string{"asked", b.events(inc)[0].ID, due.ID}, chores, []string{"said"})
	out := outIDs(b.unpublished())
	b.wantEqual(want, out, "what goes out")
	b.advance(11 * time.Second)
	b.wantEqual(want, outIDs(b.unpublished()), "what goes out once more, when its relay must be dead")
}

// outboxChoresShare never lets what people wait for run out: one place in ten is the chores' own.
func outboxChoresShare(b *bundle) {
	chores := b.chores(5)
	var asked []string
	for i := range 60 {
		asked = append(asked, fmt.Sprintf("asked-%02d", i))
	}
	b.accept(asked...)
	for i := range 2 {
		out, err := b.Store.Unpublished(b.ctx, 20)
		b.must(err)
		b.wantEqual(slices.Concat(asked[18*i:18*i+18], chores[2*i:2*i+2]), outIDs(out), "a full batch")
	}
	out, err := b.Store.Unpublished(b.ctx, 20) // one chore is left, and its other place is everybody's
	b.must(err)
	b.wantEqual(slices.Concat(asked[36:55], chores[4:]), outIDs(out), "the third batch")
	out, err = b.Store.Unpublished(b.ctx, 1)
	b.must(err)
	b.wantEqual(asked[55:56], outIDs(out), "the only place")
}

func outboxChoresFill(b *bundle) {
	chores := b.chores(30)
	b.accept("x", "y")
	out, err := b.Store.Unpublished(b.ctx, 12)
	b.must(err)
	b.wantEqual(slices.Concat([]string{"x", "y"}, chores[:10]), outIDs(out), "what goes out")
	out, err = b.Other.Unpublished(b.ctx, 12)
	b.must(err)
	b.wantEqual(chores[10:22], outIDs(out), "then")
	b.wantEqual(chores[22:], outIDs(b.unpublished()), "and then")
}

func outboxRepublish(b *bundle) {
	inc := b.declare()
	id := b.events(inc)[0].ID
	b.advance(time.Minute)
	b.must(b.Store.Republish(b.ctx, id, "nobody")) // it waits anyway
	first := b.unpublished()
	b.wantEqual([]string{id}, []string{first[0].DedupID()}, "known to the broker")
	b.must(b.Store.MarkPublished(b.ctx, id))
	b.wantEqual([]string{}, outIDs(b.unpublished()), "published once")
	b.must(b.Store.Republish(b.ctx, id))
	b.must(b.Store.Republish(b.ctx, id))
	b.must(b.Store.Republish(b.ctx))
	again := b.unpublished()
	b.wantEqual([]string{id}, outIDs(again), "published again")
	b.advance(time.Minute) // its relay died, and may have published it
	once := b.unpublished()
	b.wantEqual([]string{again[0].DedupID()}, []string{once[0].DedupID()}, "known to the broker")
	b.wantEqual(false, again[0].DedupID() == id, "known as the first copy")
	b.must(b.Store.MarkPublished(b.ctx, id))
	b.advance(time.Hour)
	b.wantEqual([]string{}, outIDs(b.unpublished()), "and no more")
}

func outboxRepublishLeased(b *bundle) {
	inc := b.declare()
	out := outIDs(b.unpublished()) // a relay is about to publish it, or has
	b.advance(time.Second)
	b.must(b.Store.Republish(b.ctx, b.events(inc)[0].ID))
	b.wantEqual([]string{}, outIDs(b.unpublished()), "while it is leased")
	b.must(b.Store.MarkPublished(b.ctx, out...))
	again := b.unpublished()
	b.wantEqual(out, outIDs(again), "once more")
	b.wantEqual(false, again[0].DedupID() == again[0].ID, "known as the first copy")
	b.must(b.Store.MarkPublished(b.ctx, out...))
	b.wantEqual([]string{}, outIDs(b.unpublished()), "and no more")
}

func outboxPrivate(b *bundle) {
	inc := b.declare(func(inc *incident.Incident) { inc.Name = "secret" })
	b.save(inc, func(inc *incident.Incident) { inc.Visibility = incident.Private }, b.event(incident.EvPrivate))
	out := b.unpublished()
	b.wantEqual(2, len(out), "events")
	for _, o := range out {
		if want := fmt.Sprintf(`{"id":%q}`, o.ID); string(o.Data) != want {
			b.Errorf("%s says %s", o.Attributes[incident.AttrType], o.Data)
		}
	}
}

// accept stores rows with these ids.
func (b *bundle) accept(ids ...string) {
	b.Helper()
	for _, id := range ids {
		_, err := b.Store.Accept(b.ctx, row1(id))
		b.must(err)
	}
}

func row1(id string) incident.Inbound {
	return incident.Inbound{ID: id, Topic: incident.TopicSlack, Kind: "slack.command", Body: []byte("\x00\xff{"),
		Attributes: map[string]string{"team": "T1"}}
}

func outboxRow(b *bundle) {
	b.accept("x")
	out := b.unpublished()
	if len(out) != 1 {
		b.Fatalf("%d rows", len(out))
	}
	want := row1("x").Envelope()
	want.Stored = b.stored(out[0])
	b.wantEqual(want, out[0], "row")
	b.must(b.Store.MarkPublished(b.ctx, "x"))
	b.advance(time.Hour)
	b.wantEqual([]string{}, outIDs(b.unpublished()), "afterwards")
}

func outboxNotBefore(b *bundle) {
	soon := row1("soon")
	soon.NotBefore = b.now.Add(6 * time.Second)
	_, err := b.Store.Accept(b.ctx, soon)
	b.must(err)
	b.accept("now")
	b.wantEqual([]string{"now"}, outIDs(b.unpublished()), "at once")
	b.advance(7 * time.Second)
	b.wantEqual([]string{"soon"}, outIDs(b.unpublished()), "after 7 s")
}

func outboxHandled(b *bundle) {
	b.accept("x")
	b.must(b.Store.Handled(b.ctx, "x", "INC-1"))
	b.wantEqual([]string{}, outIDs(b.unpublished()), "what was handled in place")
}

const long = time.Minute

func outboxWakeDue(b *bundle) {
	b.declare()
	start := time.Now()
	b.must(b.Store.Wake(b.ctx, long))
	if time.Since(start) > long/2 {
		b.Error("it waited although something was there")
	}
}

func outboxWake(b *bundle) {
	var group runner.Group
	done := make(chan time.Duration, 1)
	group.Go(func() {
		start := time.Now()
		if err := b.Store.Wake(b.ctx, long); err != nil {
			b.Error(err)
		}
		done <- time.Since(start)
	})
	_, err := b.Other.Create(b.ctx, b.incident(), []incident.Event{b.event(incident.EvDeclared)})
	b.must(err)
	if took := <-done; took > long/2 {
		b.Errorf("it slept for %s", took)
	}
	group.Wait()
}

func outboxPatience(b *bundle) {
	b.declare()
	b.published()
	start := time.Now()
	b.must(b.Store.Wake(b.ctx, 50*time.Millisecond))
	if took := time.Since(start); took < 40*time.Millisecond || took > long {
		b.Errorf("it returned after %s", took)
	}
}

func outboxWakeEnds(b *bundle) {
	ctx, cancel := context.WithCancel(b.ctx)
	var group runner.Group
	start := time.Now()
	group.Go(func() {
		// Whether it says so or not: who gave it the context knows.
		if err := b.Store.Wake(ctx, long); err != nil && !strings.Contains(err.Error(), context.Canceled.Error()) {
			b.Error(err)
		}
	})
	cancel()
	group.Wait()
	if took := time.Since(start); took > long/2 {
		b.Errorf("it returned after %s", took)
	}
}
