package incidentslack_test

import (
	"strings"
	"testing"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentslack"
)

// Each command once, in the channel of an incident that Ana declared.
func TestCommands_EachOnce(t *testing.T) {
	t.Parallel()
	is := func(s incident.Status) func(*bundle, incident.Incident) bool {
		return func(_ *bundle, inc incident.Incident) bool { return inc.Status == s }
	}
	has := func(types ...incident.EventType) func(*bundle, incident.Incident) bool {
		return func(b *bundle, inc incident.Incident) bool { return len(b.events(inc.ID, types...)) == 1 }
	}
	for _, c := range []struct {
		before     string // typed first
		text, says string
		then       func(b *bundle, inc incident.Incident) bool
	}{
		{"", "update we see it &amp; look", "is shared", func(_ *bundle, inc incident.Incident) bool { return inc.LastUpdate.Message == "we see it & look" }},
		{"", "status", "*INC-1* checkout is down", nil},
		{"", "status fixing", "INC-1 is fixing now", is(incident.Fixing)},
		{"", "status Monitoring it is calm", "INC-1 is monitoring now", func(_ *bundle, inc incident.Incident) bool { return inc.LastUpdate.Message == "it is calm" }},
		{"", "status resolved", "no status that an update can set", is(incident.Investigating)},
		{"", "severity minor few are hit", "INC-1 is minor now", func(_ *bundle, inc incident.Incident) bool { return inc.Severity == "minor" }},
		{"", "severity dreadful", "known: minor, major, critical", func(_ *bundle, inc incident.Incident) bool { return inc.Severity == "" }},
		{"", "lead me", "INC-1: ana is lead now", func(_ *bundle, inc incident.Incident) bool { return inc.Lead() == "ana" }},
		{"lead me", "lead <@U0BEN|ben> your turn", "INC-1: ben is lead now", has(incident.EvHandedOff)},
		{"lead @ben", "lead me", "the lead is ben", func(_ *bundle, inc incident.Incident) bool { return inc.Lead() == "ben" }},
		{"", "lead @nobody", "Nobody knows nobody", nil},
		{"", "role scribe @ben", "INC-1: ben is scribe now", func(_ *bundle, inc incident.Incident) bool { return inc.Holder("scribe") == "ben" }},
		{"", "role dancer @ben", "is not known; known: lead", nil},
		{"", "escalate oncall it burns", "INC-1 calls oncall", has(incident.EvEscalated)},
		{"", "escalate <@U0BEN> help", "INC-1 calls ben", has(incident.EvEscalated)},
		{"", "escalate nowhere", "there is no path \"nowhere\"", nil},
		{"escalate oncall", "ack", "You have INC-1", has(incident.EvAcked)},
		{"", "ack", "has called nobody", nil},
		{"", "invite <@U0BEN> @ada", "ben, ada takes part in INC-1", func(b *bundle, inc incident.Incident) bool {
			c, _ := b.fake.Channel(inc.Channel.ID)
			return len(inc.Participants) == 3 && len(c.Members) == 3
		}},
		{"", "invite everybody", "Say whom", nil},
		{"", "action @ben restart it", "It is an action of INC-1", func(_ *bundle, inc incident.Incident) bool {
			return inc.Actions[0].Owner == "ben" && inc.Actions[0].Text == "restart it"
		}},
		{"", "action me and Ben restart it", "It is an action of INC-1", func(_ *bundle, inc incident.Incident) bool {
			return inc.Actions[0].Owner == "" && inc.Actions[0].Text == "me and Ben restart it"
		}},
		{"", "followup write a test", "It is a follow-up of INC-1", func(_ *bundle, inc incident.Incident) bool { return inc.FollowUps[0].Text == "write a test" }},
		{"", "timeline the cache was cold", "It stands in the timeline of INC-1", has(incident.EvItemAdded)},
		{"timeline the cache was cold", "timeline", "the cache was cold", nil},
		{"", "request-update @ben", "An update of INC-1 is asked for", has(incident.EvAskUpdate)},
		{"", "summary cards are declined", "INC-1 has a new summary", func(_ *bundle, inc incident.Incident) bool { return inc.Summary == "cards are declined" }},
		{"summary cards are declined", "summary", "cards are declined", nil},
		{"", "pause the supplier sleeps", "INC-1 is paused now", is(incident.Paused)},
		{"", "pause", "reason: must not be empty", is(incident.Investigating)},
		{"pause the supplier sleeps", "resume", "INC-1 is investigating now", is(incident.Investigating)},
		{"", "resume", "cannot resume; allowed now: merge, update, pause, cancel, resolve", is(incident.Investigating)},
		{"", "cancel it was a drill", "INC-1 is canceled now", is(incident.Canceled)},
		{"", "resolve rolled back", "INC-1 is closed now", is(incident.Closed)},
		{"resolve done", "reopen it is back", "INC-1 is investigating now", is(incident.Investigating)},
		{"", "merge INC-99", "There is no such incident", is(incident.Investigating)},
		{"", "list", "• INC-1 checkout is down, investigating", nil},
		{"", "shed", "theriac shed critical-only", nil},
		{"", "shed non-critical", "theriac shed non-critical", nil},
		{"", "shed normal", "Run `theriac shed normal` where", nil},
		{"", "quarantine", "<https://ops.example.com/theriac|open the page>", nil},
		{"", "help", "`/inc resolve [INC] [TEXT]`", nil},
		{"", "dance *now*", "There is no `/inc dance`", nil},
	} {
		t.Run(c.text, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, func(cfg *incidentslack.IntakeConfig) { cfg.Quarantine = "https://ops.example.com/theriac" })
			inc := b.declared()
			if c.before != "" {
				b.inc(inc.Channel.ID, "U0ANA", c.before)
			}
			b.wantText(c.text, b.inc(inc.Channel.ID, "U0ANA", c.text), c.says)
			if c.then != nil && !c.then(b, b.get(inc.ID)) {
				t.Errorf("it is %+v", b.get(inc.ID))
			}
		})
	}
}

