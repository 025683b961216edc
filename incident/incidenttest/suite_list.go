package incidenttest

import (
	"fmt"

	"github.com/theriac/theriac/incident"
)

func listPromises() []promise {
	return []promise{
		{"NewestFirstPageByPage", listPages},
		{"CursorHoldsWhileOthersAreMade", listCursor},
		{"Filters", listFilters},
		{"FieldsFollowTheDocument", listFields},
		{"PrivateOnesAreForParticipantsAndAdmins", listPrivate},
		{"ShowsWhatAListNeeds", listBrief},
		{"LimitsAreKept", listLimits},
		{"WrongCursor_Invalid", func(b *bundle) {
			for _, cursor := range []string{"x", "-1", "0", "1.5", "99999999999999999999", "1 OR 1=1"} {
				_, err := b.Store.List(b.ctx, incident.Filter{Cursor: cursor})
				b.wantErr(err, incident.ErrInvalid, "cursor "+cursor)
			}
		}},
	}
}

// list returns the references of all that match, page by page.
func (b *bundle) list(f incident.Filter) []string {
	b.Helper()
	all := []string{}
	for {
		page, err := b.Store.List(b.ctx, f)
		b.must(err)
		all = append(all, refs(page.Incidents)...)
		if page.Next == "" {
			return all
		}
		if len(page.Incidents) != f.PageSize() || page.Next == f.Cursor {
			b.Fatalf("a page of %d in the middle, want %d and another cursor", len(page.Incidents), f.PageSize())
		}
		f.Cursor = page.Next
	}
}

func listPages(b *bundle) {
	b.wantEqual([]string{}, b.list(incident.Filter{}), "nothing yet")
	want := []string{}
	for range 7 {
		inc := b.declare()
		want = append([]string{inc.Ref()}, want...)
	}
	for _, limit := range []int{0, 1, 2, 3, 6, 7, 8} {
		b.wantEqual(want, b.list(incident.Filter{Limit: limit}), fmt.Sprint("limit ", limit))
	}
	page, err := b.Store.List(b.ctx, incident.Filter{Limit: 7})
	b.must(err)
	b.wantEqual("", page.Next, "the cursor after a full last page")
}

func listCursor(b *bundle) {
	for range 4 {
		b.declare()
	}
	page, err := b.Store.List(b.ctx, incident.Filter{Limit: 2})
	b.must(err)
	b.declare()
	b.save(page.Incidents[1], status(incident.Closed)) // the last of the page no longer matches
	b.wantEqual([]string{"INC-2", "INC-1"}, b.list(incident.Filter{Limit: 2, Cursor: page.Next,
		Stages: []incident.Stage{incident.StageActive}}), "the rest")
}

func listFilters(b *bundle) {
	b.declare(func(inc *incident.Incident) { inc.Name, inc.Severity = "Checkout DOWN", "critical" })
	b.declare(status(incident.Triage), func(inc *incident.Incident) { inc.Summary, inc.Severity = "the Checkout is slow", "minor" })
	b.declare(status(incident.Fixing), func(inc *incident.Incident) { inc.Mode, inc.Name, inc.Severity = incident.ModeTest, "ÄRGER 100%", "" })
	b.declare(status(incident.Closed), func(inc *incident.Incident) {
		inc.Name, inc.Summary = "mail", "late"
		inc.Fields = map[string]incident.FieldValue{"service": {"mail", "web"}, "team": {"mail"}}
		inc.Participants = []incident.Participant{{Person: "ana", Kind: incident.Worker, Since: b.now}}
	})
	b.declare(status(incident.Merged), func(inc *incident.Incident) {
		inc.Name, inc.Summary = "mail_too", ""
		inc.Fields = map[string]incident.FieldValue{"service": {"web"}}
		inc.Participants = []incident.Participant{{Person: "ana", Kind: incident.Worker, Since: b.now, Left: b.now}, {Person: "ben", Since: b.now}}
		inc.Assignments = []incident.Assignment{{Role: "scribe", Person: "cleo", Since: b.now}}
	})
	cases := []struct {
		name string
		f    incident.Filter
		want []string
	}{
		{"all", incident.Filter{}, []string{"INC-5", "INC-4", "INC-3", "INC-2", "INC-1"}},
		{"a status", incident.Filter{Statuses: []incident.Status{incident.Triage}}, []string{"INC-2"}},
		{"statuses", incident.Filter{Statuses: []incident.Status{incident.Triage, incident.Merged}}, []string{"INC-5", "INC-2"}},
		{"a status that is none", incident.Filter{Statuses: []incident.Status{"x"}}, nil},
		{"stages", incident.Filter{Stages: []incident.Stage{incident.StageActive, incident.StageOff}}, []string{"INC-5", "INC-3", "INC-1"}},
		{"status and stage", incident.Filter{Statuses: []incident.Status{incident.Fixing}, Stages: []incident.Stage{incident.StageOff}}, nil},
		{"severity", incident.Filter{Severities: []string{"minor", ""}}, []string{"INC-3", "INC-2"}},
		{"mode", incident.Filter{Modes: []incident.Mode{incident.ModeTest}}, []string{"INC-3"}},
		{"modes", incident.Filter{Modes: []incident.Mode{incident.ModeTest, incident.ModeRetrospective}}, []string{"INC-3"}},
		{"text in name and summary", incident.Filter{Text: "cheCKout"}, []string{"INC-2", "INC-1"}},
		{"text beyond ASCII", incident.Filter{Text: "ärger"}, []string{"INC-3"}},
		{"text with what SQL reads otherwise", incident.Filter{Text: "0%"}, []string{"INC-3"}},
		{"text with another", incident.Filter{Text: "mail_"}, []string{"INC-5"}},
		{"field", incident.Filter{Field: "service", Value: "web"}, []string{"INC-5", "INC-4"}},
		{"one of a field's values", incident.Filter{Field: "service", Value: "mail"}, []string{"INC-4"}},
		{"field that is not there", incident.Filter{Field: "Service", Value: "web"}, nil},
		{"person who left", incident.Filter{Person: "ana"}, []string{"INC-4"}},
		{"person who takes part", incident.Filter{Person: "ben"}, []string{"INC-5"}},
		{"person with a role", incident.Filter{Person: "cleo"}, []string{"INC-5"}},
		{"all at once", incident.Filter{Text: "mail", Person: "ana", Field: "team", Value: "mail", Severities: []string{"critical"},
			Modes: []incident.Mode{incident.ModeStandard}, Stages: []incident.Stage{incident.StageClosed}}, []string{"INC-4"}},
	}
	for _, c := range cases {
		b.wantEqual(c.want, b.list(c.f), c.name)
		c.f.Limit = 1
		b.wantEqual(c.want, b.list(c.f), c.name+", one by one")
	}
}

