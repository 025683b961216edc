package workflow

import (
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

// Shed says what becomes of a handler's messages while work is held back.
type Shed string

// The ways to shed.
const (
	ShedNever Shed = "never"
	ShedPause Shed = "pause" // the backlog stays with the broker
	ShedDrop  Shed = "drop"  // messages are acknowledged and counted as discarded, reason shed
)

// Purge says how freely a backlog may be thrown away.
type Purge string

// The ways to purge.
const (
	PurgeNever Purge = "never"
	PurgeAsk   Purge = "ask" // whoever does it confirms by name
	PurgeSafe  Purge = "safe"
)

// Registration is a handler and what the program that runs it has to know. All fields are required,
// but MaxAge, where 0 is none, and Types, which is for reading.
type Registration struct {
	// Name is such as "channel.create", Topic what it listens to.
	Name, Topic string
	// Types are what it asks for: types of events, or kinds of ticks and of what came from outside. It
	// acknowledges all others on sight. Empty is all.
	Types []string
	// Critical handlers create an incident or drive it where people wait for it.
	Critical bool
	// Pipeline handlers are part of how incidents come to be. A poison among their messages is reported
	// by the backup notifier, at once, and never through an incident.
	Pipeline bool
	// Timeout bounds one run. Past MaxAge a message is answered without its effect; 0 is never.
	Timeout, MaxAge time.Duration
	Shed            Shed
	Purge           Purge
	Handler         handlers.Handler
}

// Subscription is the name of its subscription, <topic>--<handler> with dashes, since consumer names
// of JetStream refuse dots.
func (r Registration) Subscription() string {
	return r.Topic + "--" + strings.ReplaceAll(r.Name, ".", "-")
}

// All returns every handler of the package, with those of d.Slack among them, in the order of the
// table of docs/workflow.md.
func All(d Deps) []Registration {
	d = d.withDefaults()
	all := []Registration{d.alertIngest()}
	all = append(all, d.Slack...)
	return append(all,
		d.channelCreate(),
		d.participantsInvite(),
		d.escalationAdvance(),
		d.escalationPage(),
		d.announcePost(),
		d.updatePost(),
		d.quarantineDeclare(),
		d.quarantineDecided(),
		d.controlNote(),
		d.effectSweep(),
		d.channelArchive(),
		d.timelineEnrich(),
		d.activityRecord(),
		d.nudgeEvaluate(),
		d.digestDaily(),
		d.followupSync(),
		d.webhookDeliver(),
	)
}

// pipeline reports whether a subscription belongs to a handler of the pipeline. Other programs may have
// subscriptions that are called alike, but not of our topics.
func pipeline(subscription string) bool {
	topic, handler, _ := strings.Cut(subscription, "--")
	switch topic {
	case incident.TopicEvents, incident.TopicSlack, incident.TopicAlerts, incident.TopicClock, incident.TopicQuarantine:
	default:
		return false
	}
	for _, prefix := range []string{"alert-ingest", "slack-", "channel-create", "escalation-", "quarantine-", "effect-sweep"} {
		if strings.HasPrefix(handler, prefix) {
			return true
		}
	}
	return false
}

// names returns types as a Registration has them.
func names(types ...incident.EventType) []string {
	texts := make([]string, len(types))
	for i, t := range types {
		texts[i] = string(t)
	}
	return texts
}
