package cli

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// onIncidents runs a test on a bench with clocks that stand still, three people and a path.
func onIncidents(t *testing.T, test func(b *bench)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		for _, p := range []incident.Person{
			{ID: "ana", Name: "Ana Lima", Role: incident.Responder, Email: "ana@example.com", SlackID: "U1", Zone: "Europe/Lisbon"},
			{ID: "ben", Name: "Ben Okri", Role: incident.Viewer},
			{ID: "cleo", Name: "Cleo", Role: incident.Admin, Gone: time.Now()},
		} {
			if err := b.incidents.SavePerson(b.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		s := incident.DefaultSettings()
		s.Paths = []incident.Path{{ID: "core", Name: "Core", Levels: []incident.Level{
			{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ana"}}}, {Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ben"}}},
		}}}
		s.Severities[2].Path = "core"
		if _, err := b.incidents.SaveSettings(b.Context(), incident.Actor{Kind: incident.ByPerson, Name: "root"}, s); err != nil {
			t.Fatal(err)
		}
		test(b)
	})
}

// ok runs a command in a pipe that is to succeed.
func (b *bench) ok(args ...string) result {
	b.Helper()
	r := b.pipe(args...)
	b.wantCode(r, problem.None)
	return r
}

// entry attaches a quarantined message to an incident, as the workflow does.
func (b *bench) entry(ref string, e incident.Entry) {
	b.Helper()
	b.do(ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.AttachEntry(act, e)
	})
}

// do runs a verb as the workflow does.
func (b *bench) do(ref string, verb incident.Verb) {
	b.Helper()
	svc, err := incident.NewService(incident.Config{Stores: b.incidents})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := svc.Do(b.Context(), ref, incident.Actor{Kind: incident.ByWorkflow, ID: "test"}, verb); err != nil {
		b.Fatal(err)
	}
}

// A quarantine where nothing is held is no sign that all is well.
func TestStatus_NamesOpenIncidents(t *testing.T) {
	onIncidents(t, func(b *bench) {
		b.ok("incident", "declare", "checkout is down", "--severity", "critical")
		b.ok("incident", "declare", "a drill", "--test")
		b.wantSays(b.screen(), "  nothing is held\nOpen   INC-1 critical investigating   theriac incident\n")
		for range 3 {
			b.ok("incident", "declare", "odd numbers", "--triage")
		}
		b.wantSays(b.screen(), "Open   INC-5 triage, INC-4 triage, 2 more   theriac incident\n")
		b.wantSays(b.pipe("-o", "json"), `"ref": "INC-1"`)
		b.incidentsDown = errors.New("no such table")
		if r := b.screen(); r.code != 0 || !strings.Contains(r.out, "nothing is held\n") || strings.Contains(r.out+r.err, "INC-") {
			b.Errorf("without incidents it ends with %d: %s%s", r.code, r.out, r.err)
		}
	})
}

// TestIncidentScreens compares every read of incidents with its golden files.
func TestIncidentScreens(t *testing.T) {
	onIncidents(t, func(b *bench) {
		b.ok("incident", "declare", "checkout is down", "--severity", "critical", "--summary", "no card payments\nin the EU", "--impact-started", "10m")
		<-time.After(3 * time.Minute)
		b.ok("incident", "ack", "1")
		b.ok("incident", "lead", "1", "ana")
		b.ok("incident", "role", "1", "scribe", "ben")
		b.ok("incident", "update", "1", "rolling back v2.41.0", "--status", "fixing", "--next", "20m")
		b.ok("incident", "action", "add", "1", "fail over", "--owner", "ben")
		b.ok("incident", "follow-up", "add", "1", "alert on the age", "--due", "2000-02-01", "--priority", "high")
		b.ok("incident", "attach", "1", "https://grafana.example/d/1", "--kind", "dashboard", "--title", "Checkout")
		b.entry("INC-1", incident.Entry{Ref: "Q-7F3K", Group: "G-9C1E", Subscription: "orders", Title: "nil pointer dereference", Where: "handler.go:118"})
		b.entry("INC-1", incident.Entry{Ref: "Q-2M9D", Group: "G-9C1E", Subscription: "orders", Title: "nil pointer dereference", Decision: incident.EntryDiscarded, By: "ben", Reason: "a test order"})
		b.do("INC-1", func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.AttachAlert(act, incident.Alert{Source: "prometheus", Dedup: "latency", Title: "p99 is high", URL: "https://prometheus.example/1"})
		})
		b.ok("incident", "note", "1", "the bank sees it, too", "--at", "1m")
		b.claim("INC-1", "channel:INC-1", "C123")
		if _, err := b.store.ControlAct(b.Context(), quarantine.ControlAct{
			Verb: quarantine.ControlShed, Level: handlers.ShedNonCritical, For: time.Hour,
			Decision: quarantine.Decision{Actor: quarantine.Actor{Name: "ben", Via: "slack"}, Reason: "INC-1"},
		}); err != nil {
			b.Fatal(err)
		}
		b.ok("incident", "declare", "odd numbers in billing", "--triage")
		b.ok("incident", "declare", "a drill", "--test", "--severity", "minor")
		b.ok("incident", "declare", "a breach", "--private")
		b.environ = []string{"THERIAC_ACTOR=ben"}
		<-time.After(30 * time.Minute)
		b.goldens(map[string][]string{
			"incident-list": {"incident", "list"}, "incident-list-some": {"incident", "list", "severity:critical", "--limit", "1"},
			"incident-show": {"incident", "show", "INC-1"}, "incident-triage": {"incident", "show", "2"},
			"incident-timeline": {"incident", "timeline", "1"}, "incident-effects": {"incident", "effects", "1"},
			"incident-people": {"incident", "people", "ls", "--all"}, "incident-plan": {"incident", "resolve", "1", "--dry-run"},
		})
	})
}

