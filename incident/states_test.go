package incident_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

// TestTransitions_AreTheOnesDrawn compares the table in the code with the diagram of the document, its
// two composite states expanded.
func TestTransitions_AreTheOnesDrawn(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## An incident\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, diagram, _ := strings.Cut(section, "```mermaid\n")
	diagram, _, _ = strings.Cut(diagram, "```")

	var code []string
	for _, a := range incident.Transitions() {
		code = append(code, arrow(string(a.From), string(a.To), a.Verb))
	}
	slices.Sort(code)
	drawn := expand(diagram)
	if diff := cmp.Diff(code, drawn); diff != "" {
		t.Errorf("diagram (-code +doc):\n%s", diff)
	}
	if len(drawn) != 39 {
		t.Errorf("%d arrows are drawn, the design counts 39", len(drawn))
	}
	for _, s := range incident.Statuses() {
		if !slices.ContainsFunc(drawn, func(a string) bool { return strings.Contains(a, " to "+string(s)+" ") }) {
			t.Errorf("nothing leads to %s", s)
		}
	}
	wantVerbRows(t, section)
}

// wantVerbRows asks that the table below the diagram has every verb once.
func wantVerbRows(t *testing.T, section string) {
	t.Helper()
	var rows, verbs []string
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z][A-Za-z, ]+) \|`).FindAllStringSubmatch(section, -1) {
		for verb := range strings.SplitSeq(m[1], ", ") {
			rows = append(rows, verbName(verb))
		}
	}
	for _, a := range incident.Transitions() {
		verbs = append(verbs, a.Verb)
	}
	slices.Sort(rows)
	slices.Sort(verbs)
	if diff := cmp.Diff(slices.Compact(verbs), rows); diff != "" {
		t.Errorf("table (-code +doc):\n%s", diff)
	}
}

func arrow(from, to, verb string) string {
	if from == "" {
		from = "nothing"
	}
	return from + " to " + to + " by " + verb
}

func verbName(drawn string) string {
	if drawn == "OptOut" {
		return "opt-out"
	}
	return strings.ToLower(drawn)
}

// expand returns the arrows of a diagram. An arrow from a composite state starts at each of its members,
// one into it ends at its first, and Resume at each.
func expand(diagram string) []string {
	open := regexp.MustCompile(`state (\w+) \{`)
	line := regexp.MustCompile(`(\S+) --> (\w+)(?: : (\w+))?`)
	members := map[string][]string{}
	var arrows [][]string
	inside := ""
	for l := range strings.Lines(diagram) {
		if m := open.FindStringSubmatch(l); m != nil {
			inside = m[1]
		} else if strings.TrimSpace(l) == "}" {
			inside = ""
		} else if m := line.FindStringSubmatch(l); m != nil {
			if inside != "" && !slices.Contains(members[inside], m[2]) {
				members[inside] = append(members[inside], m[2])
			}
			if m[3] != "" {
				arrows = append(arrows, m[1:])
			}
		}
	}
	return expandArrows(arrows, members)
}

func expandArrows(arrows [][]string, members map[string][]string) []string {
	all := func(state string) []string {
		if m := members[state]; m != nil {
			return m
		}
		return []string{strings.TrimPrefix(state, "[*]")}
	}
	var expanded []string
	for _, a := range arrows {
		to := all(a[1])
		if a[2] != "Resume" {
			to = to[:1]
		}
		for _, f := range all(a[0]) {
			for _, t := range to {
				expanded = append(expanded, arrow(strings.ToLower(f), strings.ToLower(t), verbName(a[2])))
			}
		}
	}
	slices.Sort(expanded)
	return expanded
}
