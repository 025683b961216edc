package workflow_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

func failing(w *world, f fault, ops ...string) {
	w.out.fault = func(op string) fault {
		if slices.Contains(ops, op) {
			return f
		}
		return fine
	}
}

// TestRefused_IsFinalAndSaidOnce: what is refused for good fails, is written down once and is not held.
func TestRefused_IsFinalAndSaidOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failing(w, refused, "channel")
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	w.pass(30*time.Minute, 30*time.Second)
	want(t, "held", w.held, nil)
	want(t, "asked", w.out.calls["channel"], 1)
	var said []string
	for _, ev := range w.events(inc.ID, incident.EvEffectSkipped) {
		data, err := incident.DataOf[incident.DataEffect](ev)
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, data.Effect+": "+data.Why)
	}
	want(t, "said", said, []string{"channel:" + inc.ID + ": outside"})
}

// TestStrange_EndsInQuarantineAndIsNotBroughtBackForEver: an answer that says nothing counts as a
// failure; the sweep publishes the cause again a few times and then lets it be.
func TestStrange_EndsInQuarantineAndIsNotBroughtBackForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.quiet = true
	failing(w, strange, "channel")
	w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	w.pass(5*time.Hour, time.Minute)
	if n := len(w.held); n < 2 || n > 20 {
		t.Errorf("held %d times", n)
	}
	before := w.out.calls["channel"]
	w.pass(5*time.Hour, time.Minute)
	want(t, "asked again", w.out.calls["channel"]-before, 0)
}

// TestChatDown_ForHours: nothing is held, nothing is lost, and what is open gets its channel and its
// posts when the chat is back.
func TestChatDown_ForHours(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failing(w, lostBefore, "channel", "post", "edit", "find", "invite", "archive")
	inc := w.declare(incident.NewParams{Severity: "minor"})
	ended := w.declare(incident.NewParams{Severity: "minor", Name: "short"})
	w.do(ended.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{})
	})
	w.work()
	w.pass(6*time.Hour, time.Minute)
	w.out.fault = func(string) fault { return fine }
	w.pass(10*time.Minute, 10*time.Second)
	want(t, "held", w.held, nil)
	want(t, "channels", len(w.out.channels), 1)
	want(t, "people", w.out.channels[inc.ID].people, []string{"ana"})
	want(t, "headlines", len(w.out.in("C-all")), 1)
}

// TestSweep_BringsBackWhatTheBrokerLost: no message of the declaration arrives, and all of it happens.
func TestSweep_BringsBackWhatTheBrokerLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical", Lead: "ben"})
	lost := map[string]bool{}
	for _, ev := range w.events(inc.ID) {
		lost[ev.ID] = true
	}
	seen := map[string]int{}
	w.copies = func(id string) int {
		if seen[id]++; lost[id] && seen[id] == 1 {
			return 0
		}
		return 1
	}
	w.work()
	want(t, "before", w.reached(), 0)
	w.pass(3*time.Minute, 10*time.Second)
	want(t, "channels", len(w.out.channels), 1)
	want(t, "headlines", len(w.out.in("C-all"))+len(w.out.in("C-crit")), 2)
	want(t, "people", slices.Sorted(slices.Values(w.out.channels[inc.ID].people)), []string{"ana", "ben"})
	want(t, "pages", len(w.out.pages["page:"+inc.Escalations[0].ID+":1:1:person:ana"]), 1)
}

func TestWebhook_KeepsItsScheduleAndThenSaysFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failing(w, strange, "hook")
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	ev := w.events(inc.ID, incident.EvDeclared)[0]
	var tries []time.Duration
	before := 0
	for w.clock.Now().Before(morning.Add(26 * time.Hour)) {
		if n := w.out.calls["hook"]; n > before {
			tries, before = append(tries, w.clock.Now().Sub(morning).Round(time.Minute)), n
		}
		w.pass(time.Minute, 30*time.Second)
	}
	if len(tries) < 6 || len(tries) > 12 || tries[1] > 3*time.Minute {
		t.Errorf("tried after %v", tries)
	}
	row, err := w.store.Effect(t.Context(), "hook:crm:"+ev.ID)
	want(t, "state", row.State, incident.EffectFailed)
	want(t, "held", w.held, nil)
	for _, e := range w.events(inc.ID, incident.EvEffectSkipped) {
		if strings.Contains(string(e.Data), "hook:") {
			t.Errorf("a failed delivery became an event, which is delivered: %s", e.Data)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWebhook_SaysWhatIsPublic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.MakePrivate(act, "customers are named")
	})
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{Message: "a secret end"})
	})
	w.work()
	var first, second struct {
		Event    *incident.Event   `json:"event"`
		Incident map[string]string `json:"-"`
	}
	bodies := w.out.hooks["crm"]
	want(t, "deliveries", len(bodies), 2)
	if json.Unmarshal(bodies[0], &first) != nil || first.Event == nil || !strings.Contains(string(bodies[0]), "checkout is down") {
		t.Errorf("the first says %s", bodies[0])
	}
	if json.Unmarshal(bodies[1], &second) != nil || second.Event != nil || strings.Contains(string(bodies[1]), "secret") || !strings.Contains(string(bodies[1]), inc.ID) {
		t.Errorf("the second says %s", bodies[1])
	}
}

