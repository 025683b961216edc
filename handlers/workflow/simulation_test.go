package workflow_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// TestSimulation drives incidents through lives at random, with every message coming up to three times
// and in any order, with the world outside losing answers, refusing and being slow, and with the process
// dying anywhere. When all is quiet again every effect must have happened, and once.
func TestSimulation(t *testing.T) {
	t.Parallel()
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			simulate(t, rand.New(rand.NewPCG(seed, 20221118)))
		})
	}
}

// simulation is a world, and dice.
type simulation struct {
	*world
	dice  *rand.Rand
	alert map[string]int // how often each fired
	rows  int
	calm  bool
}

func simulate(t *testing.T, dice *rand.Rand) {
	s := &simulation{world: newWorld(t), dice: dice, alert: map[string]int{}}
	s.copies = func(string) int { return 1 + dice.IntN(3) }
	s.before = func() {
		dice.Shuffle(len(s.backlog), func(i, j int) { s.backlog[i], s.backlog[j] = s.backlog[j], s.backlog[i] })
		if !s.calm && dice.IntN(12) == 0 {
			s.steps, s.crashAt = 0, 1+dice.IntN(25)
		}
	}
	s.out.fault = s.anyFault
	s.out.calling = func(p workflow.Page) { s.mayCall(t, p) }
	for range 60 {
		s.act()
		if dice.IntN(3) == 0 {
			s.work()
		} else {
			s.pass(time.Duration(1+dice.IntN(90))*time.Second, 5*time.Second)
		}
	}
	s.calm = true
	s.pass(3*time.Hour, 30*time.Second)
	s.check(t)
}

func (s *simulation) anyFault(string) fault {
	if s.calm {
		return fine
	}
	switch n := s.dice.IntN(40); {
	case n < 3:
		return lostAfter
	case n < 5:
		return lostBefore
	case n < 7:
		return limited
	case n == 7:
		return strangeToo
	case n == 8:
		return killsAfter
	case n == 9:
		return kills
	default:
		return fine
	}
}

// mayCall is asked right before somebody is called.
func (s *simulation) mayCall(t *testing.T, p workflow.Page) {
	inc, err := s.store.Get(t.Context(), p.Ref)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(p.Key, ":")
	for _, e := range inc.Escalations {
		if e.ID == parts[1] {
			if step := fmt.Sprintf("%d:%d", e.Round, e.Level); e.State != incident.Paging || step != parts[2]+":"+parts[3] {
				t.Errorf("%s is called for %s, which is %s at %s", p.Person.ID, p.Key, e.State, step)
			}
			if late := s.clock.Now().Sub(e.LastDue); late > incident.PageMaxAge {
				t.Errorf("%s is called %s late", p.Person.ID, late)
			}
			return
		}
	}
	t.Errorf("%s is called for %s, which is nothing", p.Person.ID, p.Key)
}

// act does one thing at random. Verbs that the state does not allow are refused, and that is fine.
func (s *simulation) act() {
	pick := func(from ...string) string { return from[s.dice.IntN(len(from))] }
	who := person(pick("ana", "ben", "cleo"))
	n := s.dice.IntN(100)
	switch {
	case n < 12 || s.count() == 0:
		p := incident.NewParams{Severity: pick("critical", "major", "minor", ""), Name: pick("checkout is down", "slow", "mail is late")}
		switch s.dice.IntN(8) {
		case 0:
			p.Mode = incident.ModeTest
		case 1:
			p.Visibility = incident.Private
		}
		s.declare(p)
		return
	case n < 24:
		s.rows++
		dedup := pick("db", "cache", "queue")
		s.alert[dedup]++
		s.row(incident.TopicAlerts, "alert", fmt.Sprintf("alert:%d", s.rows), []byte(generic(dedup, pick("", "", "resolved"))), map[string]string{workflow.AttrSource: "probe"})
		return
	case n < 32:
		s.rows++
		e := poisoned(fmt.Sprintf("e%d", s.rows), pick("f1", "f2"), pick("Q-1", "Q-2", "Q-3", "Q-4"))
		e.Critical = s.dice.IntN(2) == 0
		if s.dice.IntN(3) == 0 {
			e.Kind, e.Version = workflow.QuarantineKind(pick("replayed", "discarded", "restored", "replay_failed")), int64(s.rows)
		}
		poisonEvent(s.world, e)
		return
	}
	id := incident.Ref(1 + int64(s.dice.IntN(s.count())))
	verbs := []incident.Verb{
		ack(who.ID), ack(who.ID),
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.ShareUpdate(act, incident.UpdateParams{Message: "news", Status: incident.Status(pick("", "fixing", "monitoring", "investigating")), Severity: pick("", "", "minor", "critical")})
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Resolve(act, incident.ResolveParams{})
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Reopen(act, "again")
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Cancel(act, "nothing")
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Accept(act, incident.AcceptParams{Severity: pick("critical", "minor")})
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Pause(act, "wait")
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) { return inc.Resume(act) },
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Join(act, who.ID, incident.Worker)
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Subscribe(act, who.ID, true)
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.AssignRole(act, "lead", who.ID)
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Escalate(act, incident.EscalateParams{People: []string{who.ID}, Reason: "help"})
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.AddFollowUp(act, incident.FollowUp{Text: "later"})
		},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.RequestUpdate(act, "")
		},
	}
	verb := verbs[s.dice.IntN(len(verbs))]
	if s.dice.IntN(20) == 0 {
		_, _, _ = s.svc.Merge(s.t.Context(), id, incident.Ref(1+int64(s.dice.IntN(s.count()))), who, "the same")
		return
	}
	_, _ = s.svc.Do(s.t.Context(), id, who, verb)
}

