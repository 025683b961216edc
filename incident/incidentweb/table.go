package incidentweb

import (
	"net/http"
	"slices"

	"github.com/theriac/theriac/incident"
)

const (
	get    = http.MethodGet
	post   = http.MethodPost
	put    = http.MethodPut
	patch  = http.MethodPatch
	remove = http.MethodDelete

	one = "/v1/incidents/{ref}"
)

// routes is the table: who may do what, and what does it.
func (a *api) routes() []route {
	return slices.Concat(a.incidentRoutes(), a.roomRoutes(), a.itemRoutes(), a.adminRoutes(), a.otherRoutes())
}

func (a *api) incidentRoutes() []route {
	return []route{
		{method: post, path: "/v1/incidents", access: responder, do: (*call).create,
			body: "`name`; summary, severity, type, mode, visibility, game_day, fields, impact_started, lead, quiet; triage: true reports it",
			what: "declares; `Idempotency-Key` is required; 201, or 200 with the one that the key made before"},
		{method: get, path: "/v1/incidents", access: viewer, do: (*call).listIncidents,
			what: "newest first; query: status, stage, severity, mode, text, person, field=id:value, limit, cursor, private=true (admins)"},
		{method: get, path: one, access: viewer, do: (*call).getIncident, visitor: a.tellVisitor, what: "one; its version is the ETag"},
		{method: patch, path: one, access: responder, do: (*call).edit,
			body: "any of name, summary, type, severity, fields, impact_started, reported, resolved", what: "`If-Match` is required"},
		{method: post, path: one + "/accept", access: responder, do: (*call).accept, body: "name, severity, type, quiet", what: "triage is real"},
		{method: post, path: one + "/decline", access: responder, do: withReason((*incident.Incident).Decline), body: "`reason`", what: "triage is nothing"},
		{method: post, path: one + "/merge", access: responder, do: (*call).merge, body: "`into`; reason", what: "it lives on in another"},
		{method: post, path: one + "/pause", access: responder, do: withReason((*incident.Incident).Pause), body: "`reason`", what: "rests"},
		{method: post, path: one + "/resume", access: responder, do: bare((*incident.Incident).Resume), what: "goes on"},
		{method: post, path: one + "/cancel", access: responder, do: withReason((*incident.Incident).Cancel), body: "`reason`", what: "was none"},
		{method: post, path: one + "/resolve", access: responder, do: (*call).resolve, body: "message; resume: true goes on with a paused one first", what: "is over"},
		{method: post, path: one + "/reopen", access: responder, do: withReason((*incident.Incident).Reopen), body: "`reason`", what: "is not over"},
		{method: post, path: one + "/close", access: responder, do: bare((*incident.Incident).Close), what: "closes, or says with code `gate` what is open"},
		{method: post, path: one + "/opt-out", access: admin, do: withReason((*incident.Incident).OptOut), body: "`reason`", what: "skips the tasks of the time after"},
		{method: post, path: one + "/make-private", access: responder, do: withReason((*incident.Incident).MakePrivate), body: "reason", what: "for good"},
		{method: get, path: one + "/effects", access: viewer, do: (*call).effects, what: "what was done to the world outside"},
	}
}

func (a *api) roomRoutes() []route {
	return []route{
		{method: post, path: one + "/updates", access: responder, do: withBody(shareUpdate),
			body: "`message`; status, severity, next_update_in (\"30m\", negative for none)", what: "tells people"},
		{method: post, path: one + "/update-requests", access: responder, do: (*call).requestUpdate, body: "person", what: "asks for an update"},
		{method: post, path: one + "/nudges/{kind}/snooze", access: responder, do: withBody(snooze), body: "`minutes`: 30, 60 or 90", what: "silences a reminder"},
		{method: post, path: one + "/nudges/{kind}/stop", access: responder, do: (*call).stopNudge, what: "silences it for good"},
		{method: put, path: one + "/roles/{role}", access: responder, do: withBody(assignRole),
			body: "`person`; from makes it a hand-over, with a note", what: "gives a role"},
		{method: remove, path: one + "/roles/{role}", access: responder, do: (*call).unassignRole, what: "takes it"},
		{method: post, path: one + "/participants", access: responder, do: withBody(addParticipant),
			body: "`person`; kind (observer, collaborator, which is the default, or responder), subscribed", what: "adds somebody"},
		{method: remove, path: one + "/participants/{person}", access: responder, do: (*call).removeParticipant, what: "notes that they left"},
		{method: post, path: one + "/escalations", access: responder, do: withBody(escalate), body: "`path` or `people`; reason", what: "calls people"},
		{method: post, path: one + "/escalations/{id}/ack", access: responder, do: (*call).ack, what: "answers it"},
		{method: post, path: one + "/escalations/{id}/cancel", access: responder, do: (*call).cancelEscalation, body: "reason", what: "ends it unanswered"},
		{method: post, path: "/v1/escalations/{id}/ack", access: responder, do: ofEscalation((*call).ack), what: "answers it, wherever it is"},
		{method: post, path: "/v1/escalations/{id}/cancel", access: responder, do: ofEscalation((*call).cancelEscalation), body: "reason", what: "ends it unanswered, wherever it is"},
		{method: post, path: one + "/ack", access: responder, do: bare(ackAll), what: "answers everything that pages"},
	}
}

