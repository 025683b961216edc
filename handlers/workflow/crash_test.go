package workflow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// scenario is one message for one handler, and what must be true however often it comes and wherever
// the process dies.
type scenario struct {
	name, handler string
	setup         func(w *world) handlers.Message
	check         func(t *testing.T, w *world)
}

// latest returns the latest event of a type as it is published.
func (w *world) latest(id string, typ incident.EventType) handlers.Message {
	w.t.Helper()
	evs := w.events(id, typ)
	if len(evs) == 0 {
		w.t.Fatalf("%s has no %s", id, typ)
	}
	return message(evs[len(evs)-1])
}

// settle lets some handlers do their work.
func (w *world) settle(names ...string) {
	w.t.Helper()
	all := w.regs
	w.only(names...)
	w.work()
	w.regs, w.backlog = all, nil
}

// newest returns the incident that was made last.
func (w *world) newest() incident.Incident {
	w.t.Helper()
	page, err := w.store.List(w.t.Context(), incident.Filter{Limit: 1})
	if err != nil || len(page.Incidents) == 0 {
		w.t.Fatalf("no incident: %v", err)
	}
	return w.get(page.Incidents[0].ID)
}

func (w *world) count() int {
	w.t.Helper()
	page, err := w.store.List(w.t.Context(), incident.Filter{Limit: 200})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(page.Incidents)
}

func want[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func alertMessage(w *world, id, source, body string) handlers.Message {
	return w.row(incident.TopicAlerts, "alert", id, []byte(body), map[string]string{workflow.AttrSource: source})
}

func poisonEvent(w *world, e workflow.QuarantineEvent) handlers.Message {
	e.V = 1
	if e.At.IsZero() {
		e.At = w.clock.Now()
	}
	return w.row(incident.TopicQuarantine, string(e.Kind), "q:"+e.ID, e, nil)
}

func tickMessage(w *world, kind, id string) handlers.Message {
	return w.row(incident.TopicClock, kind, fmt.Sprintf("%s:%s:%d", kind, id, w.clock.Now().Unix()), []byte("{}"), map[string]string{incident.AttrIncident: id, incident.AttrDate: "2026-03-04"})
}

func scenarios() []scenario {
	return slices.Concat(channelScenarios(), postScenarios(), pageScenarios(), openingScenarios(), clockScenarios(), activityScenarios(), controlScenarios())
}

func channelScenarios() []scenario {
	return []scenario{
		{"made once", "channel.create", func(w *world) handlers.Message {
			return w.latest(w.declare(incident.NewParams{Severity: "minor"}).ID, incident.EvDeclared)
		}, func(t *testing.T, w *world) {
			inc := w.newest()
			c := w.out.channels[inc.ID]
			want(t, "channels", len(w.out.channels), 1)
			want(t, "name", c.spec.Name, "inc-1-checkout-is-down")
			want(t, "known", inc.Channel, &incident.Channel{ID: "C-" + inc.ID, Name: c.spec.Name})
			if !strings.Contains(c.spec.Topic, "investigating") || !strings.Contains(c.spec.Topic, "Minor") {
				t.Errorf("topic %q", c.spec.Topic)
			}
			want(t, "told once", len(w.events(inc.ID, incident.EvEffectDone)), 1)
		}},
		{"fetched back", "channel.create", func(w *world) handlers.Message {
			inc := w.declare(incident.NewParams{})
			w.settle("channel.create")
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.Resolve(act, incident.ResolveParams{})
			})
			w.settle("channel.archive")
			if !w.out.channels[inc.ID].archived {
				w.t.Fatal("it was not archived")
			}
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.Reopen(act, "it is back")
			})
			return w.latest(inc.ID, incident.EvReopened)
		}, func(t *testing.T, w *world) {
			inc := w.newest()
			want(t, "archived", w.out.channels[inc.ID].archived, false)
			want(t, "noted", inc.Channel.Archived, false)
		}},
		{"put away", "channel.archive", func(w *world) handlers.Message {
			inc := w.declare(incident.NewParams{})
			w.settle("channel.create")
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.Cancel(act, "a false alarm")
			})
			return w.latest(inc.ID, incident.EvCanceled)
		}, func(t *testing.T, w *world) {
			inc := w.newest()
			want(t, "archived", w.out.channels[inc.ID].archived, true)
			want(t, "noted", inc.Channel.Archived, true)
		}},
		{"brought in", "participants.invite", func(w *world) handlers.Message {
			inc := w.declare(incident.NewParams{Lead: "ben"})
			w.settle("channel.create")
			return w.latest(inc.ID, incident.EvEffectDone)
		}, func(t *testing.T, w *world) {
			people := slices.Sorted(slices.Values(w.out.channels[w.newest().ID].people))
			want(t, "people", people, []string{"ana", "ben"})
			want(t, "calls", w.out.calls["invite"] >= 2, true)
		}},
	}
}

