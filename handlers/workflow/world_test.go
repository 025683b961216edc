package workflow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
)

var morning = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC) // a Wednesday

// world is a service with its handlers, the world outside, and a broker that delivers at least once.
type world struct {
	t     testing.TB
	clock *incidenttest.Clock
	store *incidenttest.Store
	svc   *incident.Service
	out   *outside
	regs  []workflow.Registration

	// ids makes ids in order, so that a run can be repeated.
	ids int
	// backlog is what a handler answered "again" or "failed" to.
	backlog []delivery
	// held are messages that were quarantined: permanently refused, or failed too often.
	held []string
	// copies is how often the broker delivers a message, by its id. Nil: once.
	copies func(id string) int
	// crashAt makes the process die at the n-th step of a run, counted from 1. 0: never.
	crashAt, steps int
	quiet          bool
	// before is called before each run of a handler, and may choose a step to die at.
	before func()
}

type delivery struct {
	reg      workflow.Registration
	m        handlers.Message
	at       time.Time
	failures int
}

func testSettings() incident.Settings {
	always := func(id string, rank int, page incident.PageRule, path string) incident.Severity {
		return incident.Severity{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Rank: rank, Page: page, Path: path}
	}
	return incident.Settings{
		Severities: []incident.Severity{
			always("critical", 3, incident.PageAlways, "oncall"), always("major", 2, incident.PageHours, "oncall"), always("minor", 1, incident.PageNever, ""),
		},
		Roles:     []incident.RoleType{{ID: "lead", Name: "Lead"}, {ID: "scribe", Name: "Scribe"}},
		Types:     []incident.Type{{ID: "security", Name: "Security", Private: true}},
		Rotations: []incident.Rotation{{ID: "backend", Name: "Backend", People: []string{"cleo"}, Start: morning.AddDate(0, -1, 0)}},
		Paths: []incident.Path{{ID: "oncall", Name: "On call", Repeat: 2, Levels: []incident.Level{
			{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ana"}, {Kind: incident.ToChannel, ID: "C-ops"}}},
			{Targets: []incident.Target{{Kind: incident.ToRotation, ID: "backend"}}},
		}}},
		Sources: []incident.Source{
			{ID: "probe", Kind: "generic", Severity: map[string]string{"page": "critical"}, Default: "minor", Declare: true, Burst: 3},
			{ID: "sentry", Kind: "sentry", Default: "minor"},
			{ID: "pager", Kind: "pagerduty", SecretEnv: "PAGER_SECRET"},
			{ID: "prom", Kind: "alertmanager", PerAlert: true},
			{ID: "groups", Kind: "alertmanager", Runbook: "https://runbooks.example/groups"},
		},
		Endpoints:     []incident.Endpoint{{ID: "crm", URL: "https://crm.example/hook", Types: []incident.EventType{incident.EvDeclared, incident.EvResolved}}},
		Announce:      []incident.Announce{{Channel: "C-all", Updates: true}, {Channel: "C-crit", Severities: []string{"critical"}}},
		Hours:         incident.WorkingHours{Zone: "UTC", From: "09:00", To: "18:00"},
		ChannelPrefix: "inc",
		Runbooks:      map[string]string{"orders": "Look at the ledger first."},
	}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, clock: incidenttest.NewClock(morning), out: newOutside()}
	w.store = incidenttest.NewStore(incidenttest.Options{Now: w.clock.Now})
	w.out.step = w.step
	svc, err := incident.NewService(incident.Config{
		Stores: stepping{w.store, w.step}, Now: w.clock.Now, SettingsAge: time.Nanosecond,
		NewID: func() string {
			w.ids++
			return fmt.Sprintf("01950000-0000-7000-8000-%012d", w.ids)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.svc = svc
	w.saveSettings(testSettings())
	for _, p := range []incident.Person{
		{ID: "ana", Name: "Ana", SlackID: "UANA", Role: incident.Responder}, {ID: "ben", Name: "Ben", SlackID: "UBEN", Role: incident.Responder},
		{ID: "cleo", Name: "Cleo", SlackID: "UCLEO", Role: incident.Responder},
	} {
		if err := w.store.SavePerson(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	w.regs = workflow.All(workflow.Deps{
		Service: svc, Chat: w.out, Notifier: w.out, Webhooks: w.out, Tracker: w.out, Now: w.clock.Now,
		Link: func(inc *incident.Incident) string { return "https://inc.example/" + inc.ID },
	})
	return w
}

func (w *world) saveSettings(s incident.Settings) {
	w.t.Helper()
	old, err := w.store.Settings(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	s.Version = old.Version
	if _, err := w.store.SaveSettings(w.t.Context(), incident.Actor{Kind: incident.ByPerson, ID: "ana"}, s); err != nil {
		w.t.Fatal(err)
	}
}

// step counts, and dies where it is told to.
func (w *world) step(op string) {
	if w.steps++; w.crashAt > 0 && w.steps == w.crashAt {
		panic(died{op})
	}
}

func (w *world) reg(name string) workflow.Registration {
	w.t.Helper()
	i := slices.IndexFunc(w.regs, func(r workflow.Registration) bool { return r.Name == name })
	if i < 0 {
		w.t.Fatalf("no handler is called %s", name)
	}
	return w.regs[i]
}

// handle runs a handler once. A process that dies is true.
func (w *world) handle(reg workflow.Registration, m handlers.Message) (err error, dead bool) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case died:
			dead = true
		default:
			panic(v)
		}
	}()
	ctx, cancel := context.WithTimeout(w.t.Context(), reg.Timeout)
	defer cancel()
	return reg.Handler.Handle(ctx, m), false
}

// deliver hands a message to a handler until it is answered for good, or held.
func (w *world) deliver(reg workflow.Registration, m handlers.Message) {
	w.backlog = append(w.backlog, delivery{reg: reg, m: m, at: w.clock.Now()})
}

// relay publishes what waits, to all handlers of its topic.
func (w *world) relay() int {
	w.t.Helper()
	n := 0
	for {
		waiting, err := w.store.Unpublished(w.t.Context(), 100)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(waiting) == 0 {
			return n
		}
		for _, o := range waiting {
			n++
			copies := 1
			if w.copies != nil {
				copies = w.copies(o.ID)
			}
			for _, reg := range w.regs {
				for range copies {
					if reg.Topic == o.Topic {
						w.deliver(reg, handlers.Message{ID: o.ID, Data: o.Data, Attributes: o.Attributes, PublishedAt: w.clock.Now()})
					}
				}
			}
			if err := w.store.MarkPublished(w.t.Context(), o.ID); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// work answers everything that is due, and publishes what comes of it.
func (w *world) work() {
	w.t.Helper()
	for range 10000 {
		if w.relay() == 0 && !w.due() {
			return
		}
		now := w.clock.Now()
		batch := w.backlog
		w.backlog = nil
		for _, d := range batch {
			if d.at.After(now) {
				w.backlog = append(w.backlog, d)
				continue
			}
			w.answer(d)
		}
	}
	w.t.Fatal("it never comes to rest")
}

func (w *world) due() bool {
	now := w.clock.Now()
	return slices.ContainsFunc(w.backlog, func(d delivery) bool { return !d.at.After(now) })
}

// answer runs one delivery as a consumer would.
func (w *world) answer(d delivery) {
	if w.before != nil {
		w.before()
	}
	err, dead := w.handle(d.reg, d.m)
	w.crashAt = 0
	switch class := handlers.Class(err); {
	case dead:
		d.at = w.clock.Now().Add(time.Second)
		w.backlog = append(w.backlog, d)
	case class == handlers.ClassNone:
	case class == handlers.ClassAgain:
		d.at = w.clock.Now().Add(max(handlers.Delay(err), time.Millisecond))
		w.backlog = append(w.backlog, d)
	case class >= handlers.ClassPermanent || d.failures >= 4:
		w.held = append(w.held, fmt.Sprintf("%s: %v", d.reg.Name, err))
		if !w.quiet {
			w.t.Logf("held: %s: %v", d.reg.Name, err)
		}
	default:
		d.failures++
		d.at = w.clock.Now().Add(time.Second)
		w.backlog = append(w.backlog, d)
	}
}

// pass lets time go by in beats, with the ticks of the clock, and does what comes up.
func (w *world) pass(d, beat time.Duration) {
	w.t.Helper()
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); {
		w.clock.Advance(beat)
		w.tick()
		w.work()
	}
}

// tick puts out what the clock puts out.
func (w *world) tick() {
	w.t.Helper()
	ctx, now := w.t.Context(), w.clock.Now()
	var rows []incident.Inbound
	add := func(kind, id, inc string) {
		rows = append(rows, incident.Inbound{ID: id, Topic: incident.TopicClock, Kind: kind, Body: []byte("{}"), Attributes: map[string]string{incident.AttrIncident: inc}})
	}
	pages, err1 := w.store.DuePages(ctx, incident.Due{}, 200)
	nudges, err2 := w.store.DueNudges(ctx, incident.Due{}, 200)
	sweeps, err3 := w.store.Sweepable(ctx, "", 200)
	if err1 != nil || err2 != nil || err3 != nil {
		w.t.Fatal(err1, err2, err3)
	}
	for _, d := range pages {
		add(string(incident.JobDue), fmt.Sprintf("due:%s:%d", d.IncidentID, d.At.UnixMilli()), d.IncidentID)
	}
	for _, d := range nudges {
		add(string(incident.JobNudge), fmt.Sprintf("nudge:%s:%d", d.IncidentID, now.Unix()/60), d.IncidentID)
	}
	for _, d := range sweeps {
		add(string(incident.JobEffects), fmt.Sprintf("effects:%s:%d", d.IncidentID, now.Unix()/30), d.IncidentID)
	}
	if _, err := w.store.Accept(ctx, rows...); err != nil {
		w.t.Fatal(err)
	}
}

func person(id string) incident.Actor {
	return incident.Actor{Kind: incident.ByPerson, ID: id, Name: id, Role: incident.Responder}
}

// declare makes an incident as a person.
func (w *world) declare(p incident.NewParams) incident.Incident {
	w.t.Helper()
	w.ids++
	if len(p.Keys) == 0 {
		p.Keys = []incident.Key{incident.NewKey(fmt.Sprintf("test:%d", w.ids), false)}
	}
	if p.Name == "" {
		p.Name = "checkout is down"
	}
	inc, _, err := w.svc.Declare(w.t.Context(), person("ana"), p)
	if err != nil {
		w.t.Fatal(err)
	}
	return inc
}

func (w *world) do(id string, by incident.Actor, verb incident.Verb) incident.Incident {
	w.t.Helper()
	inc, err := w.svc.Do(w.t.Context(), id, by, verb)
	if err != nil {
		w.t.Fatal(err)
	}
	return inc
}

func (w *world) get(id string) incident.Incident {
	w.t.Helper()
	inc, err := w.store.Get(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return inc
}

// events returns the events of an incident of a type.
func (w *world) events(id string, types ...incident.EventType) []incident.Event {
	w.t.Helper()
	page, err := w.store.Events(w.t.Context(), incident.EventFilter{IncidentID: id, Types: types, Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Events
}

// message returns an event as it is published.
func message(ev incident.Event) handlers.Message {
	o := incident.Envelope(ev)
	return handlers.Message{ID: o.ID, Data: o.Data, Attributes: o.Attributes, PublishedAt: morning}
}

// row accepts a row from outside and returns it as it is published.
func (w *world) row(topic, kind, id string, body any, attrs map[string]string) handlers.Message {
	w.t.Helper()
	data, ok := body.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(body); err != nil {
			w.t.Fatal(err)
		}
	}
	in := incident.Inbound{ID: id, Topic: topic, Kind: kind, Body: data, Attributes: attrs}
	if _, err := w.store.Accept(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
	o := in.Envelope()
	return handlers.Message{ID: id, Data: o.Data, Attributes: o.Attributes, PublishedAt: w.clock.Now()}
}

// only answers everything that waits, but lets only some handlers have it.
func (w *world) only(names ...string) {
	w.regs = slices.DeleteFunc(slices.Clone(w.regs), func(r workflow.Registration) bool { return !slices.Contains(names, r.Name) })
}
