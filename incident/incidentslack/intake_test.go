package incidentslack_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentslack"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit"
)

// typed is a command as the desk hands it over.
func typed(channel, user, text, trigger string) slackkit.Interaction {
	return slackkit.Interaction{Type: slackkit.SlashCommand, User: user, Channel: channel, ActionID: "/inc", Value: text, TriggerID: trigger, Request: "slack:cmd:" + trigger}
}

// filled is a form that was submitted.
func filled(callback string, m string, view, trigger string, values map[string]string) slackkit.Interaction {
	return slackkit.Interaction{Type: slackkit.ViewSubmission, User: "U0ANA", TriggerID: trigger, Request: "slack:view:" + view + ":h:" + trigger,
		View: slackkit.ViewState{ID: view, CallbackID: callback, PrivateMetadata: m, Values: values}}
}

// pressedBy is a press on a button.
func pressedBy(user, action, value, at string) slackkit.Interaction {
	return slackkit.Interaction{Type: slackkit.BlockActions, User: user, Channel: "C0OPS", MessageTS: "1.000001", ActionID: action, Value: value, ActionTS: at,
		Request: "slack:act:C0OPS.1.000001:" + action + ":" + at}
}

// take is what a process does with an interaction.
func (b *bundle) take(in *incidentslack.Intake, i slackkit.Interaction) slackkit.Answer {
	b.Helper()
	b.must(in.Accept(b.ctx, i))
	a, err := in.Handle(b.ctx, i)
	b.must(err)
	return a
}

func (b *bundle) row(id string) incident.Inbound {
	b.Helper()
	row, err := b.store.Inbound(b.ctx, id)
	b.must(err)
	return row
}

// Declaring and acknowledging need no worker; all else waits for one.
func TestHandle_WorkersDead_DeclaresAndAcknowledges(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	a := b.take(b.intake, typed("C0OPS", "U0ANA", "declare it burns", "1"))
	b.wantText("declare", a.Text, "INC-1 is declared: it burns")
	a = b.take(b.intake, filled("inc:declare", `{"c":"C0OPS"}`, "V1", "2", map[string]string{"name": "it burns more", "severity": "critical"}))
	b.wantText("declare", a.Text, "INC-2 is declared")
	if a.Channel != "C0OPS" {
		t.Errorf("it is told in %q", a.Channel)
	}
	inc := b.get("INC-2")
	a = b.take(b.intake, pressedBy("U0BEN", workflow.ActAck, inc.ID+"/"+inc.Escalations[0].ID, "3.000000"))
	b.wantText("ack", a.Text, "You have INC-2")
	if by := b.get("INC-2").Escalations[0].AckedBy; by == nil || by.ID != "ben" {
		t.Errorf("acknowledged by %+v", by)
	}
	if a := b.take(b.intake, typed("C0OPS", "U0ANA", "resolve INC-1 done", "4")); a.Text != "" || b.get("INC-1").Status != incident.Investigating {
		t.Errorf("resolved in place: %q", a.Text)
	}
	for id, handled := range map[string]bool{"slack:cmd:1": true, "slack:view:V1:h:2": true, "slack:cmd:4": false} {
		row := b.row(id)
		if row.Handled.IsZero() == handled || row.NotBefore.IsZero() == handled {
			t.Errorf("%s: handled %s, not before %s", id, row.Handled, row.NotBefore)
		}
	}
	b.work()
	b.clock.Advance(10 * time.Second)
	b.work()
	if all := b.all(); len(all) != 2 || b.get("INC-1").Status != incident.Closed {
		t.Errorf("%d incidents, the first is %s", len(all), b.get("INC-1").Status)
	}
}

// serving is whether workers live, as the store of the registry says.
type serving struct {
	alive bool
	err   error
	asked []string
}

func (s *serving) served(_ context.Context, subscription string) (bool, error) {
	s.asked = append(s.asked, subscription)
	return s.alive, s.err
}

