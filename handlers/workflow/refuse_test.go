package workflow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// quietly runs a handler on a message and expects it to be acknowledged.
func (w *world) quietly(name string, m handlers.Message) {
	w.t.Helper()
	if err, dead := w.handle(w.reg(name), m); err != nil || dead {
		w.t.Fatalf("%s answered %v", name, err)
	}
}

// reached counts what people and programs were told, edits included.
func (w *world) reached() int {
	n := 0
	for _, op := range []string{"channel", "archive", "invite", "post", "edit", "page", "hook", "issue"} {
		n += w.out.calls[op]
	}
	return n
}

func TestEvents_TypesNotAskedForAreAcknowledgedOnSight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, r := range w.regs {
		if r.Topic != incident.TopicEvents || len(r.Types) == 0 {
			continue
		}
		m := handlers.Message{ID: "x", Data: []byte("not even JSON"), Attributes: map[string]string{
			incident.AttrKind: incident.KindEvent, incident.AttrType: string(incident.EvActivity),
		}}
		w.steps = 0
		if err, _ := w.handle(r, m); err != nil || w.steps > 0 {
			t.Errorf("%s answered %v after %d calls", r.Name, err, w.steps)
		}
	}
}

func TestEvents_OfALaterVersionAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	for _, r := range w.regs {
		if r.Topic != incident.TopicEvents {
			continue
		}
		ev := w.events(inc.ID, incident.EvDeclared)[0]
		if len(r.Types) > 0 {
			ev.Type = incident.EventType(r.Types[0])
		}
		ev.V = 2
		err, _ := w.handle(r, message(ev))
		if !handlers.IsPermanent(err) || !strings.Contains(err.Error(), "version 2") {
			t.Errorf("%s answered %v", r.Name, err)
		}
	}
	ev := w.events(inc.ID, incident.EvDeclared)[0]
	ev.Type = "incident.not_invented_yet"
	for _, r := range w.regs {
		if r.Topic != incident.TopicEvents {
			continue
		}
		if err, _ := w.handle(r, message(ev)); handlers.IsPermanent(err) != (len(r.Types) == 0) {
			t.Errorf("%s answered %v to a type that nobody knows", r.Name, err)
		}
	}
}

func TestRows_BrokenBodiesAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ handler, body string }{
		{"alert.ingest", "{"}, {"quarantine.declare", "{"}, {"quarantine.decided", `{"v":2,"id":"x","kind":"replayed"}`},
		{"quarantine.declare", `{"v":1,"id":"x","kind":"exploded"}`}, {"activity.record", "[]"}, {"timeline.enrich", `{"v":1}`},
	} {
		m := handlers.Message{ID: "x", Data: []byte(c.body), Attributes: map[string]string{workflow.AttrSource: "probe"}}
		if err, _ := w.handle(w.reg(c.handler), m); handlers.Class(err) != handlers.ClassUndecodable {
			t.Errorf("%s answered %v to %s", c.handler, err, c.body)
		}
	}
}

// TestEvents_StaleOnesReachNobody replays what is two months old.
func TestEvents_StaleOnesReachNobody(t *testing.T) {
	t.Parallel()
	for _, s := range slices.Concat(channelScenarios(), postScenarios(), pageScenarios()) {
		reg := newWorld(t).reg(s.handler)
		if reg.MaxAge == 0 || s.handler == "announce.post" || s.name == "answered" {
			continue
		}
		t.Run(s.handler+"/"+s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			m := s.setup(w)
			before := w.reached()
			w.clock.Advance(60 * 24 * time.Hour)
			for range 3 {
				w.quietly(s.handler, m)
			}
			want(t, "calls outside", w.reached(), before)
			skipped := w.events(w.newest().ID, incident.EvEffectSkipped)
			if s.handler != "webhook.deliver" && len(skipped) == 0 {
				t.Error("nothing says so")
			}
			seen := map[string]bool{}
			for _, ev := range skipped {
				data, err := incident.DataOf[incident.DataEffect](ev)
				if err != nil || seen[data.Effect] || !strings.Contains(data.Why, "too late") {
					t.Errorf("skipped %+v, %v", data, err)
				}
				seen[data.Effect] = true
			}
		})
	}
}

