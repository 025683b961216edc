package incidentslack_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentslack"
)

func controls(_ context.Context, o incidentslack.ControlOrder) (string, error) {
	if o.Args == "nothing" || o.Key == "" {
		return "", errors.New("no <!here>")
	}
	if o.Ends > 0 {
		return fmt.Sprintf("%s ends %d by %s", o.By.ID, o.Ends, o.Args), nil
	}
	return o.By.ID + " asks for " + o.Args + " <!channel>", nil
}

// Each form once, opened by a command.
func TestForms_EachOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		open   string
		values map[string]string
		says   string
		then   func(inc incident.Incident) bool
	}{
		{"", map[string]string{"name": "pages are slow", "severity": "major", "summary": "a\nb", "private": "yes"}, "INC-2 is declared: pages are slow", nil},
		{"test", map[string]string{"name": "a drill"}, "INC-2 is declared as a test", nil},
		{"update", map[string]string{"message": "better", "status": "monitoring", "severity": "major", "next_update_in": "2h"}, "INC-1 is monitoring now", func(inc incident.Incident) bool {
			return inc.Severity == "major" && inc.NextUpdateDue.Sub(inc.LastUpdate.At) == 2*time.Hour
		}},
		{"update", map[string]string{"message": "still", "next_update_in": "none"}, "is shared", func(inc incident.Incident) bool { return inc.NextUpdateDue.IsZero() }},
		{"lead", map[string]string{"role": "lead", "person": "U0BEN"}, "INC-1: ben is lead now", func(inc incident.Incident) bool { return inc.Lead() == "ben" }},
		{"role scribe", map[string]string{"role": "scribe", "person": "U0ZOE"}, "U0ZOE is nobody that Theriac knows", func(inc incident.Incident) bool { return inc.Holder("scribe") == "" }},
		{"escalate", map[string]string{"people": "U0BEN,U0ADA", "reason": "help"}, "INC-1 calls ben, ada", func(inc incident.Incident) bool { return len(inc.Escalations) == 1 }},
		{"escalate", map[string]string{"path": "oncall", "reason": "help"}, "INC-1 calls oncall", func(inc incident.Incident) bool { return len(inc.Escalations) == 1 }},
		{"severity", map[string]string{"severity": "critical"}, "INC-1 is critical now", func(inc incident.Incident) bool { return inc.Severity == "critical" }},
		{"resolve", map[string]string{"message": "rolled back"}, "INC-1 is closed now", func(inc incident.Incident) bool { return inc.LastUpdate.Message == "rolled back" }},
		{"action", map[string]string{"text": "restart", "owner": "U0BEN"}, "It is an action", func(inc incident.Incident) bool { return inc.Actions[0].Owner == "ben" }},
		{"followup", map[string]string{"text": "a test", "owner": "U0ANA", "priority": "P1", "due": "2026-04-01"}, "It is a follow-up", func(inc incident.Incident) bool {
			f := inc.FollowUps[0]
			return f.Owner == "ana" && f.Priority == "P1" && f.Due.Format(time.DateOnly) == "2026-04-01"
		}},
	} {
		t.Run(c.open+" "+c.says, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			inc := b.declared()
			v := b.window(func() error { return b.fake.Command(b.ctx, inc.Channel.ID, "U0ANA", "/inc", c.open) })
			b.wantText("submitted", b.submit(v, "U0ANA", c.values), c.says)
			if c.then != nil && !c.then(b.get(inc.ID)) {
				t.Errorf("it is %+v", b.get(inc.ID))
			}
			if second, err := b.store.Get(b.ctx, "INC-2"); err == nil {
				private, test := c.values["private"] == "yes", c.open == "test"
				if (second.Visibility == incident.Private) != private || (second.Mode == incident.ModeTest) != test {
					t.Errorf("declared %s, %s", second.Visibility, second.Mode)
				}
			}
			if open := b.fake.Views(); len(open) != 0 {
				t.Errorf("the form stays open: %+v", open)
			}
		})
	}
}

