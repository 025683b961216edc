package quarantine_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// TestStates_AreTheOnesDrawn compares the table in the code with the diagram and
// the table of the document.
func TestStates_AreTheOnesDrawn(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## An entry\n")
	section, _, _ = strings.Cut(section, "\n## ")

	var code []string
	for _, from := range quarantine.States() {
		for _, to := range quarantine.States() {
			if from.CanBecome(to) {
				code = append(code, string(from)+" to "+string(to))
			}
		}
	}
	slices.Sort(code)
	wantDrawn(t, section, code)
	for _, s := range quarantine.States() {
		if !regexp.MustCompile(`(--> ` + string(s) + `\b)`).MatchString(section) {
			t.Errorf("%s is not drawn", s)
		}
	}
}

// TestGroupActs_AreTheOnesDrawn compares what acts do to a group with the diagram
// and the table of the document.
func TestGroupActs_AreTheOnesDrawn(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## A group\n")
	section, _, _ = strings.Cut(section, "\n## ")
	now := time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)
	taken := quarantine.Decision{Actor: ana, At: now}
	name := func(g quarantine.Group, now time.Time) string {
		switch {
		case g.IsSnoozed(now) && g.IsTaken():
			return "quiet"
		case g.IsTaken():
			return "taken"
		case g.IsSnoozed(now):
			return "quiet and nobody has it"
		default:
			return "free"
		}
	}
	later := now.Add(time.Hour)
	code := []string{name(quarantine.Group{Taken: taken, SnoozedUntil: later}, now) + " to " +
		name(quarantine.Group{Taken: taken, SnoozedUntil: later}, later)}
	for _, before := range []quarantine.Group{{}, {Taken: taken}, {Taken: taken, SnoozedUntil: later}} {
		for _, verb := range []quarantine.GroupVerb{quarantine.GroupTake, quarantine.GroupRelease, quarantine.GroupSnooze} {
			act := quarantine.GroupAct{Verb: verb, Until: later, Decision: quarantine.Decision{Actor: ana}}
			if after, err := act.Apply(before, now); err == nil {
				code = append(code, name(before, now)+" to "+name(after, now))
			}
		}
	}
	slices.Sort(code)
	wantDrawn(t, section, slices.Compact(code))
}

// TestSuspectStates_AreTheOnesDrawn does the same for a suspect.
func TestSuspectStates_AreTheOnesDrawn(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## A suspect\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var code []string
	reached := map[quarantine.SuspectState]bool{quarantine.SuspectWaiting: true}
	for _, from := range quarantine.SuspectStates() {
		for _, to := range quarantine.SuspectStates() {
			if from.CanBecome(to) {
				code = append(code, string(from)+" to "+string(to))
			}
		}
	}
	for _, f := range handlers.Fates() {
		reached[quarantine.SuspectAfter(f)] = true
	}
	if len(reached) != len(quarantine.SuspectStates()) || reached[""] {
		t.Errorf("the fates lead to %v", reached)
	}
	slices.Sort(code)
	wantDrawn(t, section, code)
}

// wantDrawn compares moves with the diagram and the table of a section.
func wantDrawn(t *testing.T, section string, code []string) {
	t.Helper()
	arrow := regexp.MustCompile(`(?m)^    (\w+) --> (\w+) :`)
	if diff := cmp.Diff(code, moves(arrow, section)); diff != "" {
		t.Errorf("diagram (-code +doc):\n%s", diff)
	}
	row := regexp.MustCompile(`(?m)^\| (\w+) \| (\w+) \|.*\|$`)
	drawn := slices.DeleteFunc(moves(row, section), func(s string) bool { return s == "from to to" })
	if diff := cmp.Diff(code, drawn); diff != "" {
		t.Errorf("table (-code +doc):\n%s", diff)
	}
}

func moves(re *regexp.Regexp, text string) []string {
	var all []string
	for _, m := range re.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1]+" to "+m[2])
	}
	slices.Sort(all)
	return slices.Compact(all)
}