func TestWebhook_OffOrNotWantedOrLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := testSettings()
	s.Endpoints = append(s.Endpoints, incident.Endpoint{ID: "off", URL: "https://x.example", Off: true},
		incident.Endpoint{ID: "all", URL: "https://y.example"})
	w.saveSettings(s)
	failures := 0
	w.out.fault = func(op string) fault {
		if op == "hook" && failures < 2 {
			failures++
			return limited
		}
		return fine
	}
	inc := w.declare(incident.NewParams{})
	w.work()
	w.pass(10*time.Minute, 30*time.Second)
	want(t, "off", len(w.out.hooks["off"]), 0)
	want(t, "crm", len(w.out.hooks["crm"]), 1)
	published := 0
	for _, ev := range w.events(inc.ID) {
		if trait, _ := incident.TraitOf(ev.Type); trait.Published {
			published++
		}
	}
	want(t, "all", len(w.out.hooks["all"]), published)
}

func TestTicks_TooOldOnesDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.settle("channel.create")
	w.clock.Advance(3 * time.Minute)
	nudge, sweep, digest := tickMessage(w, string(incident.JobNudge), inc.ID), tickMessage(w, string(incident.JobEffects), inc.ID), tickMessage(w, string(incident.JobDigest), "")
	w.clock.Advance(7 * time.Hour)
	before := w.reached()
	w.quietly("nudge.evaluate", nudge)
	w.quietly("effect.sweep", sweep)
	w.quietly("digest.daily", digest)
	want(t, "calls outside", w.reached(), before)
	if waiting, err := w.store.Unpublished(t.Context(), 100); err != nil || slices.ContainsFunc(waiting, func(o incident.Outgoing) bool {
		return o.Attributes[incident.AttrType] == string(incident.EvDeclared) && o.Stored.After(morning)
	}) {
		t.Errorf("published again: %v %v", waiting, err)
	}
}

func TestTicks_OfNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, kind := range []string{string(incident.JobDue), string(incident.JobNudge), string(incident.JobEffects)} {
		for _, name := range []string{"escalation.advance", "nudge.evaluate", "effect.sweep"} {
			w.quietly(name, tickMessage(w, kind, "not-there"))
		}
	}
	m := w.row(incident.TopicClock, string(incident.JobDigest), "d", []byte("{}"), map[string]string{incident.AttrDate: "tomorrow"})
	if err, _ := w.handle(w.reg("digest.daily"), m); !handlers.IsPermanent(err) {
		t.Errorf("answered %v", err)
	}
}

func TestNudges_InThreadOrByMessageWhileThereIsNoChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failing(w, refused, "channel")
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	w.pass(5*time.Minute, 30*time.Second)
	posts := w.out.in("C-all")
	if len(posts) < 2 || posts[1].post.To.Thread != w.get(inc.ID).Headline.ID {
		t.Errorf("posts %+v", posts)
	}
}

