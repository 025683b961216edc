package incidentd

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
	"github.com/theriac/theriac/internal/problem"
)

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
