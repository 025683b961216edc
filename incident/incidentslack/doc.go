// Package incidentslack brings the incident workflow to Slack and back.
package incidentslack
