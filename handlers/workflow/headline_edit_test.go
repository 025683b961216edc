package workflow_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
)

// replicas are two processes that keep headlines, with one store and one world outside, in a bubble of
// synctest. What a process had when it died comes again, at the other one.
type replicas struct {
	t       *testing.T
	store   *incidenttest.Store
	svc     *incident.Service
	out     *outside
	regs    []workflow.Registration
	alive   [2]context.Context
	kill    [2]context.CancelFunc
	working sync.WaitGroup

	mu    sync.Mutex
	edits map[string][]time.Time // when each headline was edited, by its key
	slow  int                    // the edit of a headline that takes two seconds, counted from 1; 0 is none
}

// redelivery is when a broker brings what a process had that died.
const redelivery = 3 * time.Second

// editing is how long the chat takes for an edit.
const editing = 300 * time.Millisecond

func newReplicas(t *testing.T) *replicas {
	t.Helper()
	r := &replicas{t: t, out: newOutside(), edits: map[string][]time.Time{}}
	r.store = incidenttest.NewStore(incidenttest.Options{Now: time.Now})
	var err error
	if r.svc, err = incident.NewService(incident.Config{Stores: r.store}); err != nil {
		t.Fatal(err)
	}
	settings := testSettings()
	settings.Announce = settings.Announce[:1]
	if _, err := r.store.SaveSettings(t.Context(), incident.Actor{Kind: incident.ByPerson, ID: "ana"}, settings); err != nil {
		t.Fatal(err)
	}
	for n := range r.alive {
		r.alive[n], r.kill[n] = context.WithCancel(t.Context())
		all := workflow.All(workflow.Deps{Service: r.svc, Chat: noting{r.out, r}})
		i := slices.IndexFunc(all, func(reg workflow.Registration) bool { return reg.Name == "announce.post" })
		r.regs = append(r.regs, all[i])
	}
	return r
}

// noting is a chat that takes its time for an edit, and notes when it began.
type noting struct {
	*outside
	r *replicas
}

func (c noting) Post(ctx context.Context, p workflow.Post) (incident.Post, error) {
	if p.Edit != nil {
		c.r.mu.Lock()
		c.r.edits[p.Key] = append(c.r.edits[p.Key], time.Now())
		takes := editing
		if len(c.r.edits[p.Key]) == c.r.slow {
			takes = 2 * time.Second
		}
		c.r.mu.Unlock()
		<-time.After(takes)
	}
	return c.outside.Post(ctx, p)
}

// relay publishes what happened, to one process or the other.
func (r *replicas) relay() {
	r.t.Helper()
	waiting, err := r.store.Unpublished(r.t.Context(), 100)
	if err != nil {
		r.t.Fatal(err)
	}
	for n, o := range waiting {
		r.working.Go(func() {
			r.deliver((n+len(o.ID))%2, handlers.Message{ID: o.ID, Data: o.Data, Attributes: o.Attributes})
		})
		if err := r.store.MarkPublished(r.t.Context(), o.ID); err != nil {
			r.t.Fatal(err)
		}
	}
}

// deliver brings a message until it is answered for good, as a consumer does.
func (r *replicas) deliver(process int, m handlers.Message) {
	w := world{t: r.t}
	for {
		var wait time.Duration
		err, dead := func() (error, bool) {
			reg := r.regs[process]
			reg.Handler = handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				defer context.AfterFunc(r.alive[process], cancel)()
				return r.regs[process].Handler.Handle(ctx, m)
			})
			return w.handle(reg, m)
		}()
		switch {
		case dead:
			r.kill[process]()
		case err == nil:
			return
		case handlers.Class(err) != handlers.ClassAgain && r.alive[process].Err() == nil:
			r.t.Errorf("answered %v", err)
			return
		default:
			wait = handlers.Delay(err)
		}
		select {
		case <-time.After(wait):
		case <-r.alive[process].Done():
		}
		if r.alive[process].Err() != nil {
			<-time.After(redelivery)
			process = 1 - process
		}
	}
}