func postScenarios() []scenario {
	return []scenario{
		{"announced once", "announce.post", func(w *world) handlers.Message {
			return w.latest(w.declare(incident.NewParams{Severity: "critical"}).ID, incident.EvDeclared)
		}, func(t *testing.T, w *world) {
			inc := w.newest()
			for _, place := range []string{"C-all", "C-crit"} {
				posts := w.out.in(place)
				want(t, place, len(posts), 1)
				want(t, "title", posts[0].latest.Title, "INC-1 checkout is down")
			}
			if h := inc.Headline; h == nil || len(w.out.in(h.Channel)) != 1 || w.out.in(h.Channel)[0].id != h.ID {
				t.Errorf("its headline is said to be %+v", h)
			}
		}},
		{"kept current", "announce.post", func(w *world) handlers.Message {
			inc := w.declare(incident.NewParams{Severity: "critical"})
			w.settle("announce.post")
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.ShareUpdate(act, incident.UpdateParams{Message: "found it", Status: incident.Fixing, Severity: "minor"})
			})
			return w.latest(inc.ID, incident.EvStatus)
		}, func(t *testing.T, w *world) {
			for _, place := range []string{"C-all", "C-crit"} {
				posts := w.out.in(place)
				want(t, place, len(posts), 1)
				want(t, "status in "+place, posts[0].latest.Facts[0], workflow.Fact{Name: "Status", Value: "fixing"})
			}
		}},
		{"hidden at once", "announce.post", func(w *world) handlers.Message {
			inc := w.declare(incident.NewParams{Severity: "critical", Name: "a secret"})
			w.settle("announce.post")
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.MakePrivate(act, "customers are named")
			})
			return w.latest(inc.ID, incident.EvPrivate)
		}, func(t *testing.T, w *world) {
			for _, p := range w.out.posts {
				if strings.Contains(fmt.Sprintf("%+v", p.latest), "secret") {
					t.Errorf("%s still says it: %+v", p.post.To.Channel, p.latest)
				}
			}
		}},
		{"an update", "update.post", func(w *world) handlers.Message {
			inc := w.declare(incident.NewParams{Severity: "minor"})
			w.settle("channel.create")
			w.do(inc.ID, person("cleo"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.Subscribe(act, "cleo", true)
			})
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.ShareUpdate(act, incident.UpdateParams{Message: "we look at it"})
			})
			return w.latest(inc.ID, incident.EvUpdate)
		}, func(t *testing.T, w *world) {
			for _, place := range []string{"C-all", "cleo", "C-" + w.newest().ID} {
				posts := w.out.in(place)
				want(t, place, len(posts), 1)
				want(t, "text", posts[0].latest.Text, "we look at it")
			}
		}},
		{"an ask", "update.post", func(w *world) handlers.Message {
			inc := w.declare(incident.NewParams{Severity: "minor", Lead: "ben"})
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.RequestUpdate(act, "")
			})
			return w.latest(inc.ID, incident.EvAskUpdate)
		}, func(t *testing.T, w *world) {
			want(t, "asked", len(w.out.in("ben")), 1)
			want(t, "all", len(w.out.posts), 1)
		}},
		{"delivered", "webhook.deliver", func(w *world) handlers.Message {
			return w.latest(w.declare(incident.NewParams{}).ID, incident.EvDeclared)
		}, func(t *testing.T, w *world) {
			want(t, "deliveries", len(w.out.hooks["crm"]), 1)
		}},
		{"an issue", "followup.sync", func(w *world) handlers.Message {
			inc := w.declare(incident.NewParams{})
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.AddFollowUp(act, incident.FollowUp{Text: "fix the cause"})
			})
			return w.latest(inc.ID, incident.EvFollowCreated)
		}, func(t *testing.T, w *world) {
			want(t, "issues", len(w.out.issues), 1)
			for marker, issue := range w.out.issues {
				want(t, "title", issue.Title, "fix the cause")
				want(t, "link", w.newest().FollowUps[0].Link, "https://tracker.example/"+marker)
			}
		}},
	}
}