func TestEvents_RetrospectiveIncidentsHaveNoEffects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, _, err := w.svc.Import(t.Context(), person("ana"), incident.ImportParams{
		NewParams: incident.NewParams{Name: "long ago", Severity: "critical", Lead: "ben", Keys: []incident.Key{incident.NewKey("import:1", false)}},
		Times:     incident.Times{Reported: morning.Add(-48 * time.Hour), Resolved: morning.Add(-47 * time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.work()
	w.pass(10*time.Minute, 30*time.Second)
	want(t, "calls outside", w.reached(), 0)
	want(t, "held", len(w.held), 0)
}

// TestPrivate_NobodyOutsideLearnsAnything runs a private incident through its life and looks at all that
// left for those who take no part.
func TestPrivate_NobodyOutsideLearnsAnything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Name: "the secret breach", Summary: "secret", Severity: "critical", Visibility: incident.Private, Lead: "ben"})
	w.work()
	w.do(inc.ID, person("ben"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ShareUpdate(act, incident.UpdateParams{Message: "a secret update", Status: incident.Fixing})
	})
	w.do(inc.ID, person("ben"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.AddFollowUp(act, incident.FollowUp{Text: "a secret chore"})
	})
	w.pass(12*time.Minute, 30*time.Second)
	w.quietly("digest.daily", tickMessage(w, string(incident.JobDigest), ""))
	w.do(inc.ID, person("ben"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{Message: "a secret end"})
	})
	w.work()

	want(t, "announced", len(w.out.in("C-all"))+len(w.out.in("C-crit")), 0)
	want(t, "issues", len(w.out.issues), 0)
	c := w.out.channels[inc.ID]
	want(t, "private channel", c.spec.Private, true)
	want(t, "name", c.spec.Name, "inc-1")
	told := fmt.Sprintf("%+v", w.out.in("C-ops"))
	for key, pages := range w.out.pages {
		// What others read along says no more to those who take part.
		if out := pages[0].Outside; out == nil || strings.Contains(fmt.Sprintf("%+v", *out), "secret") {
			t.Errorf("%s says outside %+v", key, out)
		}
		if pages[0].Person.ID == "cleo" {
			told += fmt.Sprintf("%s %+v", key, pages)
		}
	}
	for _, body := range w.out.hooks["crm"] {
		told += string(body)
	}
	if len(w.out.in("C-ops")) == 0 || len(w.out.hooks["crm"]) == 0 || !strings.Contains(told, "cleo") {
		t.Errorf("the test looks at nothing: %s", told)
	}
	if strings.Contains(told, "secret") {
		t.Errorf("told outsiders: %s", told)
	}
	if inside := fmt.Sprintf("%+v", w.out.in("C-"+inc.ID)); !strings.Contains(inside, "a secret update") {
		t.Errorf("those inside were not told: %s", inside)
	}
	want(t, "held", w.held, nil)
}

func TestPrivate_AChannelMadeForEverybodyIsToldNothingMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.MakePrivate(act, "customers are named")
	})
	w.work()
	want(t, "topic", w.out.channels[inc.ID].spec.Topic, "INC-1 · investigating") // at once, not with the next change
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ShareUpdate(act, incident.UpdateParams{Message: "a secret update"})
	})
	w.work()
	posts := w.out.in("C-" + inc.ID)
	want(t, "posts", len(posts), 1)
	if text := fmt.Sprintf("%+v", posts); strings.Contains(text, "secret") || strings.Contains(text, "checkout") {
		t.Errorf("told: %s", text)
	}
}