func (r *replicas) declare(name string) incident.Incident {
	r.t.Helper()
	inc, _, err := r.svc.Declare(r.t.Context(), person("ana"), incident.NewParams{Name: name, Severity: "minor", Keys: []incident.Key{incident.NewKey(name, false)}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.relay()
	return inc
}

func (r *replicas) do(id string, verb incident.Verb) {
	r.t.Helper()
	if _, err := r.svc.Do(r.t.Context(), id, person("ana"), verb); err != nil {
		r.t.Fatal(err)
	}
	r.relay()
}

func (r *replicas) rename(id, name string) {
	r.t.Helper()
	r.do(id, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Edit(act, incident.EditParams{Name: &name})
	})
}

// busy changes an incident 50 times in ten seconds.
func (r *replicas) busy(id string) {
	r.t.Helper()
	for n := range 50 {
		<-time.After(200 * time.Millisecond)
		r.rename(id, fmt.Sprint("name ", n+1))
	}
}

// headline is the one headline of an incident.
func (r *replicas) headline(id string) posted {
	r.t.Helper()
	var found []posted
	for _, p := range r.out.in("C-all") {
		if strings.HasPrefix(p.post.Key, "headline:"+id) {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		r.t.Fatalf("%d headlines", len(found))
	}
	return found[0]
}

// edited is when the headline of an incident was edited.
func (r *replicas) edited(id string) []time.Time {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.edits["headline:"+id+":C-all"])
}

// apart expects that no two edits of a headline are nearer than five seconds.
func (r *replicas) apart(id string) {
	r.t.Helper()
	all := r.edited(id)
	for n := range all[:max(0, len(all)-1)] {
		if between := all[n+1].Sub(all[n]); between < 5*time.Second {
			r.t.Errorf("edit %d came %s after the one before", n+2, between)
		}
	}
}

// TestHeadline_EditsAreMerged: many changes of one incident are few edits, of two processes together, and the
// last one shows how it stands.
func TestHeadline_EditsAreMerged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t)
		inc := r.declare("checkout is down")
		r.busy(inc.ID)
		last := time.Now()
		r.working.Wait()
		want(t, "title", r.headline(inc.ID).latest.Title, "INC-1 name 50")
		if n := len(r.edited(inc.ID)); n < 2 || n > 4 {
			t.Errorf("%d edits", n)
		}
		r.apart(inc.ID)
		all := r.edited(inc.ID)
		if waited := all[len(all)-1].Sub(last); waited > 6*time.Second {
			t.Errorf("the last change was shown after %s", waited)
		}
	})
}

// TestHeadline_EditsOfAProcessThatDies: whatever it had waiting is shown by the other one.
func TestHeadline_EditsOfAProcessThatDies(t *testing.T) {
	t.Parallel()
	for _, f := range []fault{kills, killsAfter} {
		for at := 1; at <= 3; at++ {
			synctest.Test(t, func(t *testing.T) {
				r := newReplicas(t)
				edits := 0
				r.out.fault = func(op string) fault {
					if op == "edit" {
						if edits++; edits == at {
							return f
						}
					}
					return fine
				}
				inc := r.declare("checkout is down")
				r.busy(inc.ID)
				r.working.Wait()
				want(t, "title", r.headline(inc.ID).latest.Title, "INC-1 name 50")
				if n := len(r.edited(inc.ID)); n < at+1 || n > 6 {
					t.Errorf("%d edits, and edit %d killed", n, at)
				}
			})
		}
	}
}

// TestHeadline_EditsOfOneIncidentKeepNoOtherWaiting: a quiet incident is announced, and its first change shown,
// while another one is busy.
func TestHeadline_EditsOfOneIncidentKeepNoOtherWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t)
		busy := r.declare("checkout is down")
		r.working.Go(func() { r.busy(busy.ID) })
		<-time.After(4 * time.Second)
		quiet := r.declare("mail is late")
		synctest.Wait()
		want(t, "posted", r.headline(quiet.ID).latest.Title, quiet.Ref()+" mail is late")
		<-time.After(time.Second)
		changed := time.Now()
		r.rename(quiet.ID, "mail is lost")
		r.working.Wait()
		want(t, "shown", r.headline(quiet.ID).latest.Title, quiet.Ref()+" mail is lost")
		want(t, "edits", r.edited(quiet.ID), []time.Time{changed})
		want(t, "the busy one", r.headline(busy.ID).latest.Title, busy.Ref()+" name 50")
	})
}

