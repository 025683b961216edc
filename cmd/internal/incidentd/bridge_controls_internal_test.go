package incidentd

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// declare makes an incident that is worked on.
func (s *shore) declare(name string) incident.Incident {
	s.t.Helper()
	inc, _, err := s.svc.Declare(s.t.Context(), incident.Actor{Kind: incident.ByPerson, ID: "ana", Role: incident.Admin}, incident.NewParams{
		Name: name, Keys: []incident.Key{incident.NewKey("test:"+name, false)},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.work()
	return inc
}

// lines are what the timeline of an incident says of orders, without the actor's phrase.
func (s *shore) lines(inc incident.Incident) (lines []string) {
	s.t.Helper()
	page, err := s.store.Events(s.t.Context(), incident.EventFilter{IncidentID: inc.ID, Types: []incident.EventType{incident.EvControlChanged}})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, ev := range page.Events {
		who, what, _ := strings.Cut(incident.Line(ev), " changed how work is done: ")
		lines = append(lines, ev.Key+" "+who+": "+what)
	}
	return lines
}

func (s *shore) control(_ quarantine.Controls, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// settle lets time pass with a bridge that looks.
func (s *shore) settle(d time.Duration) (came int) {
	s.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); pass(bridgeEvery) {
		came += s.look()
	}
	return came
}

func TestBridge_OrdersAreShownInEveryOpenIncident(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShore(t, quarantinetest.NewStore())
		one, two := s.declare("checkout is down"), s.declare("mails are late")
		same(t, "rows before any order", s.settle(10*time.Second), 0)

		s.control(s.room.Pause(t.Context(), "orders", time.Hour, by("ana")))
		same(t, "rows", s.look(), 2)
		until := time.Now().Add(time.Hour).UTC().Format("2006-01-02 15:04 UTC")
		for _, inc := range []incident.Incident{one, two} {
			same(t, "lines", s.lines(inc), []string{"control:1 ana: orders is paused until " + until + ": because of ana"})
		}
		same(t, "banners", s.chat.banners(), map[string]string{"1:" + one.ID: "IN FORCE: orders is paused", "1:" + two.ID: "IN FORCE: orders is paused"})
		same(t, "rows while nothing changes", s.settle(10*time.Minute), 0)

		// An incident that begins meanwhile hears of it within moments.
		three := s.declare("payments are slow")
		same(t, "rows", s.settle(standingEvery+time.Second), 1)
		same(t, "lines", len(s.lines(three)), 1)
		same(t, "banner", s.chat.banners()["1:"+three.ID], "IN FORCE: orders is paused")

		// A pause takes the place of another, a shed stands beside it.
		s.control(s.room.Pause(t.Context(), "orders", 2*time.Hour, by("ben")))
		s.control(s.room.Shed(t.Context(), handlers.ShedNonCritical, time.Hour, by("ben")))
		same(t, "rows", s.look(), 6)
		for version, title := range map[string]string{"1:": "ENDED: orders was paused", "2:": "IN FORCE: orders is paused", "3:": "IN FORCE: non-critical work is held back"} {
			same(t, "banner "+version, s.chat.banners()[version+one.ID], title)
		}
		s.restart()
		same(t, "rows of a new bridge", s.settle(3*time.Minute), 0)

		// One ends by an act, one by itself.
		s.control(s.room.Resume(t.Context(), "orders", by("ana")))
		same(t, "rows", s.look(), 3)
		same(t, "banner", s.chat.banners()["2:"+one.ID], "ENDED: orders was paused")
		same(t, "rows at its expiry", s.settle(time.Hour), 3)
		same(t, "banner", s.chat.banners()["3:"+one.ID], "ENDED: non-critical work was held back")
		lines := s.lines(one)
		same(t, "the last lines", lines[3:], []string{
			"control:4 ana: orders runs again: because of ana",
			"control:3:expired quarantine: an order has expired: non-critical work is held back no longer",
		})
		s.restart()
		same(t, "rows of a new bridge", s.settle(3*time.Minute), 0)
		same(t, "lines", len(s.lines(one)), 5)
		same(t, "refused", s.held, nil)
	})
}