func pageScenarios() []scenario {
	return []scenario{
		{"called once", "escalation.page", func(w *world) handlers.Message {
			return w.latest(w.declare(incident.NewParams{Severity: "critical"}).ID, incident.EvLevelDue)
		}, func(t *testing.T, w *world) {
			inc := w.newest()
			want(t, "pages", len(w.out.pages), 1)
			for key, pages := range w.out.pages {
				want(t, "key", key, "page:"+inc.Escalations[0].ID+":1:1:person:ana")
				want(t, "title", pages[0].Title, "INC-1 Critical: checkout is down")
				want(t, "person", pages[0].Person.ID, "ana")
			}
			want(t, "told", len(w.out.in("C-ops")), 1)
			want(t, "notified", len(w.events(inc.ID, incident.EvLevelNotified)), 1)
			want(t, "waits", inc.Escalations[0].Notified, true)
		}},
		{"answered", "escalation.page", func(w *world) handlers.Message {
			inc := w.declare(incident.NewParams{Severity: "critical"})
			w.settle("escalation.page")
			w.do(inc.ID, person("ben"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) { return inc.Ack(act, "") })
			return w.latest(inc.ID, incident.EvAcked)
		}, func(t *testing.T, w *world) {
			key := "page:" + w.newest().Escalations[0].ID + ":1:1:person:ana"
			want(t, "ended", slices.Compact(w.out.ended[key]), []string{"ack ana"})
		}},
		{"advanced", "escalation.advance", func(w *world) handlers.Message {
			inc := w.declare(incident.NewParams{Severity: "critical"})
			w.settle("escalation.page")
			w.clock.Advance(6 * time.Minute)
			return tickMessage(w, string(incident.JobDue), inc.ID)
		}, func(t *testing.T, w *world) {
			inc := w.newest()
			want(t, "level", inc.Escalations[0].Level >= 2, true)
			keys := map[string]int{}
			for _, ev := range w.events(inc.ID, incident.EvLevelDue) {
				keys[ev.Key]++
			}
			want(t, "level 2", keys["level:"+inc.Escalations[0].ID+":1:2"], 1)
		}},
	}
}

func openingScenarios() []scenario {
	firing := `{"dedup_key":"db","title":"the database is slow","severity":"page"}`
	return []scenario{
		{"an alert", "alert.ingest", func(w *world) handlers.Message { return alertMessage(w, "a1", "probe", firing) }, func(t *testing.T, w *world) {
			inc := w.newest()
			want(t, "incidents", w.count(), 1)
			want(t, "severity", inc.Severity, "critical")
			want(t, "status", inc.Status, incident.Investigating)
			want(t, "count", inc.Alerts[0].Count, 1)
			want(t, "escalations", len(inc.Escalations), 1)
			row, err := w.store.Inbound(t.Context(), "a1")
			want(t, "handled", row.Result, "INC-1")
			if err != nil || row.Handled.IsZero() {
				t.Errorf("the row is open: %v", err)
			}
		}},
		{"the same alert", "alert.ingest", func(w *world) handlers.Message {
			if err, _ := w.handle(w.reg("alert.ingest"), alertMessage(w, "a1", "probe", firing)); err != nil {
				w.t.Fatal(err)
			}
			return alertMessage(w, "a2", "probe", firing)
		}, func(t *testing.T, w *world) {
			want(t, "incidents", w.count(), 1)
			want(t, "count", w.newest().Alerts[0].Count, 2)
		}},
		{"poison", "quarantine.declare", func(w *world) handlers.Message {
			return poisonEvent(w, workflow.QuarantineEvent{
				ID: "e1", Kind: workflow.EntryQuarantined, Fingerprint: "f1", Entry: "Q-1", Version: 1, Group: "G-1", Subscription: "orders",
				Critical: true, Title: "index out of range", Where: "billing.Apply",
			})
		}, func(t *testing.T, w *world) {
			inc := w.newest()
			want(t, "incidents", w.count(), 1)
			want(t, "entries", len(inc.Entries), 1)
			want(t, "escalations", len(inc.Escalations), 1)
			want(t, "follow-ups", len(inc.FollowUps), 1)
			if !strings.Contains(inc.Summary, "Look at the ledger first.") {
				t.Errorf("no runbook in %q", inc.Summary)
			}
		}},
		{"decided", "quarantine.decided", func(w *world) handlers.Message {
			m := poisonEvent(w, workflow.QuarantineEvent{ID: "e1", Kind: workflow.EntryQuarantined, Fingerprint: "f1", Entry: "Q-1", Version: 1, Subscription: "orders"})
			if err, _ := w.handle(w.reg("quarantine.declare"), m); err != nil {
				w.t.Fatal(err)
			}
			return poisonEvent(w, workflow.QuarantineEvent{ID: "e2", Kind: workflow.EntryDiscarded, Fingerprint: "f1", Entry: "Q-1", Version: 2, By: "ben", Reason: "a test"})
		}, func(t *testing.T, w *world) {
			inc := w.newest()
			want(t, "decision", inc.Entries[0].Decision, "discarded")
			want(t, "told", len(w.events(inc.ID, incident.EvEntryDecided)), 1)
		}},
	}
}