// Who asks for something that waits for a worker reads so at once, if none lives; else they hear from the worker alone.
func TestHandle_WorkersDead_SaysThatItWaits(t *testing.T) {
	t.Parallel()
	s := &serving{}
	b := newBundle(t, func(cfg *incidentslack.IntakeConfig) { cfg.Served = s.served })
	inc := b.declared()
	command, interaction := "slack-inbound--slack-command", "slack-inbound--slack-interaction"
	form := func(meta, trigger string) slackkit.Interaction {
		return filled("inc:action", meta, "V"+trigger, trigger, map[string]string{"text": "restart"})
	}
	for n, c := range []struct {
		i    slackkit.Interaction
		asks string
	}{
		{typed(inc.Channel.ID, "U0ANA", "update we look", "1"), command},
		{typed("C0OPS", "U0ANA", "help", "2"), command},
		{pressedBy("U0ANA", workflow.ActJoin, inc.ID, "3.000000"), interaction},
		{form(fmt.Sprintf(`{"i":%q,"c":"C0OPS"}`, inc.ID), "4"), interaction},
	} {
		s.asked = nil
		a := b.take(b.intake, c.i)
		b.wantText(fmt.Sprint("answer ", n), a.Text, "It was noted, and not done yet")
		if len(s.asked) != 1 || s.asked[0] != c.asks {
			t.Errorf("%d: asked for %v, want %s", n, s.asked, c.asks)
		}
		if row := b.row(c.i.Request); !row.Handled.IsZero() {
			t.Errorf("%d: it counts as done", n)
		}
	}
	if a := b.take(b.intake, form(fmt.Sprintf(`{"i":%q}`, inc.ID), "5")); a.Modal == nil {
		t.Errorf("a form that was opened from nowhere is answered with %+v", a)
	}
	s.asked = nil
	if a := b.take(b.intake, typed("C0OPS", "U0ANA", "test a drill", "6")); !strings.Contains(a.Text, "is declared") || len(s.asked) > 0 {
		t.Errorf("what is done in place says %q, and asks for %v", a.Text, s.asked)
	}
	for n, alone := range []serving{{alive: true}, {err: errors.New("not known")}, {alive: true, err: errors.New("not known")}} {
		*s = alone
		if a := b.take(b.intake, typed(inc.Channel.ID, "U0ANA", "update we look", fmt.Sprint("7", n))); a.Text != "" || a.Modal != nil {
			t.Errorf("%+v: it says %+v", alone, a)
		}
	}
	b.work()
	if n := len(b.get(inc.ID).Actions); n != 2 {
		t.Errorf("%d actions when the workers are back, want 2", n)
	}
}

// A registry that does not answer keeps nobody waiting.
func TestHandle_RegistryHangs_SaysNothing(t *testing.T) {
	t.Parallel()
	b := newBundle(t, func(cfg *incidentslack.IntakeConfig) {
		cfg.Served = func(ctx context.Context, _ string) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}
	})
	inc := b.declared()
	if a := b.take(b.intake, typed(inc.Channel.ID, "U0ANA", "update we look", "1")); a.Text != "" {
		t.Errorf("it says %q", a.Text)
	}
}

// What is done in place and does not get there is done by the handler, after its head start.
func TestHandle_StoreAway_TheHandlerDoesIt(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	i := typed("C0OPS", "U0ANA", "declare it burns", "1")
	b.must(b.intake.Accept(b.ctx, i))
	b.store.Fail(errors.New("gone"))
	a, err := b.intake.Handle(b.ctx, i)
	b.must(err)
	b.wantText("declare", a.Text, "It was noted")
	open := typed("C0OPS", "U0ANA", "", "2")
	if err := b.intake.Accept(b.ctx, open); err == nil {
		t.Error("what was not kept was accepted")
	}
	a, err = b.intake.Handle(b.ctx, open)
	b.must(err)
	b.wantText("window", a.Text, "Try again")
	b.store.Fail(nil)
	b.work()
	if len(b.all()) != 0 {
		t.Error("the handler did not leave the head start")
	}
	b.clock.Advance(6 * time.Second)
	b.wantText("told", b.told("U0ANA", func() error { return nil }), "INC-1 is declared")
	if len(b.all()) != 1 {
		t.Errorf("%d incidents", len(b.all()))
	}
}

