package telemetry

import (
	"context"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
)

// asked are the instruments whose numbers are asked for when they are collected.
type asked struct {
	consumed    messagingconv.ClientConsumedMessagesObservable
	knownHits   metric.Int64ObservableCounter
	reprieved   metric.Int64ObservableCounter
	inFlight    metric.Int64ObservableGauge
	outstanding metric.Int64ObservableGauge
	abandoned   metric.Int64ObservableGauge
	suspects    metric.Int64ObservableGauge
	breaker     metric.Int64ObservableGauge
	paused      metric.Int64ObservableGauge
	discarded   metric.Int64ObservableCounter
	spool       metric.Int64ObservableGauge
	quota       metric.Float64ObservableGauge
	storeUp     metric.Int64ObservableGauge
	held        metric.Int64ObservableGauge
	oldestHeld  metric.Float64ObservableGauge
	oldestNote  metric.Float64ObservableGauge
	backlog     metric.Int64ObservableGauge
	delivered   metric.Int64ObservableCounter
	dropped     metric.Int64ObservableCounter
	waiting     metric.Int64ObservableGauge
}

// hook makes the instruments and has them asked together.
func (m *Metrics) hook(meter metric.Meter) error {
	var a asked
	var all []metric.Observable
	var failed error
	note := func(o metric.Observable, err error) {
		if err != nil && failed == nil {
			failed = err
		}
		all = append(all, o)
	}
	gauge := func(to *metric.Int64ObservableGauge, name, unit, says string) {
		var err error
		*to, err = meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(says))
		note(*to, err)
	}
	counter := func(to *metric.Int64ObservableCounter, name, unit, says string) {
		var err error
		*to, err = meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(says))
		note(*to, err)
	}
	share := func(to *metric.Float64ObservableGauge, name, unit, says string) {
		var err error
		*to, err = meter.Float64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(says))
		note(*to, err)
	}
	if m.cfg.Consumers != nil {
		var err error
		a.consumed, err = messagingconv.NewClientConsumedMessagesObservable(meter)
		note(a.consumed.Inst(), err)
		counter(&a.knownHits, metricKnownHits, "{message}", "Deliveries that were acknowledged on sight.")
		gauge(&a.inFlight, metricInFlight, "{message}", "Messages whose handlers run.")
		gauge(&a.outstanding, metricOutstanding, "{message}", "Messages in the process, not settled.")
		gauge(&a.abandoned, metricAbandoned, "{handler}", "Handlers that were given up and still run.")
		gauge(&a.breaker, metricBreakerOpen, "{breaker}", "1 while quarantining has stopped.")
		gauge(&a.paused, metricPaused, "{subscription}", "1 while people let it pull nothing.")
		counter(&a.discarded, metricDiscarded, "{message}", "Messages that were acknowledged without being run, since people shed load.")
	}
	if m.cfg.Consumers != nil || m.cfg.Store != nil {
		gauge(&a.suspects, metricSuspects, "{message}", "Messages that must run alone.")
	}
	if m.cfg.Process != nil {
		counter(&a.reprieved, metricReprieved, "{message}", "Held as crashed, then replayed well on the same build.")
		gauge(&a.spool, metricSpoolRecords, "{record}", "Records that wait for the store on this disk.")
		share(&a.quota, metricQuotaUsed, "1", "Share of a quota that is used.")
	}
	if m.cfg.Store != nil {
		gauge(&a.storeUp, metricStoreUp, "{store}", "1 while the store answers.")
		gauge(&a.held, metricHeld, "{message}", "Messages that wait for a person.")
		share(&a.oldestHeld, metricOldestHeld, "s", "Since when the oldest of them waits.")
	}
	if m.cfg.Notices != nil {
		share(&a.oldestNote, metricOldestNotice, "s", "Since when people were not told of something.")
	}
	if m.cfg.Backlogs != nil {
		gauge(&a.backlog, metricBacklog, "{message}", "Messages that the broker has not handed to anybody.")
	}
	if m.cfg.Relay != nil {
		counter(&a.delivered, metricDelivered, "{request}", "Events and spans that were delivered, by the request.")
		gauge(&a.waiting, metricWaiting, "{request}", "Those that the guardian keeps until they are taken.")
	}
	if m.cfg.Relay != nil || m.cfg.Process != nil {
		counter(&a.dropped, metricDropped, "{request}", "Those that nobody will ever see.")
	}
	if failed != nil || len(all) == 0 {
		return failed
	}
	var err error
	m.unhook, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		m.observe(o, &a)
		return nil
	}, all...)
	return err
}

