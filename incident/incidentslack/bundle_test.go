package incidentslack_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentslack"
	"github.com/theriac/theriac/incident/incidenttest"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

var morning = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC) // a Wednesday

// bundle is a workspace, the domain over a store in memory, and what stands between them. Nothing is
// published until work is called, so a test decides whether workers live.
type bundle struct {
	testing.TB
	ctx    context.Context
	fake   *slackfake.Server
	client *slackkit.Client
	clock  *incidenttest.Clock
	store  *incidenttest.Store
	svc    *incident.Service
	intake *incidentslack.Intake
	regs   []workflow.Registration
	log    *buffer
}

// buffer is a log in memory.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func testSettings() incident.Settings {
	s := incident.DefaultSettings()
	s.Severities[2].Path = "oncall"
	s.Paths = []incident.Path{{ID: "oncall", Name: "On call", Levels: []incident.Level{
		{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ana"}}},
	}}}
	s.Announce = []incident.Announce{{Channel: "C0OPS"}}
	s.Flows = nil // what is resolved is closed
	return s
}

func newBundle(t testing.TB, change ...func(*incidentslack.IntakeConfig)) *bundle {
	t.Helper()
	b := &bundle{TB: t, ctx: t.Context(), clock: incidenttest.NewClock(morning), log: &buffer{}}
	log := slog.New(slog.NewTextHandler(b.log, nil))
	var err error
	b.fake, err = slackfake.Start(b.ctx, slackfake.Config{
		Users: []slackfake.User{
			{ID: "U0ANA", Name: "ana"}, {ID: "U0BEN", Name: "ben"}, {ID: "U0ADA", Name: "ada"},
			{ID: "U0EVE", Name: "eve"}, {ID: "U0OLD", Name: "old"}, {ID: "U0ZOE", Name: "zoe"},
		},
		Shortcuts: []slackfake.Shortcut{{CallbackID: incidentslack.ShortcutDeclare, Name: "Declare"}, {CallbackID: incidentslack.ShortcutTimeline, Name: "Add to timeline", Message: true},
			{CallbackID: incidentslack.ShortcutAction, Name: "Action", Message: true}, {CallbackID: incidentslack.ShortcutFollowUp, Name: "Follow-up", Message: true}},
		Events: []string{"message.channels", "message.groups", "member_joined_channel", "member_left_channel", "reaction_added",
			"pin_added", "channel_rename"},
	})
	b.must(err)
	b.client, err = slackkit.New(slackkit.Config{Token: b.fake.Token(), APIURL: b.fake.APIURL(), PerChannel: time.Nanosecond, Allowance: 1e6, Logger: log})
	b.must(err)
	b.store = incidenttest.NewStore(incidenttest.Options{Now: b.clock.Now})
	b.svc, err = incident.NewService(incident.Config{Stores: b.store, Now: b.clock.Now, SettingsAge: time.Nanosecond})
	b.must(err)
	_, err = b.store.SaveSettings(b.ctx, incident.Actor{Kind: incident.ByPerson, ID: "ada"}, testSettings())
	b.must(err)
	for _, p := range []incident.Person{
		{ID: "ana", Name: "Ana", SlackID: "U0ANA", Role: incident.Responder}, {ID: "ben", Name: "Ben", SlackID: "U0BEN", Role: incident.Responder},
		{ID: "ada", Name: "Ada", SlackID: "U0ADA", Role: incident.Admin}, {ID: "eve", Name: "Eve", SlackID: "U0EVE", Role: incident.Viewer},
		{ID: "old", Name: "Old", SlackID: "U0OLD", Role: incident.Admin, Gone: morning.Add(-time.Hour)},
	} {
		b.must(b.store.SavePerson(b.ctx, p))
	}
	b.intake = b.newIntake(change...)
	b.regs = workflow.All(workflow.Deps{
		Service: b.svc, Chat: incidentslack.NewChat(b.client.Share(slackkit.Critical), log), Now: b.clock.Now, Logger: log,
		Slack: b.intake.Registrations(), Link: func(inc *incident.Incident) string { return "https://inc.example/" + inc.Ref() },
	})
	b.listen(log)
	return b
}

// newIntake is one more process.
func (b *bundle) newIntake(change ...func(*incidentslack.IntakeConfig)) *incidentslack.Intake {
	b.Helper()
	cfg := incidentslack.IntakeConfig{Service: b.svc, Client: b.client, Now: b.clock.Now, Logger: slog.New(slog.NewTextHandler(b.log, nil)),
		Link: func(inc *incident.Incident) string { return "https://inc.example/" + inc.Ref() }}
	for _, c := range change {
		c(&cfg)
	}
	in, err := incidentslack.NewIntake(cfg)
	b.must(err)
	return in
}

