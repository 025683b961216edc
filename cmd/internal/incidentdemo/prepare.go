package incidentdemo

import (
	"context"
	"net/http"
	"strconv"

	"github.com/theriac/theriac/incident"
)

// prepare tells the service who is there, who is called, and where people read of incidents, as an
// admin would.
func (s *story) prepare(ctx context.Context) error {
	for _, p := range []incident.Person{
		{ID: "ana", Name: "Ana", SlackID: userAna, Role: incident.Admin},
		{ID: "ben", Name: "Ben", SlackID: "U0BEN", Role: incident.Responder},
	} {
		body := map[string]string{"name": p.Name, "slack_id": p.SlackID, "role": string(p.Role)}
		if err := s.api.do(ctx, http.MethodPut, "/v1/people/"+p.ID, body, nil); err != nil {
			return err
		}
	}
	var settings incident.Settings
	if err := s.api.do(ctx, http.MethodGet, "/v1/settings", nil, &settings); err != nil {
		return err
	}
	settings.Announce = []incident.Announce{{Channel: incidentsChannel, Updates: true}}
	settings.Paths = []incident.Path{{ID: "on-call", Name: "On call", Levels: []incident.Level{
		{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ana"}}},
		{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ben"}}},
	}}}
	for i := range settings.Severities {
		settings.Severities[i].Path = "on-call"
	}
	return s.api.put(ctx, "/v1/settings", strconv.FormatInt(settings.Version, 10), settings)
}