// TestIncidentShow_Missing: what should be said of an incident by now is shown with how to say it, and no more of what
// was said.
func TestIncidentShow_Missing(t *testing.T) {
	onIncidents(t, func(b *bench) {
		rules, err := b.incidents.Settings(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		rules.Fields = append(rules.Fields, incident.Field{ID: "service", Name: "Service", Kind: "text", Required: "declare"})
		if _, err := b.incidents.SaveSettings(b.Context(), incident.Actor{Kind: incident.ByPerson, Name: "root"}, rules); err != nil {
			b.Fatal(err)
		}
		b.ok("incident", "declare", "odd numbers")
		shown := b.screen("incident", "show", "1", "--no-color")
		for _, text := range []string{
			"MISSING", "theriac incident severity INC-1 SEVERITY", "theriac incident lead INC-1 PERSON", "theriac incident edit INC-1 --field service=",
		} {
			b.wantSays(shown, text)
		}
		b.wantSays(b.ok("incident", "show", "1", "-o", "json"), `"missing": [`)
		b.ok("incident", "severity", "1", "minor")
		b.ok("incident", "lead", "1", "ana")
		b.ok("incident", "edit", "1", "--field", "service=billing")
		if said := b.ok("incident", "show", "1").out + b.ok("incident", "show", "1", "-o", "json").out; strings.Contains(strings.ToLower(said), "missing") {
			b.Errorf("something is missing still:\n%s", said)
		}
	})
}

// claim does an effect of an incident.
func (b *bench) claim(ref, key, external string) {
	b.Helper()
	inc, err := b.incidents.Get(b.Context(), ref)
	if err != nil {
		b.Fatal(err)
	}
	got, err := b.incidents.Claim(b.Context(), incident.Claim{Key: key, IncidentID: inc.ID})
	if err != nil {
		b.Fatal(err)
	}
	if err := b.incidents.Finish(b.Context(), key, got.Effect.Attempt, incident.EffectEnd{ExternalID: external, Result: "made"}); err != nil {
		b.Fatal(err)
	}
}

// TestIncidentWrites compares what verbs say with golden files.
func TestIncidentWrites(t *testing.T) {
	onIncidents(t, func(b *bench) {
		writes := []struct {
			name string
			args []string
		}{
			{"incident-declare", []string{"declare", "checkout is down", "--severity", "critical"}},
			{"incident-update", []string{"update", "1", "rolling back", "--status", "fixing"}},
			{"incident-pause", []string{"pause", "1", "--reason", "waiting for the bank"}},
			{"incident-resume", []string{"resume", "1"}},
			{"incident-lead", []string{"lead", "1", "ana"}},
			{"incident-lead-again", []string{"lead", "1", "ana"}},
			{"incident-resolve", []string{"resolve", "1", "--message", "rolled back"}},
		}
		for _, w := range writes {
			r := b.screen(append([]string{"incident"}, append(w.args, "--no-color")...)...)
			b.wantCode(r, problem.None)
			b.golden(w.name+".screen.txt", r.out+r.err)
		}
		b.golden("incident-note.json", b.ok("incident", "note", "1", "hello", "-o", "json").out)
	})
}

func TestIncident_ActsAsWhomTheClaimNames(t *testing.T) {
	onIncidents(t, func(b *bench) {
		leaves := incident.Person{ID: "dan", Name: "Dan", Role: incident.Responder, Gone: time.Now().Add(time.Hour)}
		if err := b.incidents.SavePerson(b.Context(), leaves); err != nil {
			b.Fatal(err)
		}
		for author, want := range map[string]string{
			"ana": "ana", "ana@laptop": "ana", "dan": "dan", "ANA@example.com": "ana", "U1": "ana", "dora": "", "U1@laptop": "", "cleo": "", "cleo@laptop": "", "@laptop": "",
		} {
			by, err := claimedActor(b.Context(), b.incidents, author, time.Now())
			if err != nil || by.ID != want || by.Name != author+" (cli)" || by.Kind != incident.ByPerson {
				b.Errorf("%s acts as %+v (%v), want %q", author, by, err, want)
			}
		}
	})
}

// TestIncident_GateNamesTheEntry is scenario 12: nobody closes over an undecided entry.
func TestIncident_GateNamesTheEntry(t *testing.T) {
	onIncidents(t, func(b *bench) {
		b.ok("incident", "declare", "checkout is down")
		b.entry("INC-1", incident.Entry{Ref: "Q-7F3K", Group: "G-9C1E", Subscription: "orders", Title: "nil pointer dereference"})
		b.wantSays(b.ok("incident", "resolve", "1"), "documenting")
		for _, args := range [][]string{{"close", "1"}, {"opt-out", "1", "--reason", "x"}} {
			r := b.pipe(append([]string{"incident"}, args...)...)
			b.wantCode(r, problem.Conflict)
			b.wantSays(r, "entry Q-7F3K is undecided", "theriac replay Q-7F3K", "theriac incident show INC-1")
		}
	})
}

// TestIncident_ReadsOpenForReading is what keeps a look from making or migrating anything.
func TestIncident_ReadsOpenForReading(t *testing.T) {
	onIncidents(t, func(b *bench) {
		b.ok("incident", "declare", "checkout is down")
		for _, args := range [][]string{
			{}, {"list"}, {"show", "1"}, {"timeline", "1"}, {"effects", "1"}, {"people", "ls"}, {"token", "ls"}, {"settings", "get"},
			{"resolve", "1", "--dry-run"}, {"declare", "x", "--dry-run"},
		} {
			b.incidentAccess = nil
			b.ok(append([]string{"incident"}, args...)...)
			if !slices.Equal(b.incidentAccess, []app.Access{app.Read}) {
				b.Errorf("%v opens for %v", args, b.incidentAccess)
			}
		}
		for access, args := range map[app.Access][]string{
			app.Amend: {"note", "1", "hello"}, app.Write: {"declare", "x"},
		} {
			b.incidentAccess = nil
			b.ok(append([]string{"incident"}, args...)...)
			if !slices.Equal(b.incidentAccess, []app.Access{access}) {
				b.Errorf("%v opens for %v", args, b.incidentAccess)
			}
		}
	})
}

func TestIncident_StoreDown(t *testing.T) {
	onIncidents(t, func(b *bench) {
		b.ok("incident", "declare", "checkout is down")
		b.down = &app.UnreachableError{Place: "db:5432", Err: context.DeadlineExceeded}
		b.wantSays(b.ok("incident", "show", "1"), "cannot be said: the quarantine's store does not answer")
		b.incidents.Fail(incident.ErrUnavailable)
		for _, args := range [][]string{{"list"}, {"show", "1"}, {"declare", "x"}, {"note", "1", "x"}, {"people", "ls"}} {
			r := b.pipe(append([]string{"incident"}, args...)...)
			b.wantCode(r, problem.Unavailable)
			b.wantSays(r, "theriac doctor")
		}
	})
}

// TestIncident_TimelineAppliesLaterEdits edits a line of the first page on the second one.
func TestIncident_TimelineAppliesLaterEdits(t *testing.T) {
	onIncidents(t, func(b *bench) {
		b.ok("incident", "declare", "checkout is down")
		b.ok("incident", "note", "1", "first")
		inc, err := b.incidents.Get(b.Context(), "INC-1")
		if err != nil {
			b.Fatal(err)
		}
		line := plain(inc.Seq)
		b.ok("incident", "note", "1", "second")
		b.ok("incident", "note", "1", "better", "--edit", line)
		r := b.ok("incident", "timeline", "1", "--limit", line)
		if !strings.Contains(r.out, ": better   (edited)") || strings.Contains(r.out, "first") || strings.Contains(r.out, "second") || !strings.Contains(r.err, "next: --after "+line) {
			b.Errorf("the first page is %s%s", r.out, r.err)
		}
		b.ok("incident", "note", "1", "--remove", line)
		if r := b.ok("incident", "timeline", "1", "--limit", line); strings.Contains(r.out, "better") {
			b.Errorf("the first page is %s", r.out)
		}
		for _, args := range [][]string{{"show", "1", "-o", "json"}, {"timeline", "1", "-o", "json"}} {
			if r := b.ok(append([]string{"incident"}, args...)...); strings.Contains(r.out, "first") || strings.Contains(r.out, "better") {
				b.Errorf("%v shows a line that was removed: %s", args, r.out)
			}
		}
	})
}

// TestIncident_VerbThatChangesNothing_IsALook shows a private incident to somebody who takes no part in it by
// a verb that does nothing: that is written down as the look it is.
func TestIncident_VerbThatChangesNothing_IsALook(t *testing.T) {
	onIncidents(t, func(b *bench) {
		b.ok("incident", "declare", "a breach", "--private")
		b.ok("incident", "lead", "1", "ana")
		seen := func() int {
			page, err := b.incidents.Events(b.Context(), incident.EventFilter{Types: []incident.EventType{incident.EvPrivateSeen}})
			if err != nil {
				b.Fatal(err)
			}
			return len(page.Events)
		}
		b.environ = []string{"THERIAC_ACTOR=ben"}
		before := seen()
		for range 2 {
			b.wantSays(b.ok("incident", "lead", "1", "ana"), "a breach", "nothing changed")
		}
		if n := seen() - before; n != 1 {
			b.Errorf("%d looks are written down", n)
		}
		b.environ = []string{"THERIAC_ACTOR=ana"}
		b.ok("incident", "lead", "1", "ana")
		if n := seen() - before; n != 1 {
			b.Errorf("her who leads is written down as well")
		}
	})
}

// TestIncident_Races lets somebody else act between the look and the verb.
func TestIncident_Races(t *testing.T) {
	onIncidents(t, func(b *bench) {
		b.ok("incident", "declare", "checkout is down")
		b.ok("incident", "note", "1", "x", "--if-version", "1")
		b.ok("incident", "severity", "1", "minor")
		r := b.pipe("incident", "severity", "1", "major", "--if-version", "1")
		b.wantCode(r, problem.Conflict)
		b.wantCode(b.pipe("incident", "severity", "1", "major", "--if-version", "1", "--dry-run"), problem.Conflict)
		b.wantCode(b.pipe("incident", "severity", "1", "major", "--if-version", "-1"), problem.Invalid)
	})
}

// TestIncidentHostileText puts every item of the corpus wherever an incident has room for it and looks
// at it in every way.
func TestIncidentHostileText(t *testing.T) {
	t.Parallel()
	for _, item := range incidenttest.HostileTexts() {
		t.Run(item.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { lookAtHostile(newBench(t), item.Text) })
		})
	}
}