func listFields(b *bundle) {
	inc := b.declare(func(inc *incident.Incident) {
		inc.Fields = map[string]incident.FieldValue{"service": {"mail", "mail"}}
		inc.Participants = []incident.Participant{{Person: "ana", Since: b.now}}
	})
	b.save(inc, func(inc *incident.Incident) {
		inc.Name = "renamed"
		inc.Fields = map[string]incident.FieldValue{"service": {"web"}}
		inc.Participants = []incident.Participant{{Person: "ben", Since: b.now}}
	})
	for _, f := range []incident.Filter{{Field: "service", Value: "mail"}, {Person: "ana"}, {Text: "checkout is"}} {
		b.wantEqual([]string{}, b.list(f), "what it was")
	}
	for _, f := range []incident.Filter{{Field: "service", Value: "web"}, {Person: "ben"}, {Text: "renamed"}} {
		b.wantEqual([]string{"INC-1"}, b.list(f), "what it is")
	}
}

func listPrivate(b *bundle) {
	b.declare()
	private := b.declare(func(inc *incident.Incident) {
		inc.Visibility = incident.Private
		inc.Participants = []incident.Participant{{Person: "ana", Since: b.now}, {Person: "dan", Since: b.now, Left: b.now}}
		inc.Assignments = []incident.Assignment{{Role: incident.LeadRole, Person: "ben", Since: b.now}}
	})
	both, one := []string{"INC-2", "INC-1"}, []string{"INC-1"}
	for _, c := range []struct {
		who  string
		r    *incident.Reader
		want []string
	}{
		{"the program", nil, both},
		{"a participant", &incident.Reader{Person: "ana", Role: incident.Viewer}, both},
		{"the lead", &incident.Reader{Person: "ben", Role: incident.Responder}, both},
		{"an admin", &incident.Reader{Person: "eve", Role: incident.Admin}, both},
		{"somebody else", &incident.Reader{Person: "eve", Role: incident.Responder}, one},
		{"who left", &incident.Reader{Person: "dan", Role: incident.Responder}, one},
		{"a program without person", &incident.Reader{Role: incident.Responder}, one},
		{"a role that is none", &incident.Reader{Role: "root"}, one},
	} {
		b.wantEqual(c.want, b.list(incident.Filter{For: c.r}), c.who)
		b.wantEqual(c.want, b.list(incident.Filter{For: c.r, Limit: 1}), c.who+", one by one")
	}
	b.wantEqual([]string{}, b.list(incident.Filter{Person: "ana", For: &incident.Reader{Person: "eve", Role: incident.Viewer}}), "by a participant")
	b.save(private, func(inc *incident.Incident) { inc.Participants = nil })
	b.wantEqual(one, b.list(incident.Filter{For: &incident.Reader{Person: "ana", Role: incident.Viewer}}), "no participant any more")
}

func listBrief(b *bundle) {
	want := b.full()
	_, err := b.Store.Create(b.ctx, want, []incident.Event{b.event(incident.EvDeclared)})
	b.must(err)
	b.tell(want, b.event(incident.EvActivity))
	page, err := b.Store.List(b.ctx, incident.Filter{})
	b.must(err)
	want.Number, want.Version, want.Seq = 1, 1, 2
	got := page.Incidents[0]
	b.wantEqual(want.Brief(), got.Brief(), "what a list shows")
}

func listLimits(b *bundle) {
	for range 31 {
		b.declare()
	}
	page, err := b.Store.List(b.ctx, incident.Filter{})
	b.must(err)
	if len(page.Incidents) != 30 || page.Next == "" {
		b.Errorf("a page of %d by default", len(page.Incidents))
	}
	if n := (incident.Filter{Limit: 1_000_000}).PageSize(); n != 200 {
		b.Errorf("a page of up to %d", n)
	}
}
