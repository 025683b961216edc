package incidentd

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentslack"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// shedder is the desk over a room without workers, and a way to ask it in somebody's name.
func shedder(t *testing.T) (*quarantine.Service, func(args string, ends int64) (string, error)) {
	t.Helper()
	room, err := quarantine.New(quarantinetest.NewStore(), quarantine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	desk := shedDesk{room: func(context.Context) (*quarantine.Service, error) { return room, nil }, command: "/inc"}
	keys := 0
	return room, func(args string, ends int64) (string, error) {
		keys++
		return desk.order(t.Context(), incidentslack.ControlOrder{
			By:  incident.Actor{Kind: incident.ByPerson, ID: "ana", Name: "Ana", Role: incident.Responder},
			Key: "slack:cmd:" + strings.Repeat("x", keys), Args: args, Ends: ends,
		})
	}
}

// What is typed in Slack is ordered as from the command line: with a level, an end and a reason.
func TestShed_OrdersAndEnds(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{
		`non-critical 1h the database is full`, `NON-CRITICAL for 1h the database is full`,
		`non-critical --for 1h --reason "the database is full"`, `non-critical --for=1h --reason=“the database is full”`,
	} {
		room, ask := shedder(t)
		text, err := ask(typed, 0)
		if err != nil {
			t.Fatalf("%s: %v", typed, err)
		}
		for _, want := range []string{"Shed to non-critical until ", "no living worker", "/inc shed normal"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q does not say %q", typed, text, want)
			}
		}
		c, err := room.Controls(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		set := c.Shed()
		same(t, "level", set.Level, handlers.ShedNonCritical)
		same(t, "decision", [3]any{set.Ordered.Actor, set.Ordered.Reason, set.Until.Sub(set.Ordered.At)},
			[3]any{quarantine.Actor{Name: "ana", Via: "slack"}, "the database is full", time.Hour})
		if text, err = ask("", 0); err != nil || !strings.Contains(text, "non-critical work is held back until ") || !strings.Contains(text, "ana: the database is full") {
			t.Errorf("what is in force: %q, %v", text, err)
		}
		if text, err = ask("normal", 0); err != nil || !strings.Contains(text, "Nothing is shed any more") {
			t.Errorf("normal: %q, %v", text, err)
		}
	}
}

func TestShed_Refused(t *testing.T) {
	t.Parallel()
	room, ask := shedder(t)
	for typed, want := range map[string]string{
		"everything 1h x":          "no level",
		"non-critical":             "for how long",
		"non-critical soon x":      "for how long",
		"non-critical 0s x":        "for how long",
		"non-critical 9999d x":     "for how long",
		"non-critical 1h":          "why",
		"critical-only --for 1h":   "why",
		"normal":                   "nothing is shed",
		"non-critical -1h because": "for how long",
	} {
		if text, err := ask(typed, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want %q", typed, text, err, want)
		}
	}
	if c, err := room.Controls(t.Context()); err != nil || c.Version != 0 {
		t.Errorf("something was ordered: %+v, %v", c, err)
	}
	if text, err := ask("", 0); err != nil || !strings.HasPrefix(text, "Nothing is held back.") {
		t.Errorf("nothing in force: %q, %v", text, err)
	}
}

// The button under a banner ends the order that the banner shows, and none that came after it.
func TestShed_RestoreEndsItsOwnOrder(t *testing.T) {
	t.Parallel()
	room, ask := shedder(t)
	for range 2 {
		if _, err := ask("non-critical 1h x", 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ask("normal", 1); !errors.Is(err, quarantine.ErrRefused) {
		t.Errorf("the order before: %v", err)
	}
	if _, err := ask("normal", 2); err != nil {
		t.Errorf("its own: %v", err)
	}
	if c, err := room.Controls(t.Context()); err != nil || c.Shed().Level != handlers.ShedNothing {
		t.Errorf("in force: %+v, %v", c, err)
	}
}

// A request that comes twice orders once.
func TestShed_Once(t *testing.T) {
	t.Parallel()
	room, _ := shedder(t)
	desk := shedDesk{room: func(context.Context) (*quarantine.Service, error) { return room, nil }, command: "/inc"}
	o := incidentslack.ControlOrder{By: incident.Actor{Kind: incident.ByPerson, ID: "ana"}, Key: "slack:cmd:" + strings.Repeat("1", 300), Args: "critical-only 1h x"}
	for range 2 {
		if text, err := desk.order(t.Context(), o); err != nil || !strings.Contains(text, "critical-only") {
			t.Fatalf("%q, %v", text, err)
		}
	}
	if c, err := room.Controls(t.Context()); err != nil || c.Version != 1 {
		t.Errorf("version %d, %v", c.Version, err)
	}
}

// A button whose answer was lost is carried out once, and nobody reads that it was not done.
func TestShed_RestoreThatComesTwice(t *testing.T) {
	t.Parallel()
	room, ask := shedder(t)
	if _, err := ask("non-critical 1h x", 0); err != nil {
		t.Fatal(err)
	}
	desk := shedDesk{room: func(context.Context) (*quarantine.Service, error) { return room, nil }, command: "/inc"}
	restore := incidentslack.ControlOrder{By: incident.Actor{Kind: incident.ByPerson, ID: "ana"}, Key: "slack:act:1", Args: "normal", Ends: 1}
	for _, want := range []string{"Nothing is shed any more", "Nothing is held back"} {
		if text, err := desk.order(t.Context(), restore); err != nil || !strings.Contains(text, want) {
			t.Errorf("%q, %v; want %q", text, err, want)
		}
	}
}

// overtaken is a room in which somebody orders something else right before an order.
type overtaken struct {
	quarantine.Store
	meanwhile func()
}

func (o overtaken) ControlAct(ctx context.Context, a quarantine.ControlAct) (quarantine.Controls, error) {
	o.meanwhile()
	return o.Store.ControlAct(ctx, a)
}

// An order that comes while the button of the one before is pressed stays.
func TestShed_RestoreLosesTheRace(t *testing.T) {
	t.Parallel()
	store := quarantinetest.NewStore()
	other, err := quarantine.New(store, quarantine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	order := func() {
		if _, err := other.Shed(t.Context(), handlers.ShedNonCritical, time.Hour, by("ben")); err != nil {
			t.Error(err)
		}
	}
	order()
	room, err := quarantine.New(overtaken{store, order}, quarantine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	desk := shedDesk{room: func(context.Context) (*quarantine.Service, error) { return room, nil }, command: "/inc"}
	restore := incidentslack.ControlOrder{By: incident.Actor{Kind: incident.ByPerson, ID: "ana"}, Key: "slack:act:1", Args: "normal", Ends: 1}
	if text, err := desk.order(t.Context(), restore); !errors.Is(err, quarantine.ErrRefused) {
		t.Errorf("%q, %v", text, err)
	}
	if c, err := room.Controls(t.Context()); err != nil || c.Shed().Version != 2 {
		t.Errorf("in force: %+v, %v", c, err)
	}
}

// A room that cannot be reached is worth another try, whatever it says.
func TestShed_RoomAway(t *testing.T) {
	t.Parallel()
	desk := shedDesk{room: func(context.Context) (*quarantine.Service, error) { return nil, quarantine.ErrUnavailable }, command: "/inc"}
	if _, err := desk.order(t.Context(), incidentslack.ControlOrder{Args: "normal"}); !errors.Is(err, incident.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}