func TestTest_MarkedEverywhereAndCallsOnlyWhoAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical", Mode: incident.ModeTest})
	w.work()
	w.pass(12*time.Minute, 30*time.Second)
	want(t, "to the channel of the path", len(w.out.in("C-ops")), 0)
	if len(w.out.pages) == 0 {
		t.Error("nobody was called")
	}
	for _, pages := range w.out.pages {
		want(t, "called", pages[0].Person.ID, "ana")
		want(t, "marked", pages[0].Test, true)
	}
	for _, p := range w.out.posts {
		if !strings.HasPrefix(p.latest.Title, "[TEST] ") {
			t.Errorf("not marked: %+v", p.latest)
		}
	}
	c := w.out.channels[inc.ID]
	want(t, "name", c.spec.Name, "inc-test-1-checkout-is-down")
	want(t, "topic", strings.HasPrefix(c.spec.Topic, "[TEST] "), true)
}

func TestChannel_NotForWhatHasEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Cancel(act, "nothing")
	})
	w.work()
	want(t, "channels", len(w.out.channels), 0)
	want(t, "headlines", len(w.out.in("C-all")), 0)
	want(t, "pages", len(w.out.pages), 0)
}

// People go on in the channel after the incident is resolved, until it is closed.
func TestChannel_PrivateAfterItIsResolved_SaysLess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.poison(poisoned("e1", "f1", "Q-1")) // which keeps it from closing
	inc := w.do(w.newest().ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Accept(act, incident.AcceptParams{Severity: "minor"})
	})
	w.work()
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{})
	})
	w.work()
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.MakePrivate(act, "customers are named")
	})
	w.work()
	want(t, "topic", w.out.channels[inc.ID].spec.Topic, "INC-1 · documenting")
}

// A channel may have been made before its incident became private: whoever makes the next is told of it.
func TestChannel_MadeAndThenPrivate_IsOutgrown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Name: "Ana's account", Severity: "minor"})
	declared := w.latest(inc.ID, incident.EvDeclared)
	w.out.fault = func(op string) fault {
		if op == "channel" {
			return killsAfter
		}
		return fine
	}
	if _, dead := w.handle(w.reg("channel.create"), declared); !dead {
		t.Fatal("it lives")
	}
	was := w.out.channels[inc.ID]
	want(t, "outgrown", was.outgrown, nil)
	w.out.fault = func(string) fault { return fine }
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.MakePrivate(act, "customers are named")
	})
	w.clock.Advance(time.Minute)
	w.quietly("channel.create", declared)
	is := w.out.channels[inc.ID]
	want(t, "outgrown", is.outgrown, []string{was.spec.Name})
	want(t, "private", is.spec.Private, true)
}

// An incident that ends while its channel is made has that put away, too.
func TestChannel_MadeWhileTheIncidentEnds_IsPutAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	declared := w.latest(inc.ID, incident.EvDeclared)
	ended := false
	w.out.step = func(op string) {
		if op == "channel" && !ended {
			ended = true
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.Cancel(act, "a mistake")
			})
			w.quietly("channel.archive", w.latest(inc.ID, incident.EvCanceled))
		}
	}
	w.quietly("channel.create", declared)
	w.quietly("channel.archive", w.latest(inc.ID, incident.EvEffectDone))
	want(t, "made", w.get(inc.ID).Channel != nil, true)
	want(t, "archived", w.out.channels[inc.ID].archived, true)
	want(t, "noted", w.get(inc.ID).Channel.Archived, true)
}

func TestChannel_ReopenedWhileItIsPutAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{})
	})
	closed := w.latest(inc.ID, incident.EvClosed)
	done := false
	w.out.step = func(op string) {
		if op == "archive" && !done { // it looked, and has not called yet
			done = true
			w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.Reopen(act, "it is back")
			})
			w.quietly("channel.create", w.latest(inc.ID, incident.EvReopened))
		}
	}
	w.quietly("channel.archive", closed)
	want(t, "archived", w.out.channels[inc.ID].archived, false)
	want(t, "noted", w.get(inc.ID).Channel.Archived, false)
}

// reopenedAway is an incident that came back and whose channel is still put away.
func reopenedAway(w *world) incident.Incident {
	w.t.Helper()
	inc := withChannel(w)
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{})
	})
	w.settle("channel.archive")
	return w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Reopen(act, "it is back")
	})
}