func clockScenarios() []scenario {
	return []scenario{
		{"reminded", "nudge.evaluate", func(w *world) handlers.Message {
			inc := w.declare(incident.NewParams{Severity: "minor"})
			w.settle("channel.create")
			w.clock.Advance(3 * time.Minute)
			return tickMessage(w, string(incident.JobNudge), inc.ID)
		}, func(t *testing.T, w *world) {
			inc := w.newest()
			// Time goes on while the message comes again, so that the second may be due too.
			sent := w.events(inc.ID, incident.EvNudged)
			want(t, "posts", len(w.out.posts), len(sent))
			want(t, "sent", inc.Nudges[incident.NudgeLead].Sent, len(sent))
			if len(sent) == 0 {
				t.Error("nobody was reminded")
			}
		}},
		{"the day", "digest.daily", func(w *world) handlers.Message {
			w.declare(incident.NewParams{Severity: "minor"})
			w.declare(incident.NewParams{Name: "a secret", Visibility: incident.Private})
			w.declare(incident.NewParams{Name: "a trial", Mode: incident.ModeTest})
			return tickMessage(w, string(incident.JobDigest), "")
		}, func(t *testing.T, w *world) {
			for _, place := range []string{"C-all", "C-crit"} {
				posts := w.out.in(place)
				want(t, place, len(posts), 1)
				want(t, "facts", posts[0].latest.Facts, []workflow.Fact{{Name: "INC-1 · investigating · Minor", Value: "checkout is down"}})
			}
		}},
		{"swept", "effect.sweep", func(w *world) handlers.Message {
			inc := w.declare(incident.NewParams{Severity: "minor"})
			if _, err := w.store.Unpublished(w.t.Context(), 100); err != nil {
				w.t.Fatal(err)
			}
			for _, ev := range w.events(inc.ID) {
				if err := w.store.MarkPublished(w.t.Context(), ev.ID); err != nil {
					w.t.Fatal(err)
				}
			}
			w.clock.Advance(2 * time.Minute)
			return tickMessage(w, string(incident.JobEffects), inc.ID)
		}, func(t *testing.T, w *world) {
			w.settle("channel.create", "announce.post")
			want(t, "channels", len(w.out.channels), 1)
			want(t, "headlines", len(w.out.in("C-all")), 1)
		}},
	}
}

