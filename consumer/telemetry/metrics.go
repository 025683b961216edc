package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
)

// MetricsConfig says what metrics tell, and to whom.
type MetricsConfig struct {
	// Provider makes the instruments. Default otel.GetMeterProvider.
	Provider metric.MeterProvider
	// System names the broker by the messaging conventions, such as "gcp_pubsub" or
	// "nats". Default SystemOther.
	System string
	// Consumers tells what the consumers of this process do; consumer.Roster.Stats is
	// one. It is called at each collection. Nil means nobody is asked.
	Consumers func() []consumer.Stats
	// Process tells the rest of what this process alone knows. It is called at each
	// collection and must not wait. Nil means nobody is asked.
	Process func() ProcessStats
	// Store asks the store, which all processes share: exactly one process of a
	// service should be given it. It is called by [Metrics.Run]. Nil means nobody is
	// asked.
	Store func(ctx context.Context) (StoreStats, error)
	// Notices returns when the oldest change happened that people were not told of,
	// zero if they know all. Called with Store, and given to the same process. Nil
	// means nobody is asked.
	Notices func(ctx context.Context) (oldest time.Time, err error)
	// Backlogs asks the brokers how many messages wait there, by subscription;
	// consumer.Roster.Backlogs is one. All processes of a subscription tell the same.
	// Called by Run as Store is. Nil means nobody is asked.
	Backlogs func(ctx context.Context) (map[string]uint64, error)
	// Relay tells what the guardian's relay did with events and spans, which the processes
	// under one guardian share: exactly one of them should be given it. Called by Run
	// as Store is, and must not wait. Nil means nobody is asked.
	Relay func() (RelayStats, error)
	// StoreEvery is how often these four are asked. Default 5 s.
	StoreEvery time.Duration
	// Logger hears of a store that does not answer. Nil discards it.
	Logger *slog.Logger
}

// ProcessStats is what one process knows alone.
type ProcessStats struct {
	// SpoolRecords is how many records wait for the store in this process' spool, and
	// SpoolUsed which share of its quota they use, from 0 to 1.
	SpoolRecords int
	SpoolUsed    float64
	// Reprieved is, by subscription, how many messages were held as crashed and then
	// replayed well on the same build, in all: convictions that look false.
	Reprieved map[string]uint64
	// EventsLost is how many events of this process nobody took: SentryStats.Lost.
	EventsLost uint64
}

// RelayStats is what became of events and spans that were handed to a guardian. Its
// counts rise for as long as the caller lives, whatever becomes of the guardian.
type RelayStats struct {
	// Delivered were taken by who they are for.
	Delivered uint64
	// Refused were not and never will be; GivenUp failed too often, Expired waited too
	// long, Evicted made room for newer ones, Lost found no room, and Damaged could not be
	// read.
	Refused, GivenUp, Expired, Evicted, Lost, Damaged uint64
	// Waiting are kept for another try.
	Waiting int
}

// Dropped is, by reason, how many nobody will ever see.
func (r RelayStats) Dropped() map[string]uint64 {
	return map[string]uint64{
		"refused": r.Refused, "given_up": r.GivenUp, "expired": r.Expired,
		"evicted": r.Evicted, "lost": r.Lost, "damaged": r.Damaged,
	}
}

// StoreStats is what the store knows.
type StoreStats struct {
	// Held counts the entries that wait for a person.
	Held []HeldStats
	// Suspects is, by subscription, how many messages wait to run alone.
	Suspects map[string]int
}

// HeldStats counts held entries of one subscription and reason.
type HeldStats struct {
	Subscription string
	Reason       handlers.Reason
	Count        int64
	// Oldest is when the oldest of them was held, zero if that is not known.
	Oldest time.Time
}

// Metrics measures attempts, decisions and deaths. It is a consumer.Observer that
// allocates nothing for a message that succeeds, and its Crash is a ward.Config.OnCrash.
// Make one with [NewMetrics], for a process, and close it.
type Metrics struct {
	cfg    MetricsConfig
	system messagingconv.SystemAttr
	log    *slog.Logger
	instruments

	// known is replaced, never changed.
	known  atomic.Pointer[map[string]*lane]
	mu     sync.Mutex
	seen   map[string]bool // deaths that were counted
	order  []string        // the same, oldest first
	asked  atomic.Pointer[answer]
	unhook metric.Registration
}

var _ consumer.Observer = (*Metrics)(nil)

// instruments are those that are told of things when they happen.
type instruments struct {
	duration    messagingconv.ProcessDuration
	decisions   metric.Int64Counter
	quarantined metric.Int64Counter
	replays     metric.Int64Counter
	crashes     metric.Int64Counter
	wardRuns    metric.Int64Counter
	toName      metric.Float64Histogram
	toContain   metric.Float64Histogram
}

