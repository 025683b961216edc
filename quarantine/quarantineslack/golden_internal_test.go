package quarantineslack

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

var update = flag.Bool("update", false, "write the golden files")

var (
	published = time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)
	asked     = time.Date(2022, 11, 18, 15, 52, 10, 0, time.UTC)
	screens   = renderer{links: "https://ops.example.com/theriac", title: Title}
	anaCLI    = quarantine.Actor{Name: "ana@laptop", Via: "cli", Claimed: true}
	benSlack  = quarantine.Actor{Name: "ben", Via: "slack"}
)

// crashed is an entry that killed a worker and then a ward.
func crashed() quarantine.Entry {
	died := func(at time.Duration, worker string) handlers.Attempt {
		return handlers.Attempt{
			Started: published.Add(at), Ended: published.Add(at + 12*time.Millisecond), Outcome: handlers.OutcomeCrashed,
			Panic: "runtime error: invalid memory address or nil pointer dereference", Worker: worker, Build: "v2.41.0",
		}
	}
	return quarantine.Entry{
		ID: "018f0000-0000-7000-8000-000000000001", Ref: "Q-7F3K", Seq: 1, Subscription: "orders",
		Message: handlers.Message{ID: "1284933119027", PublishedAt: published},
		Size:    412, Reason: handlers.ReasonCrashed, Confidence: handlers.ConfidenceProvenAlone, Fingerprint: "fp-1", Group: "G-9C1E",
		Title: "nil pointer dereference", Where: "billing.Apply.func1 handler.go:118", Build: "v2.41.0",
		Totals:   handlers.Totals{Crashes: 2},
		Attempts: []handlers.Attempt{died(2*time.Second, ""), died(time.Second, "orders-6c9f/2")},
		HeldAt:   published.Add(3 * time.Second), State: quarantine.StateHeld, Version: 8, CrashReports: []string{"C-4M2P"},
	}
}

func failed() quarantine.Entry {
	e := crashed()
	e.Reason, e.Confidence, e.Title, e.Where = handlers.ReasonFailed, handlers.ConfidenceCertain, "json: cannot unmarshal string", "billing.parse handler.go:52"
	e.Errors = []handlers.ErrorLink{{Type: "*fmt.wrapError", Text: "decode: json"}, {Type: "*json.UnmarshalTypeError", Text: "json: cannot unmarshal string"}}
	e.Attempts = []handlers.Attempt{{Started: published, Ended: published.Add(time.Second), Outcome: handlers.OutcomeFailed, Build: "v2.41.0", Errors: e.Errors}}
	e.Totals, e.CrashReports = handlers.Totals{Failures: 3}, nil
	return e
}

func groupOf(e quarantine.Entry, counts map[quarantine.State]int64) quarantine.Group {
	return quarantine.Group{
		Ref: e.Group, Fingerprint: e.Fingerprint, Subscription: e.Subscription, Title: e.Title, Where: e.Where, Reason: e.Reason,
		Counts: counts, First: e.HeldAt, Last: e.HeldAt.Add(time.Minute), Builds: []string{e.Build}, Version: 12,
	}
}

func only(s quarantine.State, n int64) map[quarantine.State]int64 {
	return map[quarantine.State]int64{s: n}
}

// TestScreens holds every state of every message.
func TestScreens(t *testing.T) {
	t.Parallel()
	held := groupOf(crashed(), only(quarantine.StateHeld, 1))
	taken := groupOf(failed(), only(quarantine.StateHeld, 4211))
	taken.Taken = quarantine.Decision{Actor: benSlack, At: asked.Add(-time.Minute), Reason: "mine"}
	snoozed := taken
	snoozed.SnoozedUntil = asked.Add(time.Hour)
	over := failed()
	over.State, over.Version = quarantine.StateReplayed, 11
	again := crashed()
	again.Replays, again.Version = 1, 10
	running := crashed()
	running.State = quarantine.StateReplaying
	noLinks := renderer{title: Title}
	all := screens
	all.pause, all.declare = true, true

	lines := []digestLine{
		{ref: "G-9C1E", group: groupOf(crashed(), only(quarantine.StateHeld, 3))},
		{ref: "G-5TQ0", group: taken},
		{ref: "G-0001", gone: true},
		{ref: "G-0002", group: groupOf(failed(), only(quarantine.StateDiscarded, 3))},
	}
	naming := namingFacts{
		phase: phaseNaming, subs: []string{"orders"}, crashes: []string{"C-9J0V"}, workers: 1,
		by:   map[quarantine.SuspectState]int{quarantine.SuspectWaiting: 5, quarantine.SuspectDone: 11},
		died: "signal killed", evidence: "it died silently: no trace",
	}
	cleared, named := naming, naming
	cleared.phase, cleared.by = phaseCleared, map[quarantine.SuspectState]int{quarantine.SuspectDone: 15, quarantine.SuspectCleared: 1}
	named.phase, named.by = phaseNamed, map[quarantine.SuspectState]int{quarantine.SuspectDone: 15, quarantine.SuspectHeld: 1}
	breaker := breakerState{
		ID: subRef("orders"), Sub: "orders", Open: 2, Workers: 3, Builds: []string{"v2.41.0"}, Since: asked.Add(-time.Minute).UnixMilli(), Times: 1,
	}
	killing, closed, lost := breaker, breaker, breaker
	killing.Kills, killing.Times, killing.More = true, 3, 2
	closed.Closed = asked.UnixMilli()
	lost.Closed, lost.Lost = asked.UnixMilli(), asked.Add(-breakerLost).UnixMilli()

	tests := map[string]slackkit.Message{
		"contained":          screens.group(groupFacts{phase: phaseContained, group: held, entry: crashed(), deaths: 1}, asked),
		"contained_failed":   screens.group(groupFacts{phase: phaseContained, group: groupOf(failed(), only(quarantine.StateHeld, 214)), entry: failed()}, asked),
		"contained_no_links": noLinks.group(groupFacts{phase: phaseContained, group: held, entry: crashed(), deaths: 1}, asked),
		"contained_more":     all.group(groupFacts{phase: phaseContained, group: held, entry: crashed(), deaths: 1}, asked),
		"taken":              screens.group(groupFacts{phase: phaseTaken, group: taken, entry: failed()}, asked),
		"snoozed":            screens.group(groupFacts{phase: phaseSnoozed, group: snoozed, entry: failed()}, asked),
		"replaying": screens.group(groupFacts{phase: phaseReplaying, entry: running,
			group: groupOf(crashed(), map[quarantine.State]int64{quarantine.StateReplaying: 1, quarantine.StateReplayed: 1204, quarantine.StateHeld: 3003})}, asked),
		"still_poison": screens.group(groupFacts{phase: phasePoison, group: held, entry: again, deaths: 1, poison: "Q-7F3K", died: true}, asked),
		"resolved": screens.group(groupFacts{phase: phaseResolved, entry: over,
			group: groupOf(failed(), map[quarantine.State]int64{quarantine.StateReplayed: 4208, quarantine.StateDiscarded: 3})}, asked),
		"digest":          screens.digest(lines, 48, asked),
		"digest_resolved": screens.digest(lines[3:], 1, asked),
		"naming":          screens.naming(naming, asked),
		"naming_cleared":  screens.naming(cleared, asked),
		"naming_named":    screens.naming(named, asked),
		"breaker_open":    all.breaker(&breaker, asked),
		"breaker_kills":   screens.breaker(&killing, asked),
		"breaker_closed":  all.breaker(&closed, asked),
		"breaker_lost":    noLinks.breaker(&lost, asked),
		"thread":          screens.thread(groupFacts{group: held}.aloud(loudReopened), everyEvent()),
	}
	for name, m := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantGolden(t, name, m)
			wantFits(t, m)
		})
	}
}

