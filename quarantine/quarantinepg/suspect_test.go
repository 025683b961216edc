package quarantinepg_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/quarantine"
)

// TestSettleSuspects_WaitForAReportThatIsUnderWay: the rows of a report and the
// row that tells of them must not part, whoever comes first.
func TestSettleSuspects_WaitForAReportThatIsUnderWay(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s := open(t, url)
	m := handlers.Message{ID: "m-1"}
	crash := func(n int) handlers.Crash {
		return handlers.Crash{ID: fmt.Sprintf("018f0000-0000-7000-8000-%012x", n),
			InFlight: []handlers.InFlight{{Part: handlers.PartSuspect, Subscription: "billing", ID: m.ID}}}
	}
	if _, err := s.AddCrash(t.Context(), crash(1)); err != nil {
		t.Fatal(err)
	}
	reporter := pgtest.Connect(t, url)
	under, err := reporter.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"UPDATE theriac.message SET suspect = true",
		`INSERT INTO theriac.suspect (crash_seq, key, subscription, message_id, id_cut, published_at, part, why, deaths)
			SELECT crash_seq, key, subscription, message_id, id_cut, published_at, part, why, deaths FROM theriac.suspect`,
	} {
		if _, err := under.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	t.Run("settle", func(t *testing.T) {
		t.Parallel()
		done <- s.SettleSuspects(t.Context(), []quarantine.SuspectFate{{Subscription: "billing", MessageID: m.ID,
			Identity: quarantine.Identity("billing", m.Identity()), Fate: handlers.FateCleared}})
	})
	t.Run("report", func(t *testing.T) {
		t.Parallel()
		awaitLock(t, url)
		if err := under.Commit(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		all, err := s.SuspectList(t.Context(), quarantine.SuspectQuery{})
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v, %v", all, err)
		}
		changes, err := s.Changes(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		waiting := all[0].State == quarantine.SuspectWaiting || all[1].State == quarantine.SuspectWaiting
		if told := len(changes.Marks) > 0 && changes.Marks[0].Suspect; waiting || told {
			t.Errorf("after both: %s and %s, and the mark says suspect %v", all[0].State, all[1].State, told)
		}
	})
}

// awaitLock waits until somebody waits for a lock in this database.
func awaitLock(t *testing.T, url string) {
	t.Helper()
	admin := pgtest.Connect(t, url)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for waiting := false; !waiting; {
		if err := admin.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		<-tick.C
	}
}
