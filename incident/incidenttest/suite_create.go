package incidenttest

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
)

func createPromises() []promise {
	return []promise{
		{"GivesNumberVersionAndSeq", createNumbers},
		{"ComesBackWhole", createWhole},
		{"IsFoundByIDReferenceAndNumber", createFound},
		{"NumbersAreUniqueUnderConcurrency", createConcurrent},
		{"KeyOfAnother_NamesIt", createKeyTaken},
		{"OneOfManyWithOneKeyWins", createKeyRace},
		{"IDTwice_Duplicate", createTwice},
		{"RefusesWhatIsWrongAndKeepsNothing", createRefused},
		{"BoundedByOneMebibyte", createTooLarge},
	}
}

func createNumbers(b *bundle) {
	evs := []incident.Event{b.event(incident.EvDeclared), b.event(incident.EvStatus)}
	inc, err := b.Store.Create(b.ctx, b.incident(), evs)
	b.must(err)
	if inc.Number != 1 || inc.Version != 1 || inc.Seq != 2 || inc.Ref() != "INC-1" {
		b.Errorf("created %s at version %d with %d events", inc.Ref(), inc.Version, inc.Seq)
	}
	for i, e := range b.events(inc) {
		want := evs[i]
		want.IncidentID, want.Number, want.Seq = inc.ID, 1, int64(i+1)
		b.wantEqual(want, e, "event")
	}
	if next := b.declare(); next.Number != 2 {
		b.Errorf("the second is %s", next.Ref())
	}
}

