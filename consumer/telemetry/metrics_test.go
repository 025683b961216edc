package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

// measured is a Metrics with a reader.
type measured struct {
	*telemetry.Metrics
	reader *sdk.ManualReader
}

func measure(t testing.TB, cfg telemetry.MetricsConfig) measured {
	t.Helper()
	reader := sdk.NewManualReader()
	cfg.Provider = sdk.NewMeterProvider(sdk.WithReader(reader))
	m, err := telemetry.NewMetrics(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return measured{m, reader}
}

// rows returns what is collected now: one line for each series, "name{k=v,…} value".
func (m measured) rows(t testing.TB) (rows []string) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := m.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	row := func(name string, set attribute.Set, value any) {
		rows = append(rows, fmt.Sprintf("%s{%s} %v", name, set.Encoded(attribute.DefaultEncoder()), value))
	}
	for _, scope := range all.ScopeMetrics {
		for _, one := range scope.Metrics {
			switch data := one.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					row(one.Name, p.Attributes, p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					row(one.Name, p.Attributes, p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					row(one.Name, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					row(one.Name, p.Attributes, p.Count)
				}
			default:
				t.Fatalf("%s is a %T", one.Name, data)
			}
		}
	}
	return rows
}

func (m measured) want(t testing.TB, rows ...string) {
	t.Helper()
	got := m.rows(t)
	for _, row := range rows {
		if !slices.Contains(got, row) {
			t.Errorf("no %s in\n%s", row, strings.Join(got, "\n"))
		}
	}
}

var began = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func settled(o handlers.Outcome, v consumer.Verb) consumer.Settled {
	return consumer.Settled{
		Subscription: "orders", Message: handlers.Message{ID: "CANARY-id", Data: []byte("CANARY")},
		Attempt:  handlers.Attempt{Started: began, Ended: began.Add(20 * time.Millisecond), Outcome: o, Panic: "CANARY", TraceID: "CANARY"},
		Decision: consumer.Decision{Verb: v}, Ref: "CANARY",
	}
}

// TestMetrics_CountsAttempts: each outcome and what followed.
func TestMetrics_CountsAttempts(t *testing.T) {
	t.Parallel()
	m := measure(t, telemetry.MetricsConfig{System: "nats"})
	for _, o := range handlers.Outcomes() {
		m.AttemptSettled(t.Context(), settled(o, consumer.VerbRetry))
	}
	held := settled(handlers.OutcomeTimedOut, consumer.VerbQuarantine)
	held.Decision.Reason = handlers.ReasonHung
	m.AttemptSettled(t.Context(), held)
	again := settled(handlers.OutcomeOK, consumer.VerbAck)
	again.Attempt.Replay = true
	m.AttemptSettled(t.Context(), again)
	const of = "messaging.destination.subscription.name=orders,messaging.operation.name=process,messaging.system=nats} "
	m.want(t,
		"messaging.process.duration{"+of+"2",
		"messaging.process.duration{error.type=panicked,"+of+"1",
		"messaging.process.duration{error.type=timed_out,"+of+"2",
		"messaging.process.duration{error.type=interrupted,"+of+"1",
		"theriac.decisions{decision=retry,subscription=orders} 8",
		"theriac.decisions{decision=quarantine,subscription=orders} 1",
		"theriac.decisions{decision=ack,subscription=orders} 1",
		"theriac.quarantined{reason=hung,subscription=orders} 1",
		"theriac.replays{outcome=ok,subscription=orders} 1",
	)
}

// TestMetrics_WardRuns_TimesFromDeathToQuarantine.
func TestMetrics_WardRuns_TimesFromDeathToQuarantine(t *testing.T) {
	t.Parallel()
	m := measure(t, telemetry.MetricsConfig{})
	suspect := &consumer.Blamed{Began: time.Now().Add(-time.Second), Died: time.Now().Add(-time.Second / 2)}
	for _, named := range []bool{true, false} {
		for _, verb := range []consumer.Verb{consumer.VerbRetry, consumer.VerbQuarantine} {
			s := settled(handlers.OutcomeCrashed, verb)
			s.Decision.Reason = handlers.ReasonCrashed
			blamed := *suspect
			blamed.Named = named
			s.Alone, s.Blamed = true, &blamed
			m.AttemptSettled(t.Context(), s)
		}
	}
	for _, o := range []handlers.Outcome{handlers.OutcomeOK, handlers.OutcomeFailed, handlers.OutcomeTimedOut} {
		s := settled(o, consumer.VerbRetry)
		s.Alone, s.Blamed = true, suspect
		m.AttemptSettled(t.Context(), s)
	}
	m.want(t,
		"theriac.ward.runs{outcome=died,subscription=orders} 4",
		"theriac.ward.runs{outcome=hung,subscription=orders} 1",
		"theriac.ward.runs{outcome=cleared,subscription=orders} 2",
		"theriac.time_to_contain{trace=true} 1", "theriac.time_to_contain{trace=false} 1",
		"theriac.time_to_name{trace=false} 1", // one with a trace is named by its death
	)
}

// TestMetrics_Deaths_CountedOnceByID.
func TestMetrics_Deaths_CountedOnceByID(t *testing.T) {
	t.Parallel()
	m := measure(t, telemetry.MetricsConfig{})
	named := handlers.Crash{ID: "1", Kind: "stack overflow", Stack: "goroutine 1", Died: time.Now(), InFlight: []handlers.InFlight{
		{Part: handlers.PartCulprit, Subscription: "orders", ID: "CANARY"},
	}}
	silent := handlers.Crash{ID: "2", Kind: "unknown", InFlight: []handlers.InFlight{{Part: handlers.PartBystander}, {Part: handlers.PartSuspect}}}
	hung := handlers.Crash{ID: "3", Kind: "quit", Stack: "s", InFlight: []handlers.InFlight{{Part: handlers.PartTimedOut}, {Part: handlers.PartSettling}}}
	nobody := handlers.Crash{ID: "4", Kind: "CANARY\x1b", Alone: true}
	for range 3 {
		for _, c := range []handlers.Crash{named, silent, hung, nobody} {
			if err := m.Crash(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.want(t,
		"theriac.crashes{alone=false,kind=stack_overflow,trace=true,verdict=culprit} 1",
		"theriac.crashes{alone=false,kind=unknown,trace=false,verdict=suspects} 1",
		"theriac.crashes{alone=false,kind=quit,trace=true,verdict=timed_out} 1",
		"theriac.crashes{alone=true,kind=other,trace=false,verdict=nobody} 1",
		"theriac.time_to_name{trace=true} 1",
	)
}

// TestMetrics_AskTheConsumersAndTheStore.
func TestMetrics_AskTheConsumersAndTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		m := measure(t, telemetry.MetricsConfig{
			Consumers: func() []consumer.Stats {
				return []consumer.Stats{
					{Subscription: "orders", Engine: "gcp_pubsub", Running: 3, Outstanding: 5, Abandoned: 1, Suspects: 2, Delivered: 100, Recognised: 4},
					{Subscription: "orders", Engine: "gcp_pubsub", Running: 1, Delivered: 1, Breaker: consumer.BreakerStats{Open: true}},
					{Subscription: "nudges", Criticality: consumer.NonCritical, Flow: handlers.FlowPaused, Dropped: 12},
				}
			},
			Process: func() telemetry.ProcessStats {
				return telemetry.ProcessStats{SpoolRecords: 7, SpoolUsed: 0.25, Reprieved: map[string]uint64{"orders": 1}, EventsLost: 8}
			},
			Store: func(context.Context) (telemetry.StoreStats, error) {
				if down.Load() {
					return telemetry.StoreStats{}, errors.New("the store is down")
				}
				return telemetry.StoreStats{
					Held:     []telemetry.HeldStats{{Subscription: "orders", Reason: "crashed", Count: 3, Oldest: time.Now().Add(-time.Minute)}},
					Suspects: map[string]int{"orders": 9, "elsewhere": 1},
				}, nil
			},
			Notices: func(context.Context) (time.Time, error) { return time.Now().Add(-time.Second), nil },
			Backlogs: func(context.Context) (map[string]uint64, error) {
				if down.Load() {
					return nil, errors.New("the broker is down")
				}
				return map[string]uint64{"orders": 340}, nil
			},
			Relay: func() (telemetry.RelayStats, error) {
				if down.Load() {
					return telemetry.RelayStats{}, errors.New("there is no guardian")
				}
				return telemetry.RelayStats{Delivered: 90, Refused: 1, GivenUp: 2, Expired: 3, Evicted: 4, Lost: 5, Damaged: 6, Waiting: 14}, nil
			},
		})
		ctx, stop := context.WithCancel(t.Context())
		var group runner.Group
		done := make(chan error, 1)
		group.Go(func() { done <- m.Run(ctx) })
		synctest.Wait()
		m.want(t,
			"messaging.client.consumed.messages{messaging.destination.subscription.name=orders,messaging.operation.name=receive,messaging.system=gcp_pubsub} 101",
			"theriac.in_flight{criticality=critical,subscription=orders} 4",
			"theriac.in_flight{criticality=non-critical,subscription=nudges} 0",
			"theriac.outstanding{criticality=critical,subscription=orders} 5",
			"theriac.abandoned{criticality=critical,subscription=orders} 1",
			"theriac.breaker.open{criticality=critical,subscription=orders} 1",
			"theriac.breaker.open{criticality=non-critical,subscription=nudges} 0",
			"theriac.paused{criticality=critical,subscription=orders} 0",
			"theriac.paused{criticality=non-critical,subscription=nudges} 1",
			"theriac.discarded{reason=shed,subscription=orders} 0", "theriac.discarded{reason=shed,subscription=nudges} 12",
			"theriac.known.hits{subscription=orders} 4",
			"theriac.suspects{criticality=critical,subscription=orders} 9",
			"theriac.suspects{subscription=elsewhere} 1",
			"theriac.spool.records{} 7", "theriac.quota.used{quota=spool} 0.25",
			"theriac.reprieved{subscription=orders} 1", "theriac.reprieved{subscription=nudges} 0",
			"theriac.crashes{alone=false,kind=unknown,trace=false,verdict=nobody} 0",
			"theriac.store.up{} 1", "theriac.held{reason=crashed,subscription=orders} 3",
			"theriac.held.oldest_age{reason=crashed,subscription=orders} 60", "theriac.notice.oldest_age{} 1",
			"theriac.backlog{subscription=orders} 340",
			"theriac.telemetry.delivered{} 90", "theriac.telemetry.waiting{} 14", "theriac.telemetry.dropped{reason=not_taken} 8",
			"theriac.telemetry.dropped{reason=refused} 1", "theriac.telemetry.dropped{reason=given_up} 2", "theriac.telemetry.dropped{reason=expired} 3",
			"theriac.telemetry.dropped{reason=evicted} 4", "theriac.telemetry.dropped{reason=lost} 5", "theriac.telemetry.dropped{reason=damaged} 6",
		)
		down.Store(true)
		<-time.After(6 * time.Second)
		synctest.Wait()
		m.want(t, "theriac.store.up{} 0", "theriac.suspects{criticality=critical,subscription=orders} 2")
		if rows := strings.Join(m.rows(t), "\n"); strings.Contains(rows, "theriac.held") || strings.Contains(rows, "theriac.backlog") || strings.Contains(rows, "theriac.telemetry.waiting") {
			t.Errorf("what is down said before is told:\n%s", rows)
		}
		stop()
		group.Wait()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestMetrics_LabelsAreBounded whatever names and texts there are.
func TestMetrics_LabelsAreBounded(t *testing.T) {
	t.Parallel()
	m := measure(t, telemetry.MetricsConfig{System: "\x00"})
	hostile := []string{"\xff\xfe", "a\x1b]0;title\x07b", "line\nbreak", strings.Repeat("x", 5000), "<!channel>", ""}
	for _, name := range hostile {
		s := settled(handlers.Outcome(200), consumer.Verb(200))
		s.Subscription = name
		m.AttemptSettled(t.Context(), s) // a process in trouble may say anything
		s = settled(handlers.OutcomeFailed, consumer.VerbQuarantine)
		s.Subscription, s.Decision.Reason = name, handlers.Reason(name)
		m.AttemptSettled(t.Context(), s)
	}
	for n := range 3000 {
		s := settled(handlers.OutcomeOK, consumer.VerbAck)
		s.Subscription = fmt.Sprint("made-up-", n)
		m.AttemptSettled(t.Context(), s)
	}
	rows := m.rows(t)
	if len(rows) > 1700 {
		t.Errorf("%d series", len(rows))
	}
	for _, row := range rows {
		if strings.Contains(row, "CANARY") || strings.ContainsAny(row, "\x00\x1b\x07\n") || len(row) > 700 {
			t.Errorf("a series %.200q", row)
		}
	}
}

// TestMetrics_Success_AllocatesNothing.
func TestMetrics_Success_AllocatesNothing(t *testing.T) {
	m := measure(t, telemetry.MetricsConfig{})
	s := settled(handlers.OutcomeOK, consumer.VerbAck)
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { m.AttemptSettled(ctx, s) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
