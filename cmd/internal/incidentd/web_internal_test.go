package incidentd

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
)

// The button of a page works behind a proxy that rewrites Host, at the address by which people reach us.
func TestHandler_AckBehindAProxy(t *testing.T) {
	t.Parallel()
	stores := incidenttest.NewStore(incidenttest.Options{})
	svc, err := incident.NewService(incident.Config{Stores: stores})
	if err != nil {
		t.Fatal(err)
	}
	ana := incident.Actor{Kind: incident.ByPerson, ID: "ana"}
	inc, _, err := svc.Declare(t.Context(), ana, incident.NewParams{Name: "x", Keys: []incident.Key{incident.NewKey("k", false)}})
	if err == nil {
		inc, err = svc.Do(t.Context(), inc.ID, ana, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Escalate(act, incident.EscalateParams{People: []string{"ben"}})
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &site{stores: stores, service: svc, entrance: newEntrance(), program: program{
		settings: config.Settings{DataDir: t.TempDir()}, incident: config.Incident{PublicURL: "http://inc.example:8443/theriac"}, log: slog.New(slog.DiscardHandler),
	}}
	handler, err := s.handler()
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(s.ackLink(&inc, inc.Escalations[0].ID, "ben"))
	if err != nil {
		t.Fatal(err)
	}
	for origin, want := range map[string]int{"http://inc.example:8443": http.StatusOK, "http://evil.example": http.StatusForbidden} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, strings.TrimPrefix(address.Path, "/theriac"), strings.NewReader(address.RawQuery))
		r.Host = "10.0.0.7:8080"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %s it is answered with %d: %s", origin, w.Code, w.Body)
		}
	}
}