func activityScenarios() []scenario {
	begin := func(w *world) incident.Incident {
		inc := w.declare(incident.NewParams{Severity: "minor"})
		w.settle("channel.create")
		return inc
	}
	event := func(w *world, e workflow.ChatEvent) handlers.Message {
		e.V = 1
		return w.row(incident.TopicActivity, string(e.Kind), "chat:"+e.ID, e, nil)
	}
	return []scenario{
		{"a message", "activity.record", func(w *world) handlers.Message {
			inc := begin(w)
			return event(w, workflow.ChatEvent{ID: "E1", Kind: workflow.ChatMessage, Channel: "C-" + inc.ID, User: "UBEN", Message: "1.1", At: morning.Add(time.Minute)})
		}, func(t *testing.T, w *world) {
			evs := w.events(w.newest().ID, incident.EvActivity)
			want(t, "activities", len(evs), 1)
			want(t, "who", evs[0].Actor.ID, "ben")
			want(t, "when", evs[0].OccurredAt, morning.Add(time.Minute))
		}},
		{"a pin", "timeline.enrich", func(w *world) handlers.Message {
			inc := begin(w)
			return event(w, workflow.ChatEvent{ID: "E1", Kind: workflow.ChatPinned, Channel: "C-" + inc.ID, User: "UBEN", Message: "1.1", Text: "rolled back", MessageAt: morning})
		}, func(t *testing.T, w *world) {
			evs := w.events(w.newest().ID, incident.EvItemAdded)
			want(t, "items", len(evs), 1)
			want(t, "when", evs[0].OccurredAt, morning)
		}},
		{"a correction", "timeline.enrich", func(w *world) handlers.Message {
			inc := begin(w)
			pin := event(w, workflow.ChatEvent{ID: "E1", Kind: workflow.ChatPinned, Channel: "C-" + inc.ID, User: "UBEN", Message: "1.1", Text: "rolled back"})
			if err, _ := w.handle(w.reg("timeline.enrich"), pin); err != nil {
				w.t.Fatal(err)
			}
			return event(w, workflow.ChatEvent{ID: "E2", Kind: workflow.ChatDeleted, Channel: "C-" + inc.ID, User: "UBEN", Message: "1.1"})
		}, func(t *testing.T, w *world) {
			want(t, "removed", len(w.events(w.newest().ID, incident.EvItemRemoved)), 1)
		}},
	}
}

// TestHandlers_OnceWhateverHappens runs every scenario as it should go, with the message coming three
// times more, and with the process dying at each step of the way.
func TestHandlers_OnceWhateverHappens(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios() {
		t.Run(s.handler+"/"+s.name, func(t *testing.T) {
			t.Parallel()
			deaths := 0
			for at := 0; ; at++ {
				w := newWorld(t)
				m := s.setup(w)
				w.steps, w.crashAt = 0, at
				dead := w.persist(t, s.handler, m)
				s.check(t, w)
				if t.Failed() {
					t.Fatalf("after a death at step %d", at)
				}
				if at > 0 && !dead {
					break
				}
				deaths = at
			}
			if deaths < 2 {
				t.Errorf("it died at %d steps only: the test looks at nothing", deaths)
			}
		})
	}
}

// persist hands a message over until it is answered, and three times more, and reports whether the
// process died on the way.
func (w *world) persist(t *testing.T, handler string, m handlers.Message) (dead bool) {
	t.Helper()
	reg := w.reg(handler)
	answered := 0
	for range 12 {
		err, died := w.handle(reg, m)
		dead, w.crashAt = dead || died, 0
		switch {
		case died, handlers.Class(err) == handlers.ClassAgain:
			w.clock.Advance(80 * time.Second)
		case err != nil:
			t.Fatalf("answered %v", err)
		default:
			if answered++; answered == 4 {
				return dead
			}
		}
	}
	t.Fatal("it is never done")
	return dead
}

// TestHandlers_EveryFaultOutside lets each call to the outside go wrong once, in every way, and expects
// the same in the end.
func TestHandlers_EveryFaultOutside(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios() {
		for _, f := range []fault{limited, lostBefore, lostAfter, strange, strangeToo, kills, killsAfter} {
			t.Run(fmt.Sprintf("%s/%s/%d", s.handler, s.name, f), func(t *testing.T) {
				t.Parallel()
				for at := 1; ; at++ {
					w := newWorld(t)
					m := s.setup(w)
					calls, reg := 0, w.reg(s.handler)
					w.out.fault = func(string) fault {
						if calls++; calls == at {
							return f
						}
						return fine
					}
					answered := 0
					for range 12 {
						if err, died := w.handle(reg, m); err == nil && !died {
							answered++
						} else {
							w.clock.Advance(80 * time.Second)
						}
					}
					if s.handler == "webhook.deliver" {
						w.pass(2*time.Hour, 30*time.Second)
					}
					if answered == 0 {
						t.Fatal("it is never done")
					}
					w.out.fault = func(string) fault { return fine }
					if s.check(t, w); t.Failed() {
						t.Fatalf("after fault %d in call %d", f, at)
					}
					if calls < at {
						return
					}
				}
			})
		}
	}
}
