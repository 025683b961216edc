//go:build linux

package incidentlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentlite"
	"github.com/theriac/theriac/internal/litekit/litekittest"
	"github.com/theriac/theriac/internal/runner"
)

// childVar makes the test binary a process that declares incidents in the store that it names.
const childVar = "THERIAC_TEST_CHILD_INCIDENTS"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVar); path != "" {
		child(path)
	}
	goleak.VerifyTestMain(m)
}

// child declares, says so, and goes on until it is killed.
func child(path string) {
	ctx := context.Background()
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	s, err := incidentlite.Open(ctx, path, incidentlite.Options{})
	fail(err)
	for i := 0; ; i++ {
		inc, err := s.Create(ctx, newIncident("child", i), newEvents("child", i))
		fail(err)
		_, err = s.Save(ctx, incident.Change{IncidentID: shared.ID, Events: newEvents("child-shared", i)})
		fail(err)
		fmt.Println("declared", inc.Ref())
	}
}

var shared = newIncident("shared", 0)

// newIncident returns one that holds a key and has a participant and a field.
func newIncident(who string, i int) incident.Incident {
	at := time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)
	return incident.Incident{
		ID: fmt.Sprintf("%s-%06d", who, i), Name: "checkout is down", Summary: strings.Repeat("cards are declined ", 10),
		Status: incident.Investigating, Severity: "critical", Mode: incident.ModeStandard, Visibility: incident.Public,
		Times: incident.Times{Declared: at, Created: at, Updated: at}, Keys: []incident.Key{{Text: fmt.Sprintf("idem:%s:%d", who, i)}},
		Participants: []incident.Participant{{Person: "ana", Kind: incident.Worker, Since: at}},
		Fields:       map[string]incident.FieldValue{"service": {"billing"}},
	}
}

// newEvents returns what declaring one leaves behind.
func newEvents(who string, i int) []incident.Event {
	var evs []incident.Event
	for _, t := range []incident.EventType{incident.EvDeclared, incident.EvStatus, incident.EvEscalated, incident.EvLevelDue} {
		evs = append(evs, incident.Event{ID: fmt.Sprintf("%s-%d-%s", who, i, t), Type: t,
			RecordedAt: time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)})
	}
	return evs
}

// TestKilledProcess kills another process in the middle of its writing, while this one writes, too.
// What either was told to be stored is there, whole, and numbered without gaps.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "incident.db")
	s := open(t, path, incidentlite.Options{})
	if _, err := s.Create(t.Context(), shared, nil); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var group runner.Group
	mine := 0
	group.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := s.Save(t.Context(), incident.Change{IncidentID: shared.ID, Events: newEvents("parent", i)}); err != nil {
				t.Error(err)
				return
			}
			mine++
		}
	})
	declared := litekittest.KillChild(t, childVar+"="+path, "declared", 20, func() {})
	close(stop)
	group.Wait()
	if mine == 0 {
		t.Error("this process wrote nothing")
	}
	for i, ref := range declared {
		inc, err := s.Get(t.Context(), ref)
		if err != nil || inc.ID != fmt.Sprintf("child-%06d", i) || inc.Seq != 4 {
			t.Errorf("%s: %+v, %v", ref, inc, err)
		}
	}
	// One more may be there whose end the child did not live to tell.
	checkNumbers(t, s, len(declared)+1)
	checkSeq(t, s, 4*(len(declared)+mine))
}

func checkNumbers(t *testing.T, s *incidentlite.Store, least int) {
	t.Helper()
	page, err := s.List(t.Context(), incident.Filter{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(page.Incidents); n < least || n > least+1 {
		t.Errorf("%d incidents, want %d or one more", n, least)
	}
	for i, inc := range page.Incidents {
		if want := int64(len(page.Incidents) - i); inc.Number != want {
			t.Errorf("%s where INC-%d was expected", inc.Ref(), want)
		}
	}
}

func checkSeq(t *testing.T, s *incidentlite.Store, least int) {
	t.Helper()
	inc, err := s.Get(t.Context(), shared.ID)
	if err != nil {
		t.Fatal(err)
	}
	f, seq := incident.EventFilter{IncidentID: shared.ID, Limit: 1000}, int64(0)
	for {
		page, err := s.Events(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if seq++; e.Seq != seq {
				t.Fatalf("seq %d where %d was expected", e.Seq, seq)
			}
		}
		if f.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	if seq != inc.Seq || seq < int64(least) || seq > int64(least)+4 {
		t.Errorf("%d events, the incident says %d, at least %d were told", seq, inc.Seq, least)
	}
}

// TestBusy has another process hold the write lock: a relay with nothing to do does not wait for it.
func TestBusy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "incident.db")
	s := open(t, path, incidentlite.Options{})
	other := litekittest.Raw(t, path)
	other.SetMaxOpenConns(1)
	litekittest.Execute(t, other, "BEGIN IMMEDIATE")
	if out, err := s.Unpublished(t.Context(), 10); err != nil || len(out) != 0 {
		t.Errorf("%v, %v", out, err)
	}
	litekittest.Execute(t, other, "ROLLBACK")
}

// TestUnreadableEvent has one event that is damaged: the others go out, and the audit names it.
func TestUnreadableEvent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "incident.db")
	now := time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)
	s := open(t, path, incidentlite.Options{Now: func() time.Time { return now }})
	evs := newEvents("a", 0)
	if _, err := s.Create(t.Context(), newIncident("a", 0), evs); err != nil {
		t.Fatal(err)
	}
	if _, err := litekittest.Raw(t, path).ExecContext(t.Context(), "UPDATE incident_event SET body = x'00' WHERE id = ?", evs[1].ID); err != nil {
		t.Fatal(err)
	}
	out, err := s.Unpublished(t.Context(), 10)
	if err != nil || len(out) != 3 {
		t.Fatalf("%d go out, %v", len(out), err)
	}
	for _, o := range out {
		if err := s.MarkPublished(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(time.Hour)
	findings, err := s.Audit(t.Context(), incident.AuditLimits{Publish: time.Minute, Channel: 1000 * time.Hour})
	if err != nil || len(findings) != 1 || findings[0].Subject != evs[1].ID || findings[0].Kind != incident.NotPublished {
		t.Errorf("findings %+v, %v", findings, err)
	}
}