func lookAtHostile(b *bench, text string) {
	ctx := b.Context()
	svc, err := incident.NewService(incident.Config{Stores: b.incidents})
	if err != nil {
		b.Fatal(err)
	}
	by := incident.Actor{Kind: incident.ByAlert, ID: text, Name: text, Role: incident.Admin}
	_, _, err = svc.Declare(ctx, by, incident.NewParams{Name: "name " + text, Summary: text, Keys: []incident.Key{incident.NewKey(text, false)}})
	if err != nil {
		b.Fatal(err)
	}
	for _, verb := range []incident.Verb{
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.AddItem(act, "item "+text, time.Time{})
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.AddAction(act, "action "+text, "")
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.AttachAlert(act, incident.Alert{Source: text, Dedup: text, Title: text})
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.AttachEntry(act, incident.Entry{Ref: "Q-7F3K", Group: text, Subscription: text, Title: text, Where: text})
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.ShareUpdate(act, incident.UpdateParams{Message: "update " + text})
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Escalate(act, incident.EscalateParams{People: []string{"ana"}, Reason: text})
		},
	} {
		if _, err := svc.Do(ctx, "INC-1", by, verb); err != nil {
			b.Fatal(err)
		}
	}
	if err := b.incidents.SavePerson(ctx, incident.Person{ID: "p" + text, Name: text, Email: text, SlackID: text, Role: incident.Viewer}); err != nil {
		b.Fatal(err)
	}
	if err := b.incidents.SaveToken(ctx, incident.Token{ID: "t" + text, Name: text, Hash: [32]byte{1}, Role: incident.Viewer}); err != nil {
		b.Fatal(err)
	}
	b.claim("INC-1", "channel:"+text, text)
	for _, args := range [][]string{
		{}, {"list"}, {"list", "-o", "wide"}, {"list", "-o", "json"}, {"list", "-o", "jsonl"}, {"list", text}, {"show", "1"}, {"show", "1", "-o", "json"},
		{"show", "1", "--template", "{{.incident.name}}{{.incident.summary}}"}, {"timeline", "1"}, {"timeline", "1", "--all", "-o", "wide"},
		{"timeline", "1", "-o", "jsonl"}, {"effects", "1"}, {"effects", "1", "-o", "json"}, {"people", "ls"}, {"people", "ls", "-o", "json"},
		{"token", "ls"}, {"token", "ls", "-o", "json"}, {"settings", "get"}, {"note", "1", "note " + text}, {"edit", "1", "--summary", text},
		{"pause", "1", "--reason", "reason " + text, "--dry-run"},
	} {
		args = append([]string{"incident"}, args...)
		for _, r := range []result{b.screen(append(args, "--no-color")...), b.pipe(args...)} {
			if r.code != 0 && r.code != problem.Invalid.ExitCode() {
				b.Errorf("%v: exit code %d: %.300s", args, r.code, r.err)
			}
			requireHarmless(b.T, args, r.out+r.err)
		}
	}
	for _, args := range [][]string{
		{"incident", "show", text}, {"incident", "declare", text}, {"incident", "lead", "1", text}, {"incident", "people", "add", text, "--name", text},
		{"incident", "token", "create", text, "-o", "json"}, {"incident", "token", "revoke", text}, {"incident", "escalate", "1", "--people", text, "--reason", text},
		{"incident", "settings", "put", text}, {"incident", "list", "status:" + text}, {"incident", "list", text + ":x"}, {"__complete", "incident", "show", ""},
		{"__complete", "incident", "lead", "1", ""}, {"__complete", "incident", "token", "revoke", ""},
	} {
		r := b.pipe(args...)
		requireHarmless(b.T, args, r.out+r.err)
		if r.code == problem.Internal.ExitCode() {
			b.Errorf("%v: exit code 1: %s", args, r.err)
		}
	}
}

