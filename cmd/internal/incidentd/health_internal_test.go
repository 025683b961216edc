package incidentd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentclock"
	"github.com/theriac/theriac/incident/incidenttest"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
)

// The numbers are all there where nothing is wrong, and say how long the oldest event waits for the relay.
func TestHealth_Numbers(t *testing.T) {
	t.Parallel()
	clock := incidenttest.NewClock(time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC))
	stores := incidenttest.NewStore(incidenttest.Options{Now: clock.Now})
	svc, err := incident.NewService(incident.Config{Stores: stores, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{program: program{log: slog.New(slog.DiscardHandler)}, stores: stores, service: svc}
	numbers := func() map[string]any {
		t.Helper()
		got, err := s.health(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	nothing := map[string]int{"paged_without_incident": 0, "page_not_sent": 0, "escalation_late": 0, "no_channel": 0, "not_published": 0}
	same(t, "at rest", numbers(), map[string]any{
		"late": nothing, "unpublished": 0, "relay_age_seconds": 0.0, "slack": map[string]any{"state": "unknown"},
		"major_incident_active": false, "last_tick": nil, "tick_age_seconds": nil,
	})
	_, _, err = svc.Declare(t.Context(), incident.Actor{Kind: incident.ByPerson, ID: "ana"}, incident.NewParams{
		Name: "checkout is down", Keys: []incident.Key{incident.NewKey("k", false)},
	})
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(90 * time.Second)
	got := numbers()
	same(t, "age", got["relay_age_seconds"], any(90.0))
	beat, stop := context.WithCancel(t.Context())
	var clocks runner.Group
	clocks.Go(func() { _ = incidentclock.NewClock(incidentclock.ClockConfig{Store: stores}).Run(beat) })
	for numbers()["last_tick"] == nil {
		runtime.Gosched()
	}
	stop()
	clocks.Wait()
	ticked := clock.Now()
	clock.Advance(7 * time.Second)
	got = numbers()
	same(t, "tick", got["last_tick"], any(ticked))
	same(t, "age of the tick", got["tick_age_seconds"], any(7.0))
	same(t, "late", got["late"].(map[string]int)["not_published"] > 0, true)
}

// A major incident is told as long as people work on it, a minor one and a test never.
func TestHealth_MajorIncidentActive(t *testing.T) {
	t.Parallel()
	stores := incidenttest.NewStore(incidenttest.Options{})
	svc, err := incident.NewService(incident.Config{Stores: stores})
	if err != nil {
		t.Fatal(err)
	}
	ana := incident.Actor{Kind: incident.ByPerson, ID: "ana", Role: incident.Admin}
	s := &site{program: program{log: slog.New(slog.DiscardHandler)}, stores: stores, service: svc}
	want := func(what string, active bool) {
		t.Helper()
		got, err := s.health(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same(t, what, got["major_incident_active"], any(active))
	}
	declare := func(name string, p incident.NewParams) incident.Incident {
		t.Helper()
		p.Name, p.Keys = name, []incident.Key{incident.NewKey(name, false)}
		inc, _, err := svc.Declare(t.Context(), ana, p)
		if err != nil {
			t.Fatal(err)
		}
		return inc
	}
	do := func(inc incident.Incident, verb incident.Verb) {
		t.Helper()
		if _, err := svc.Do(t.Context(), inc.ID, ana, verb); err != nil {
			t.Fatal(err)
		}
	}
	minor := declare("minor", incident.NewParams{Severity: "minor"})
	declare("test", incident.NewParams{Severity: "critical", Mode: incident.ModeTest})
	want("a minor one and a test", false)
	do(minor, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ChangeSeverity(act, "major", "")
	})
	want("it is worse", true)
	do(minor, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) { return inc.Pause(act, "x") })
	want("it rests", true)
	do(minor, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{Resume: true})
	})
	want("it is over", false)
	declare("private", incident.NewParams{Severity: "critical", Visibility: incident.Private})
	want("a private one", true)
}

// What Slack said last is told with since when.
func TestSlackState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s slackState
		same(t, "before", s.shown()["state"], any("unknown"))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		answers := []error{nil, errors.New("timeout"), errors.New("timeout"), nil}
		asked := make(chan struct{}, 10)
		var group runner.Group
		group.Go(func() {
			same(t, "watch", s.watch(ctx, func(context.Context) error {
				defer func() { asked <- struct{}{} }()
				err := answers[0]
				if len(answers) > 1 {
					answers = answers[1:]
				}
				return err
			}), nil)
		})
		begin := time.Now()
		for n, want := range []string{"ok", "away", "away", "ok"} {
			<-asked
			synctest.Wait()
			got := s.shown()
			same(t, "state", got["state"], any(want))
			if n == 2 {
				same(t, "since", got["since"], any(begin.Add(slackAskEvery).UTC()))
			}
		}
		cancel()
		group.Wait()
	})
}

// What an endpoint says to a test is told as the endpoint's word: its 404 is no route of ours that is
// missing, and its being down is not our store's.
func TestTestWebhook_SaysWhatTheEndpointSaid(t *testing.T) {
	t.Parallel()
	status := http.StatusNotFound
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(server.Close)
	stores := incidenttest.NewStore(incidenttest.Options{})
	settings := incident.DefaultSettings()
	settings.Endpoints = []incident.Endpoint{
		{ID: "hook", URL: server.URL, SecretEnv: []string{"HOOK"}, AllowPrivate: true},
		{ID: "unset", URL: server.URL, SecretEnv: []string{"NOT_THERE"}, AllowPrivate: true},
	}
	if _, err := stores.SaveSettings(t.Context(), incident.Actor{Kind: incident.ByPerson, ID: "ana"}, settings); err != nil {
		t.Fatal(err)
	}
	svc, err := incident.NewService(incident.Config{Stores: stores})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{program: program{environ: []string{"HOOK=whsec_" + strings.Repeat("a", 44)}, log: slog.New(slog.DiscardHandler)}, stores: stores, service: svc}
	for _, status = range []int{http.StatusOK, http.StatusNotFound, http.StatusForbidden, http.StatusBadRequest, http.StatusServiceUnavailable} {
		err := s.testWebhook(t.Context(), "hook")
		if status == http.StatusOK {
			if err != nil {
				t.Errorf("it took it, and said %v", err)
			}
			continue
		}
		if problem.Of(err) != problem.Refused || !strings.Contains(err.Error(), fmt.Sprintf("endpoint hook did not take it: webhook at %s: answered %d", server.Listener.Addr(), status)) {
			t.Errorf("%d is told as %s: %v", status, problem.Of(err), err)
		}
	}
	if err := s.testWebhook(t.Context(), "unset"); problem.Of(err) != problem.Refused || !strings.Contains(err.Error(), "NOT_THERE") {
		t.Errorf("an endpoint without a secret is told as %s: %v", problem.Of(err), err)
	}
}
