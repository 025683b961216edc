package incidentslack

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/internal/slackkit"
)

var update = flag.Bool("update", false, "write the golden files")

const anID = "01950000-0000-7000-8000-000000000001"

// cards are those that the workflow posts, with texts that want to be more.
func cards() map[string]workflow.Card {
	open := workflow.Button{Text: "Open", URL: "https://inc.example/INC-42"}
	return map[string]workflow.Card{
		"headline": {
			Title: "INC-42 checkout is <!channel> down",
			Facts: []workflow.Fact{{Name: "Status", Value: "fixing"}, {Name: "Severity", Value: "Critical"}, {Name: "Lead", Value: "ana"},
				{Name: "Channel", Value: "#inc-42-checkout-is-down"}, {Name: "Last update", Value: "rolled back *at last*\n<@U0ANA>"}},
			Text: "Cards are declined.\nSince 15:40.",
			Buttons: []workflow.Button{{Text: "Join", Action: workflow.ActJoin, Value: anID, Style: "primary"}, {Text: "Subscribe", Action: workflow.ActSubscribe, Value: anID},
				{Text: "Update", Action: workflow.ActUpdate, Value: anID}, {Text: "Escalate", Action: workflow.ActEscalate, Value: anID}, open},
		},
		"triage": {
			Title: "[TEST] INC-43 probe fails",
			Facts: []workflow.Fact{{Name: "Status", Value: "triage"}, {Name: "Severity", Value: "none yet"}, {Name: "Lead", Value: "nobody yet"}},
			Buttons: []workflow.Button{{Text: "Accept", Action: workflow.ActAccept, Value: anID, Style: "primary"}, {Text: "Merge", Action: workflow.ActMerge, Value: anID},
				{Text: "Decline", Action: workflow.ActDecline, Value: anID, Style: "danger"}},
		},
		"page": {
			Title: "INC-42 Critical: checkout is down", Text: "For ana. Level 1 of 2, round 1, of oncall.\nBecause: `severity` critical",
			Buttons: []workflow.Button{{Text: "Ack", Action: workflow.ActAck, Value: anID + "/" + anID, Style: "primary"}, open},
		},
		"nudge": {
			Title: "INC-42 checkout is down", Text: "Nobody leads this yet.",
			Buttons: []workflow.Button{{Text: "Lead it", Action: workflow.ActLead, Value: anID, Style: "primary"},
				{Text: "Snooze 30 min", Action: workflow.ActSnooze, Value: anID + "/lead/30"}, {Text: "Snooze 60 min", Action: workflow.ActSnooze, Value: anID + "/lead/60"},
				{Text: "Snooze 90 min", Action: workflow.ActSnooze, Value: anID + "/lead/90"}, {Text: "Stop", Action: workflow.ActStop, Value: anID + "/lead"}, open},
		},
		"private": {Title: "INC-44", Text: "This incident is private.", Buttons: []workflow.Button{open}},
		"bad parts": {
			Title: "", Facts: []workflow.Fact{{Name: "*a* _b_", Value: ""}},
			Buttons: []workflow.Button{{Text: "script", URL: "javascript:alert(1)"}, {Text: "", Action: workflow.ActJoin}, {Text: "no action"},
				{Text: "long", Action: workflow.ActJoin, Value: strings.Repeat("x", 3000)}, {Text: "style", Action: workflow.ActJoin, Style: "blink"}},
		},
	}
}

func jsonOf(t testing.TB, m slackkit.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(map[string]any{"text": m.Text, "blocks": m.Blocks}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCards_Golden(t *testing.T) {
	t.Parallel()
	for name, card := range cards() {
		got := jsonOf(t, message(card))
		file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".json")
		if *update {
			if err := os.WriteFile(file, got, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Whatever a card says, its message stays within 4,000 characters and keeps its buttons.
func TestMessage_LongCards_AreCut(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"x", "<&>", "é\n", "\x00", "`"} {
		long := strings.Repeat(part, 5000)
		card := workflow.Card{Title: long, Text: long}
		for range 20 {
			card.Facts = append(card.Facts, workflow.Fact{Name: long, Value: long})
			card.Buttons = append(card.Buttons, workflow.Button{Text: long, Action: workflow.ActSnooze, Value: "v"})
		}
		m := message(card)
		if n := shownRunes(t, m); n > messageMax {
			t.Errorf("%q: %d characters", part, n)
		}
		if body := string(jsonOf(t, m)); !strings.Contains(body, `"inc:snooze.10"`) || strings.Contains(body, `"inc:snooze.11"`) {
			t.Errorf("%q: not the first ten buttons", part)
		}
	}
}

// shownRunes counts the characters of all texts of a message.
func shownRunes(t testing.TB, m slackkit.Message) int {
	t.Helper()
	var v any
	if err := json.Unmarshal(jsonOf(t, m), &v); err != nil {
		t.Fatal(err)
	}
	n := 0
	var count func(v any)
	count = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				count(one)
			}
		case map[string]any:
			for key, one := range v {
				if text, ok := one.(string); ok && key == "text" {
					n += utf8.RuneCountInString(text)
				}
				count(one)
			}
		}
	}
	count(v)
	return n
}