// leavesNothing lets time pass and expects that nothing is begun after it, without many sweeps.
func (w *world) leavesNothing(id string) {
	w.t.Helper()
	w.pass(20*time.Minute, 30*time.Second)
	rows, err := w.store.EffectList(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, row := range rows {
		swept := strings.HasPrefix(row.Key, "sweep:")
		if row.State == incident.EffectClaimed || (swept && row.Attempt > 2) {
			w.t.Errorf("%s is %s after %d attempts", row.Key, row.State, row.Attempt)
		}
	}
}

// TestSweep_EditsOfTheDead: whoever shows an older state and dies leaves it standing there, though a newer one
// was shown before.
func TestSweep_EditsOfTheDead(t *testing.T) {
	t.Parallel()
	for handler, op := range map[string]string{"channel.create": "channel", "announce.post": "edit"} {
		w := newWorld(t)
		inc := w.declare(incident.NewParams{Severity: "minor"})
		w.work()
		to := func(s incident.Status) handlers.Message {
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.ShareUpdate(act, incident.UpdateParams{Message: "now " + string(s), Status: s})
			})
			return w.latest(inc.ID, incident.EvStatus)
		}
		first, calls := to(incident.Fixing), 0
		w.out.step = func(now string) {
			if now != op {
				return
			}
			if calls++; calls == 1 {
				newest := to(incident.Monitoring)
				w.clock.Advance(3 * time.Second) // it stalls, and another one takes over
				w.quietly(handler, newest)
				w.out.fault = func(string) fault { return killsAfter }
			}
		}
		if _, dead := w.handle(w.reg(handler), first); !dead {
			t.Fatal("it lives")
		}
		w.out.fault, w.out.step = func(string) fault { return fine }, func(string) {}
		w.leavesNothing(inc.ID)
		if shown := w.out.channels[inc.ID].spec.Topic; !strings.Contains(shown, "monitoring") {
			t.Errorf("topic %q", shown)
		}
		want(t, "headline", w.out.in("C-all")[0].latest.Facts[0].Value, "monitoring")
	}
}

// TestSweep_EditOfTheDeadWhoseEventIsShown: whoever begins an edit after another has shown a newer state, and
// dies in it, leaves a claim that its own message, which is answered by then, does not ask for again.
func TestSweep_EditOfTheDeadWhoseEventIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ShareUpdate(act, incident.UpdateParams{Message: "we mend it", Status: incident.Fixing})
	})
	m := w.latest(inc.ID, incident.EvStatus)
	w.work()
	rows, err := w.store.EffectList(t.Context(), inc.ID)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(rows, func(e incident.Effect) bool { return strings.HasPrefix(e.Key, "edit:") })
	if at < 0 {
		t.Fatalf("no edit among %+v", rows)
	}
	w.clock.Advance(time.Minute)
	got, err := w.store.Claim(t.Context(), incident.Claim{Key: rows[at].Key, IncidentID: inc.ID, EventID: m.ID, Lease: 2 * time.Second})
	if err != nil || !got.Mine {
		t.Fatalf("claimed %+v, %v", got, err)
	}
	w.leavesNothing(inc.ID)
}

// TestSweep_WhatIsNotWantedAnyMore ends: what somebody began and died over, and nobody would begin now.
func TestSweep_WhatIsNotWantedAnyMore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler, op string
		begin, then incident.Verb
	}{
		"a topic": {"channel.create", "channel", func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.ChangeSeverity(act, "critical", "")
		}, cancel},
		"an update": {"update.post", "post", func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.ShareUpdate(act, incident.UpdateParams{Message: "we look at it"})
		}, cancel},
		"an invitation": {"participants.invite", "invite", func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Join(act, "ben", incident.Observer)
		}, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) { return inc.Leave(act, "ben") }},
		"the end of a call": {"escalation.page", "ack", ack("ben"), cancel},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			inc := w.declare(incident.NewParams{Severity: "critical"})
			if name == "a topic" {
				inc = w.declare(incident.NewParams{Severity: "minor"})
			}
			w.work()
			w.do(inc.ID, person("ana"), c.begin)
			begun := w.events(inc.ID)
			failing(w, kills, c.op)
			dead := false
			for _, ev := range begun[len(begun)-4:] {
				_, died := w.handle(w.reg(c.handler), message(ev))
				dead = dead || died
			}
			if !dead {
				t.Fatal("it lives")
			}
			w.out.fault = func(string) fault { return fine }
			w.do(inc.ID, person("ana"), c.then)
			w.settle("channel.archive") // which comes first; the rest is lost
			w.leavesNothing(inc.ID)
		})
	}
}

// TestSweep_WhatFailsIsStillWanted: it was tried, and is tried again.
func TestSweep_WhatFailsIsStillWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ShareUpdate(act, incident.UpdateParams{Message: "we look at it"})
	})
	m := w.latest(inc.ID, incident.EvUpdate)
	w.clock.Advance(3 * time.Minute)
	failing(w, strange, "post")
	if err, _ := w.handle(w.reg("update.post"), m); err == nil {
		t.Fatal("it succeeded")
	}
	w.out.fault = func(string) fault { return fine }
	w.quietly("update.post", m)
	want(t, "told", len(w.out.in("C-"+inc.ID)), 1)
}

