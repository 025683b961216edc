package workflow_test

import (
	"context"
	"testing"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// contended is a store in which somebody else is first with each of the next saves.
type contended struct {
	incident.Stores
	left *int
}

func (c contended) Save(ctx context.Context, changes ...incident.Change) ([]incident.Incident, error) {
	if *c.left > 0 {
		*c.left--
		return nil, &incident.ConflictError{Ref: "INC-1", What: "it has changed"}
	}
	return c.Stores.Save(ctx, changes...)
}

// TestHandlers_LostRaces_AreNobodysFault: an alert that comes a thousand times changes one incident a
// thousand times, and who is late comes again. If that counted as failures, so many messages that fail
// would look like a bad deployment and open the breaker.
func TestHandlers_LostRaces_AreNobodysFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alert("a1", "probe", generic("db", ""))
	left := 1000
	svc, err := incident.NewService(incident.Config{Stores: contended{w.store, &left}, Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	w.regs = workflow.All(workflow.Deps{Service: svc, Chat: w.out, Notifier: w.out, Now: w.clock.Now})
	for name, m := range map[string]handlers.Message{
		"alert.ingest":   alertMessage(w, "a2", "probe", generic("db", "")),
		"channel.create": w.latest(w.newest().ID, incident.EvDeclared),
	} {
		left = 1000
		err, _ := w.handle(w.reg(name), m)
		if class := handlers.Class(err); class != handlers.ClassAgain || handlers.Delay(err) <= 0 {
			t.Errorf("%s: class %v: %v", name, class, err)
		}
		left = 0
		if err, _ := w.handle(w.reg(name), m); err != nil {
			t.Errorf("%s, alone: %v", name, err)
		}
	}
	want(t, "alerts", w.newest().Alerts[0].Count, 2)
}