// NewMetrics makes the instruments. The error joins what the provider refused.
func NewMetrics(cfg MetricsConfig) (*Metrics, error) {
	if cfg.Provider == nil {
		cfg.Provider = otel.GetMeterProvider()
	}
	if cfg.StoreEvery <= 0 {
		cfg.StoreEvery = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	m := &Metrics{cfg: cfg, system: systemOf(cfg.System), log: cfg.Logger, seen: make(map[string]bool)}
	m.known.Store(&map[string]*lane{})
	meter := cfg.Provider.Meter(ScopeName)
	if err := errors.Join(m.instruments.make(meter), m.hook(meter)); err != nil {
		return nil, fmt.Errorf("telemetry: make metrics: %w", err)
	}
	return m, nil
}

// Close ends the collection of what is asked for. What was counted stays.
func (m *Metrics) Close() error {
	if m.unhook == nil {
		return nil
	}
	return m.unhook.Unregister()
}

func (i *instruments) make(meter metric.Meter) error {
	var errs [8]error
	i.duration, errs[0] = messagingconv.NewProcessDuration(meter, metric.WithExplicitBucketBoundaries(processSeconds...))
	counter := func(to *metric.Int64Counter, err *error, name, unit, says string) {
		*to, *err = meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(says))
	}
	counter(&i.decisions, &errs[1], metricDecisions, "{decision}", "What followed from attempts.")
	counter(&i.quarantined, &errs[2], metricQuarantined, "{message}", "Messages that were held.")
	counter(&i.replays, &errs[3], metricReplays, "{message}", "Held messages that ran again.")
	counter(&i.crashes, &errs[4], metricCrashes, "{death}", "Deaths of processes.")
	counter(&i.wardRuns, &errs[5], metricWardRuns, "{run}", "Runs of messages alone in a ward.")
	seconds := func(to *metric.Float64Histogram, err *error, name, says string) {
		*to, *err = meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(says), metric.WithExplicitBucketBoundaries(deathSeconds...))
	}
	seconds(&i.toName, &errs[6], metricTimeToName, "From the death of a process to the name of the message that killed it.")
	seconds(&i.toContain, &errs[7], metricTimeToContain, "From the first attempt of a message that kills to its quarantine.")
	return errors.Join(errs[:]...)
}

// lane is a subscription with the attributes of all that may happen to its messages.
type lane struct {
	name      string // as metrics tell it
	outcomes  [][]metric.RecordOption
	decisions [][]metric.AddOption
}

// lane returns that of a subscription. It takes no lock for one that was seen.
func (m *Metrics) lane(sub string) *lane {
	if l := (*m.known.Load())[sub]; l != nil {
		return l
	}
	return m.newLane(sub)
}

func (m *Metrics) newLane(sub string) *lane {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := *m.known.Load()
	if l := known[sub]; l != nil {
		return l
	}
	name := label(sub)
	if len(known) >= maxSubscriptions {
		if l := known[""]; l != nil {
			return l
		}
		sub, name = "", other
	}
	l := &lane{name: name}
	for _, outcome := range handlers.Outcomes() {
		pairs := []string{keySystem, string(m.system), keyOperationName, operation, keySubscription, name}
		if outcome != handlers.OutcomeOK {
			pairs = append(pairs, keyErrorType, outcomeLabel(outcome))
		}
		l.outcomes = append(l.outcomes, []metric.RecordOption{metric.WithAttributeSet(attributes(pairs...))})
	}
	for _, verb := range []consumer.Verb{consumer.VerbAck, consumer.VerbRetry, consumer.VerbQuarantine} {
		l.decisions = append(l.decisions, with(labelSubscription, name, labelDecision, verb.String()))
	}
	next := make(map[string]*lane, len(known)+1)
	for key, value := range known {
		next[key] = value
	}
	next[sub] = l
	m.known.Store(&next)
	return l
}

func with(pairs ...string) []metric.AddOption {
	return []metric.AddOption{metric.WithAttributeSet(attributes(pairs...))}
}

// AttemptStarted implements [consumer.Observer]; nothing is measured yet.
func (m *Metrics) AttemptStarted(ctx context.Context, _ string, _ handlers.Message) context.Context {
	return ctx
}

