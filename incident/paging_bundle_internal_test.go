package incident

import (
	"encoding/json"
	"fmt"
	"time"

	"pgregory.net/rapid"
)

// noon is a Wednesday in working hours.
var noon = time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)

// pagingRules are settings with one path of two levels.
func pagingRules() *Settings {
	return &Settings{
		Severities: []Severity{
			{ID: "minor", Name: "Minor", Rank: 1, Page: PageNever, Path: "ops", UpdateEvery: Duration(time.Hour)},
			{ID: "major", Name: "Major", Rank: 2, Page: PageHours, Path: "ops", UpdateEvery: Duration(30 * time.Minute)},
			{ID: "critical", Name: "Critical", Rank: 3, Page: PageAlways, Path: "ops", UpdateEvery: Duration(20 * time.Minute)},
			{ID: "calm", Name: "Calm", Page: PageAlways},
		},
		Roles: []RoleType{{ID: LeadRole, Name: "Lead"}},
		Paths: []Path{{ID: "ops", Name: "Operations", Repeat: 2, Levels: []Level{
			{Targets: []Target{{Kind: ToRotation, ID: "first"}, {Kind: ToChannel, ID: "C1"}}},
			{Targets: []Target{{Kind: ToPerson, ID: "boss"}}, Wait: Duration(7 * time.Minute)},
		}}},
		Rotations: []Rotation{{ID: "first", Name: "First line", People: []string{"ana", "ben"}, Start: noon.AddDate(0, 0, -7)}},
		Hours:     WorkingHours{Zone: "UTC", From: "09:00", To: "18:00"},
	}
}

// author makes acts of one history: their ids never repeat.
type author struct {
	rules *Settings
	ids   int
}

// act is something that a person does.
func (a *author) act(at time.Time, who string) Act {
	return Act{By: Actor{Kind: ByPerson, ID: who, Name: who, Role: Responder}, At: at, Rules: a.rules, NewID: func() string {
		a.ids++
		return fmt.Sprintf("id-%04d", a.ids)
	}}
}

// activeIncident is one that was declared at noon.
func activeIncident(severity string) *Incident {
	return &Incident{
		ID: "inc-1", Number: 42, Version: 1, Name: "checkout is down", Status: Investigating, Severity: severity,
		Mode: ModeStandard, Visibility: Public,
		Times: Times{Reported: noon, Declared: noon, Created: noon, Updated: noon},
	}
}

// data reads the data of an event.
func data[T any](t rapid.TB, e Event) T {
	t.Helper()
	var d T
	if err := json.Unmarshal(e.Data, &d); err != nil {
		t.Fatalf("%s: %v", e.Type, err)
	}
	return d
}

// must returns events of a verb that has to succeed.
func must(t rapid.TB) func([]Event, error) []Event {
	return func(evs []Event, err error) []Event {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return evs
	}
}

// steps writes events down in short: "level_due 1/2".
func steps(t rapid.TB, evs []Event) []string {
	t.Helper()
	var out []string
	for _, e := range evs {
		d := data[DataEscalation](t, e) // round and level have the same names in all of them
		line := fmt.Sprintf("%s %d/%d", e.Type[len("escalation."):], d.Round, d.Level)
		if d.Late {
			line += " late"
		}
		if e.Type == EvAcked && data[DataEscalation](t, e).Also {
			line += " also"
		}
		out = append(out, line)
	}
	return out
}

// foldEscalations rebuilds escalations from nothing but events.
func foldEscalations(t rapid.TB, evs []Event) []Escalation {
	t.Helper()
	var all []Escalation
	find := func(id string) *Escalation {
		for i := range all {
			if all[i].ID == id {
				return &all[i]
			}
		}
		t.Fatalf("an event of the escalation %q comes before its beginning", id)
		return nil
	}
	over := map[EventType]EscalationState{EvExhausted: Exhausted, EvEscCancelled: Cancelled, EvEscResolved: Ended}
	for _, ev := range evs {
		switch ev.Type {
		case EvEscalated:
			d := data[DataEscalation](t, ev)
			all = append(all, Escalation{
				ID: d.ID, Path: d.Path, Levels: d.Levels, Repeat: d.Repeat, Reason: d.Reason,
				State: Paging, Started: ev.RecordedAt, NotifyOnly: d.NotifyOnly,
			})
		case EvLevelDue:
			d := data[DataEscalation](t, ev)
			e := find(d.ID)
			e.Round, e.Level, e.Notified, e.LastDue, e.DueAt = d.Round, d.Level, false, ev.RecordedAt, ev.NotAfter
		case EvLevelNotified:
			if d := data[DataEscalation](t, ev); !d.Late {
				e := find(d.ID)
				e.Notified, e.DueAt = true, d.Next
			}
		case EvAcked:
			d := data[DataEscalation](t, ev)
			e := find(d.ID)
			by := ev.Actor
			by.Role = "" // it is not stored
			if d.Also {
				e.Also = append(e.Also, by)
			} else {
				e.State, e.AckedBy, e.Ended, e.DueAt = Acked, &by, ev.RecordedAt, time.Time{}
			}
		case EvExhausted, EvEscCancelled, EvEscResolved:
			e := find(data[DataEscalation](t, ev).ID)
			e.State, e.Ended, e.DueAt = over[ev.Type], ev.RecordedAt, time.Time{}
		}
	}
	return all
}
