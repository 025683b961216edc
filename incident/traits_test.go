package incident_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

// TestTraits_CoverEveryType reads the constants of the source: one that has no traits would be
// published to nobody.
func TestTraits_CoverEveryType(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []incident.EventType
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := v.Type.(*ast.Ident); ok && name.Name == "EventType" {
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			declared = append(declared, incident.EventType(text))
		}
		return true
	})
	slices.Sort(declared)
	if diff := cmp.Diff(declared, incident.EventTypes()); diff != "" || len(declared) < 50 {
		t.Errorf("types (-declared +with traits):\n%s", diff)
	}
	if _, ok := incident.TraitOf("incident.sung"); ok {
		t.Error("a type that nobody knows has traits")
	}
}

// TestTraits_AreTheOnesPromised holds the exceptions: whatever is not here is shown, published and
// counts as work.
func TestTraits_AreTheOnesPromised(t *testing.T) {
	t.Parallel()
	shown := incident.Trait{Timeline: true, Published: true}
	page, work := incident.Trait{Timeline: true}, incident.Trait{Activity: true}
	exceptions := map[incident.EventType]incident.Trait{
		incident.EvOverdue: shown, incident.EvEscalated: shown, incident.EvLevelDue: shown, incident.EvLevelNotified: shown,
		incident.EvExhausted: shown, incident.EvEscCancelled: shown, incident.EvEscResolved: shown,
		incident.EvAlert: shown, incident.EvAlertResolved: shown, incident.EvEntryAttached: shown, incident.EvEntryDecided: shown,
		incident.EvAttached: shown, incident.EvEffectDone: shown, incident.EvEffectSkipped: shown,
		incident.EvPrivateSeen: page, incident.EvControlChanged: page,
		incident.EvNudged: {}, incident.EvNudgeSnoozed: work, incident.EvNudgeStopped: work, incident.EvActivity: work,
	}
	for _, typ := range incident.EventTypes() {
		want, ok := exceptions[typ]
		if !ok {
			want = incident.Trait{Timeline: true, Published: true, Activity: true}
		}
		if got, _ := incident.TraitOf(typ); got != want {
			t.Errorf("%s: got %+v, want %+v", typ, got, want)
		}
	}
}

func TestLine_SaysWhatHappened(t *testing.T) {
	t.Parallel()
	due := time.Date(2022, 11, 18, 16, 12, 0, 0, time.UTC)
	for _, c := range []struct {
		typ  incident.EventType
		data any
		want string
	}{
		{incident.EvDeclared, incident.DataNew{Name: "checkout is down", Severity: "critical"}, "Ana declared it: checkout is down (critical)"},
		{incident.EvDeclined, incident.DataReason{Reason: "a test"}, "Ana declined it: a test"},
		{incident.EvResumed, incident.DataReason{}, "Ana resumed it"},
		{incident.EvMerged, incident.DataMerged{Ref: "INC-7", Reason: "the same"}, "Ana merged it into another: INC-7 (the same)"},
		{incident.EvStatus, incident.DataStatus{From: incident.Triage, To: incident.Declined}, "Ana changed the status from triage to declined"},
		{incident.EvStatus, incident.DataStatus{To: incident.Triage}, "Ana set the status to triage"},
		{incident.EvUpdate, incident.DataUpdate{Message: "found\nit", NextDue: due}, "Ana shared an update: found it (next by 2022-11-18 16:12Z)"},
		{incident.EvSeverity, incident.DataSeverity{To: "major"}, "Ana set the severity to major"},
		{incident.EvHandedOff, incident.DataRole{Role: "lead", From: "ana", Person: "ben", Note: "shift ends"}, "Ana handed a role over: lead from ana to ben (shift ends)"},
		{incident.EvEdited, incident.DataEdited{Changes: []incident.FieldChange{{Field: "name"}, {Field: "summary"}}}, "Ana edited it: name, summary"},
		{incident.EvItemEdited, incident.DataItem{Of: 7, Text: "x"}, "Ana edited a line: no. 7 x"},
		{incident.EvAlert, incident.DataAlert{Title: "errors", Count: 3}, "Ana sent an alert: errors (3 times)"},
		{incident.EvEntryDecided, incident.DataEntry{Ref: "Q-7F3K", Decision: "discarded", By: "ben", Reason: "known"}, "Ana noted a decision: Q-7F3K discarded by ben (known)"},
		{incident.EvLevelDue, incident.DataEscalation{Level: 2, Round: 1, Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ben"}}}, "Ana called ben: level 2, round 1"},
		{"incident.sung", incident.DataReason{}, "Ana: incident.sung"},
	} {
		body, err := json.Marshal(c.data)
		if err != nil {
			t.Fatal(err)
		}
		if got := incident.Line(incident.Event{Type: c.typ, Actor: ana, Data: body}); got != c.want {
			t.Errorf("%s: got %q, want %q", c.typ, got, c.want)
		}
	}
	hostile := incident.Event{Type: incident.EvDeclared, Actor: incident.Actor{Name: "a\x1b[2Jb\nc"}, Data: []byte(`{"name":7}`)}
	if got, want := incident.Line(hostile), "a\uFFFD[2Jb c declared it (what it says cannot be read)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLine_OfEveryType asks that each type is read in the form in which it is written, also when it
// says nothing.
func TestLine_OfEveryType(t *testing.T) {
	t.Parallel()
	for _, typ := range incident.EventTypes() {
		for _, body := range []string{"", "{}", "null"} {
			line := incident.Line(incident.Event{Type: typ, Actor: ben, Data: json.RawMessage(body)})
			if !strings.HasPrefix(line, "Ben ") || strings.Contains(line, "\n") || strings.Contains(line, "cannot be read") {
				t.Errorf("%s of %q: %q", typ, body, line)
			}
		}
	}
}