// TestUpdate_StandsInAChannelThatIsFetchedBackLater, unless nobody can fetch it back.
func TestUpdate_StandsInAChannelThatIsFetchedBackLater(t *testing.T) {
	t.Parallel()
	for _, f := range []fault{fine, refused} {
		w := newWorld(t)
		inc := reopenedAway(w)
		reopened := w.latest(inc.ID, incident.EvReopened)
		w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.ShareUpdate(act, incident.UpdateParams{Message: "we found it"})
		})
		update := w.latest(inc.ID, incident.EvUpdate)
		err, _ := w.handle(w.reg("update.post"), update)
		want(t, "class", handlers.Class(err), handlers.ClassAgain)
		want(t, "elsewhere", len(w.out.in("C-all")), 1)
		failing(w, f, "archive")
		w.quietly("channel.create", reopened)
		w.quietly("update.post", update)
		want(t, "in the channel", len(w.out.in("C-"+inc.ID)), map[fault]int{fine: 1, refused: 0}[f])
	}
}

// TestControl_ShownInAChannelThatIsFetchedBackLater when somebody asks again.
func TestControl_ShownInAChannelThatIsFetchedBackLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := reopenedAway(w)
	w.quietly("control.note", paused(w, inc.ID, 5))
	w.settle("channel.create")
	w.quietly("control.note", paused(w, inc.ID, 5))
	want(t, "banners", len(w.out.in("C-"+inc.ID)), 1)
}

// TestHeadline_OfWhatIsReopened: that there was nothing to announce, or that the chat refused it, holds for the
// life that it was said of.
func TestHeadline_OfWhatIsReopened(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]fault{"ended on its way": limited, "refused": refused} {
		w := newWorld(t)
		failing(w, first, "post")
		inc := w.declare(incident.NewParams{Severity: "critical"})
		w.work()
		w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Resolve(act, incident.ResolveParams{})
		})
		w.out.fault = func(string) fault { return fine }
		w.pass(5*time.Minute, 30*time.Second)
		headlines := func(place string) (shown []string) {
			for _, p := range w.out.in(place) {
				if strings.HasPrefix(p.post.Key, "headline:") {
					shown = append(shown, p.latest.Facts[0].Value)
				}
			}
			return shown
		}
		want(t, name+": headlines", headlines("C-all"), nil)
		w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Reopen(act, "it is back")
		})
		w.pass(5*time.Minute, 30*time.Second)
		w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.ShareUpdate(act, incident.UpdateParams{Message: "we know why", Status: incident.Fixing})
		})
		w.work()
		for _, place := range []string{"C-all", "C-crit"} {
			want(t, name+": "+place, headlines(place), []string{"fixing"})
		}
		rows, err := w.store.EffectList(t.Context(), inc.ID)
		for _, row := range rows {
			if err != nil || strings.HasPrefix(row.Key, "sweep:headline") {
				t.Errorf("%s: %s, %v", name, row.Key, err)
			}
		}
	}
}

// moved runs a handler that puts a channel away or fetches it back, and changes the incident in between: it has
// looked, and has not called yet. Where dies, the process dies right after the call, and the message comes again.
func (w *world) moved(name string, m handlers.Message, dies bool, meanwhile func()) {
	w.t.Helper()
	calls := 0
	w.out.step = func(op string) {
		if op != "archive" {
			return
		}
		if calls++; calls == 1 {
			meanwhile()
			w.out.fault = func(string) fault {
				if dies {
					return killsAfter
				}
				return fine
			}
		}
	}
	if _, dead := w.handle(w.reg(name), m); dead != dies {
		w.t.Fatalf("dead: %v", dead)
	}
	w.out.fault, w.out.step = func(string) fault { return fine }, func(string) {}
	if dies {
		w.clock.Advance(time.Minute)
		w.quietly(name, m)
	}
}

