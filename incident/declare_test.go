package incident_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/theriac/theriac/incident"
)

// types returns the types of events, in order.
func types(evs []incident.Event) []incident.EventType {
	var all []incident.EventType
	for _, e := range evs {
		all = append(all, e.Type)
	}
	return all
}

func wantTypes(t *testing.T, evs []incident.Event, want ...incident.EventType) {
	t.Helper()
	if diff := cmp.Diff(want, types(evs), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// wantField asks for a FieldError of a field.
func wantField(t *testing.T, err error, field string) {
	t.Helper()
	if e, ok := errors.AsType[*incident.FieldError](err); !ok || e.Field != field || !errors.Is(err, incident.ErrInvalid) {
		t.Errorf("got %v, want a FieldError of %s", err, field)
	}
}

func data[T any](t *testing.T, e incident.Event) T {
	t.Helper()
	d, err := incident.DataOf[T](e)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var forever = []incident.Key{incident.NewKey("idem:ana:1", false)}

func TestDeclare_MakesAnActiveIncident(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	act := s.act(ana)
	act.Key = "slack:view:V1"
	inc, evs, err := incident.Declare(act, incident.NewParams{
		Name: " checkout\nis down ", Severity: "critical", Type: "default", Keys: forever, Lead: "ben",
		Fields: map[string]incident.FieldValue{"parts": {"web", "worker"}},
		Entry:  &incident.Entry{Ref: "Q-7F3K", Group: "g", Subscription: "orders", Where: "price.go:12"},
		Alert:  &incident.Alert{Source: "prometheus", Dedup: "a", Title: "errors"},
		Attachments: []incident.Attachment{
			{Kind: "dashboard", URL: "https://grafana.example/d/1"},
		},
	})
	s.must(err)
	wantTypes(t, evs,
		incident.EvDeclared, incident.EvStatus,
		incident.EvAssigned, incident.EvJoined, incident.EvJoined, incident.EvAssigned,
		incident.EvAlert, incident.EvEntryAttached, incident.EvFollowCreated, incident.EvAttached)
	if inc.Name != "checkout is down" || inc.Status != incident.Investigating || inc.Mode != incident.ModeStandard ||
		inc.Visibility != incident.Public || inc.Lead() != "ben" || inc.Holder("reporter") != "ana" {
		t.Errorf("made %+v", inc)
	}
	if inc.NextUpdateDue != act.At.Add(20*time.Minute) || inc.Times.Declared != act.At || !inc.Times.Reported.IsZero() {
		t.Errorf("times %+v, next update %s", inc.Times, inc.NextUpdateDue)
	}
	if diff := cmp.Diff(incident.DataNew{Name: "checkout is down", Severity: "critical", Type: "default"},
		data[incident.DataNew](t, evs[0])); diff != "" {
		t.Errorf("declared (-want +got):\n%s", diff)
	}
	wantEnvelopes(t, inc, act, evs)
}

// wantEnvelopes asks that every event says who, when, of what and in whose sight, and that the first
// alone has the key of the act.
func wantEnvelopes(t *testing.T, inc incident.Incident, act incident.Act, evs []incident.Event) {
	t.Helper()
	act.By.Role = ""
	seen := map[string]bool{}
	for i, e := range evs {
		want := incident.Event{
			ID: e.ID, Type: e.Type, V: 1, IncidentID: inc.ID, Number: inc.Number, OccurredAt: act.At, RecordedAt: act.At,
			Actor: act.By, Visibility: inc.Visibility, Mode: inc.Mode, Cause: "cause-1", Traceparent: "00-trace-01",
			Data: e.Data,
		}
		if i == 0 {
			want.Key = act.Key
		}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("envelope of %s (-want +got):\n%s", e.Type, diff)
		}
		if e.ID == "" || seen[e.ID] {
			t.Errorf("%s has the id %q", e.Type, e.ID)
		}
		seen[e.ID] = true
	}
}

func TestDeclare_RefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 201)
	for field, change := range map[string]func(*incident.NewParams){
		"keys":        func(p *incident.NewParams) { p.Keys = []incident.Key{incident.NewKey("a", true)} },
		"name":        func(p *incident.NewParams) { p.Name = " \n " },
		"summary":     func(p *incident.NewParams) { p.Summary = strings.Repeat("x", 10_001) },
		"severity":    func(p *incident.NewParams) { p.Severity = "apocalyptic" },
		"type":        func(p *incident.NewParams) { p.Type = "odd" },
		"mode":        func(p *incident.NewParams) { p.Mode = incident.ModeRetrospective },
		"visibility":  func(p *incident.NewParams) { p.Visibility = "secret" },
		"game_day":    func(p *incident.NewParams) { p.GameDay = true },
		"fields":      func(p *incident.NewParams) { p.Fields = map[string]incident.FieldValue{"odd": {"x"}} },
		"fields.lost": func(p *incident.NewParams) { p.Fields = map[string]incident.FieldValue{"lost": {"NaN"}} },
		"fields.link": func(p *incident.NewParams) {
			p.Fields = map[string]incident.FieldValue{"link": {"javascript:alert(1)"}}
		},
		"fields.region":  func(p *incident.NewParams) { p.Fields = map[string]incident.FieldValue{"region": {"mars"}} },
		"fields.note":    func(p *incident.NewParams) { p.Fields = map[string]incident.FieldValue{"note": {"a", "b"}} },
		"fields.who":     func(p *incident.NewParams) { p.Fields = map[string]incident.FieldValue{"who": {"a\x00b"}} },
		"fields.cause":   func(p *incident.NewParams) { p.Fields = map[string]incident.FieldValue{"cause": {"magic"}} },
		"impact_started": func(p *incident.NewParams) { p.ImpactStarted = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"lead":           func(p *incident.NewParams) { p.Lead = "a\tb" },
		"alert":          func(p *incident.NewParams) { p.Alert = &incident.Alert{Source: "x"} },
		"entry":          func(p *incident.NewParams) { p.Entry = &incident.Entry{} },
		"decision":       func(p *incident.NewParams) { p.Entry = &incident.Entry{Ref: "Q-1", Decision: "forgiven"} },
		"url":            func(p *incident.NewParams) { p.Attachments = []incident.Attachment{{Kind: "x", URL: "ftp://x"}} },
		"kind":           func(p *incident.NewParams) { p.Attachments = []incident.Attachment{{URL: "https://x"}} },
		"related":        func(p *incident.NewParams) { p.Related = []string{""} },
	} {
		s := newStage(t)
		p := incident.NewParams{Name: "checkout is down", Keys: forever}
		change(&p)
		_, evs, err := incident.Declare(s.act(ana), p)
		wantField(t, err, field)
		if evs != nil {
			t.Errorf("%s: refused, and %d events", field, len(evs))
		}
	}
	s := newStage(t)
	_, _, err := incident.Declare(s.act(ana), incident.NewParams{Name: long, Keys: forever})
	wantField(t, err, "name")
	_, _, err = incident.Declare(s.act(ana), incident.NewParams{Name: "x", Severity: "sev1", Keys: forever})
	if want := `severity: "sev1" is not known; known: minor, major, critical`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReport_OpensATriage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	open := []incident.Key{incident.NewKey("alert:prometheus:a", true)}
	inc, evs, err := incident.Report(s.act(alerter), incident.NewParams{Name: strings.Repeat("long ", 100), Keys: open})
	s.must(err)
	wantTypes(t, evs, incident.EvReported, incident.EvStatus)
	if inc.Status != incident.Triage || inc.Times.Reported.IsZero() || !strings.HasSuffix(inc.Name, "…") {
		t.Errorf("made %+v", inc)
	}
	_, _, err = incident.Report(s.act(alerter), incident.NewParams{Name: "x", Keys: forever})
	wantField(t, err, "keys")
	_, _, err = incident.Report(s.act(ana), incident.NewParams{Name: "x"})
	wantField(t, err, "keys")
	_, _, err = incident.Report(s.act(ana), incident.NewParams{Name: "x", Keys: forever})
	s.must(err)
}

func TestDeclare_OfAPrivateTypeIsPrivate(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc, evs, err := incident.Declare(s.act(ana), incident.NewParams{
		Name: "a leak", Type: "security", Visibility: incident.Public, Keys: forever, Mode: incident.ModeTest, GameDay: true,
	})
	s.must(err)
	if inc.Visibility != incident.Private || inc.Mode != incident.ModeTest || !inc.GameDay {
		t.Errorf("made %+v", inc)
	}
	for _, e := range evs {
		if e.Visibility != incident.Private || e.Mode != incident.ModeTest {
			t.Errorf("%s is %s and %s", e.Type, e.Visibility, e.Mode)
		}
	}
}

func TestImport_IsClosedFromTheStart(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	times := incident.Times{Reported: start.Add(-48 * time.Hour), Resolved: start.Add(-50 * time.Hour)} // disorder is fine
	inc, evs, err := incident.Import(s.act(ana), incident.ImportParams{
		NewParams: incident.NewParams{Name: "last week", Severity: "major"}, Times: times,
	})
	s.must(err)
	wantTypes(t, evs, incident.EvImported, incident.EvStatus, incident.EvJoined, incident.EvAssigned)
	if inc.Status != incident.Closed || inc.Mode != incident.ModeRetrospective || inc.Times.Closed != times.Resolved ||
		inc.Times.Created != s.now || len(inc.Tasks) > 0 {
		t.Errorf("made %+v", inc)
	}
	for field, p := range map[string]incident.ImportParams{
		"times.reported": {Times: incident.Times{Resolved: start}},
		"times.resolved": {Times: incident.Times{Reported: start}},
		"times.fixed":    {Times: incident.Times{Reported: start, Resolved: start, Fixed: start.AddDate(9000, 0, 0)}},
		"mode":           {NewParams: incident.NewParams{Mode: incident.ModeTest}, Times: times},
		"entry":          {NewParams: incident.NewParams{Entry: &incident.Entry{Ref: "Q-1"}}, Times: times},
		"name":           {Times: times},
	} {
		if field != "name" {
			p.Name = "last week"
		}
		_, _, err := incident.Import(s.act(ana), p)
		wantField(t, err, field)
	}
}