func (a *api) itemRoutes() []route {
	return []route{
		{method: get, path: one + "/timeline", access: viewer, do: (*call).timeline,
			what: "oldest first; query: after (a seq), limit, all=true for events that are not for the timeline too"},
		{method: post, path: one + "/timeline", access: responder, do: withBody(addLine), body: "`text`; occurred_at", what: "writes a line"},
		{method: patch, path: one + "/timeline/{seq}", access: responder, do: withBody(editLine), body: "`text`; occurred_at", what: "changes how it is shown"},
		{method: remove, path: one + "/timeline/{seq}", access: responder, do: (*call).removeLine, what: "hides it"},
		{method: post, path: one + "/actions", access: responder, do: withBody(addAction), body: "`text`; owner", what: "to do now"},
		{method: patch, path: one + "/actions/{id}", access: responder, do: withBody(changeAction),
			body: "text, owner, state (outstanding, done, not_doing, deleted)", what: "changes it"},
		{method: post, path: one + "/follow-ups", access: responder, do: withBody(addFollowUp), body: "`text`; owner, priority, due, link", what: "to do later"},
		{method: patch, path: one + "/follow-ups/{id}", access: responder, do: withBody(changeFollowUp),
			body: "text, owner, priority, due, link, state", what: "changes it"},
		{method: patch, path: one + "/tasks/{id}", access: responder, do: withBody(endTask),
			body: "`state`: done, or skipped with a `reason`", what: "ends a task of the time after"},
		{method: post, path: one + "/attachments", access: responder, do: withBody(attach), body: "`kind`, `url`; title", what: "adds a link"},
	}
}

func (a *api) adminRoutes() []route {
	return []route{
		{method: get, path: "/v1/settings", access: admin, do: (*call).getSettings, what: "their version is the ETag"},
		{method: put, path: "/v1/settings", access: admin, do: (*call).putSettings, body: "the document", what: "`If-Match` is required"},
		{method: get, path: "/v1/people", access: admin, do: (*call).listPeople, what: "everybody we know"},
		{method: put, path: "/v1/people/{id}", access: admin, do: (*call).putPerson,
			body: "`name`, `role`; email, slack_id, zone, pager_key_env, gone", what: "stores somebody"},
		{method: get, path: "/v1/tokens", access: admin, do: (*call).listTokens, what: "without their text"},
		{method: post, path: "/v1/tokens", access: admin, do: (*call).createToken,
			body: "`name`, `role`; expires_in (\"720h\", default 90 days)", what: "shows the text once"},
		{method: remove, path: "/v1/tokens/{id}", access: admin, do: (*call).revokeToken, what: "revokes it; elsewhere it works for 10 s at most"},
		{method: post, path: "/v1/webhooks/{id}/test", access: admin, do: (*call).testWebhook, what: "sends a test event"},
		{method: post, path: "/v1/webhooks/{id}/resend", access: admin, do: (*call).resendWebhook, body: "`event`", what: "sends an event again"},
	}
}

func (a *api) otherRoutes() []route {
	return []route{
		{method: post, path: "/v1/alerts/{source}", access: source, do: (*call).alert,
			body: "as the source writes it, at most 1 MiB", what: "202; stored, and handled later"},
		{method: get, path: "/ack/{escalation}", access: signed, page: a.showAck, what: "a page with one button"},
		{method: post, path: "/ack/{escalation}", access: signed, page: a.takeAck, body: "the form of that page", what: "answers it"},
		{method: get, path: "/healthz", access: nobody, do: (*call).healthz, what: "the process answers"},
		{method: get, path: "/readyz", access: nobody, do: (*call).readyz, what: "the store is reached, its schema is ours, the process is not draining"},
		{method: get, path: "/v1/health", access: viewer, do: (*call).health, what: "numbers"},
	}
}
