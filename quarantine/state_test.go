package quarantine_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	arrow := regexp.MustCompile(`(?m)^    (\w+) --> (\w+) :`)
	if diff := cmp.Diff(code, moves(arrow, section)); diff != "" {
		t.Errorf("diagram (-code +doc):\n%s", diff)
	}
	row := regexp.MustCompile(`(?m)^\| (\w+) \| (\w+) \|.*\|$`)
	drawn := slices.DeleteFunc(moves(row, section), func(s string) bool { return s == "from to to" })
	if diff := cmp.Diff(code, drawn); diff != "" {
		t.Errorf("table (-code +doc):\n%s", diff)
	}
	for _, s := range quarantine.States() {
		if !regexp.MustCompile(`(--> ` + string(s) + `\b)`).MatchString(section) {
			t.Errorf("%s is not drawn", s)
		}
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
