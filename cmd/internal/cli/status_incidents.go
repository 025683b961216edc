package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/incident"
)

// openIncidentJSON is an incident that people work on, on the screen of the quarantine.
type openIncidentJSON struct {
	Ref      string          `json:"ref"`
	Status   incident.Status `json:"status"`
	Severity string          `json:"severity"`
}

// openIncidentsShown is how many of them are named: so many fit a line of 80 columns.
const openIncidentsShown = 2

// workedOn are the incidents that people work on or judge, newest first; tests and what is only written down
// are none of them. Nil where there is no store of incidents, or none that answers: the screen is about the
// quarantine, and does without.
func (t *Tool) workedOn(ctx context.Context) []openIncidentJSON {
	room, err := t.incidentRoom(ctx, app.Read)
	if err != nil {
		return nil
	}
	page, err := room.stores.List(ctx, incident.Filter{
		Stages: []incident.Stage{incident.StageTriage, incident.StageActive, incident.StagePaused},
		Modes:  []incident.Mode{incident.ModeStandard}, Limit: maxIncidents,
	})
	if err != nil {
		return nil
	}
	var open []openIncidentJSON
	for _, inc := range page.Incidents {
		open = append(open, openIncidentJSON{inc.Ref(), inc.Status, inc.Severity})
	}
	return open
}

// statusIncidents says which incidents are open, so that a quiet quarantine does not read as if all were well.
func statusIncidents(w *term.Writer, open []openIncidentJSON) {
	if len(open) == 0 {
		return
	}
	var named []string
	for _, i := range open[:min(len(open), openIncidentsShown)] {
		named = append(named, strings.Join(present(i.Ref, i.Severity, string(i.Status)), " "))
	}
	if more := len(open) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("%d more", more))
	}
	w.Printf("Open   %s   theriac incident\n", strings.Join(named, ", "))
}
