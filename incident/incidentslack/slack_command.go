package incidentslack

import (
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// slackCommand does what people type.
func (in *Intake) slackCommand() workflow.Registration {
	return workflow.Registration{
		Name: "slack.command", Topic: incident.TopicSlack, Types: []string{kindCommand}, Critical: true, Pipeline: true,
		Timeout: 10 * time.Second, MaxAge: maxAge, Shed: workflow.ShedNever, Purge: workflow.PurgeNever,
		Handler: in.onRequest(kindCommand),
	}
}
