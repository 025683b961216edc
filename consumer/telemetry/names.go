package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"
)

// Every name that spans and metrics have is in this file: the conventions for
// messaging are not stable yet, and who changes one must change the alerts and the
// dashboard in docs/monitoring too.

// ScopeName is the instrumentation scope of spans and metrics.
const ScopeName = "github.com/theriac/theriac/consumer/telemetry"

// The names of attributes, as the semantic conventions for messaging have them; the
// last ones are ours.
const (
	keySystem        = "messaging.system"
	keyOperationName = "messaging.operation.name"
	keyOperationType = "messaging.operation.type"
	keySubscription  = "messaging.destination.subscription.name"
	keyDestination   = "messaging.destination.name"
	keyMessageID     = "messaging.message.id"
	keyBodySize      = "messaging.message.body.size"
	keyDelivery      = "messaging.gcp_pubsub.message.delivery_attempt" // the one broker that the convention has it for
	keyOrderingKey   = "messaging.gcp_pubsub.message.ordering_key"
	keyErrorType     = "error.type"

	keyAttempt = "theriac.attempt"
	keyOutcome = "theriac.outcome"
	keyHandler = "theriac.handler"
	keyReplay  = "theriac.replay"
	keyEntry   = "theriac.entry"
	keyPart    = "theriac.part"
	keyCrash   = "theriac.crash.id"
)

// The operations.
const (
	operation        = "process" // name and type of what a consumer does
	operationReceive = "receive"
)

// systemPubSub is what the convention calls Google's broker.
const systemPubSub = "gcp_pubsub"

// SystemOther stands for a broker that nobody named.
const SystemOther = "_OTHER"

// The names of metrics. Those of messaging.* are the generated ones of the
// conventions.
const (
	metricDecisions     = "theriac.decisions"
	metricQuarantined   = "theriac.quarantined"
	metricReplays       = "theriac.replays"
	metricCrashes       = "theriac.crashes"
	metricWardRuns      = "theriac.ward.runs"
	metricInFlight      = "theriac.in_flight"
	metricOutstanding   = "theriac.outstanding"
	metricAbandoned     = "theriac.abandoned"
	metricBacklog       = "theriac.backlog"
	metricSuspects      = "theriac.suspects"
	metricHeld          = "theriac.held"
	metricOldestHeld    = "theriac.held.oldest_age"
	metricTimeToName    = "theriac.time_to_name"
	metricTimeToContain = "theriac.time_to_contain"
	metricReprieved     = "theriac.reprieved"
	metricKnownHits     = "theriac.known.hits"
	metricBreakerOpen   = "theriac.breaker.open"
	metricPaused        = "theriac.paused"
	metricDiscarded     = "theriac.discarded"
	metricQuotaUsed     = "theriac.quota.used"
	metricStoreUp       = "theriac.store.up"
	metricSpoolRecords  = "theriac.spool.records"
	metricOldestNotice  = "theriac.notice.oldest_age"
	metricDelivered     = "theriac.telemetry.delivered"
	metricDropped       = "theriac.telemetry.dropped"
	metricWaiting       = "theriac.telemetry.waiting"
)

// The attributes of metrics of ours. Their values come from closed lists, but for
// the subscription, of which there are at most maxSubscriptions.
const (
	labelSubscription = "subscription"
	labelDecision     = "decision"
	labelReason       = "reason"
	labelOutcome      = "outcome"
	labelVerdict      = "verdict"
	labelKind         = "kind"
	labelTrace        = "trace"
	labelAlone        = "alone"
	labelCriticality  = "criticality"
	labelQuota        = "quota"
)

// The verdicts on a death.
const (
	verdictCulprit  = "culprit"
	verdictSuspects = "suspects"
	verdictTimedOut = "timed_out"
	verdictNobody   = "nobody"
)

// What became of a run in a ward.
const (
	wardCleared = "cleared"
	wardDied    = "died"
	wardHung    = "hung"
)

// reasonNotTaken is why events are lost of which no guardian ever knew.
const reasonNotTaken = "not_taken"

// reasonShed is why a consumer discards by itself: people shed load.
const reasonShed = "shed"

const (
	// other stands for a value that is in no list.
	other = "other"
	// quotaSpool is the quota of a worker's spool.
	quotaSpool = "spool"
	// maxSubscriptions bounds how many subscriptions metrics tell apart.
	maxSubscriptions = 500
	// maxLabel bounds a value, in characters.
	maxLabel = 100
)

// processSeconds are the bounds of how long handlers take, those of the conventions
// and some more at both ends.
var processSeconds = []float64{
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60,
}

// deathSeconds are the bounds of how long deaths take to be understood. The promise
// is 2 s.
var deathSeconds = []float64{0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 30, 60, 120}

// systemOf is the broker in the words of the conventions.
func systemOf(name string) messagingconv.SystemAttr {
	if name == "" {
		name = SystemOther
	}
	return messagingconv.SystemAttr(label(name))
}

// label makes a value fit for a metric: it prints and is short.
func label(value string) string {
	value = tag(value)
	if runes := []rune(value); len(runes) > maxLabel {
		return string(runes[:maxLabel-1]) + "…"
	}
	return value
}

func attributes(pairs ...string) attribute.Set {
	var all []attribute.KeyValue
	for i := 0; i+1 < len(pairs); i += 2 {
		all = append(all, attribute.String(pairs[i], pairs[i+1]))
	}
	return attribute.NewSet(all...)
}