// The same request four times, to two processes, with the handler in between: one incident.
func TestRequests_FourTimes_AreDoneOnce(t *testing.T) {
	t.Parallel()
	for name, i := range map[string]slackkit.Interaction{
		"command": typed("C0OPS", "U0ANA", "declare it burns", "1"),
		"form":    filled("inc:declare", "{}", "V1", "1", map[string]string{"name": "it burns"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			other := b.newIntake()
			for n, in := range []*incidentslack.Intake{b.intake, other, b.intake, other} {
				b.take(in, i)
				b.clock.Advance(2 * time.Minute)
				b.work()
				if n == 1 { // a submission that was sent again by an impatient finger
					again := i
					again.Request += ":2"
					if i.Type == slackkit.ViewSubmission {
						b.take(in, again)
					}
				}
			}
			if all := b.all(); len(all) != 1 {
				t.Errorf("%d incidents", len(all))
			}
			made := 0
			for _, c := range b.fake.Channels() {
				if strings.HasPrefix(c.Name, "inc-1-") {
					made++
				}
			}
			if made != 1 {
				t.Errorf("%d channels", made)
			}
		})
	}
}

func TestRequests_AtTheSameMoment_AreDoneOnce(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var group runner.Group
	for range 8 {
		in := b.newIntake()
		group.Go(func() {
			i := typed("C0OPS", "U0ANA", "declare it burns", "1")
			if err := in.Accept(b.ctx, i); err != nil {
				t.Error(err)
			}
			if _, err := in.Handle(b.ctx, i); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if all := b.all(); len(all) != 1 {
		t.Errorf("%d incidents", len(all))
	}
}

// A process dies after the deed and before it was noted: the same message again is no second deed and no
// refusal.
func TestHandlers_DeliveredAgainAfterACrash_SayTheSame(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	target := b.declaredToo("other")
	for n, i := range []slackkit.Interaction{
		typed(inc.Channel.ID, "U0ANA", "update we look", "1"), typed(inc.Channel.ID, "U0ANA", "pause later", "2"), typed(inc.Channel.ID, "U0ANA", "resume", "3"),
		typed(inc.Channel.ID, "U0ANA", "lead @ben", "4"), typed(inc.Channel.ID, "U0ANA", "escalate oncall x", "5"), typed(inc.Channel.ID, "U0ANA", "action x", "6"),
		filled("inc:lead", fmt.Sprintf(`{"i":%q,"c":"C0OPS","h":{"lead":"ben"}}`, inc.ID), "V1", "7", map[string]string{"role": "lead", "person": "U0ANA"}),
		typed(inc.Channel.ID, "U0ANA", "merge INC-2", "8"),
	} {
		b.take(b.intake, i)
		before := len(b.heard("U0ANA"))
		m := b.message(i.Request)
		b.must(b.reg(m).Handler.Handle(b.ctx, m))
		first := b.next("U0ANA", before)
		// The next life knows nothing of it: the row is as if nobody had noted it.
		events := len(b.events(inc.ID))
		b.must(b.forgetful(m).Handle(b.ctx, m))
		if second := b.next("U0ANA", before+1); second != first {
			t.Errorf("%d %s: first %q, then %q", n, i.Value, first, second)
		}
		if now := len(b.events(inc.ID)); now != events {
			t.Errorf("%d %s: it happened twice", n, i.Value)
		}
	}
	if got := b.get(inc.ID); got.MergedInto != target.ID {
		t.Errorf("merged into %q", got.MergedInto)
	}
}

func (b *bundle) declaredToo(key string) incident.Incident {
	b.Helper()
	return b.declared(func(p *incident.NewParams) { p.Keys = []incident.Key{incident.NewKey(key, false)} })
}

// message is a row as it is published.
func (b *bundle) message(id string) handlers.Message {
	b.Helper()
	o := b.row(id).Envelope()
	return handlers.Message{ID: o.ID, Data: o.Data, Attributes: o.Attributes, PublishedAt: b.clock.Now()}
}

// reg is the handler of a message.
func (b *bundle) reg(m handlers.Message) workflow.Registration {
	b.Helper()
	for _, reg := range b.intake.Registrations() {
		if reg.Name == m.Attributes[incident.AttrKind] {
			return reg
		}
	}
	b.Fatalf("nobody takes %v", m.Attributes)
	return workflow.Registration{}
}

// forgetful is the handler of a message over a store that lost what became of rows.
func (b *bundle) forgetful(m handlers.Message) handlers.Handler {
	b.Helper()
	svc, err := incident.NewService(incident.Config{Stores: forgetful{b.store}, Now: b.clock.Now, SettingsAge: time.Nanosecond})
	b.must(err)
	in, err := incidentslack.NewIntake(incidentslack.IntakeConfig{Service: svc, Client: b.client, Now: b.clock.Now,
		Link: func(inc *incident.Incident) string { return "https://inc.example/" + inc.Ref() }})
	b.must(err)
	for _, reg := range in.Registrations() {
		if reg.Name == m.Attributes[incident.AttrKind] {
			return reg.Handler
		}
	}
	return nil
}

func TestHandlers_TooLate_AskToRepeat(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	for _, i := range []slackkit.Interaction{
		typed(inc.Channel.ID, "U0ANA", "resolve done", "1"), pressedBy("U0ANA", workflow.ActJoin, inc.ID, "2.0"),
		filled("inc:resolve", fmt.Sprintf(`{"i":%q,"c":"C0OPS"}`, inc.ID), "V1", "3", nil),
	} {
		b.must(b.intake.Accept(b.ctx, i))
	}
	b.clock.Advance(16 * time.Minute)
	b.wantText("late", b.told("U0ANA", func() error { return nil }), "came too late and was not done")
	b.next("U0ANA", 2)
	for _, text := range b.heard("U0ANA") {
		b.wantText("late", text, "16m0s ago")
	}
	if now := b.get(inc.ID); now.Status != incident.Investigating {
		t.Errorf("it is %s", now.Status)
	}
}

// A window that nobody opened, since the process died, is asked for again.
func TestHandlers_WindowOfADeadProcess_IsAskedForAgain(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.must(b.intake.Accept(b.ctx, typed("C0OPS", "U0ANA", "", "1")))
	b.work()
	if heard := b.heard("U0ANA"); len(heard) != 0 {
		t.Errorf("told at once: %v", heard)
	}
	b.clock.Advance(6 * time.Second)
	b.wantText("window", b.told("U0ANA", func() error { return nil }), "could not be opened in time")
}

func TestHandlers_WhatIsNoRequest_IsUndecodable(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for _, data := range []string{"", "{", `{"v":2,"id":"x","type":"slash_command","user":"U"}`, `{"v":1,"type":"x"}`, `{"v":1,"id":"x","type":"view_submission","user":"U"}`} {
		m := handlers.Message{ID: "x", Data: []byte(data), Attributes: map[string]string{incident.AttrKind: "slack.command"}}
		for _, reg := range b.intake.Registrations() {
			want := handlers.ClassNone
			if reg.Name == "slack.command" {
				want = handlers.ClassUndecodable
			}
			if got := handlers.Class(reg.Handler.Handle(b.ctx, m)); got != want {
				t.Errorf("%s, %q: %s", reg.Name, data, got)
			}
		}
	}
}

func TestHandlers_StoreAway_FailAndAreRunAgain(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	b.must(b.intake.Accept(b.ctx, typed(inc.Channel.ID, "U0ANA", "resolve done", "1")))
	m := b.message("slack:cmd:1")
	b.store.Fail(errors.New("gone"))
	if err := b.reg(m).Handler.Handle(b.ctx, m); handlers.Class(err) != handlers.ClassFailed {
		t.Errorf("got %v", err)
	}
	b.store.Fail(nil)
	b.wantText("resolve", b.told("U0ANA", func() error { return nil }), "INC-1 is closed now")
}

// The answer does not arrive: what was asked for is done all the same, and once.
func TestHandlers_AnswerLost_DoneOnce(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	inc := b.declared()
	b.fake.Revoke(true)
	b.must(b.intake.Accept(b.ctx, typed(inc.Channel.ID, "U0ANA", "action restart", "1")))
	m := b.message("slack:cmd:1")
	for range 3 {
		b.must(b.reg(m).Handler.Handle(b.ctx, m))
	}
	b.fake.Revoke(false)
	if n := len(b.get(inc.ID).Actions); n != 1 {
		t.Errorf("%d actions", n)
	}
	b.wantText("log", b.log.String(), "an answer did not arrive")
}

func TestDeclare_WhatIsWrong_IsSaidInTheForm(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	a := b.take(b.intake, filled("inc:declare", "{}", "V1", "1", map[string]string{"name": strings.Repeat("x", 300)}))
	if !strings.Contains(a.ViewErrors["name"], "longer than 200") {
		t.Errorf("answer %+v", a)
	}
	a = b.take(b.intake, filled("inc:declare", "{}", "V1", "2", map[string]string{"name": "short"}))
	if len(a.ViewErrors) != 0 || len(b.all()) != 1 {
		t.Errorf("answer %+v", a)
	}
}

func TestTakes_AllThatIsOurs(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for _, c := range []struct {
		i    slackkit.Interaction
		want bool
	}{
		{typed("C", "U", "", "1"), true},
		{slackkit.Interaction{Type: slackkit.SlashCommand, ActionID: "/theriac"}, false},
		{pressedBy("U", "inc:ack", "", "1"), true}, {pressedBy("U", "q:take", "", "1"), false}, {pressedBy("U", "", "", "1"), false},
		{filled("inc:update", "", "V", "1", nil), true}, {filled("q:discard", "", "V", "1", nil), false},
		{slackkit.Interaction{Type: slackkit.Shortcut, ActionID: "inc:declare"}, true},
		{slackkit.Interaction{Type: slackkit.EventCallback}, true},
	} {
		if got := b.intake.Takes(c.i); got != c.want {
			t.Errorf("%+v: %v", c.i, got)
		}
		if !c.want {
			a := b.take(b.intake, c.i)
			if _, err := b.store.Inbound(b.ctx, c.i.Request); !errors.Is(err, incident.ErrNotFound) || a.Text != "" {
				t.Errorf("%+v was taken: %+v", c.i, a)
			}
		}
	}
}

func TestRegistrations_AreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	for i, reg := range newBundle(t).intake.Registrations() {
		name := []string{"slack.command", "slack.interaction"}[i]
		if reg.Name != name || reg.Topic != "slack-inbound" || !reg.Critical || !reg.Pipeline || reg.Timeout != 10*time.Second ||
			reg.MaxAge != 15*time.Minute || reg.Shed != workflow.ShedNever || reg.Purge != workflow.PurgeNever || reg.Handler == nil {
			t.Errorf("%+v", reg)
		}
	}
}

// forgetful is a store that never heard what became of a row.
type forgetful struct{ incident.Stores }

func (f forgetful) Inbound(ctx context.Context, id string) (incident.Inbound, error) {
	row, err := f.Stores.Inbound(ctx, id)
	row.Handled, row.Result = time.Time{}, ""
	return row, err
}
