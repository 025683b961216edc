package quarantinetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/theriac/theriac/quarantine"
)

func transitionPromises() []promise {
	return []promise{
		{"AllowedMovesAreMadeAndAllOthersRefused", everyMove},
		{"OneOfManyWinsAndTheLosersAreToldWho", oneWinner},
		{"AStaleVersionIsAConflictWithTheEntryAsItStands", func(b *bundle) {
			e := b.holdOne()
			now := b.move(e, quarantine.StateDiscarded)
			_, err := b.Store.Transition(b.ctx, transition(e, quarantine.StateReplaying))
			conflict, ok := errors.AsType[*quarantine.ConflictError](err)
			if !ok {
				b.Fatalf("error %v, want a *ConflictError", err)
			}
			b.wantEqual(now, conflict.Entry, "the entry in the conflict")
		}},
		{"AnUnknownEntryIsNotFound", func(b *bundle) {
			for _, id := range []string{"018f0000-0000-7000-8000-ffffffffffff", "no id \x00"} {
				_, err := b.Store.Transition(b.ctx, quarantine.Transition{EntryID: id, Version: 1, To: quarantine.StateHeld})
				b.wantErr(err, quarantine.ErrNotFound, id)
			}
		}},
		{"EachChangeHasAnAuditRow", auditRows},
		{"TheRunThatEndedAReplayIsStored", func(b *bundle) {
			e := b.move(b.holdOne(), quarantine.StateReplaying)
			run := failure("again")
			run.Replay = true
			tr := transition(e, quarantine.StateHeld)
			tr.Attempt = &run
			_, err := b.Store.Transition(b.ctx, tr)
			b.must(err)
			got := b.get(e.ID).Attempts
			if len(got) != 2 {
				b.Fatalf("%d attempts, want 2", len(got))
			}
			b.wantEqual(run, got[0], "the newest attempt")
		}},
		{"ARefusedTransitionChangesNothing", func(b *bundle) {
			e := b.holdOne()
			before := b.get(e.ID)
			run := failure("again")
			tr := transition(e, quarantine.StateReplayed)
			tr.Attempt = &run
			if _, err := b.Store.Transition(b.ctx, tr); err == nil {
				b.Fatal("held became replayed")
			}
			b.wantEqual(before, b.get(e.ID), "the entry")
			rows, err := b.Store.Audit(b.ctx, "", 10)
			b.must(err)
			b.wantEqual(0, len(rows), "audit rows")
		}},
		{"ATransitionKeepsThePayload", func(b *bundle) {
			n := b.entry(b.message())
			e := b.move(b.hold(n)[0], quarantine.StateDiscarded)
			b.wantEqual(n.Entry.Message, b.get(e.ID).Message, "the message")
		}},
	}
}

func everyMove(b *bundle) {
	paths := map[quarantine.State][]quarantine.State{
		quarantine.StateHeld:      {},
		quarantine.StateReplaying: {quarantine.StateReplaying},
		quarantine.StateReplayed:  {quarantine.StateReplaying, quarantine.StateReplayed},
		quarantine.StateDiscarded: {quarantine.StateDiscarded},
	}
	for _, from := range quarantine.States() {
		for _, to := range quarantine.States() {
			e := b.holdOne()
			for _, step := range paths[from] {
				e = b.move(e, step)
			}
			got, err := b.Store.Transition(b.ctx, transition(e, to))
			if !from.CanBecome(to) {
				if refused, ok := errors.AsType[*quarantine.StateError](err); !ok || refused.From != from || refused.To != to {
					b.Errorf("%s to %s: error %v, want a *StateError that says so", from, to, err)
				}
				continue
			}
			if err != nil || got.State != to || got.Version != e.Version+1 || got.Decided.Actor.Name != "ana@laptop" {
				b.Errorf("%s to %s: %+v, %v", from, to, got, err)
			}
			b.wantEqual(got, without(b.get(e.ID)), fmt.Sprintf("stored after %s to %s", from, to))
		}
	}
}

// without is an entry as lists and transitions return it.
func without(e quarantine.Entry) quarantine.Entry {
	e.Message.Data, e.Attempts = nil, nil
	return e
}

func oneWinner(b *bundle) {
	for range 5 {
		e := b.holdOne()
		var mu sync.Mutex
		winners := make(map[string]bool)
		var conflicts []*quarantine.ConflictError
		b.together(8, func(i int, s quarantine.Store) {
			tr := transition(e, quarantine.StateDiscarded)
			tr.Decision.Actor.Name = fmt.Sprint("person ", i)
			_, err := s.Transition(b.ctx, tr)
			mu.Lock()
			defer mu.Unlock()
			if conflict, ok := errors.AsType[*quarantine.ConflictError](err); ok {
				conflicts = append(conflicts, conflict)
			} else if err == nil {
				winners[tr.Decision.Actor.Name] = true
			} else {
				b.Error(err)
			}
		})
		if len(winners) != 1 || len(conflicts) != 7 {
			b.Fatalf("%d winners and %d conflicts, want 1 and 7", len(winners), len(conflicts))
		}
		for _, c := range conflicts {
			if !winners[c.Entry.Decided.Actor.Name] || c.Entry.Version != 2 {
				b.Errorf("a loser was told %v, and %v won", c, winners)
			}
		}
	}
}

func auditRows(b *bundle) {
	other := b.holdOne()
	e := b.holdOne()
	e = b.move(e, quarantine.StateDiscarded)
	b.move(other, quarantine.StateReplaying)
	e = b.move(e, quarantine.StateHeld)

	rows, err := b.Store.Audit(b.ctx, e.ID, 10)
	b.must(err)
	if len(rows) != 2 {
		b.Fatalf("%d audit rows, want 2", len(rows))
	}
	want := quarantine.AuditRow{N: rows[0].N, EntryID: e.ID, Ref: e.Ref, From: quarantine.StateDiscarded, To: quarantine.StateHeld,
		Version: 3, Decision: e.Decided}
	b.wantEqual(want, rows[0], "the newest row")
	if rows[0].N <= rows[1].N || rows[1].N < 1 {
		b.Errorf("the rows have the numbers %d and %d", rows[0].N, rows[1].N)
	}
	b.wantEqual(quarantine.Actor{Name: "ana@laptop", Via: "cli", Claimed: true}, rows[1].Decision.Actor, "actor")
	if at := rows[0].Decision.At; time.Since(at).Abs() > time.Minute || at.Location() != time.UTC {
		b.Errorf("the change is dated %s", at)
	}

	all, err := b.Store.Audit(b.ctx, "", 2)
	b.must(err)
	b.wantEqual([]string{e.Ref, other.Ref}, []string{all[0].Ref, all[1].Ref}, "the newest two of all")
	none, err := b.Store.Audit(b.ctx, "no such", 10)
	if err != nil || len(none) != 0 {
		b.Errorf("audit of an unknown entry: %v, %v", none, err)
	}
}