// TestBridge_OrdersWhileNoneRan: what changed is made up for, and what ended before an incident began is
// left out.
func TestBridge_OrdersWhileNoneRan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShore(t, quarantinetest.NewStore())
		one := s.declare("checkout is down")
		s.control(s.room.Pause(t.Context(), "mails", 0, by("ana")))
		s.control(s.room.Pause(t.Context(), "orders", 0, by("ana")))
		e := s.hold("mails", "m-1", "*mail.NoHost")
		for range bridgePage { // so that the pauses are not among what a new bridge reads
			s.decide(s.room.EntryDiscard(t.Context(), s.entry(e.Ref), by("ana")))
			s.decide(s.room.EntryRestore(t.Context(), s.entry(e.Ref), by("ana")))
		}
		s.look()
		pass(48 * time.Hour)

		s.restart()
		s.look()
		s.control(s.room.Resume(t.Context(), "orders", by("ben")))
		s.look()
		same(t, "banner", s.chat.banners()["2:"+one.ID], "ENDED: orders was paused")
		s.control(s.room.Shed(t.Context(), handlers.ShedAllButCritical, time.Minute, by("ben")))
		pass(10 * time.Minute)
		two := s.declare("payments are slow")
		s.settle(10 * time.Second)
		same(t, "lines", s.lines(two), []string{"control:1 ana: mails is paused until somebody ends it: because of ana"})
		same(t, "lines of the first", len(s.lines(one)), 5)

		// Of a pause that is older than what is read, and in force when the bridge began, it knows the version.
		s.control(s.room.Resume(t.Context(), "mails", by("ben")))
		s.look()
		for _, inc := range []incident.Incident{one, two} {
			same(t, "banner", s.chat.banners()["1:"+inc.ID], "ENDED: mails was paused")
		}
		same(t, "refused", s.held, nil)
	})
}

// TestBridge_OrdersReachChannelsThatAreMadeLater: an incident in triage has none yet. It is asked again
// until it shows the order; one that has ended is not.
func TestBridge_OrdersReachChannelsThatAreMadeLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShore(t, quarantinetest.NewStore())
		s.hold("mails", "m-1", "*mail.NoHost")
		ended := s.declare("a mistake")
		_, err := s.svc.Do(t.Context(), ended.ID, incident.Actor{Kind: incident.ByPerson, ID: "ana", Role: incident.Admin}, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Cancel(act, "a mistake")
		})
		if err != nil {
			t.Fatal(err)
		}
		s.look()
		s.control(s.room.Pause(t.Context(), "mails", 0, by("ana")))
		s.look()
		inc := s.incidents()[1]
		same(t, "status", inc.Status, incident.Triage)
		same(t, "lines", len(s.lines(inc)), 1)
		same(t, "banners", len(s.chat.banners()), 0)
		same(t, "rows in 5 minutes, of one incident", s.settle(5*time.Minute) <= 5, true)
		_, err = s.svc.Do(t.Context(), inc.ID, incident.Actor{Kind: incident.ByPerson, ID: "ana", Role: incident.Admin}, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Accept(act, incident.AcceptParams{})
		})
		if err != nil {
			t.Fatal(err)
		}
		s.settle(standingAgain + standingEvery + time.Second)
		same(t, "banners", s.chat.banners(), map[string]string{"1:" + inc.ID: "IN FORCE: mails is paused"})
		same(t, "lines", len(s.lines(inc)), 1)
		s.settle(2 * time.Minute) // it notices that there is nothing left to ask
		same(t, "rows when all is shown", s.settle(10*time.Minute), 0)
		for id, e := range s.rows {
			if e.Kind == workflow.ControlChanged && strings.HasPrefix(id, "control:1:"+ended.ID+":") {
				t.Errorf("the ended incident was asked again: %s", id)
			}
		}
		same(t, "refused", s.held, nil)
	})
}

// failing is a store of incidents that takes nothing for a while.
type failing struct {
	bridgeStore
	down bool
}

var errDown = errors.New("down")

func (f *failing) Accept(ctx context.Context, rows ...incident.Inbound) ([]bool, error) {
	if f.down {
		return nil, errDown
	}
	return f.bridgeStore.Accept(ctx, rows...)
}

// TestBridge_AStoreThatIsAway: what could not be told is told later, once.
func TestBridge_AStoreThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShore(t, quarantinetest.NewStore())
		inc := s.declare("checkout is down")
		away := &failing{bridgeStore: s.store}
		s.bridge.store = away
		s.look()
		away.down = true
		s.control(s.room.Pause(t.Context(), "orders", time.Minute, by("ana")))
		e := s.hold("mails", "m-1", "*mail.NoHost")
		s.decide(s.room.EntryDiscard(t.Context(), e, by("ana")))
		for range 10 {
			if err := s.bridge.look(t.Context()); !errors.Is(err, errDown) {
				t.Fatalf("the bridge says %v", err)
			}
			pass(30 * time.Second)
		}
		away.down = false
		same(t, "rows", s.look() > 0, true)
		same(t, "lines", len(s.lines(inc)), 2)
		same(t, "banners", len(s.chat.banners()), 0) // it was over by then
		same(t, "decisions", len(s.ofKind(workflow.EntryDiscarded)), 1)
		same(t, "again", s.look(), 0)
	})
}