// TestChannel_ReopenedAndClosedWhileItMoves: whoever comes last sees to it that the channel is where the
// incident is, and leaves nothing begun.
func TestChannel_ReopenedAndClosedWhileItMoves(t *testing.T) {
	t.Parallel()
	closing := func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{})
	}
	opening := func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Reopen(act, "it is back")
	}
	for _, dies := range []bool{false, true} {
		w := newWorld(t)
		inc := w.declare(incident.NewParams{Severity: "minor"})
		w.settle("channel.create")
		check := func(archived bool) {
			t.Helper()
			want(t, "archived", w.out.channels[inc.ID].archived, archived)
			want(t, "noted", w.get(inc.ID).Channel.Archived, archived)
			rows, err := w.store.EffectList(t.Context(), inc.ID)
			for _, row := range rows {
				if err != nil || row.State == incident.EffectClaimed {
					t.Errorf("begun: %s, %v", row.Key, err)
				}
			}
		}
		w.do(inc.ID, person("ana"), closing)
		w.moved("channel.archive", w.latest(inc.ID, incident.EvClosed), dies, func() {
			w.do(inc.ID, person("ana"), opening)
			w.quietly("channel.create", w.latest(inc.ID, incident.EvReopened))
		})
		check(false)
		w.do(inc.ID, person("ana"), closing)
		w.quietly("channel.archive", w.latest(inc.ID, incident.EvClosed))
		w.do(inc.ID, person("ana"), opening)
		w.moved("channel.create", w.latest(inc.ID, incident.EvReopened), dies, func() {
			w.do(inc.ID, person("ana"), closing)
			w.quietly("channel.archive", w.latest(inc.ID, incident.EvClosed))
		})
		check(true)
		// The one that was begun in an earlier life ends in a later one.
		w.do(inc.ID, person("ana"), opening)
		reopened := w.latest(inc.ID, incident.EvReopened)
		w.moved("channel.create", reopened, dies, func() {
			w.do(inc.ID, person("ana"), closing)
			w.do(inc.ID, person("ana"), opening)
		})
		check(false)
	}
}

// TestInvite_WhoComesBack: whoever left and takes part again is brought in again, and so is everybody after a
// reopening, whatever became of their first invitation.
func TestInvite_WhoComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	join := func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Join(act, "ben", incident.Worker)
	}
	leave := func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) { return inc.Leave(act, "ben") }
	invited := func() (n int) {
		for _, p := range w.out.channels[inc.ID].people {
			if p == "ben" {
				n++
			}
		}
		w.out.people(inc.ID, nil)
		return n
	}
	w.do(inc.ID, person("ana"), join)
	w.do(inc.ID, person("ana"), leave) // before anybody invited them
	w.work()
	want(t, "who left", invited(), 0)
	for range 2 {
		w.do(inc.ID, person("ana"), join)
		w.work()
		want(t, "who came back", invited(), 1)
		w.do(inc.ID, person("ana"), leave)
		w.work()
	}
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{})
	})
	w.work()
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Reopen(act, "it is back")
	})
	w.work()
	want(t, "after it was reopened", invited(), 1)
	w.pass(10*time.Minute, 30*time.Second)
	want(t, "and no more", invited(), 0)
}

// TestInvite_NotIntoWhatIsOver: a channel that is made while its incident ends is put away, and nobody is
// brought into it.
func TestInvite_NotIntoWhatIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor", Lead: "ben"})
	w.settle("channel.create")
	made := w.latest(inc.ID, incident.EvEffectDone)
	w.do(inc.ID, person("ana"), cancel)
	w.quietly("participants.invite", made)
	want(t, "invited", w.out.calls["invite"], 0)
	want(t, "skipped", len(w.events(inc.ID, incident.EvEffectSkipped)), 0)
}

func TestHeadline_TheNewestWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	to := func(s incident.Status) handlers.Message {
		w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.ShareUpdate(act, incident.UpdateParams{Message: "now " + string(s), Status: s})
		})
		return w.latest(inc.ID, incident.EvStatus)
	}
	first := to(incident.Fixing)
	var second handlers.Message
	w.out.step = func(op string) {
		if op == "edit" && second.ID == "" { // the slow one has read, and has not written yet
			second = to(incident.Monitoring)
			err, _ := w.handle(w.reg("announce.post"), second)
			want(t, "meanwhile", handlers.Class(err), handlers.ClassAgain)
		}
	}
	w.quietly("announce.post", first)
	w.clock.Advance(5 * time.Second)
	w.quietly("announce.post", second)
	want(t, "shown", w.out.in("C-all")[0].latest.Facts[0].Value, "monitoring")
}

