package incident_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
)

func newService(t *testing.T) *incident.Service {
	t.Helper()
	svc, err := incident.NewService(incident.Config{Stores: incidenttest.NewStore(incidenttest.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

var anaHere = incident.Actor{Kind: incident.ByPerson, ID: "ana", Name: "Ana", Role: incident.Responder}

func declare(t *testing.T, svc *incident.Service, key string, more ...incident.Key) incident.Incident {
	t.Helper()
	inc, created, err := svc.Declare(t.Context(), anaHere, incident.NewParams{
		Name: "checkout is down", Severity: "critical", Keys: append([]incident.Key{{Text: key}}, more...),
	})
	if err != nil || !created {
		t.Fatalf("declare: %t, %v", created, err)
	}
	return inc
}

func resolve(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
	return inc.Resolve(act, incident.ResolveParams{})
}

// Of two people who take the lead at once one has it, and the other is told who.
func TestDo_TwoTakeTheLead_OneHasItAndTheOtherHearsWho(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	for round := range 20 {
		inc := declare(t, svc, fmt.Sprintf("round-%d", round))
		errs := make([]error, 2)
		var both sync.WaitGroup
		for i, who := range []string{"ben", "cleo"} {
			both.Go(func() {
				by := incident.Actor{Kind: incident.ByPerson, ID: who, Name: who}
				_, errs[i] = svc.Do(context.WithoutCancel(t.Context()), inc.ID, by, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
					return inc.AssignRole(act, incident.LeadRole, who)
				})
			})
		}
		both.Wait()
		got, err := svc.Stores().Get(t.Context(), inc.ID)
		if err != nil {
			t.Fatal(err)
		}
		lost := errs[0]
		if got.Lead() == "ben" {
			lost = errs[1]
		}
		var conflict *incident.ConflictError
		if got.Lead() == "" || !errors.As(lost, &conflict) || (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("the lead is %q; ben heard %v, cleo %v", got.Lead(), errs[0], errs[1])
		}
	}
}

// An open key that another incident took in the meantime does not keep anybody from reopening.
func TestDo_ReopenWhoseKeyIsTaken_GoesOnWithoutIt(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	alert := incident.Key{Text: "alert:prometheus:disk", Open: true}
	first := declare(t, svc, "first", alert)
	if _, err := svc.Do(t.Context(), first.ID, anaHere, resolve); err != nil {
		t.Fatal(err)
	}
	second := declare(t, svc, "second", alert)
	again, err := svc.Do(t.Context(), first.ID, anaHere, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Reopen(act, "it is back")
	})
	if err != nil || again.Status != incident.Investigating {
		t.Fatalf("reopen: %s, %v", again.Status, err)
	}
	holder, err := svc.Stores().ByKey(t.Context(), alert.Text)
	if err != nil || holder.ID != second.ID {
		t.Errorf("the key is held by %s, %v; want %s", holder.Ref(), err, second.Ref())
	}
}

// A caller who decided by what they saw is not tried again: they decide anew.
func TestDo_IfVersion_IsNotTriedAgain(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	inc := declare(t, svc, "v")
	_, err := svc.Do(t.Context(), inc.ID, anaHere, resolve, incident.IfVersion(inc.Version+1))
	var conflict *incident.ConflictError
	if !errors.As(err, &conflict) || conflict.Version != inc.Version {
		t.Errorf("got %v", err)
	}
	if _, err := svc.Do(t.Context(), inc.ID, anaHere, resolve, incident.IfVersion(inc.Version)); err != nil {
		t.Errorf("by the present version: %v", err)
	}
}

// Who decided by a version that is no more hears who changed it since. What was written in the channel after
// that is no change.
func TestDo_IfVersion_SaysWhoChangedIt(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	inc := declare(t, svc, "v")
	ben := incident.Actor{Kind: incident.ByPerson, ID: "ben", Name: "Ben"}
	if _, err := svc.Do(t.Context(), inc.ID, ben, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.AssignRole(act, incident.LeadRole, "ben")
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := svc.Do(t.Context(), inc.ID, anaHere, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.RecordActivity(act, "ana", "message", act.At)
	}); err != nil {
		t.Fatal(err)
	}
	_, err := svc.Do(t.Context(), inc.ID, anaHere, resolve, incident.IfVersion(inc.Version))
	var conflict *incident.ConflictError
	if !errors.As(err, &conflict) || conflict.By != ben || conflict.At.IsZero() {
		t.Errorf("got %v, by %v at %s", err, conflict.By, conflict.At)
	}
}

// The same request again is the same incident.
func TestDeclare_SameKey_IsTheSameIncident(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	first := declare(t, svc, "once")
	again, created, err := svc.Declare(t.Context(), anaHere, incident.NewParams{Name: "another name", Keys: []incident.Key{{Text: "once"}}})
	if err != nil || created || again.ID != first.ID {
		t.Errorf("got %s, created %t, %v", again.Ref(), created, err)
	}
}

// What people write in a channel is counted without touching the document, so those who act at the same
// moment do not lose a race to it.
func TestDo_Activity_LeavesTheDocumentAlone(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	inc := declare(t, svc, "chatty")
	activity := func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.RecordActivity(act, "ana", "message", act.At)
	}
	if _, err := svc.Do(t.Context(), inc.ID, anaHere, activity); err != nil { // ana takes part from now on
		t.Fatal(err)
	}
	before, err := svc.Stores().Get(t.Context(), inc.ID)
	if err != nil {
		t.Fatal(err)
	}
	after, err := svc.Do(t.Context(), inc.ID, anaHere, activity)
	if err != nil || after.Version != before.Version || after.Seq <= before.Seq || after.Name != before.Name {
		t.Errorf("version %d after %d, seq %d after %d, name %q, %v", after.Version, before.Version, after.Seq, before.Seq, after.Name, err)
	}
}
