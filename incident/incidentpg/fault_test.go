package incidentpg_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentpg"
	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/internal/runner"
)

// waitFor waits until a query of the database says true; the server sends no word of
// such things.
func waitFor(t *testing.T, conn *pgx.Conn, query string) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); ; {
		var done bool
		if err := conn.QueryRow(t.Context(), query).Scan(&done); err != nil {
			t.Fatal(err)
		}
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it never came to %s", query)
		}
	}
}

const blocked = `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`

// TestLostConnection ends the server's side in the middle of a transaction.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s, err := incidentpg.Open(t.Context(), url, incidentpg.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }() // never fails
	var id ids
	var both [2]incident.Incident
	for i := range both {
		if both[i], err = s.Create(t.Context(), id.incident(), nil); err != nil {
			t.Fatal(err)
		}
	}
	for name, changes := range map[string][]incident.Change{
		"one":     {{Incident: &both[1], Expected: 1, Events: []incident.Event{id.event("")}}},
		"several": {{Incident: &both[0], Expected: 1}, {Incident: &both[1], Expected: 1, Events: []incident.Event{id.event("")}}},
	} {
		lock, admin := pgtest.Connect(t, url), pgtest.Connect(t, url)
		pgtest.Execute(t, lock, "BEGIN", fmt.Sprintf("SELECT FROM theriac.incident WHERE id = '%s' FOR UPDATE", both[1].ID))
		var group runner.Group
		var got error
		group.Go(func() { _, got = s.Save(t.Context(), changes...) })
		waitFor(t, admin, blocked)
		pgtest.Execute(t, admin, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		group.Wait()
		pgtest.Execute(t, lock, "ROLLBACK")
		if !errors.Is(got, incident.ErrUnavailable) {
			t.Errorf("%s: error %v, want ErrUnavailable", name, got)
		}
		for _, inc := range both {
			if now, err := s.Get(t.Context(), inc.ID); err != nil || now.Version != 1 || now.Seq != 0 {
				t.Errorf("%s: %s is at version %d, seq %d, %v", name, inc.Ref(), now.Version, now.Seq, err)
			}
		}
	}
}

// TestServerRestart stops the server as a crash does, and starts it again.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{Migrate: migrate})
	s := open(t, server.Database(t))
	var id ids
	inc, err := s.Create(t.Context(), id.incident(), []incident.Event{id.event("")})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	_, errCreate := s.Create(t.Context(), id.incident(), nil)
	_, errList := s.List(t.Context(), incident.Filter{})
	errWake := s.Wake(t.Context(), time.Millisecond)
	for _, err := range []error{errCreate, errList, errWake} {
		if !errors.Is(err, incident.ErrUnavailable) {
			t.Errorf("with the server gone: %v, want ErrUnavailable", err)
		}
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(t.Context(), inc.ID)
	for range 8 { // each broken connection of the pool may be met once
		if err == nil {
			break
		}
		got, err = s.Get(t.Context(), inc.ID)
	}
	if err != nil || got.Number != 1 || got.Seq != 1 {
		t.Errorf("after the restart: %+v, %v", got, err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s, err := incidentpg.Open(t.Context(), postgres.Database(t), incidentpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Wake(t.Context(), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	var group runner.Group
	woken := make(chan error, 1)
	group.Go(func() { woken <- s.Wake(t.Context(), time.Hour) })
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	group.Wait()
	if err := <-woken; !errors.Is(err, incident.ErrUnavailable) {
		t.Errorf("who waited: %v, want ErrUnavailable", err)
	}
	if _, err := s.Get(t.Context(), "INC-1"); !errors.Is(err, incident.ErrUnavailable) {
		t.Errorf("later: %v, want ErrUnavailable", err)
	}
}

// TestWake_HearsOtherProcesses: patience never ends in this test, so that only a
// notification can.
func TestWake_HearsOtherProcesses(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	relay, web := open(t, url), open(t, url)
	var id ids
	admin := pgtest.Connect(t, url)
	for round := range 3 {
		for { // until nothing is left to look at
			out, err := relay.Unpublished(t.Context(), 100)
			if err != nil {
				t.Fatal(err)
			}
			if len(out) == 0 {
				break
			}
		}
		if round == 0 {
			if err := relay.Wake(t.Context(), time.Millisecond); err != nil { // its listener begins
				t.Fatal(err)
			}
		}
		if round == 2 { // the listener breaks, and begins again
			pgtest.Execute(t, admin, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name LIKE '% relay'`)
		}
		if _, err := web.Create(t.Context(), id.incident(), []incident.Event{id.event("")}); err != nil {
			t.Fatal(err)
		}
		for {
			if err := relay.Wake(t.Context(), time.Hour); err != nil {
				t.Fatal(err)
			}
			out, err := relay.Unpublished(t.Context(), 100)
			if err != nil {
				t.Fatal(err)
			}
			if len(out) == 1 {
				break
			}
		}
	}
}

// TestUnreadableEvent has one event that is damaged: the others go out, and the audit counts it.
func TestUnreadableEvent(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s := open(t, url)
	var id ids
	inc, damaged, whole := id.incident(), id.event(""), id.event("")
	if _, err := s.Create(t.Context(), inc, []incident.Event{damaged, whole}); err != nil {
		t.Fatal(err)
	}
	admin := pgtest.Connect(t, url)
	pgtest.Execute(t, admin, "UPDATE theriac.incident_event SET body = '{' WHERE id = '"+damaged.ID+"'")
	pgtest.Execute(t, admin, "UPDATE theriac.incident_outbox SET since = now() - interval '1 hour'")
	out, err := s.Unpublished(t.Context(), 100)
	if err != nil || len(out) != 1 || out[0].ID != whole.ID {
		t.Fatalf("%+v, %v", out, err)
	}
	if err := s.MarkPublished(t.Context(), whole.ID); err != nil {
		t.Fatal(err)
	}
	found, err := s.Audit(t.Context(), incident.AuditLimits{Alert: time.Hour, Page: time.Hour, Escalation: time.Hour, Channel: time.Hour, Publish: time.Minute})
	if err != nil || len(found) != 1 || found[0].Kind != incident.NotPublished || found[0].Subject != damaged.ID {
		t.Errorf("%+v, %v", found, err)
	}
}