// Each button once, on the messages that the workflow posts.
func TestButtons_Triage(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	head := func(inc incident.Incident) string { return inc.Headline.ID }
	press := func(inc incident.Incident, action string) func() error {
		return func() error { return b.fake.Press(b.ctx, "C0OPS", head(inc), action, "U0BEN") }
	}
	first, second, third := b.reported("one"), b.reported("two"), b.reported("three")

	v := b.window(press(first, workflow.ActAccept))
	b.wantText("accept", b.submit(v, "U0BEN", map[string]string{"name": "it is real", "severity": "critical", "quiet": "yes"}), "INC-1 is investigating now")
	if inc := b.get(first.ID); inc.Name != "it is real" || inc.Severity != "critical" || len(inc.Escalations) != 0 {
		t.Errorf("accepted as %+v", inc)
	}
	v = b.window(press(second, workflow.ActDecline))
	b.wantText("decline", b.submit(v, "U0BEN", map[string]string{"reason": "flapping"}), "INC-2 is declined now")
	v = b.window(press(third, workflow.ActMerge))
	if !strings.Contains(string(v.Blocks), "INC-1 it is real") || strings.Contains(string(v.Blocks), "INC-2") {
		t.Errorf("it offers %s", v.Blocks)
	}
	b.wantText("merge", b.submit(v, "U0BEN", map[string]string{"into": first.ID, "reason": "the same"}), "INC-3 lives on in INC-1")
	if inc := b.get(third.ID); inc.MergedInto != first.ID {
		t.Errorf("merged into %q", inc.MergedInto)
	}
}

func TestButtons_WhileItRuns(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared(func(p *incident.NewParams) { p.Severity = "critical" })
	head := b.get(inc.ID).Headline
	press := func(action string) func() error {
		return func() error { return b.fake.Press(b.ctx, "C0OPS", head.ID, action, "U0BEN") }
	}
	b.wantText("join", b.told("U0BEN", press(workflow.ActJoin)), "You work on INC-1")
	c, _ := b.fake.Channel(inc.Channel.ID)
	if len(c.Members) != 2 {
		t.Errorf("in the channel are %v", c.Members)
	}
	b.wantText("subscribe", b.told("U0BEN", press(workflow.ActSubscribe)), "Updates of INC-1 come to you")
	v := b.window(press(workflow.ActUpdate))
	b.wantText("update", b.submit(v, "U0BEN", map[string]string{"message": "we look"}), "is shared")
	if direct := b.fake.Messages("D0U0BEN"); len(direct) != 1 || !strings.Contains(string(direct[0].Blocks), "we look") {
		t.Errorf("the subscriber got %+v", direct)
	}
	v = b.window(press(workflow.ActEscalate))
	b.wantText("escalate", b.submit(v, "U0BEN", map[string]string{"people": "U0ANA", "reason": "help"}), "INC-1 calls ana")
	if now := b.get(inc.ID); len(now.Escalations) != 2 {
		t.Errorf("%d escalations", len(now.Escalations))
	}
}

// The button under the banner of an order names the order that it ends.
func TestButtons_Restore(t *testing.T) {
	t.Parallel()
	b := newBundle(t, func(cfg *incidentslack.IntakeConfig) { cfg.Controls = controls })
	inc := b.declared()
	for value, want := range map[string]string{"7": "ana ends 7 by normal", "soon": "not ours", "-1": "not ours", "": "not ours"} {
		at, err := b.chat().Post(b.ctx, workflow.Post{To: workflow.Place{Channel: inc.Channel.ID}, Key: "banner" + value,
			Card: workflow.Card{Title: "IN FORCE", Buttons: []workflow.Button{{Text: "Restore", Action: workflow.ActRestore, Value: value}}}})
		b.must(err)
		press := func(user string) string {
			return b.told(user, func() error { return b.fake.Press(b.ctx, inc.Channel.ID, at.ID, workflow.ActRestore, user) })
		}
		b.wantText("restore "+value, press("U0ANA"), want)
		b.wantText("a viewer "+value, press("U0EVE"), "You are here as viewer")
	}
}

