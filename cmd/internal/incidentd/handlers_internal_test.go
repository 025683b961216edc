package incidentd

import (
	"testing"
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// TestSubscription_AlertsAreProbedOften: while the breaker of alerts is open, since a source sends what cannot be
// read, a good one must still become a page within ten seconds.
func TestSubscription_AlertsAreProbedOften(t *testing.T) {
	t.Parallel()
	for _, r := range registrations(workflow.Deps{}) {
		probes := subscription(r).Policy.Breaker.OpenFor
		if alerts := r.Topic == incident.TopicAlerts; alerts != (probes > 0) || probes > 2*time.Second {
			t.Errorf("%s is probed every %s", r.Name, probes)
		}
	}
}