// TestIncidentJSON_HasNoKeys keeps what makes things happen once from those who only look.
func TestIncidentJSON_HasNoKeys(t *testing.T) {
	onIncidents(t, func(b *bench) {
		b.ok("incident", "declare", "checkout is down", "--key", "s3cret")
		for _, args := range [][]string{{"show", "1"}, {"list"}, {"timeline", "1"}} {
			r := b.ok(append(append([]string{"incident"}, args...), "-o", "json")...)
			var v struct{ Schema string }
			if err := json.Unmarshal([]byte(r.out), &v); err != nil || v.Schema != "theriac/1" || strings.Contains(r.out, "s3cret") {
				b.Errorf("%v: %v, schema %q: %s", args, err, v.Schema, r.out)
			}
		}
	})
}

// TestPeople_WhoHasAnothersAddress is told who to look for, not how to change the settings.
func TestPeople_WhoHasAnothersAddress(t *testing.T) {
	onIncidents(t, func(b *bench) {
		r := b.pipe("incident", "people", "add", "dora", "--name", "Dora", "--slack", "U1")
		b.wantCode(r, problem.Conflict)
		b.wantSays(r, "dora: somebody else has this address or Slack id; who: theriac incident people ls --all")
		if strings.Contains(r.err, "settings") {
			b.Errorf("it says %s", r.err)
		}
		b.wantCode(b.pipe("incident", "people", "add", "a b", "--name", "A"), problem.Invalid)
	})
}