func TestButtons_NudgeAndPage(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared(func(p *incident.NewParams) { p.Severity = "critical" })
	chat := b.chat()
	post := func(key string, buttons ...workflow.Button) string {
		at, err := chat.Post(b.ctx, workflow.Post{To: workflow.Place{Channel: inc.Channel.ID}, Key: key, Card: workflow.Card{Title: "INC-1", Buttons: buttons}})
		b.must(err)
		return at.ID
	}
	nudge := post("nudge", workflow.Button{Text: "Lead it", Action: workflow.ActLead, Value: inc.ID},
		workflow.Button{Text: "Snooze 30 min", Action: workflow.ActSnooze, Value: inc.ID + "/lead/30"},
		workflow.Button{Text: "Snooze 60 min", Action: workflow.ActSnooze, Value: inc.ID + "/lead/60"},
		workflow.Button{Text: "Stop", Action: workflow.ActStop, Value: inc.ID + "/lead"},
		workflow.Button{Text: "Severity", Action: workflow.ActSeverity, Value: inc.ID}, workflow.Button{Text: "Resolve", Action: workflow.ActResolve, Value: inc.ID},
		workflow.Button{Text: "Open", URL: "https://inc.example/"})
	press := func(ts, action string) func() error {
		return func() error { return b.fake.Press(b.ctx, inc.Channel.ID, ts, action, "U0ANA") }
	}
	b.wantText("snooze", b.told("U0ANA", press(nudge, workflow.ActSnooze+".2")), "for 60 minutes")
	if until := b.get(inc.ID).Nudges[incident.NudgeLead].Snoozed; until.Sub(b.clock.Now()) > time.Hour || until.Sub(b.clock.Now()) < 50*time.Minute {
		t.Errorf("quiet until %s", until)
	}
	b.wantText("stop", b.told("U0ANA", press(nudge, workflow.ActStop)), "not reminded of this any more")
	v := b.window(press(nudge, workflow.ActLead))
	b.wantText("lead", b.submit(v, "U0ANA", map[string]string{"role": "lead", "person": "U0ANA"}), "ana is lead now")
	v = b.window(press(nudge, workflow.ActSeverity))
	b.wantText("severity", b.submit(v, "U0ANA", map[string]string{"severity": "minor"}), "INC-1 is minor now")

	page := post("page", workflow.Button{Text: "Ack", Action: workflow.ActAck, Value: inc.ID + "/" + inc.Escalations[0].ID})
	b.wantText("ack", b.told("U0ANA", press(page, workflow.ActAck)), "You have INC-1")
	b.wantText("also", b.told("U0BEN", func() error { return b.fake.Press(b.ctx, inc.Channel.ID, page, workflow.ActAck, "U0BEN") }), "Ana has INC-1 already")
	v = b.window(press(nudge, workflow.ActResolve))
	b.wantText("resolve", b.submit(v, "U0ANA", map[string]string{}), "INC-1 is closed now")

	// Whatever comes after the end is told what is allowed.
	for _, action := range []string{workflow.ActLead, workflow.ActResolve, workflow.ActSnooze} {
		b.wantText(action, b.told("U0ANA", press(nudge, action)), "INC-1 is closed")
	}
	before := len(b.heard("U0ANA"))
	b.must(press(nudge, "inc:open")())
	b.work()
	if heard := b.heard("U0ANA"); len(heard) != before {
		t.Errorf("a link is answered: %v", heard[before:])
	}
}

// Whoever answers is told who has what they answered, whatever was answered before, and whether others
// are still called.
func TestAck_OfSeveralEscalations_SaysWhoHasWhich(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared(func(p *incident.NewParams) { p.Severity = "critical" })
	call := func(people ...string) string {
		now, err := b.svc.Do(b.ctx, inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Escalate(act, incident.EscalateParams{People: people, Reason: "help"})
		})
		b.must(err)
		return inc.ID + "/" + now.Escalations[len(now.Escalations)-1].ID
	}
	b.wantText("the first", b.inc(inc.Channel.ID, "U0ANA", "ack"), "You have INC-1. Nobody else is called.")
	call("ben")
	b.wantText("the second", b.inc(inc.Channel.ID, "U0BEN", "ack"), "You have INC-1. Nobody else is called.")
	b.wantText("also", b.inc(inc.Channel.ID, "U0ADA", "ack"), "Ben has INC-1 already")
	one, two := call("ana"), call("ben")
	a := b.take(b.intake, pressedBy("U0ANA", workflow.ActAck, one, "1.0"))
	b.wantText("one of two", a.Text, "You have INC-1. It still calls people for another reason: `/inc ack INC-1` answers that, too.")
	if strings.Contains(a.Text, "Nobody else") {
		t.Errorf("told %q while people are called", a.Text)
	}
	a = b.take(b.intake, pressedBy("U0BEN", workflow.ActAck, two, "2.0"))
	b.wantText("two of two", a.Text, "You have INC-1. Nobody else is called.")
}

// Whoever is called may answer by the button, as by the link of the page, whatever their role; a viewer who is
// not called stops nothing.
func TestAck_AViewer_WhoIsCalled(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	call := func(person1 string) string {
		now, err := b.svc.Do(b.ctx, inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Escalate(act, incident.EscalateParams{People: []string{person1}})
		})
		b.must(err)
		return inc.ID + "/" + now.Escalations[len(now.Escalations)-1].ID
	}
	a := b.take(b.intake, pressedBy("U0EVE", workflow.ActAck, call("ben"), "1.0"))
	b.wantText("not called", a.Text, "you may not")
	a = b.take(b.intake, pressedBy("U0EVE", workflow.ActAck, call("eve"), "2.0"))
	b.wantText("called", a.Text, "You have INC-1")
	for i, want := range []incident.EscalationState{incident.Paging, incident.Acked} {
		if e := b.get(inc.ID).Escalations[i]; e.State != want {
			t.Errorf("the call of %s is %s", e.Levels[0].Targets[0], e.State)
		}
	}
}