// TestSweep_DeliveriesThatNobodyMakes end when their time is over: their endpoint is gone, and nobody comes back to them.
func TestSweep_DeliveriesThatNobodyMakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failing(w, limited, "hook")
	inc := w.declare(incident.NewParams{})
	key := workflow.HookKey("crm", w.events(inc.ID, incident.EvDeclared)[0].ID)
	w.work()
	settings := testSettings()
	settings.Endpoints = nil
	w.saveSettings(settings)
	again := 0
	w.serviceThat(func(op string) {
		if op == "republish" {
			again++
		}
	})
	w.pass(25*time.Hour, 10*time.Minute)
	row, err := w.store.Effect(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "state", row.State, incident.EffectFailed)
	again = 0
	w.pass(3*time.Hour, 10*time.Minute)
	want(t, "published again", again, 0)
}

// TestNudges_ComeWhenThereIsAPlace: that there was none, or that the chat refused, is not for good.
func TestNudges_ComeWhenThereIsAPlace(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(w *world){
		"no channel":  func(w *world) { failing(w, lostBefore, "channel") },
		"a refusal":   func(w *world) { failing(w, refused, "post") },
		"not for now": func(w *world) { failing(w, limited, "post") },
	} {
		w := newWorld(t)
		f(w)
		inc := w.declare(incident.NewParams{Severity: "minor", Visibility: incident.Private})
		w.work()
		w.pass(10*time.Minute, 30*time.Second)
		want(t, name+": counted", w.get(inc.ID).Nudges[incident.NudgeLead].Sent, 0)
		w.out.fault = func(string) fault { return fine }
		w.pass(20*time.Minute, 30*time.Second)
		if n := w.get(inc.ID).Nudges[incident.NudgeLead].Sent; n < 2 || n != len(w.out.in("C-"+inc.ID)) {
			t.Errorf("%s: counted %d, told %d", name, n, len(w.out.in("C-"+inc.ID)))
		}
	}
}

// TestNudges_AnOccasionThatComesBack is another reason to remind: counting begins anew, and keys do not.
func TestNudges_AnOccasionThatComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	for n := range 2 {
		inc = w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.AddFollowUp(act, incident.FollowUp{Text: fmt.Sprint("chore ", n), Owner: "ben", Due: morning.Add(time.Duration(n+1) * time.Hour)})
		})
	}
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{})
	})
	change := func(n int, c incident.ItemChange) {
		w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.ChangeFollowUp(act, inc.FollowUps[n].ID, c)
		})
	}
	w.pass(2*time.Hour, time.Minute)
	want(t, "of the first", len(w.out.in("ben")), 1)
	later := morning.Add(8 * time.Hour)
	change(0, incident.ItemChange{Due: &later})
	w.pass(24*time.Hour, 5*time.Minute)
	want(t, "of the second", len(w.out.in("ben")), 2)
	change(1, incident.ItemChange{State: incident.Done})
	w.pass(24*time.Hour, 5*time.Minute)
	want(t, "of the first again", len(w.out.in("ben")), 3)
}

// TestNudges_SnoozedOnTheWay: who wants to be left alone for a while is reminded after it.
func TestNudges_SnoozedOnTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.settle("channel.create")
	w.clock.Advance(3 * time.Minute)
	tick, snoozed := tickMessage(w, string(incident.JobNudge), inc.ID), false
	w.serviceThat(func(op string) {
		if op == "claim" && !snoozed {
			snoozed = true
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.SnoozeNudge(act, incident.NudgeLead, 30)
			})
		}
	})
	err, _ := w.handle(w.reg("nudge.evaluate"), tick)
	want(t, "class", handlers.Class(err), handlers.ClassAgain)
	w.quietly("nudge.evaluate", tick)
	want(t, "told", len(w.out.posts), 0)
	w.clock.Advance(31 * time.Minute)
	w.quietly("nudge.evaluate", tickMessage(w, string(incident.JobNudge), inc.ID))
	want(t, "counted", w.get(inc.ID).Nudges[incident.NudgeLead].Sent, 1)
}

// TestNudges_ATickThatComesEarly waits: the next one for the same time is minutes away.
func TestNudges_ATickThatComesEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.settle("channel.create")
	due := w.get(inc.ID).NudgeAt
	w.clock.Set(due.Add(-time.Second))
	in := incident.Tick{Job: incident.JobNudge, IncidentID: inc.ID, At: due}.Inbound()
	tick := w.row(in.Topic, in.Kind, in.ID, []byte("{}"), in.Attributes)
	err, _ := w.handle(w.reg("nudge.evaluate"), tick)
	want(t, "wait", handlers.Delay(err), time.Second)
	w.clock.Set(due)
	w.quietly("nudge.evaluate", tick)
	want(t, "told", len(w.out.posts), 1)
}

