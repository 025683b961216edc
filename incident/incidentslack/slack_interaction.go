package incidentslack

import (
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// slackInteraction does what people press, fill in and choose.
func (in *Intake) slackInteraction() workflow.Registration {
	return workflow.Registration{
		Name: "slack.interaction", Topic: incident.TopicSlack, Types: []string{kindInteraction}, Critical: true, Pipeline: true,
		Timeout: 10 * time.Second, MaxAge: maxAge, Shed: workflow.ShedNever, Purge: workflow.PurgeNever,
		Handler: in.onRequest(kindInteraction),
	}
}