// TestHeadline_WhatDoesNotWait: that an incident is over, or is nobody's business any more, is shown at once,
// however often its headline was edited just before.
func TestHeadline_WhatDoesNotWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verb incident.Verb
		is   func(p posted) bool
	}{
		"it is over": {func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Resolve(act, incident.ResolveParams{Message: "rolled back"})
		}, func(p posted) bool { return p.latest.Facts[0].Value == string(incident.Closed) }},
		"it is private": {func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.MakePrivate(act, "customers are named")
		}, func(p posted) bool { return p.latest.Title == "INC-1" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newReplicas(t)
				inc := r.declare("checkout is down")
				r.busy(inc.ID)
				r.do(inc.ID, c.verb)
				<-time.After(editing)
				synctest.Wait()
				if p := r.headline(inc.ID); !c.is(p) {
					t.Errorf("at once it says %+v", p.latest)
				}
				r.working.Wait()
				if p := r.headline(inc.ID); !c.is(p) {
					t.Errorf("in the end it says %+v", p.latest)
				}
				if n := len(r.edited(inc.ID)); n > 5 {
					t.Errorf("%d edits", n)
				}
			})
		})
	}
}

// TestHeadline_WhatDoesNotWaitIsNotOverwritten by an edit that was on its way.
func TestHeadline_WhatDoesNotWaitIsNotOverwritten(t *testing.T) {
	t.Parallel()
	hide := func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.MakePrivate(act, "customers are named")
	}
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t)
		inc := r.declare("checkout is down")
		synctest.Wait()
		r.slow = 1
		r.rename(inc.ID, "the card numbers leak")
		<-time.After(time.Second)
		r.do(inc.ID, hide)
		<-time.After(editing)
		synctest.Wait()
		want(t, "at once", r.headline(inc.ID).latest.Title, "INC-1")
		<-time.After(time.Second)
		synctest.Wait()
		want(t, "once the slow one is done", r.headline(inc.ID).latest.Title, "INC-1")
		r.working.Wait()
		want(t, "in the end", r.headline(inc.ID).latest.Title, "INC-1")
	})
	synctest.Test(t, func(t *testing.T) { // the one that does not wait is the slow one
		r := newReplicas(t)
		inc := r.declare("checkout is down")
		synctest.Wait()
		r.slow = 1
		r.do(inc.ID, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Resolve(act, incident.ResolveParams{})
		})
		<-time.After(time.Second)
		r.rename(inc.ID, "checkout was down")
		r.working.Wait()
		want(t, "in the end", r.headline(inc.ID).latest.Title, "INC-1 checkout was down")
	})
}

// TestHeadline_NothingToEdit: what its post says already is not said once more, so that the first change need
// not wait.
func TestHeadline_NothingToEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor", Lead: "ben"})
	w.work()
	want(t, "edits", w.out.calls["edit"], 0)
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ShareUpdate(act, incident.UpdateParams{Message: "found it", Status: incident.Fixing})
	})
	w.work()
	want(t, "edits after a change", w.out.calls["edit"], 1)
	want(t, "status", w.out.in("C-all")[0].latest.Facts[0].Value, "fixing")
}

// TestHeadline_AnEditThatIsRefused is no word on the next.
func TestHeadline_AnEditThatIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.work()
	to := func(s incident.Status) {
		w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.ShareUpdate(act, incident.UpdateParams{Message: "news", Status: s})
		})
		w.pass(10*time.Second, time.Second)
	}
	failing(w, refused, "edit")
	to(incident.Fixing)
	want(t, "refused", w.out.calls["edit"], 1)
	w.out.fault = func(string) fault { return fine }
	to(incident.Monitoring)
	want(t, "status", w.out.in("C-all")[0].latest.Facts[0].Value, "monitoring")
	w.leavesNothing(inc.ID)
	want(t, "edits", w.out.calls["edit"], 2)
}

// TestHeadline_ShowsWhatCameAfterItsPost: its channel is mostly made after it was posted, and an update need not
// change anything else.
func TestHeadline_ShowsWhatCameAfterItsPost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "minor", Lead: "ben"})
	w.quietly("announce.post", w.latest(inc.ID, incident.EvDeclared))
	w.work()
	want(t, "facts with the channel", w.out.in("C-all")[0].latest.Facts[3], workflow.Fact{Name: "Channel", Value: "#" + w.get(inc.ID).Channel.Name})
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ShareUpdate(act, incident.UpdateParams{Message: "found it"})
	})
	w.pass(10*time.Second, time.Second)
	want(t, "facts with the update", w.out.in("C-all")[0].latest.Facts[4], workflow.Fact{Name: "Last update", Value: "found it"})
	want(t, "edits", w.out.calls["edit"], 2)
	w.leavesNothing(inc.ID)
}
