package quarantineslack_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

func command(text, user string) slackkit.Interaction {
	return slackkit.Interaction{
		Type: slackkit.SlashCommand, Team: "T0FAKE", User: user, Channel: "C0OPS", ActionID: "/theriac", Value: text, Request: "slack:cmd:1",
	}
}

func TestHandle_Command_ReadsAndChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	n := b.notifier()
	e := b.holdOne("fp-1")
	g := b.group("fp-1")
	hostile := b.failing("fp-2")
	hostile.Entry.Title, hostile.Entry.Where, hostile.Entry.Message.ID = "hunter2 <!channel>", "<!here> ```", "<@U0ANA> `x`"
	hostile.Identity = quarantine.Identity("orders", hostile.Entry.Message.Identity())
	other := b.hold(hostile)[0]
	for _, tt := range []struct {
		text, user string
		want       []string
	}{
		{"", "U0EVE", []string{"*/theriac why Q-7F3K*", "It only reads"}},
		{"drop tables", "U0EVE", []string{"It only reads"}},
		{"why " + strings.ToLower(e.Ref), "U0EVE", []string{"*" + e.Ref + "*  message m-1 on orders, held", "*Where*  billing.parse handler.go:52", "`theriac why " + e.Ref + "`"}},
		{"why " + other.Ref, "U0EVE", []string{"&lt;@U0ANA&gt;"}},
		{"why", "U0EVE", []string{"Say which message"}},
		{"why <!channel>", "U0EVE", []string{"Say which message"}},
		{"why Q-0000", "U0EVE", []string{"no reference begins with"}},
		{"why Q-", "U0EVE", []string{"Say which message"}},
		{"ls", "U0EVE", []string{e.Ref + "  orders  ", other.Ref, "2 of 2 shown  `theriac ls`"}},
		{"ls sub:nudges", "U0EVE", []string{"Nothing matches."}},
		{"ls state:discarded", "U0EVE", []string{"Nothing matches."}},
		{"ls since:never", "U0EVE", []string{"query term"}},
		{"ls hunter2", "U0EVE", []string{"Here hunter2 cannot be asked for"}},
		{"ls attr.card:4111", "U0EVE", []string{"cannot be asked for"}},
		{"GROUPS", "U0EVE", []string{g.Ref + "  orders  ", ": 1 held", "`theriac groups`"}},
		{"ls", "U0NEW", []string{"not on the list"}},
	} {
		got := b.press(n, command(tt.text, tt.user))
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%q answers %q, want %q in it", tt.text, got, want)
			}
		}
		if strings.Contains(got, "<!") || strings.Contains(got, "<@") || strings.Contains(got, "```") || utf8.RuneCountInString(got) > 3000 {
			t.Errorf("%q answers %q", tt.text, got)
		}
		if !strings.Contains(tt.text, "hunter2") && strings.Contains(got, "hunter2") {
			t.Errorf("%q tells what a title holds back: %q", tt.text, got)
		}
	}
	if b.get(e).Version != e.Version || len(b.audit("fp-1")) != 0 {
		t.Error("something was done")
	}
}