func TestActivity_OthersAreIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor", Lead: "ben"})
	w.settle("channel.create")
	before := len(w.events(inc.ID))
	for n, e := range []workflow.ChatEvent{
		{Kind: workflow.ChatMessage, Channel: "C-" + inc.ID, User: "UNOBODY", Message: "1"},
		{Kind: workflow.ChatMessage, Channel: "C-" + inc.ID, User: "UBEN", Message: "2", Bot: true},
		{Kind: workflow.ChatMessage, Channel: "C-else", User: "UBEN", Message: "3"},
		{Kind: workflow.ChatLeft, Channel: "C-" + inc.ID, User: "UBEN"},
		{Kind: workflow.ChatLeft, Channel: "C-" + inc.ID, User: "UCLEO"},
		{Kind: workflow.ChatPinned, Channel: "C-" + inc.ID, User: "UCLEO", Message: "4"},
		{Kind: workflow.ChatChanged, Channel: "C-" + inc.ID, User: "UCLEO", Message: "5", Text: "x"},
		{Kind: "exploded", Channel: "C-" + inc.ID, User: "UCLEO", Message: "6"},
	} {
		e.V, e.ID = 1, fmt.Sprintf("E%d", n)
		m := w.row(incident.TopicActivity, string(e.Kind), "chat:"+e.ID, e, nil)
		w.quietly("activity.record", m)
		w.quietly("timeline.enrich", m)
	}
	want(t, "events", len(w.events(inc.ID)), before)
}

func TestActivity_ComesAndGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.settle("channel.create")
	for n, kind := range []workflow.ChatKind{workflow.ChatJoined, workflow.ChatMessage, workflow.ChatMessage, workflow.ChatMessage, workflow.ChatRenamed, workflow.ChatReacted} {
		e := workflow.ChatEvent{V: 1, ID: fmt.Sprintf("E%d", n), Kind: kind, Channel: "C-" + inc.ID, User: "UCLEO", Name: "a-new-name"}
		m := w.row(incident.TopicActivity, string(e.Kind), "chat:"+e.ID, e, nil)
		w.quietly("activity.record", m)
		w.quietly("timeline.enrich", m)
	}
	now := w.get(inc.ID)
	i := slices.IndexFunc(now.Participants, func(p incident.Participant) bool { return p.Person == "cleo" })
	want(t, "kind", now.Participants[i].Kind, incident.Collaborator)
	want(t, "renamed", now.Channel.Name, "a-new-name")
	want(t, "activities", len(w.events(inc.ID, incident.EvActivity)), 4)
}

// TestNudges_TwoThatFinishTheSameOneCountItOnce: one sent it, another finds that it was sent, and both
// write it down.
func TestNudges_TwoThatFinishTheSameOneCountItOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.settle("channel.create")
	w.clock.Advance(3 * time.Minute)
	tick, second := tickMessage(w, string(incident.JobNudge), inc.ID), false
	w.serviceThat(func(op string) {
		if op == "after finish" && !second {
			second = true
			w.quietly("nudge.evaluate", tick)
		}
	})
	w.quietly("nudge.evaluate", tick)
	want(t, "sent", len(w.out.posts), 1)
	want(t, "counted", w.get(inc.ID).Nudges[incident.NudgeLead].Sent, 1)
}

func FuzzChatEvent(f *testing.F) {
	f.Add([]byte(`{"v":1,"id":"E1","kind":"pinned","channel":"C-x","user":"UBEN","message":"1.1","text":"\u0000 \u202e"}`))
	f.Add([]byte(`{"v":1,"id":"E1","kind":"renamed","channel":"C-x","name":"\ud800"}`))
	f.Add([]byte(`{"v":1,"id":"E1","kind":"message","channel":"C-x","user":"UBEN","at":"9999-12-31T23:59:59Z"}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := newWorld(t)
		inc := w.declare(incident.NewParams{Severity: "minor"})
		w.settle("channel.create")
		body = []byte(strings.ReplaceAll(string(body), "C-x", "C-"+inc.ID))
		for _, name := range []string{"timeline.enrich", "activity.record"} {
			m := handlers.Message{ID: "c", Data: body, PublishedAt: morning}
			for range 2 {
				if err, dead := w.handle(w.reg(name), m); dead || (err != nil && !handlers.IsPermanent(err)) {
					t.Fatalf("%s answered %v", name, err)
				}
			}
		}
		for _, typ := range []incident.EventType{incident.EvItemAdded, incident.EvActivity} {
			if n := len(w.events(inc.ID, typ)); n > 1 {
				t.Fatalf("%d of %s", n, typ)
			}
		}
	})
}