// A line that was edited or removed is shown as it stands now: what somebody took out of the timeline stays out.
func TestTimeline_EditedAndRemoved(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	for _, text := range []string{"the password is hunter2", "the bank is dead", "we call them"} {
		b.wantText(text, b.inc(inc.Channel.ID, "U0ANA", "timeline "+text), "It stands")
	}
	lines := b.events(inc.ID, incident.EvItemAdded)
	for _, verb := range []incident.Verb{
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.RemoveItem(act, lines[0])
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.EditItem(act, lines[1], "the bank is slow", morning.Add(-time.Hour))
		},
	} {
		_, err := b.svc.Do(b.ctx, inc.ID, person("ana"), verb)
		b.must(err)
	}
	said := b.inc(inc.Channel.ID, "U0EVE", "timeline")
	for _, want := range []string{"09:00  Ana noted: the bank is slow", "Ana noted: we call them"} {
		b.wantText("timeline", said, want)
	}
	for _, gone := range []string{"hunter2", "is dead", "no. "} {
		if strings.Contains(said, gone) {
			t.Errorf("%q is still shown: %q", gone, said)
		}
	}
}

// A message becomes an action, or a follow-up, by a form that has its text already.
func TestShortcuts_ActionAndFollowUp(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	ts, err := b.fake.Say(inc.Channel.ID, "", "U0BEN", "warm the cache &amp; tell <@U0ANA>")
	b.must(err)
	for _, shortcut := range []string{incidentslack.ShortcutAction, incidentslack.ShortcutFollowUp} {
		v := b.window(func() error { return b.fake.Choose(b.ctx, shortcut, inc.Channel.ID, ts, "U0ANA") })
		if !strings.Contains(string(v.Blocks), `"initial_value":"warm the cache \u0026 tell @U0ANA"`) {
			t.Errorf("%s: the form has %s", shortcut, v.Blocks)
		}
		b.wantText(shortcut, b.submit(v, "U0ANA", map[string]string{"text": "warm the cache"}), "of INC-1")
	}
	now := b.get(inc.ID)
	if len(now.Actions) != 1 || len(now.FollowUps) != 1 || now.Actions[0].Text != "warm the cache" {
		t.Errorf("actions %+v, follow-ups %+v", now.Actions, now.FollowUps)
	}
	other, err := b.fake.Say("C0OPS", "", "U0BEN", "not of an incident")
	b.must(err)
	b.wantText("elsewhere", b.told("U0ANA", func() error { return b.fake.Choose(b.ctx, incidentslack.ShortcutAction, "C0OPS", other, "U0ANA") }), "belongs to no incident")
}

func TestShortcuts(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	v := b.window(func() error { return b.fake.Choose(b.ctx, "inc:declare", "", "", "U0ANA") })
	b.must(b.fake.Submit(b.ctx, v.ID, map[string]string{"name": "from nowhere"}, "U0ANA"))
	if shown := b.fake.Views(); len(shown) != 1 || !strings.Contains(string(shown[0].Blocks), "INC-2 is declared: from nowhere") {
		t.Errorf("the form shows %+v", shown)
	}
	ts, err := b.fake.Say(inc.Channel.ID, "", "U0BEN", "the cache was cold &amp; <@U0ANA> saw it")
	b.must(err)
	for range 2 {
		b.wantText("timeline", b.told("U0ANA", func() error { return b.fake.Choose(b.ctx, "inc:timeline", inc.Channel.ID, ts, "U0ANA") }), "in the timeline of INC-1")
	}
	b.must(b.fake.PinMessage(inc.Channel.ID, ts, "U0BEN"))
	b.must(b.fake.Settle(b.ctx))
	b.work()
	items := b.events(inc.ID, incident.EvItemAdded)
	if len(items) != 1 || !strings.Contains(string(items[0].Data), `cold \u0026 @U0ANA saw it`) {
		t.Errorf("the timeline has %d lines: %s", len(items), items[0].Data)
	}
	if got := items[0].OccurredAt; time.Since(got) > time.Hour {
		t.Errorf("it is of %s, not of when it was said", got)
	}
}