// AttemptSettled implements [consumer.Observer]: all of an attempt is counted here,
// also of one that ran in a ward.
func (m *Metrics) AttemptSettled(ctx context.Context, s consumer.Settled) {
	l := m.lane(s.Subscription)
	if o := int(s.Attempt.Outcome); o < len(l.outcomes) {
		m.duration.Inst().Record(ctx, seconds(s.Attempt.Started, s.Attempt.Ended), l.outcomes[o]...)
	}
	if v := int(s.Decision.Verb); v < len(l.decisions) {
		m.decisions.Add(ctx, 1, l.decisions[v]...)
	}
	if s.Decision.Verb == consumer.VerbQuarantine || s.Attempt.Replay || s.Alone {
		m.rare(ctx, l, s)
	}
}

// rare counts what happens to few messages.
func (m *Metrics) rare(ctx context.Context, l *lane, s consumer.Settled) {
	if s.Decision.Verb == consumer.VerbQuarantine {
		m.quarantined.Add(ctx, 1, with(labelSubscription, l.name, labelReason, reasonLabel(s.Decision.Reason))...)
	}
	if s.Attempt.Replay {
		m.replays.Add(ctx, 1, with(labelSubscription, l.name, labelOutcome, outcomeLabel(s.Attempt.Outcome))...)
	}
	if !s.Alone {
		return
	}
	m.wardRuns.Add(ctx, 1, with(labelSubscription, l.name, labelOutcome, wardLabel(s.Attempt.Outcome))...)
	if s.Blamed == nil || s.Attempt.Outcome != handlers.OutcomeCrashed {
		return
	}
	trace := traced(s.Blamed.Named)
	if !s.Blamed.Named && s.Decision.Verb == consumer.VerbRetry { // its first death alone names it
		m.toName.Record(ctx, seconds(s.Blamed.Died, s.Attempt.Ended), trace)
	}
	if s.Decision.Verb == consumer.VerbQuarantine {
		m.toContain.Record(ctx, time.Since(s.Blamed.Began).Seconds(), trace)
	}
}

// maxSeen is how many deaths are remembered, so that one is counted once.
const maxSeen = 10_000

// Death is what metrics tell of a crash.
type Death struct {
	// ID is the crash's; of deaths with one ID one is counted.
	ID string `json:"id"`
	// Verdict and Kind are its verdict and way of dying, from closed lists; what is in
	// none is told as "other".
	Verdict string `json:"verdict"`
	Kind    string `json:"kind"`
	// Trace: the runtime left one. Alone: it was a ward.
	Trace bool `json:"trace"`
	Alone bool `json:"alone"`
	// Named is how long after the death it was known which message killed, 0 if that is
	// not known yet.
	Named time.Duration `json:"named,omitempty"`
}

// DeathOf is what metrics tell of a crash that becomes known now.
func DeathOf(c handlers.Crash) Death {
	d := Death{ID: c.ID, Verdict: verdictOf(c), Kind: kindLabel(c.Kind), Trace: c.Stack != "", Alone: c.Alone}
	if d.Verdict == verdictCulprit && !d.Alone {
		d.Named = max(1, time.Since(c.Died))
	}
	return d
}

// Crash counts a death, once for its ID however often it is told. It is a
// ward.Config.OnCrash and returns nil. Where several processes are told of one death,
// one of them should count it.
func (m *Metrics) Crash(ctx context.Context, c handlers.Crash) error {
	m.Death(ctx, DeathOf(c))
	return nil
}

// Death is Crash for one that another process was told of.
func (m *Metrics) Death(ctx context.Context, d Death) {
	if !m.first(d.ID) {
		return
	}
	m.crashes.Add(ctx, 1, death(d)...)
	if d.Named > 0 {
		m.toName.Record(ctx, d.Named.Seconds(), traced(true))
	}
}

// death is what tells deaths apart.
func death(d Death) []metric.AddOption {
	return with(labelVerdict, verdictLabel(d.Verdict), labelKind, kindLabel(d.Kind), labelTrace, truth(d.Trace), labelAlone, truth(d.Alone))
}

// first reports whether a death is told for the first time, and remembers it.
func (m *Metrics) first(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen[id] {
		return false
	}
	if len(m.order) == maxSeen {
		delete(m.seen, m.order[0])
		m.order = m.order[1:]
	}
	m.seen[id] = true
	m.order = append(m.order, id)
	return true
}

// verdictOf says who is to blame for a death.
func verdictOf(c handlers.Crash) string {
	verdict := verdictNobody
	for _, m := range c.InFlight {
		switch m.Part {
		case handlers.PartCulprit:
			return verdictCulprit
		case handlers.PartSuspect:
			verdict = verdictSuspects
		case handlers.PartTimedOut:
			if verdict == verdictNobody {
				verdict = verdictTimedOut
			}
		}
	}
	return verdict
}

func seconds(from, to time.Time) float64 { return max(0, to.Sub(from).Seconds()) }
