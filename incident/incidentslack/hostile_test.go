package incidentslack_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// hostile are texts that want to be more than text.
func hostile() []string {
	return []string{
		"<!channel> <!here> <!everyone> wake up", "<@U0BEN> <#C0OPS|ops> <!subteam^S1|all>", "``` <!channel> ``` `x`", "&lt;!channel&gt;",
		"<https://evil.example|https://inc.example>", "*bold*\n*INC-1* is closed now.\n> quoted", "\u202etxet\u200b\u0000\x07", strings.Repeat("<!channel>", 300),
		"<mailto:a@b|x>", "<!date^1^{date}|<!channel>>", "\xff\xfe <!here>",
	}
}

// A hostile text goes in by every way and comes out on every surface, and calls nobody.
func TestHostile_NoMentionSurvives(t *testing.T) {
	t.Parallel()
	for _, text := range hostile() {
		t.Run(text[:min(len(text), 12)], func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			name := strings.Join(strings.Fields(text), " ")[:min(len(strings.Join(strings.Fields(text), " ")), 150)]
			inc := b.declared(func(p *incident.NewParams) { p.Name, p.Summary, p.Severity = name, text, "critical" })
			channel := inc.Channel.ID
			var answers []string
			for _, typed := range []string{"declare " + name, "update " + text, "status fixing " + text, "severity minor " + text, "summary " + text, "action " + text,
				"followup " + text, "timeline " + text, "escalate oncall " + text, "status", "timeline", "list", "lead @" + text, "role " + text + " @ana", "invite " + text, text} {
				b.answered("U0ANA", func() error { return b.fake.Command(b.ctx, channel, "U0ANA", "/inc", typed) })
				for _, v := range b.fake.Views() {
					b.fake.Dismiss(v.ID)
				}
			}
			v := b.window(func() error { return b.fake.Command(b.ctx, channel, "U0ANA", "/inc", "action") })
			answers = append(answers, b.submit(v, "U0ANA", map[string]string{"text": text[:min(len(text), 1000)]}))
			answers = append(answers, b.inc(channel, "U0ANA", "pause "+text), b.inc(channel, "U0ANA", "status"))
			for _, said := range append(answers, b.heard("U0ANA")...) {
				if found := (slackfake.Message{Text: said}).Mentions(); len(found) > 0 {
					t.Errorf("%q calls %v", said, found)
				}
			}
			for _, c := range b.fake.Channels() {
				for _, m := range b.fake.Messages(c.ID) {
					if found := m.Mentions(); len(found) > 0 {
						t.Errorf("%s %q calls %v", c.Name, m.Text, found)
					}
				}
				if strings.ContainsAny(c.Topic+c.Purpose, "<>`\n") {
					t.Errorf("%s has the topic %q", c.Name, c.Topic)
				}
			}
		})
	}
}

func TestHostile_ValuesOfButtonsAndForms_AreRefused(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	for n, value := range []string{"", "/", inc.ID, inc.ID + "/", inc.ID + "/x", inc.ID + "/lead/0", inc.ID + "/lead/-30", inc.ID + "/nothing/30", "INC-999/lead/30", strings.Repeat("x", 2000) + "/lead/30"} {
		for _, action := range []string{workflow.ActAck, workflow.ActSnooze, "inc:nothing"} {
			b.take(b.intake, pressedBy("U0ANA", action, value, fmt.Sprintf("1.%d", n)))
		}
	}
	for n, metadata := range []string{"", "{", `{"i":"INC-999","c":"C0OPS"}`, `{"i":5}`, `[]`} {
		for _, form := range []string{"inc:update", "inc:lead", "inc:merge", "inc:followup", "inc:nothing"} {
			b.take(b.intake, filled(form, metadata, fmt.Sprintf("V%d%s", n, form), "1", map[string]string{"next_update_in": "-1h", "due": "yesterday", "message": "x"}))
		}
	}
	before := len(b.events(inc.ID))
	b.clock.Advance(6 * time.Second)
	b.work()
	if now := len(b.events(inc.ID)); now != before || len(b.all()) != 1 {
		t.Errorf("something happened: %+v", b.events(inc.ID)[before:])
	}
	for _, said := range b.heard("U0ANA") {
		if len(said) > 4000 || len((slackfake.Message{Text: said}).Mentions()) > 0 {
			t.Errorf("told %q", said)
		}
	}
}

