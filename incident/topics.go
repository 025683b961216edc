package incident

// Topics. A subscription of one is named after it and its handler, with two dashes between.
const (
	// TopicEvents carries what happened to incidents: the outbox.
	TopicEvents = "incident-events"
	// TopicSlack carries commands and interactions of a chat, TopicActivity what is said in channels.
	TopicSlack    = "slack-inbound"
	TopicActivity = "slack-activity"
	// TopicAlerts carries alerts of all sources.
	TopicAlerts = "alert-inbound"
	// TopicClock carries what the clock asks for.
	TopicClock = "clock"
	// TopicQuarantine carries what happened to quarantined messages.
	TopicQuarantine = "quarantine-events"
)

// Attributes of what is published. All rows have AttrKind and AttrID; the others are those of events
// ([Envelope]).
const (
	AttrKind       = "kind" // KindEvent, or Inbound.Kind
	AttrID         = "id"
	AttrType       = "type"
	AttrV          = "v"
	AttrIncident   = "incident_id"
	AttrSeq        = "seq"
	AttrVisibility = "visibility"
	AttrMode       = "mode"
	AttrCause      = "cause"
	AttrTrace      = "traceparent"
	AttrNotAfter   = "not_after"
	AttrKey        = "key"
)

// KindEvent is the kind of an [Event].
const KindEvent = "event"