func everyEvent() []event {
	at := asked
	refs := []string{"Q-7F3K", "Q-8D1R", "Q-K3W0"}
	return []event{
		{at: at, what: eventTaken, by: benSlack, n: 1},
		{at: at, what: eventSnoozed, by: benSlack, until: at.Add(time.Hour), n: 1},
		{at: at, what: eventReleased, by: benSlack, n: 1},
		{at: at, what: eventAsked, by: anaCLI, why: "fixed in v2.41.1", refs: refs[:1], n: 1},
		{at: at, what: eventReplayed, by: anaCLI, why: "INC-42", refs: refs, n: 214},
		{at: at, what: eventAgain, by: anaCLI, end: "replay 1: crashed", refs: refs[:2], n: 2},
		{at: at, what: eventDiscarded, by: benSlack, why: "test order", refs: refs[:1], n: 1},
		{at: at, what: eventRestored, by: anaCLI, refs: refs[:1], n: 1},
		{at: at, what: eventPaused, by: benSlack, sub: "orders", why: "INC-42", until: at.Add(pauseFor), n: 1},
	}
}

func wantGolden(t *testing.T, name string, m slackkit.Message) {
	t.Helper()
	got := pretty(t, m)
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got)\n%s", name, diff)
	}
}

func pretty(t *testing.T, m slackkit.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(map[string]any{"text": m.Text, "blocks": m.Blocks}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wantFits checks the limits that Slack has, and ours.
func wantFits(t *testing.T, m slackkit.Message) {
	t.Helper()
	all := utf8.RuneCountInString(m.Text)
	text := func(o *slack.TextBlockObject, most int) {
		t.Helper()
		if o == nil {
			return
		}
		n := utf8.RuneCountInString(o.Text)
		all += n
		if n == 0 || n > most {
			t.Errorf("a text of %d characters, want 1 to %d: %.80s", n, most, o.Text)
		}
	}
	for _, b := range m.Blocks {
		switch b := b.(type) {
		case *slack.HeaderBlock:
			text(b.Text, 150)
		case *slack.SectionBlock:
			text(b.Text, 3000)
			if len(b.Fields) > 10 {
				t.Errorf("%d fields, want at most 10", len(b.Fields))
			}
			for _, f := range b.Fields {
				text(f, 2000)
			}
		}
	}
	if all > messageMax {
		t.Errorf("%d characters in all, want at most %d", all, messageMax)
	}
}

// TestGroup_SameFactsAsTheCommandLine holds that what Explain says stands in the
// message, for every reason and confidence.
func TestGroup_SameFactsAsTheCommandLine(t *testing.T) {
	t.Parallel()
	for _, reason := range handlers.Reasons() {
		for _, sure := range []handlers.Confidence{handlers.ConfidenceCertain, handlers.ConfidenceProvenAlone, handlers.ConfidenceSuspected} {
			t.Run(fmt.Sprintf("%s %s", reason, sure), func(t *testing.T) {
				t.Parallel()
				e := crashed()
				e.Reason, e.Confidence = reason, sure
				g := groupOf(e, only(quarantine.StateHeld, 1))
				x := quarantine.Explain(e, g, asked)
				got := string(pretty(t, screens.group(groupFacts{phase: phaseContained, group: g, entry: e}, asked)))
				facts := append([]string{x.Ref, x.MessageID, x.Kind, x.Where, x.Build, columns(x.History)}, x.WhyThis...)
				for _, fact := range facts {
					fact = strings.Join(strings.Fields(fact), " ")
					if !strings.Contains(got, fact) {
						t.Errorf("the message does not say %q", fact)
					}
				}
			})
		}
	}
}