func (m *Metrics) observe(o metric.Observer, a *asked) {
	suspects := map[string]int{}
	criticality := map[string]string{}
	if m.cfg.Consumers != nil {
		for _, s := range m.merged() {
			m.observeConsumer(o, a, s)
			suspects[s.Subscription] += s.Suspects
			criticality[s.Subscription] = s.Criticality.String()
		}
	}
	if m.cfg.Process != nil {
		m.observeProcess(o, a, slices.Collect(maps.Keys(suspects)))
	}
	if stored := m.asked.Load(); stored != nil {
		m.observeStore(o, a, stored)
		for sub, n := range stored.stats.Suspects {
			name := m.lane(sub).name
			suspects[name] = max(suspects[name], n)
		}
	}
	for sub, n := range suspects {
		set := attributes(labelSubscription, sub)
		if c := criticality[sub]; c != "" {
			set = attributes(labelSubscription, sub, labelCriticality, c)
		}
		o.ObserveInt64(a.suspects, int64(n), metric.WithAttributeSet(set))
	}
}

// merged is what the consumers do, those of one subscription together, under the
// name that metrics tell.
func (m *Metrics) merged() map[string]consumer.Stats {
	all := make(map[string]consumer.Stats)
	for _, s := range m.cfg.Consumers() {
		s.Subscription = m.lane(s.Subscription).name
		before, two := all[s.Subscription]
		if two {
			s.Running += before.Running
			s.Outstanding += before.Outstanding
			s.Abandoned += before.Abandoned
			s.Suspects += before.Suspects
			s.Delivered += before.Delivered
			s.Recognised += before.Recognised
			s.Dropped += before.Dropped
			if before.Flow == handlers.FlowPaused {
				s.Flow = before.Flow
			}
			s.Breaker.Open = s.Breaker.Open || before.Breaker.Open
		}
		all[s.Subscription] = s
	}
	return all
}

func (m *Metrics) observeConsumer(o metric.Observer, a *asked, s consumer.Stats) {
	system := m.system
	if system == SystemOther {
		system = systemOf(s.Engine)
	}
	o.ObserveInt64(a.consumed.Inst(), whole(s.Delivered), metric.WithAttributeSet(attributes(
		keySystem, string(system), keyOperationName, operationReceive, keySubscription, s.Subscription)))
	of := metric.WithAttributeSet(attributes(labelSubscription, s.Subscription))
	o.ObserveInt64(a.knownHits, whole(s.Recognised), of)
	class := metric.WithAttributeSet(attributes(labelSubscription, s.Subscription, labelCriticality, s.Criticality.String()))
	o.ObserveInt64(a.inFlight, int64(s.Running), class)
	o.ObserveInt64(a.outstanding, int64(s.Outstanding), class)
	o.ObserveInt64(a.abandoned, int64(s.Abandoned), class)
	o.ObserveInt64(a.breaker, one(s.Breaker.Open), class)
	o.ObserveInt64(a.paused, one(s.Flow == handlers.FlowPaused), class)
	o.ObserveInt64(a.discarded, whole(s.Dropped), metric.WithAttributeSet(attributes(labelSubscription, s.Subscription, labelReason, reasonShed)))
}

func (m *Metrics) observeProcess(o metric.Observer, a *asked, subs []string) {
	p := m.cfg.Process()
	o.ObserveInt64(a.spool, int64(p.SpoolRecords))
	o.ObserveFloat64(a.quota, p.SpoolUsed, metric.WithAttributeSet(attributes(labelQuota, quotaSpool)))
	o.ObserveInt64(a.dropped, whole(p.EventsLost), metric.WithAttributeSet(attributes(labelReason, reasonNotTaken)))
	// From 0 on, so that the first one is an increase.
	reprieved := make(map[string]uint64)
	for _, sub := range subs {
		reprieved[sub] = 0
	}
	for sub, n := range p.Reprieved {
		reprieved[m.lane(sub).name] += n
	}
	for sub, n := range reprieved {
		o.ObserveInt64(a.reprieved, whole(n), metric.WithAttributeSet(attributes(labelSubscription, sub)))
	}
}