// listen takes what people do, over signed HTTP.
func (b *bundle) listen(log *slog.Logger) {
	verifier, err := slackkit.NewVerifier([]string{b.fake.SigningSecret()}, nil)
	b.must(err)
	clicks := slackkit.NewInteractions(slackkit.InteractionsConfig{
		Verifier: verifier, Client: b.client, Team: b.fake.Team(), Handle: b.intake.Handle, Accept: b.intake.Accept, Logger: log,
		Limits: slackkit.Limits{Answer: 2 * time.Second},
	})
	server := httptest.NewServer(clicks)
	b.fake.SetRequestURL(server.URL)
	b.Cleanup(func() {
		clicks.Close(context.WithoutCancel(b.ctx))
		server.Close()
		b.client.Close()
		b.must(b.fake.Close())
		if b.Failed() {
			b.Log(b.log.String())
		}
	})
}

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// work lets the workers do all that waits, as a broker would bring it to them.
func (b *bundle) work() {
	b.Helper()
	type delivery struct {
		reg workflow.Registration
		m   handlers.Message
	}
	var queue []delivery
	for range 1000 {
		waiting, err := b.store.Unpublished(b.ctx, 100)
		b.must(err)
		for _, o := range waiting {
			for _, reg := range b.regs {
				if reg.Topic == o.Topic {
					queue = append(queue, delivery{reg, handlers.Message{ID: o.ID, Data: o.Data, Attributes: o.Attributes, PublishedAt: b.clock.Now()}})
				}
			}
			b.must(b.store.MarkPublished(b.ctx, o.ID))
		}
		if len(queue) == 0 {
			return
		}
		d := queue[0]
		queue = queue[1:]
		switch err := d.reg.Handler.Handle(b.ctx, d.m); handlers.Class(err) {
		case handlers.ClassNone:
		case handlers.ClassAgain:
			b.clock.Advance(handlers.Delay(err))
			queue = append(queue, d)
		default:
			b.Fatalf("%s: %v", d.reg.Name, err)
		}
	}
	b.Fatal("it never comes to rest")
}

// told does something, lets the workers do their part, and returns what the user is told.
func (b *bundle) told(user string, do func() error) string {
	b.Helper()
	before := len(b.heard(user))
	b.must(do())
	b.work()
	return b.next(user, before)
}

// next waits for more than before that a user hears, and returns the first of it.
func (b *bundle) next(user string, before int) string {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	if err := b.fake.Wait(ctx, func() bool { return len(b.heard(user)) > before }); err != nil {
		b.Fatalf("%s hears nothing: %v", user, err)
	}
	return b.heard(user)[before]
}

// answered does something and waits until the user hears of it or a form opens.
func (b *bundle) answered(user string, do func() error) {
	b.Helper()
	heard, views := len(b.heard(user)), len(b.fake.Views())
	b.must(do())
	b.work()
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	if err := b.fake.Wait(ctx, func() bool { return len(b.heard(user)) > heard || len(b.fake.Views()) > views }); err != nil {
		b.Fatalf("%s hears nothing, and no form opens: %v", user, err)
	}
}

// heard is what a user alone was told.
func (b *bundle) heard(user string) []string {
	var all []string
	for _, e := range b.fake.Ephemerals() {
		if e.User == user {
			all = append(all, e.Text)
		}
	}
	return all
}

// inc types a command into a channel and returns the answer.
func (b *bundle) inc(channel, user, text string) string {
	b.Helper()
	return b.told(user, func() error { return b.fake.Command(b.ctx, channel, user, "/inc", text) })
}

// window does something that opens a form, and returns it.
func (b *bundle) window(do func() error) slackfake.View {
	b.Helper()
	b.must(do())
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	if err := b.fake.Wait(ctx, func() bool { return len(b.fake.Views()) > 0 }); err != nil {
		b.Fatalf("no window opens: %v; heard %v", err, b.fake.Ephemerals())
	}
	return b.fake.Views()[0]
}

// submit fills a form in and returns the answer.
func (b *bundle) submit(v slackfake.View, user string, values map[string]string) string {
	b.Helper()
	return b.told(user, func() error { return b.fake.Submit(b.ctx, v.ID, values, user) })
}

// declared is an incident with its channel, declared by Ana.
func (b *bundle) declared(change ...func(*incident.NewParams)) incident.Incident {
	b.Helper()
	p := incident.NewParams{Name: "checkout is down", Keys: []incident.Key{incident.NewKey("test:"+b.Name(), false)}}
	for _, c := range change {
		c(&p)
	}
	inc, _, err := b.svc.Declare(b.ctx, person("ana"), p)
	b.must(err)
	b.work()
	return b.get(inc.ID)
}

// reported is one in Triage.
func (b *bundle) reported(key string) incident.Incident {
	b.Helper()
	inc, _, err := b.svc.Report(b.ctx, incident.Actor{Kind: incident.ByAlert, ID: "probe"}, incident.NewParams{
		Name: "probe fails " + key, Keys: []incident.Key{incident.NewKey(key, true)}})
	b.must(err)
	b.work()
	return b.get(inc.ID)
}

func person(id string) incident.Actor {
	return incident.Actor{Kind: incident.ByPerson, ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Role: incident.Responder}
}

func (b *bundle) get(ref string) incident.Incident {
	b.Helper()
	inc, err := b.store.Get(b.ctx, ref)
	b.must(err)
	return inc
}

// all returns every incident.
func (b *bundle) all() []incident.Incident {
	b.Helper()
	page, err := b.store.List(b.ctx, incident.Filter{Limit: 200})
	b.must(err)
	return page.Incidents
}

// events returns the events of an incident of a type.
func (b *bundle) events(id string, types ...incident.EventType) []incident.Event {
	b.Helper()
	page, err := b.store.Events(b.ctx, incident.EventFilter{IncidentID: id, Types: types, Limit: 1000})
	b.must(err)
	return page.Events
}

func (b *bundle) wantText(what, got, want string) {
	b.Helper()
	if !strings.Contains(got, want) {
		b.Errorf("%s: %q does not say %q", what, got, want)
	}
}