func TestCommands_ReferencesAndChannels(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	first := b.declared()
	b.wantText("nowhere", b.inc("C0OPS", "U0ANA", "resolve done"), "This channel belongs to no incident")
	b.wantText("declare", b.inc("C0OPS", "U0ANA", "declare INC-1 happens again"), "INC-2 is declared: INC-1 happens again")
	b.wantText("by reference", b.inc("C0OPS", "U0ANA", "status inc-2 fixing"), "INC-2 is fixing now")
	third := b.declaredToo("third")
	b.wantText("merge here", b.inc(third.Channel.ID, "U0ANA", "merge INC-1"), "INC-3 lives on in INC-1")
	b.wantText("merge", b.inc("C0OPS", "U0ANA", "merge INC-2 into INC-1 the same"), "INC-2 lives on in INC-1")
	if second := b.get("INC-2"); second.Status != incident.Merged || second.MergedInto != first.ID {
		t.Errorf("the second is %s", second.Status)
	}
	b.wantText("merge in its channel", b.inc(first.Channel.ID, "U0ANA", "merge INC-2"), "Nothing was done")
	b.wantText("test", b.inc("C0OPS", "U0ANA", "test <!channel> drill"), "is declared as a test")
	if inc := b.get("INC-4"); inc.Mode != incident.ModeTest || inc.Name != "@channel drill" {
		t.Errorf("the test is %q, %s", inc.Name, inc.Mode)
	}
	if text := b.inc("C0OPS", "U0ANA", "list"); !strings.Contains(text, "[TEST] @channel drill") || strings.Contains(text, "INC-2") {
		t.Errorf("list: %s", text)
	}
}

func TestCommands_Controls_AreHandedIn(t *testing.T) {
	t.Parallel()
	b := newBundle(t, func(cfg *incidentslack.IntakeConfig) {
		cfg.Controls = controls
	})
	b.wantText("shed", b.inc("C0OPS", "U0ANA", "shed critical-only"), "ana asks for critical-only &lt;!channel&gt;")
	b.wantText("shed", b.inc("C0OPS", "U0ANA", "shed nothing"), "It was not done: no &lt;!here&gt;.")
}

func TestWho_UnknownViewerAndGone_AreToldWhy_AndNothingHappens(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	for user, want := range map[string]string{
		"U0ZOE": "Slack's user U0ZOE is nobody that Theriac knows", "U0EVE": "You are here as viewer", "U0OLD": "Old has left",
	} {
		for _, text := range []string{"", "declare x", "resolve done", "ack", "update"} {
			b.wantText(user+" "+text, b.inc(inc.Channel.ID, user, text), want)
		}
	}
	b.wantText("a viewer reads", b.inc(inc.Channel.ID, "U0EVE", "status"), "checkout is down")
	b.wantText("a viewer reads", b.inc(inc.Channel.ID, "U0EVE", "status fixing"), "you may not")
	b.wantText("a viewer reads", b.inc(inc.Channel.ID, "U0EVE", "timeline x"), "you may not")
	b.wantText("a viewer reads", b.inc(inc.Channel.ID, "U0EVE", "list"), "INC-1")
	if now := b.get(inc.ID); now.Status != incident.Investigating || len(b.all()) != 1 {
		t.Errorf("it is %s, one of %d", now.Status, len(b.all()))
	}
	if len(b.fake.Views()) != 0 {
		t.Error("a window opened")
	}
}