func cancel(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
	return inc.Cancel(act, "nothing")
}

// TestInDoubt_AndThenItEnded: what may have been made before the incident ended is found, and put right.
func TestInDoubt_AndThenItEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failing(w, lostAfter, "channel", "post", "issue")
	inc := w.declare(incident.NewParams{Severity: "critical"})
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.AddFollowUp(act, incident.FollowUp{Text: "fix the cause"})
	})
	w.work()
	w.do(inc.ID, person("ana"), cancel)
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ChangeFollowUp(act, inc.FollowUps[0].ID, incident.ItemChange{State: incident.NotDoing})
	})
	w.out.fault = func(string) fault { return fine }
	w.pass(10*time.Minute, 30*time.Second)
	now := w.get(inc.ID)
	want(t, "put away", w.out.channels[inc.ID].archived, true)
	want(t, "known", now.Channel != nil && now.Channel.Archived, true)
	want(t, "linked", now.FollowUps[0].Link != "", true)
	for _, place := range []string{"C-all", "C-crit"} {
		posts := w.out.in(place)
		want(t, place, len(posts), 1)
		want(t, "status in "+place, posts[0].latest.Facts[0].Value, "canceled")
	}
	want(t, "held", w.held, nil)
}

// TestInDoubt_AndThenItBecamePrivate: so is what says too much.
func TestInDoubt_AndThenItBecamePrivate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failing(w, lostAfter, "post")
	inc := w.declare(incident.NewParams{Severity: "critical", Name: "a secret"})
	w.work()
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.MakePrivate(act, "customers are named")
	})
	w.out.fault = func(string) fault { return fine }
	w.pass(10*time.Minute, 30*time.Second)
	for _, p := range append(w.out.in("C-all"), w.out.in("C-crit")...) {
		if strings.Contains(fmt.Sprintf("%+v", p.latest), "secret") {
			t.Errorf("%s still says %+v", p.post.To.Channel, p.latest)
		}
	}
	want(t, "posted", len(w.out.in("C-all")), 1)
}

// TestUpdate_StandsInAChannelThatIsMadeLater: the chat makes no channels for a while; what is said
// meanwhile is told elsewhere at once, and in the channel when it is there.
func TestUpdate_StandsInAChannelThatIsMadeLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failing(w, lostBefore, "channel")
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ShareUpdate(act, incident.UpdateParams{Message: "we found it"})
	})
	w.pass(time.Hour, time.Minute)
	said := func(channel string) (n int) {
		for _, p := range w.out.in(channel) {
			if strings.Contains(fmt.Sprintf("%+v", p.latest), "we found it") {
				n++
			}
		}
		return n
	}
	elsewhere := said("C-all")
	w.out.fault = func(string) fault { return fine }
	w.pass(15*time.Minute, 10*time.Second)
	want(t, "in the channel", said("C-"+inc.ID), 1)
	want(t, "elsewhere", said("C-all"), elsewhere)
	want(t, "held", w.held, nil)
}

// TestUpdate_LooksAgainBeforeItIsSent: it became private after the message was taken.
func TestUpdate_LooksAgainBeforeItIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	failing(w, refused, "channel") // so that it does not wait for one
	w.settle("channel.create")
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ShareUpdate(act, incident.UpdateParams{Message: "a secret update"})
	})
	m, hidden := w.latest(inc.ID, incident.EvUpdate), false
	plain := w.svc
	w.serviceThat(func(op string) {
		if op == "after claim" && !hidden {
			hidden = true
			if _, err := plain.Do(t.Context(), inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.MakePrivate(act, "customers are named")
			}); err != nil {
				t.Error(err)
			}
		}
	})
	w.quietly("update.post", m)
	want(t, "posts", len(w.out.posts), 0)
}
