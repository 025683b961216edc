package consumer_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
)

// TestStatesPage_ListsEveryOutcome compares docs/states.md with the code.
func TestStatesPage_ListsEveryOutcome(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), "| outcome | counts as a failure | then |\n|---|---|---|\n")
	if !ok {
		t.Fatal("the table of outcomes is gone")
	}
	got, want := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			break
		}
		got[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[2]) == "yes"
	}
	for _, o := range handlers.Outcomes() {
		want[o.String()] = o.IsFailure()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/states.md differs from the code (-code +page):\n%s", diff)
	}
}
