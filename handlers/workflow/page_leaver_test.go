package workflow_test

import (
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
)

// Somebody of whom it is known when they leave is called until then, and not after.
func TestPage_WhoIsGoingToLeave_IsCalledUntilThen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	leaves := w.clock.Now().Add(time.Hour)
	if err := w.store.SavePerson(t.Context(), incident.Person{ID: "ana", Name: "Ana", Role: incident.Responder, Gone: leaves}); err != nil {
		t.Fatal(err)
	}
	w.quietly("escalation.page", w.latest(w.declare(incident.NewParams{Severity: "critical"}).ID, incident.EvLevelDue))
	want(t, "pages", len(w.out.pages), 1)
	w.clock.Advance(2 * time.Hour)
	w.quietly("escalation.page", w.latest(w.declare(incident.NewParams{Severity: "critical"}).ID, incident.EvLevelDue))
	want(t, "pages after she left", len(w.out.pages), 1)
}
