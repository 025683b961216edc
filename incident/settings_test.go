package incident_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

// problems returns what is wrong, a line each.
func problems(t testing.TB, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%T is no list of errors", err)
	}
	var lines []string
	for _, one := range joined.Unwrap() {
		if _, ok := errors.AsType[*incident.FieldError](one); !ok || !errors.Is(one, incident.ErrInvalid) {
			t.Errorf("%T is no *FieldError", one)
		}
		lines = append(lines, one.Error())
	}
	return lines
}

func TestDefaultSettings(t *testing.T) {
	t.Parallel()
	s := incident.DefaultSettings()
	if err := s.Validate(); err != nil {
		t.Fatalf("the defaults are wrong: %v", err)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var again incident.Settings
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, again); diff != "" {
		t.Errorf("they do not survive being stored: %s", diff)
	}
	var got []string
	for _, v := range s.Severities {
		got = append(got, v.ID+" "+string(v.Page)+" "+v.UpdateEvery.Std().String())
	}
	want := []string{"minor never 1h0m0s", "major hours 30m0s", "critical always 20m0s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s.Severities[0].ID = "changed"
	if incident.DefaultSettings().Severities[0].ID != "minor" {
		t.Error("one who changes the defaults changes them for all")
	}
}

func TestSettings_ValidateTellsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/settings_wrong.json")
	if err != nil {
		t.Fatal(err)
	}
	var s incident.Settings
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/settings_wrong.txt")
	if err != nil {
		t.Fatal(err)
	}
	got := problems(t, s.Validate())
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), got); diff != "" {
		t.Error(diff)
	}
}

func TestSettings_ValidateAcceptsAFullDocument(t *testing.T) {
	t.Parallel()
	s := fullSettings()
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

// fullSettings use everything.
func fullSettings() incident.Settings {
	s := incident.DefaultSettings()
	s.Severities[2].Path = "ops"
	s.Types = []incident.Type{{ID: "security", Name: "Security", Private: true}}
	s.Fields = []incident.Field{{ID: "service", Name: "Service", Kind: incident.FieldService, Required: "close"}}
	s.Flows[0].Types = []string{"security"}
	s.Rotations = []incident.Rotation{{
		ID: "first", Name: "First line", People: []string{"ana", "ben", "ana"}, Zone: "Europe/Berlin",
		Start: time.Date(2026, time.January, 5, 8, 0, 0, 0, time.UTC),
	}}
	s.Paths = []incident.Path{{ID: "ops", Name: "Operations", Levels: []incident.Level{
		{Targets: []incident.Target{{Kind: incident.ToRotation, ID: "first"}, {Kind: incident.ToChannel, ID: "#ops"}}},
		{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ana.k@example.com"}}, Wait: incident.Duration(time.Minute)},
	}}}
	s.Sources = []incident.Source{
		{ID: "prometheus", Kind: "alertmanager", TokenHash: strings.Repeat("0a", 32), PerAlert: true, Severity: map[string]string{"page": "critical"}, Default: "minor"},
		{ID: "sentry", Kind: "sentry", SecretEnv: "SENTRY_SECRET", Declare: true, Burst: 5, Runbook: "look\nhere"},
	}
	s.Endpoints = []incident.Endpoint{
		{ID: "chatops", URL: "https://example.com/hook?x=1", Types: []incident.EventType{incident.EvDeclared, incident.EvLevelDue}, SecretEnv: []string{"NEW", "OLD_2"}},
		{ID: "inside", URL: "http://10.0.0.1:8080/", AllowPrivate: true, SecretEnv: []string{"HOOK"}},
	}
	s.Announce = []incident.Announce{{Channel: "C1", Severities: []string{"major"}, Types: []string{"security"}}}
	s.Hours = incident.WorkingHours{}
	s.Runbooks = map[string]string{"alert-inbound--alert-ingest": "First look\n\tthen act."}
	return s
}

func TestSettings_ValidateBoundsWhatItTells(t *testing.T) {
	t.Parallel()
	s := incident.DefaultSettings()
	for range 199 {
		s.Types = append(s.Types, incident.Type{ID: "x y\x00"})
	}
	if got := problems(t, s.Validate()); len(got) != 100 {
		t.Errorf("%d problems are told", len(got))
	}
	s.Types = make([]incident.Type, 201)
	if diff := cmp.Diff([]string{"types: has more than 200 members"}, problems(t, s.Validate())); diff != "" {
		t.Error(diff)
	}
}

func FuzzSettings(f *testing.F) {
	for _, s := range []incident.Settings{incident.DefaultSettings(), fullSettings()} {
		raw, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	raw, err := os.ReadFile("testdata/settings_wrong.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s incident.Settings
		if json.Unmarshal(raw, &s) != nil {
			return
		}
		err := s.Validate()
		if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' && r != '\n' }) {
			t.Errorf("control characters in %q", err.Error())
		}
		use(t, s, err == nil)
	})
}

// use does with settings what the program does with them. It must not panic, whatever they are, and
// do what they say, if they are valid.
func use(t *testing.T, s incident.Settings, valid bool) {
	at := time.Date(2026, time.March, 29, 1, 30, 0, 0, time.UTC)
	s.Hours.Contains(at)
	for _, r := range s.Rotations {
		if got := s.OnCall(r.ID, r.Start.AddDate(0, 0, 8)); valid && got == "" {
			t.Errorf("nobody has the turn of %q", r.ID)
		}
	}
	for _, p := range s.Paths {
		inc := incident.Incident{ID: "i", Status: incident.Investigating, Visibility: incident.Public, Times: incident.Times{Created: at, Declared: at}}
		if len(s.Severities) > 0 {
			inc.Severity = s.Severities[0].ID
		}
		act := incident.Act{At: at, Rules: &s, NewID: func() string { return "id" }}
		if _, err := inc.Escalate(act, incident.EscalateParams{Path: p.ID}); err != nil && valid {
			t.Errorf("the path %q: %v", p.ID, err)
		}
		act.At = at.Add(time.Hour)
		if _, err := inc.AdvanceEscalations(act); err != nil {
			t.Error(err)
		}
		inc.Wanted(&s)
		due := inc.NudgeDueAt(&s)
		if got := inc.NudgesDue(&s, due); len(got) == 0 {
			t.Error("nobody leads, and nobody is reminded")
		}
	}
}

// Those who have decided nothing have the roles that the design names.
func TestDefaultSettings_Roles(t *testing.T) {
	t.Parallel()
	var roles []string
	for _, r := range incident.DefaultSettings().Roles {
		roles = append(roles, r.ID)
	}
	if diff := cmp.Diff([]string{"lead", "reporter", "communications", "scribe"}, roles); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
}