func (m *Metrics) observeStore(o metric.Observer, a *asked, stored *answer) {
	if m.cfg.Store != nil {
		o.ObserveInt64(a.storeUp, one(stored.up))
	}
	type key struct{ sub, reason string }
	count, oldest := map[key]int64{}, map[key]time.Time{}
	for _, h := range stored.stats.Held {
		k := key{m.lane(h.Subscription).name, reasonLabel(h.Reason)}
		count[k] += h.Count
		if !h.Oldest.IsZero() && (oldest[k].IsZero() || h.Oldest.Before(oldest[k])) {
			oldest[k] = h.Oldest
		}
	}
	for k, n := range count {
		set := metric.WithAttributeSet(attributes(labelSubscription, k.sub, labelReason, k.reason))
		o.ObserveInt64(a.held, n, set)
		if at := oldest[k]; !at.IsZero() {
			o.ObserveFloat64(a.oldestHeld, max(0, time.Since(at).Seconds()), set)
		}
	}
	if m.cfg.Notices != nil && stored.notices {
		age := 0.0
		if !stored.untold.IsZero() {
			age = max(0, time.Since(stored.untold).Seconds())
		}
		o.ObserveFloat64(a.oldestNote, age)
	}
	if m.cfg.Relay != nil && stored.relay != nil {
		o.ObserveInt64(a.delivered, whole(stored.relay.Delivered))
		o.ObserveInt64(a.waiting, int64(stored.relay.Waiting))
		for reason, n := range stored.relay.Dropped() {
			o.ObserveInt64(a.dropped, whole(n), metric.WithAttributeSet(attributes(labelReason, reason)))
		}
	}
	backlogs := map[string]uint64{}
	for sub, n := range stored.backlogs {
		backlogs[m.lane(sub).name] += n
	}
	for sub, n := range backlogs {
		o.ObserveInt64(a.backlog, whole(n), metric.WithAttributeSet(attributes(labelSubscription, sub)))
	}
}

// answer is what the store said last.
type answer struct {
	up      bool
	stats   StoreStats // empty while it is not up
	notices bool       // they could be asked for
	untold  time.Time
	// backlogs are those that brokers told.
	backlogs map[string]uint64
	relay    *RelayStats // nil if nobody knows
}

// Run asks the store, the brokers and the relay now and then, until ctx ends; it returns nil. Without a
// MetricsConfig.Store, Notices, Backlogs and Relay it only waits.
func (m *Metrics) Run(ctx context.Context) error {
	for _, verdict := range verdicts { // from 0 on, so that the first death is an increase
		m.crashes.Add(ctx, 0, death(Death{Verdict: verdict, Kind: kinds[0]})...)
	}
	if m.cfg.Store == nil && m.cfg.Notices == nil && m.cfg.Backlogs == nil && m.cfg.Relay == nil {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(m.cfg.StoreEvery)
	defer tick.Stop()
	for {
		m.ask(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// ask asks once. What a store that does not answer said before is not told any
// more: nobody knows whether it is still so.
func (m *Metrics) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, max(m.cfg.StoreEvery, time.Second))
	defer cancel()
	var said answer
	before := m.asked.Load()
	if m.cfg.Store != nil {
		stats, err := m.cfg.Store(ctx)
		if said.up = err == nil; said.up {
			said.stats = stats
		} else if before == nil || before.up {
			m.log.Warn("the store does not answer: metrics about it are missing", "error", err)
		}
	}
	if m.cfg.Notices != nil {
		untold, err := m.cfg.Notices(ctx)
		said.notices, said.untold = err == nil, untold
	}
	if m.cfg.Backlogs != nil {
		var err error
		if said.backlogs, err = m.cfg.Backlogs(ctx); err != nil {
			m.log.Debug("a broker did not tell its backlog", "error", err)
		}
	}
	if m.cfg.Relay != nil {
		if relay, err := m.cfg.Relay(); err == nil {
			said.relay = &relay
		} else {
			m.log.Debug("a guardian did not tell of its relay", "error", err)
		}
	}
	m.asked.Store(&said)
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// whole is a count as the SDK takes it.
func whole(n uint64) int64 { return int64(n & (1<<63 - 1)) }