func TestLostRaces_AreToldInWords(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	b.inc(inc.Channel.ID, "U0ANA", "lead @ben")
	v := b.window(func() error { return b.fake.Command(b.ctx, inc.Channel.ID, "U0ANA", "/inc", "lead") })
	if !strings.Contains(string(v.Blocks), "Lead (now ben)") {
		t.Errorf("the form does not say who leads: %s", v.Blocks)
	}
	b.inc(inc.Channel.ID, "U0BEN", "lead @ada")
	b.wantText("hand over", b.submit(v, "U0ANA", map[string]string{"role": "lead", "person": "U0ANA"}), "Nothing was done: INC-1: the lead is ada since")

	triage := b.reported("one")
	press := func(action string) slackfake.View {
		return b.window(func() error { return b.fake.Press(b.ctx, "C0OPS", triage.Headline.ID, action, "U0ANA") })
	}
	accept := press(workflow.ActAccept)
	b.must(b.fake.Press(b.ctx, "C0OPS", triage.Headline.ID, workflow.ActDecline, "U0ANA"))
	b.must(b.fake.Wait(b.ctx, func() bool { return len(b.fake.Views()) == 2 }))
	decline := b.fake.Views()[1]
	b.wantText("decline", b.submit(decline, "U0ANA", map[string]string{"reason": "flapping"}), "INC-2 is declined now")
	b.wantText("accept", b.submit(accept, "U0ANA", map[string]string{"name": "x"}), "INC-2 is declined: cannot accept; allowed now: nothing")
	// The buttons are gone from the message; one that is pressed all the same opens nothing.
	a := b.take(b.intake, pressedBy("U0ANA", workflow.ActAccept, triage.ID, "9.0"))
	if a.Modal != nil {
		t.Error("a stale button opens a form")
	}
	b.wantText("stale", a.Text, "INC-2 is declined: cannot accept")
}

func TestDoubleClicks_CountOnce(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared(func(p *incident.NewParams) { p.Severity = "critical" })
	ack := inc.ID + "/" + inc.Escalations[0].ID
	for _, at := range []string{"1.0", "1.0", "2.0"} {
		for _, i := range []struct{ action, value string }{{workflow.ActJoin, inc.ID}, {workflow.ActAck, ack}, {workflow.ActSubscribe, inc.ID}, {workflow.ActStop, inc.ID + "/lead"}} {
			b.take(b.intake, pressedBy("U0BEN", i.action, i.value, at))
		}
	}
	b.work()
	for _, c := range []struct {
		t    incident.EventType
		want int
	}{{incident.EvAcked, 1}, {incident.EvJoined, 2}, {incident.EvNudgeStopped, 1}} {
		if n := len(b.events(inc.ID, c.t)); n != c.want {
			t.Errorf("%s: %d times, want %d", c.t, n, c.want)
		}
	}
}

// A private incident is neither shown nor changed by who takes no part, whatever they type.
func TestPrivate(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared(func(p *incident.NewParams) {
		p.Name, p.Visibility, p.Severity = "leaked keys", incident.Private, "critical"
	})
	c, _ := b.fake.Channel(inc.Channel.ID)
	if !c.Private || strings.Contains(c.Name, "keys") || !slices.Equal(c.Members, []string{"U0ANA"}) {
		t.Errorf("its channel is %+v", c)
	}
	for _, text := range []string{"status", "update", "update x", "resolve", "resolve x", "ack", "lead me", "timeline", "summary x", "invite me", "severity", "action x"} {
		name, rest, _ := strings.Cut(text, " ")
		b.wantText(text, b.inc("C0OPS", "U0BEN", name+" INC-1 "+rest), "There is no such incident, or it is not for you.")
	}
	b.wantText("list", b.inc("C0OPS", "U0BEN", "list"), "Nothing is open")
	b.wantText("declare", b.inc("C0OPS", "U0BEN", "declare mine"), "INC-2")
	b.wantText("merge", b.inc("C0OPS", "U0BEN", "merge INC-2 into INC-1"), "There is no such incident, or it is not for you.")
	v := b.window(func() error { return b.fake.Command(b.ctx, "C0OPS", "U0BEN", "/inc", "action INC-2") })
	b.wantText("own", b.submit(v, "U0BEN", map[string]string{"text": "x"}), "It is an action of INC-2")
	b.wantText("forged", b.told("U0BEN", func() error {
		i := filled("inc:action", `{"i":"`+inc.ID+`","c":"C0OPS"}`, "V9", "9", map[string]string{"text": "x"})
		i.User = "U0BEN"
		b.take(b.intake, i)
		return nil
	}), "There is no such incident, or it is not for you.")
	b.take(b.intake, pressedBy("U0BEN", workflow.ActJoin, inc.ID, "1.0"))
	b.take(b.intake, pressedBy("U0BEN", workflow.ActSubscribe, inc.ID, "1.0"))
	b.work()
	if now := b.get(inc.ID); len(now.Participants) != 1 || len(now.Actions) != 0 || now.Status != incident.Investigating {
		t.Errorf("it is %+v", now)
	}
	for _, said := range b.heard("U0BEN") {
		if strings.Contains(said, "leaked") {
			t.Errorf("told %q", said)
		}
	}
	for _, m := range b.fake.Messages("C0OPS") {
		if strings.Contains(string(m.Blocks), "leaked") {
			t.Errorf("announced %s", m.Blocks)
		}
	}
	// Who was called may answer. An admin may look, and that is written down.
	a := b.take(b.intake, pressedBy("U0BEN", workflow.ActAck, inc.ID+"/"+inc.Escalations[0].ID, "2.0"))
	b.wantText("ack", a.Text, "You have INC-1")
	b.wantText("admin", b.inc("C0OPS", "U0ADA", "list"), "INC-1 (private)")
	if n := len(b.events(inc.ID, incident.EvPrivateSeen)); n != 0 {
		t.Errorf("a list is %d looks", n)
	}
	for range 2 {
		b.wantText("admin", b.inc("C0OPS", "U0ADA", "status INC-1"), "leaked keys")
	}
	if n := len(b.events(inc.ID, incident.EvPrivateSeen)); n != 1 {
		t.Errorf("%d looks are written down", n)
	}
	b.wantText("invited", b.inc(inc.Channel.ID, "U0ANA", "invite @ben"), "ben takes part")
	b.wantText("ben", b.inc(inc.Channel.ID, "U0BEN", "status"), "leaked keys")
}