// TestSettings_CallNobodyKnown: a name that was misspelt in a path or a rotation calls nobody, and who puts such
// settings in force is told.
func TestSettings_CallNobodyKnown(t *testing.T) {
	onIncidents(t, func(b *bench) {
		s, err := b.incidents.Settings(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		s.Rotations = []incident.Rotation{{ID: "night", Name: "Night", People: []string{"bne", "ana"}, Start: time.Now()}}
		s.Paths[0].Levels[0].Targets = []incident.Target{{Kind: incident.ToPerson, ID: "naa"}, {Kind: incident.ToRotation, ID: "night"}, {Kind: incident.ToChannel, ID: "C1"}, {Kind: incident.ToPerson, ID: "cleo"}}
		text, err := json.Marshal(s)
		if err != nil {
			b.Fatal(err)
		}
		for _, args := range [][]string{{"--dry-run"}, nil} {
			r := b.at(where{answer: string(text)}, append([]string{"incident", "settings", "put", "-"}, args...)...)
			b.wantCode(r, problem.None)
			b.wantSays(r, "naa is not among those", "bne is not among those", "cleo has left")
			if strings.Contains(r.err, "ana is") || strings.Contains(r.err, "C1") {
				b.Errorf("it says %s", r.err)
			}
		}
	})
}
