package demo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// healthy returns the facts of a demo of 20 messages that went well.
func healthy(t *testing.T) facts {
	t.Helper()
	messages, err := plan{Run: "run", Seed: 7, Messages: minMessages, Started: time.Unix(1e9, 0)}.all()
	if err != nil {
		t.Fatal(err)
	}
	f := facts{messages: messages, wall: 1500 * time.Millisecond}
	for _, p := range messages {
		f.records = append(f.records, record{kindPublished, p.id})
		if p.way == nil || p.way.mended {
			f.records = append(f.records, record{kindEffect, p.id})
		}
		if p.way != nil {
			state := quarantine.StateHeld
			if p.way.mended {
				state = quarantine.StateReplayed
			}
			f.entries = append(f.entries, entryOf(p, state, p.way.reason))
		}
	}
	f.records = append(f.records, record{Kind: kindFixed})
	return f
}

func entryOf(p planned, state quarantine.State, reason handlers.Reason) quarantine.Entry {
	return quarantine.Entry{
		Ref: "Q-" + p.id, Subscription: p.subscription, State: state, Reason: reason, Message: p.message,
	}
}

// first returns a message of the plan: a good one, or one that is made to fail and not mended.
func (f facts) first(good bool) planned {
	for _, p := range f.messages {
		if good == (p.way == nil) && (good || !p.way.mended) {
			return p
		}
	}
	panic("the plan has none")
}

func (f facts) without(k kind, id string) []record {
	var kept []record
	for _, r := range f.records {
		if r.Kind != k || r.Event != id {
			kept = append(kept, r)
		}
	}
	return kept
}

// sums are the numbers of a report.
type sums struct {
	Published, Done, Quarantined, Discarded, Replayed, Lost, Duplicates, Innocent, Unfinished int
	AddsUp                                                                                    bool
}

func sumsOf(r report) sums {
	return sums{r.Published, r.Done, r.Quarantined, r.Discarded, r.Replayed, r.Lost, r.Duplicates, r.Innocent, r.Unfinished, r.AddsUp}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*facts)
		want   sums
	}{
		{"Healthy", func(*facts) {},
			sums{Published: 20, Done: 14, Quarantined: 6, Replayed: 1, AddsUp: true}},
		{"Discarded_ByAPerson", func(f *facts) { f.setState(f.first(false), quarantine.StateDiscarded) },
			sums{Published: 20, Done: 14, Quarantined: 5, Discarded: 1, Replayed: 1, AddsUp: true}},
		{"Replaying_IsStillHeld", func(f *facts) { f.setState(f.first(false), quarantine.StateReplaying) },
			sums{Published: 20, Done: 14, Quarantined: 6, Replayed: 1, AddsUp: true}},
		{"ConfirmationLost_ItsEndProvesIt", func(f *facts) { f.records = f.without(kindPublished, f.first(true).id) },
			sums{Published: 20, Done: 14, Quarantined: 6, Replayed: 1, AddsUp: true}},
		{"Lost", func(f *facts) { f.records = f.without(kindEffect, f.first(true).id) },
			sums{Published: 20, Done: 13, Quarantined: 6, Replayed: 1, Lost: 1}},
		{"Lost_ReplayedWithoutItsEffect", func(f *facts) { f.setState(f.first(false), quarantine.StateReplayed) },
			sums{Published: 20, Done: 14, Quarantined: 5, Replayed: 2, Lost: 1}},
		{"Interrupted", func(f *facts) {
			f.interrupted = true
			f.records = f.without(kindEffect, f.first(true).id)
		}, sums{Published: 20, Done: 13, Quarantined: 6, Replayed: 1, Unfinished: 1}},
		{"Duplicate", func(f *facts) { f.records = append(f.records, record{kindEffect, f.first(true).id}) },
			sums{Published: 20, Done: 14, Quarantined: 6, Replayed: 1, Duplicates: 1}},
		{"DoneAndHeldAsWell", func(f *facts) { f.records = append(f.records, record{kindEffect, f.first(false).id}) },
			sums{Published: 20, Done: 15, Quarantined: 6, Replayed: 1}},
		{"InnocentHeld", func(f *facts) {
			p := f.first(true)
			f.records = f.without(kindEffect, p.id)
			f.entries = append(f.entries, entryOf(p, quarantine.StateHeld, handlers.ReasonFailed))
		}, sums{Published: 20, Done: 13, Quarantined: 7, Replayed: 1, Innocent: 1}},
		{"HeldForAnotherReason", func(f *facts) { f.setReason(f.first(false), handlers.ReasonManual) },
			sums{Published: 20, Done: 14, Quarantined: 6, Replayed: 1}},
		{"HeldTwice_CountsOnce", func(f *facts) {
			p := f.first(false)
			f.entries = append(f.entries, entryOf(p, quarantine.StateHeld, p.way.reason))
		}, sums{Published: 20, Done: 14, Quarantined: 6, Replayed: 1, AddsUp: true}},
		{"NeverPublished", func(f *facts) {
			p := f.first(true)
			f.records = f.without(kindEffect, p.id)
			f.records = f.without(kindPublished, p.id)
		}, sums{Published: 19, Done: 13, Quarantined: 6, Replayed: 1}},
		{"OthersMessages_CountForNothing", func(f *facts) {
			other := f.first(true)
			other.message.Attributes = map[string]string{idAttribute: "other"}
			f.entries = append(f.entries, entryOf(other, quarantine.StateHeld, handlers.ReasonFailed))
			f.records = append(f.records, record{kindEffect, "other"})
		}, sums{Published: 20, Done: 14, Quarantined: 6, Replayed: 1, AddsUp: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := healthy(t)
			tt.change(&f)
			r := account(f)
			if diff := cmp.Diff(tt.want, sumsOf(r)); diff != "" {
				t.Error(diff)
			}
			if r.WallMS != 1500 {
				t.Errorf("wall_ms is %d, want 1500", r.WallMS)
			}
			if !r.AddsUp && !f.interrupted && r.wrong() == "" {
				t.Error("the report does not say what is wrong")
			}
		})
	}
}

func (f *facts) setState(p planned, s quarantine.State) { f.entry(p).State = s }

func (f *facts) setReason(p planned, r handlers.Reason) { f.entry(p).Reason = r }

func (f *facts) entry(p planned) *quarantine.Entry {
	for i := range f.entries {
		if f.entries[i].Message.ID == p.id {
			return &f.entries[i]
		}
	}
	panic("not held")
}