// What happens in the channels of incidents is kept, in the words of the workflow and without texts.
func TestEvents(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	channel := inc.Channel.ID
	b.must(b.fake.Settle(b.ctx)) // that Ana was brought in
	b.work()
	_, err := b.fake.Say("C0OPS", "", "U0BEN", "said elsewhere")
	b.must(err)
	ts, err := b.fake.Say(channel, "", "U0BEN", "a secret that is only said")
	b.must(err)
	b.must(b.fake.React(channel, ts, "U0ANA", "eyes"))
	b.must(b.fake.Rename(channel, "U0ANA", "inc-1-renamed"))
	b.must(b.fake.Settle(b.ctx))
	kinds := map[string]int{}
	waiting, err := b.store.Unpublished(b.ctx, 100)
	b.must(err)
	for _, o := range waiting {
		if o.Topic != incident.TopicActivity {
			continue
		}
		e, err := workflow.ParseChatEvent(o.Data)
		b.must(err)
		kinds[string(e.Kind)]++
		if e.Channel != channel || string(e.Kind) != o.Attributes[incident.AttrKind] || e.At.IsZero() || strings.Contains(string(o.Data), "secret") {
			t.Errorf("kept %s as %v", o.Data, o.Attributes)
		}
	}
	if got, want := jsonOf(t, kinds), `{"joined":1,"message":1,"reacted":1,"renamed":1}`; got != want {
		t.Errorf("kept %s, want %s", got, want)
	}
	b.clock.Advance(31 * time.Second) // the lease of the look
	b.work()
	after := b.get(inc.ID)
	if len(b.events(inc.ID, incident.EvActivity)) != 2 || len(after.Participants) != 2 || after.Channel.Name != "inc-1-renamed" {
		t.Errorf("it became %+v", after)
	}
	edited, err := b.fake.Say(channel, "", "U0BEN", "first")
	b.must(err)
	b.must(b.fake.Edit(channel, ts, "U0BEN", "a secret that nobody marked"))
	b.must(b.fake.Settle(b.ctx))
	waiting, err = b.store.Unpublished(b.ctx, 100)
	b.must(err)
	for _, o := range waiting {
		if o.Attributes[incident.AttrKind] == string(workflow.ChatChanged) {
			t.Errorf("kept %s", o.Data)
		}
	}
	b.clock.Advance(31 * time.Second)
	b.must(b.fake.PinMessage(channel, edited, "U0ANA"))
	b.must(b.fake.Settle(b.ctx))
	b.work()
	b.must(b.fake.Edit(channel, edited, "U0BEN", "second"))
	b.must(b.fake.Settle(b.ctx))
	b.work()
	if items := b.events(inc.ID, incident.EvItemAdded, incident.EvItemEdited); len(items) != 2 || !strings.Contains(string(items[1].Data), "second") {
		t.Errorf("the timeline has %+v", items)
	}
}

func jsonOf(t testing.TB, v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