// full returns an incident that has something of everything.
func (b *bundle) full() incident.Incident {
	inc := b.incident(keys(permanent("idem:1"), open("alert:1")))
	at, actor := b.now, incident.Actor{Kind: incident.ByAlert, ID: "prometheus"}
	inc.GameDay, inc.Reopens, inc.Related = true, 2, []string{"other"}
	inc.Assignments = []incident.Assignment{{Role: incident.LeadRole, Person: "ana", Since: at}}
	inc.Participants = []incident.Participant{{Person: "ben", Kind: incident.Observer, Since: at, Messages: 2, Subscribed: true}}
	inc.LastUpdate = &incident.Update{Message: "looking", By: actor, At: at, EventID: "e"}
	inc.NextUpdateDue, inc.NudgeAt = at.Add(time.Hour), at.Add(2*time.Hour)
	inc.Actions = []incident.Action{{ID: "a", Text: "call", State: incident.Outstanding, Created: at}}
	inc.FollowUps = []incident.FollowUp{{ID: "f", Text: "fix", Due: at, State: incident.Done, Created: at, Ended: at}}
	inc.Tasks = []incident.Task{{ID: "t", Stage: incident.Documenting, Text: "write", State: incident.TaskSkipped, Reason: "no", Ended: at}}
	inc.Escalations = []incident.Escalation{{ID: b.id(), State: incident.Paging, Repeat: 2, Round: 1, Level: 1, DueAt: at.Add(time.Hour),
		Started: at, Also: []incident.Actor{actor}, AckedBy: &actor,
		Levels: []incident.Level{{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ana"}}, Wait: incident.Duration(time.Minute)}}}}
	inc.Alerts = []incident.Alert{{Source: "prometheus", Dedup: "1", Title: "down", Count: 3, First: at, Last: at}}
	inc.Entries = []incident.Entry{{Ref: "Q-7F3K", Subscription: "billing", Title: "panic", At: at, Version: 2, Decision: "replayed"}}
	inc.Attachments = []incident.Attachment{{Kind: "runbook", URL: "https://example.com", At: at}}
	inc.Fields = map[string]incident.FieldValue{"service": {"billing", "mail"}}
	inc.Nudges = map[incident.NudgeKind]incident.Nudge{incident.NudgeLead: {Sent: 1, Last: at}}
	inc.Channel = &incident.Channel{ID: "C1", Name: "inc-1"}
	inc.Headline = &incident.Post{Channel: "C2", ID: "1.2"}
	inc.Later = map[string]json.RawMessage{"postmortem": json.RawMessage(`{"text":"x"}`)}
	return inc
}

func createWhole(b *bundle) {
	want := b.full()
	created, err := b.Store.Create(b.ctx, want, []incident.Event{b.event(incident.EvDeclared)})
	b.must(err)
	want.Number, want.Version, want.Seq = 1, 1, 1
	b.wantEqual(want, created, "created")
	loaded := b.get(want.ID)
	b.wantEqual(want, loaded, "loaded")
	loaded.Assignments[0].Person, loaded.Fields["service"][0] = "eve", "changed"
	b.wantEqual(want, b.get(want.ID), "loaded after somebody changed their own copy")
	want.Name = "changed"
	saved := b.save(b.get(want.ID), func(inc *incident.Incident) { inc.Name = "changed" })
	want.Version = 2
	b.wantEqual(want, saved, "saved")
	b.wantEqual(want, b.get(want.ID), "loaded after a save")
}

func createFound(b *bundle) {
	b.declare()
	inc := b.declare()
	for _, ref := range []string{inc.ID, "INC-2", "inc-2", "2"} {
		if got := b.get(ref); got.ID != inc.ID {
			b.Errorf("%s is %s", ref, got.Ref())
		}
	}
	for _, ref := range []string{"", "INC-3", "INC-0", "INC-", "3", "-2", "nobody", strings.ToUpper(inc.ID) + "x"} {
		_, err := b.Store.Get(b.ctx, ref)
		b.wantErr(err, incident.ErrNotFound, "get "+ref)
	}
}

func createConcurrent(b *bundle) {
	const n = 20
	numbers := make([]int64, n)
	b.together(n, func(i int, s incident.Stores) {
		inc, err := s.Create(b.ctx, b.incident(), []incident.Event{b.event(incident.EvDeclared)})
		if err != nil {
			b.Error(err)
		}
		numbers[i] = inc.Number
	})
	slices.Sort(numbers)
	for i, number := range numbers {
		if number != int64(i+1) {
			b.Fatalf("numbers %v", numbers)
		}
	}
}

func (b *bundle) wantExists(err error, holder incident.Incident, key, doing string) {
	b.Helper()
	exists, ok := errors.AsType[*incident.ExistsError](err)
	if !ok {
		b.Errorf("%s: %v, want *ExistsError", doing, err)
		return
	}
	b.wantEqual(incident.ExistsError{IncidentID: holder.ID, Ref: holder.Ref(), Key: key}, *exists, doing)
}

func createKeyTaken(b *bundle) {
	holder := b.declare(keys(permanent("idem:1"), open("alert:1")))
	for _, k := range []incident.Key{permanent("idem:1"), open("alert:1"), open("idem:1"), permanent("alert:1")} {
		other := b.incident(keys(permanent("new"), k))
		_, err := b.Store.Create(b.ctx, other, []incident.Event{b.event(incident.EvDeclared)})
		b.wantExists(err, holder, k.Text, "create with "+k.Text)
		_, err = b.Store.Get(b.ctx, other.ID)
		b.wantErr(err, incident.ErrNotFound, "get what was refused")
		_, err = b.Store.ByKey(b.ctx, "new")
		b.wantErr(err, incident.ErrNotFound, "its other key")
	}
	if next := b.declare(keys(permanent("new"))); next.Number != 2 {
		b.Errorf("a refused one used up a number: the next is %s", next.Ref())
	}
}

func createKeyRace(b *bundle) {
	const n = 12
	ids := make([]string, n)
	b.together(n, func(i int, s incident.Stores) {
		inc, err := s.Create(b.ctx, b.incident(keys(open("alert:1"))), []incident.Event{b.event(incident.EvReported)})
		exists, ok := errors.AsType[*incident.ExistsError](err)
		switch {
		case ok:
			ids[i] = exists.IncidentID
		case err != nil:
			b.Error(err)
		default:
			ids[i] = inc.ID
		}
	})
	if ids[0] == "" || len(slices.Compact(ids)) != 1 {
		b.Errorf("not one winner: %v", ids)
	}
	b.wantEqual([]string{"INC-1"}, b.list(incident.Filter{}), "incidents")
}

func createTwice(b *bundle) {
	inc := b.incident()
	_, err := b.Store.Create(b.ctx, inc, []incident.Event{b.event(incident.EvDeclared)})
	b.must(err)
	_, err = b.Store.Create(b.ctx, inc, []incident.Event{b.event(incident.EvDeclared)})
	b.wantErr(err, incident.ErrDuplicate, "create once more")
	if n := len(b.events(inc)); n != 1 {
		b.Errorf("there are %d events", n)
	}
}

func createRefused(b *bundle) {
	twice := b.event(incident.EvDeclared)
	cases := []struct {
		name string
		inc  incident.Incident
		evs  []incident.Event
		want error
	}{
		{"no id", b.incident(func(inc *incident.Incident) { inc.ID = "" }), nil, incident.ErrInvalid},
		{"a status that is none", b.incident(status("sleeping")), nil, incident.ErrInvalid},
		{"an event without id", b.incident(), []incident.Event{{Type: incident.EvDeclared}}, incident.ErrInvalid},
		{"an event without type", b.incident(), []incident.Event{{ID: b.id()}}, incident.ErrInvalid},
		{"data that is no JSON", b.incident(), []incident.Event{b.event(incident.EvDeclared, func(e *incident.Event) {
			e.Data = json.RawMessage("{")
		})}, incident.ErrInvalid},
		{"one event twice", b.incident(), []incident.Event{twice, twice}, incident.ErrDuplicate},
		{"one event key twice", b.incident(), []incident.Event{b.event(incident.EvDeclared, keyed("k")),
			b.event(incident.EvStatus, keyed("k"))}, incident.ErrDuplicate},
	}
	for _, c := range cases {
		_, err := b.Store.Create(b.ctx, c.inc, c.evs)
		b.wantErr(err, c.want, c.name)
	}
	page, err := b.Store.Events(b.ctx, incident.EventFilter{})
	b.must(err)
	if len(page.Events) != 0 {
		b.Errorf("events were kept: %v", page.Events)
	}
}

func createTooLarge(b *bundle) {
	large := func(n int) func(*incident.Incident) {
		return func(inc *incident.Incident) { inc.Summary = strings.Repeat("x", n) }
	}
	inc := b.declare(large(incident.MaxDocument - 4096))
	b.wantEqual(incident.MaxDocument-4096, len(b.get(inc.ID).Summary), "its summary")
	_, err := b.Store.Create(b.ctx, b.incident(large(incident.MaxDocument)), nil)
	b.wantErr(err, incident.ErrTooLarge, "create")
	inc.Summary += strings.Repeat("x", 4096)
	_, err = b.Store.Save(b.ctx, incident.Change{Incident: &inc, Expected: inc.Version,
		Events: []incident.Event{b.event(incident.EvEdited)}})
	b.wantErr(err, incident.ErrTooLarge, "save")
	if after := b.get(inc.ID); after.Version != inc.Version || after.Seq != inc.Seq {
		b.Errorf("something was kept: version %d, seq %d", after.Version, after.Seq)
	}
	big, err := json.Marshal(strings.Repeat("x", incident.MaxDocument))
	b.must(err)
	_, err = b.Store.Save(b.ctx, incident.Change{IncidentID: inc.ID,
		Events: []incident.Event{b.event(incident.EvItemAdded, func(e *incident.Event) { e.Data = big })}})
	b.wantErr(err, incident.ErrTooLarge, "an event")
}
