package acceptance

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// The world of all scenarios: a channel that hears of incidents, one of the quarantine, and two people.
const (
	newsRoom   = "C0NEWS"
	opsRoom    = "C0OPS"
	anaInSlack = "U0ANA"
	benInSlack = "U0BEN"
	hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

func startSlack(t *testing.T) *slackfake.Server {
	t.Helper()
	s, err := slackfake.Start(t.Context(), slackfake.Config{
		Channels: []slackfake.Channel{{ID: newsRoom, Name: "incidents"}, {ID: opsRoom, Name: "ops"}},
	})
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	return s
}

// furnish saves people and settings, through the API.
func (s *service) furnish(t *testing.T) {
	t.Helper()
	for _, p := range []incident.Person{
		{ID: "ana", Name: "Ana", SlackID: anaInSlack, Role: incident.Admin}, {ID: "ben", Name: "Ben", SlackID: benInSlack, Role: incident.Responder},
	} {
		s.api.must(t, http.MethodPut, "/v1/people/"+p.ID, p)
	}
	s.change(t, func(v *incident.Settings) {
		v.Announce = []incident.Announce{{Channel: newsRoom, Updates: true}}
		v.Paths = []incident.Path{{ID: "all", Name: "All", Levels: []incident.Level{{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ana"}}}}}}
		for i := range v.Severities {
			if v.Severities[i].ID == "critical" {
				v.Severities[i].Path = "all"
			}
		}
		for _, source := range []string{"storm", "prom"} {
			kind := map[string]string{"storm": "generic", "prom": "alertmanager"}[source]
			v.Sources = append(v.Sources, incident.Source{ID: source, Kind: kind, TokenHash: sourceHash()})
		}
	})
}

// change changes the settings. Processes that remember older ones read them anew within 10 s.
func (s *service) change(t *testing.T, f func(*incident.Settings)) {
	t.Helper()
	var v incident.Settings
	s.api.into(t, s.api.must(t, http.MethodGet, "/v1/settings", nil), &v)
	f(&v)
	s.api.must(t, http.MethodPut, "/v1/settings", v, "If-Match", etag(v.Version))
}

// hook takes webhooks.
type hook struct {
	*httptest.Server
	mu   sync.Mutex
	took []notice
}

// notice is what a sender says.
type notice struct {
	At   time.Time `json:"-"`
	Data struct {
		Key, Title, Component string
	} `json:"data"`
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		n := notice{At: time.Now()}
		if err != nil || json.Unmarshal(body, &n) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.took = append(h.took, n)
	}))
	t.Cleanup(h.Close)
	return h
}

// of are the notices about an incident.
func (h *hook) of(ref string) []notice {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.took), func(n notice) bool { return n.Data.Component != ref })
}

// channelsOf are the channels whose purpose names an incident, or whose name says its number.
func (s *service) channelsOf(inc incident.Incident) (all []slackfake.Channel) {
	for _, c := range s.slack.Channels() {
		if ofIncident(c, inc) {
			all = append(all, c)
		}
	}
	return all
}

// told reports whether all that Slack is to have of a new incident is there: channel, headline, and
// people.
func (s *service) told(ctx context.Context, ref string, people ...string) bool {
	inc, err := s.api.get(ctx, ref)
	if err != nil || inc.Channel == nil || inc.Headline == nil {
		return false
	}
	c, ok := s.slack.Channel(inc.Channel.ID)
	for _, p := range people {
		ok = ok && slices.Contains(c.Members, p)
	}
	return ok
}
