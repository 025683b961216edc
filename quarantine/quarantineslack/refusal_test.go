package quarantineslack_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// TestHandle_WhoIsRefusedIsInTheAudit, with what they asked for and why they may not.
func TestHandle_WhoIsRefusedIsInTheAudit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, refusals) // so that no day ends meanwhile
}

func refusals(t *testing.T) {
	b := newBundle(t)
	n := b.notifier(func(c *quarantineslack.Config) { c.Flow = b.room })
	e := b.holdOne("fp-1")
	g := b.group("fp-1")
	form := submit(entryValue(e), "no reason", "U0EVE")
	pause := submit(groupValue(g)+":pause C0OPS", "no reason", "U0BEN")
	pause.View.CallbackID = "q:pause"
	elsewhere := click("q:discard", entryValue(e), "U0ANA")
	elsewhere.Team = "T0EVIL"
	typed := slackkit.Interaction{Type: slackkit.SlashCommand, Team: "T0FAKE", User: "U0MAL"}
	for _, tt := range []struct {
		i              slackkit.Interaction
		who, deed, ref string
		why            string
	}{
		{click("q:take", groupValue(g), "U0EVE"), "eve", "take", g.Ref, "rights of responder"},
		{click("q:more", groupValue(g)+":snooze-24h", "U0EVE"), "eve", "snooze-24h", g.Ref, "rights of responder"},
		{click("q:more", groupValue(g)+":pause", "U0BEN"), "ben", "pause", g.Ref, "rights of operator"},
		{click("q:discard", entryValue(e), "U0BEN"), "ben", "discard", e.Ref, "rights of operator"},
		{form, "eve", "discard", e.Ref, "rights of operator"},
		{click("q:replay", entryValue(e), "U0MAL"), "user U0MAL of team T0FAKE", "replay", e.Ref, "not on the list"},
		{click("q:odd", "<!channel>", "U0MAL"), "user U0MAL of team T0FAKE", "other", "", "not on the list"},
		{elsewhere, "user U0ANA of team T0EVIL", "discard", e.Ref, "This workspace may not decide"},
		{typed, "user U0MAL of team T0FAKE", "read", "", "not on the list"},
	} {
		if text := b.press(n, tt.i); !strings.Contains(text, tt.why) {
			t.Errorf("%s of %s is answered %q", tt.deed, tt.who, text)
		}
		got := b.newestRefusal()
		if got.Denied != tt.deed || got.Ref != tt.ref || got.Decision.Actor != (quarantine.Actor{Name: tt.who, Via: "slack"}) ||
			!strings.Contains(got.Decision.Reason, tt.why) {
			t.Errorf("%s of %s: the audit has %+v", tt.deed, tt.who, got)
		}
	}
	before := b.refusals()
	for _, i := range []slackkit.Interaction{
		click("q:take", groupValue(g), "U0EVE"),        // the same again
		click("q:open", "", "U0MAL"),                   // a link, which is there for everybody
		click("q:take", "<!channel>", "U0ANA"),         // no value of ours, but nobody is refused
		pause, click("q:take", groupValue(g), "U0ANA"), // pause again in its form; and what ana may
	} {
		b.press(n, i)
	}
	if got := b.refusals(); len(got) != len(before) {
		t.Errorf("%d more refusals, the newest %+v", len(got)-len(before), got[0])
	}
	if rows := b.audit("fp-1"); len(rows) != 1 {
		t.Errorf("the thread is told of %+v, want the one take", rows)
	}
}

// TestHandle_TheAuditIsAway_RefusedAllTheSame: the answer does not wait for a store that is away.
func TestHandle_TheAuditIsAway_RefusedAllTheSame(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	n := b.notifier()
	b.holdOne("fp-1")
	g := b.group("fp-1")
	b.store.Fail(quarantine.ErrUnavailable)
	if text := b.press(n, click("q:take", groupValue(g), "U0MAL")); !strings.Contains(text, "not on the list") {
		t.Errorf("answered %q", text)
	}
}

func (b *bundle) refusals() []quarantine.AuditRow {
	b.Helper()
	rows, err := b.room.Refusals(b.ctx, 0)
	b.must(err)
	return rows
}

func (b *bundle) newestRefusal() quarantine.AuditRow {
	b.Helper()
	rows := b.refusals()
	if len(rows) == 0 {
		return quarantine.AuditRow{}
	}
	return rows[0]
}