// check looks at all that was done.
func (s *simulation) check(t *testing.T) {
	want(t, "held", s.held, nil)
	posts := map[string]int{}
	for _, p := range s.out.posts {
		posts[p.post.To.Channel+"/"+p.post.To.Person.ID+"/"+p.post.Key]++
	}
	for key, n := range posts {
		if n != 1 {
			t.Errorf("%s was posted %d times", key, n)
		}
	}
	for marker, issue := range s.out.issues {
		if strings.HasPrefix(issue.Title, "TWICE") {
			t.Errorf("%s was opened twice", marker)
		}
	}
	open := map[string]int64{}
	for n := int64(1); n <= int64(s.count()); n++ {
		inc := s.get(incident.Ref(n))
		s.checkIncident(t, &inc)
		for _, k := range inc.Held() {
			if open[k.Text] != 0 {
				t.Errorf("%q is held by %d and %d", k.Text, open[k.Text], n)
			}
			open[k.Text] = n
		}
	}
	fired := 0
	for n := int64(1); n <= int64(s.count()); n++ {
		fired += len(s.events(s.get(incident.Ref(n)).ID, incident.EvAlert))
	}
	all := 0
	for _, n := range s.alert {
		all += n
	}
	if fired > all {
		t.Errorf("%d alerts fired and %d are written down", all, fired)
	}
}

func (s *simulation) checkIncident(t *testing.T, inc *incident.Incident) {
	c := s.out.channels[inc.ID]
	ended := inc.Status == incident.Closed || inc.Status.Final()
	if inc.Status.Live() && (inc.Channel == nil || c.made != 1) {
		t.Errorf("%s is %s and has no channel", inc.Ref(), inc.Status)
	}
	if c.made > 0 && inc.Channel == nil {
		t.Errorf("%s has a channel that it does not know", inc.Ref())
	}
	if inc.Channel != nil && c.archived != ended && inc.Status.Stage() != incident.StagePost {
		t.Errorf("%s is %s and its channel is archived: %v", inc.Ref(), inc.Status, c.archived)
	}
	for _, p := range inc.Participants {
		if inc.Status.Live() && p.Left.IsZero() && !slices.Contains(c.people, p.Person) {
			t.Errorf("%s takes part in %s and was not invited", p.Person, inc.Ref())
		}
	}
	if inc.Status.Live() && !strings.Contains(c.spec.Topic, string(inc.Status)) {
		t.Errorf("%s is %s and its topic says %q", inc.Ref(), inc.Status, c.spec.Topic)
	}
	for _, p := range s.out.posts {
		if !strings.HasPrefix(p.post.Key, "headline:"+inc.ID) {
			continue
		}
		if inc.Visibility == incident.Private {
			t.Errorf("%s is private and announced", inc.Ref())
		} else if p.latest.Facts[0].Value != string(inc.Status) {
			t.Errorf("%s is %s and its headline says %s", inc.Ref(), inc.Status, p.latest.Facts[0].Value)
		}
	}
	if inc.Status.Live() && inc.Visibility == incident.Public && inc.Headline == nil {
		t.Errorf("%s has no headline", inc.Ref())
	}
	for _, e := range inc.Escalations {
		for key := range s.out.pages {
			if !strings.HasPrefix(key, "page:"+e.ID+":") || e.State == incident.Paging || e.State == incident.Exhausted {
				continue
			}
			if len(s.out.ended[key]) == 0 {
				t.Errorf("%s is %s and %s goes on", e.ID, e.State, key)
			}
		}
	}
	hooks := map[string]int{}
	for _, ev := range s.events(inc.ID, incident.EvDeclared, incident.EvResolved) {
		hooks[ev.ID] = s.out.hookIDs["crmmsg_"+ev.ID]
	}
	for id, n := range hooks {
		if n == 0 {
			t.Errorf("%s of %s was not delivered", id, inc.Ref())
		}
	}
	levels := map[string]bool{}
	for _, ev := range s.events(inc.ID, incident.EvLevelDue) {
		if levels[ev.Key] {
			t.Errorf("%s was due twice", ev.Key)
		}
		levels[ev.Key] = true
	}
}
