package notices_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getsentry/sentry-go"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/notices"
	"github.com/theriac/theriac/cmd/internal/signals"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/fakesentry"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
)

const (
	windowMessages = 400_000
	poisonEvery    = 2_000 // one in so many fails for good: it is told to everybody
	goroutines     = 64
)

// BenchmarkReceivers compares a consumer whose Sentry, Slack and collector of spans and metrics are
// well with one whose are all down: nobody listens, or whoever listens never answers. Each iteration
// is a window of each; the throughput of those that are down, as a share of the one before them, is
// the median of all iterations.
func BenchmarkReceivers(b *testing.B) {
	ratios := map[string][]float64{}
	heaps := map[string][]float64{}
	for b.Loop() {
		normal, _ := window(b, "up")
		for _, state := range []string{"refusing", "silent"} {
			rate, heap := window(b, state)
			ratios[state] = append(ratios[state], rate/normal)
			heaps[state] = append(heaps[state], heap)
		}
	}
	for state, all := range ratios {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], state+"/up")
		slices.Sort(heaps[state])
		b.ReportMetric(heaps[state][len(all)/2], state+"-MB")
	}
}

// receivers are where everything is told.
type receivers struct {
	dsn, otlp string
	slack     config.Notices
}

func receiversIn(b *testing.B, state string) receivers {
	b.Helper()
	if state != "up" {
		at := nobody(b)
		if state == "silent" {
			at = silent(b)
		}
		return receivers{
			dsn: "http://key@" + at + "/1", otlp: "http://" + at,
			slack: config.Notices{SlackToken: "xoxb-1", SlackChannel: "C0OPS", SlackAPI: "http://" + at + "/api/"},
		}
	}
	tracker, err := fakesentry.Start(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = tracker.Close() })
	slack, err := slackfake.Start(b.Context(), slackfake.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = slack.Close() })
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	b.Cleanup(collector.Close)
	return receivers{tracker.DSN(), collector.URL, settings(slack)}
}

// nobody is an address where nobody listens.
func nobody(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// silent is an address where calls are taken and never answered.
func silent(b *testing.B) string {
	b.Helper()
	end := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-end:
		case <-r.Context().Done():
		}
	}))
	b.Cleanup(func() { close(end); s.CloseClientConnections(); s.Close() })
	return s.Listener.Addr().String()
}

// window runs one process's worth of everything and returns messages per second, and the heap in MB
// when the last is done.
func window(b *testing.B, state string) (rate, heap float64) {
	b.Helper()
	to := receiversIn(b, state)
	dir := b.TempDir()
	store, err := quarantinelite.Open(b.Context(), quarantinelite.Config{Path: filepath.Join(dir, "quarantine.db")})
	must(b, err)
	defer func() { must(b, store.Close()) }()
	service, err := quarantine.New(store, quarantine.Config{SpoolDir: filepath.Join(dir, "spool")})
	must(b, err)
	events, err := telemetry.NewSentry(telemetry.SentryConfig{Options: sentry.ClientOptions{Dsn: to.dsn}, FlushTimeout: 500 * time.Millisecond})
	must(b, err)
	defer events.Close()
	s, err := signals.Start(b.Context(), signals.Config{Service: "shop", Role: "worker", Dir: dir, Environ: []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + to.otlp, "OTEL_METRIC_EXPORT_INTERVAL=1000",
		"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.01",
	}})
	must(b, err)
	n, err := notices.New(notices.Config{Settings: to.slack, Service: service})
	must(b, err)
	defer n.Close()

	ctx, cancel := context.WithCancel(b.Context())
	var aside runner.Group
	aside.Go(func() { must(b, runner.Run(ctx, service.Run, n.Run, s.Run)) })
	<-service.Ready()
	source := &timedSource{}
	c, err := consumer.New(source, consumer.Subscription{
		Name: "orders", Handler: handlers.HandlerFunc(someFail),
		Policy: consumer.Policy{Breaker: consumer.BreakerPolicy{Off: true}},
	}, consumer.Config{Quarantine: service, Observer: s.Observer(events)})
	must(b, err)
	must(b, c.Run(b.Context()))
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	cancel()
	aside.Wait()
	ending, stop := context.WithTimeout(context.WithoutCancel(b.Context()), time.Second)
	defer stop()
	_ = s.Close(ending)
	return windowMessages / source.took.Seconds(), float64(m.HeapAlloc) / 1e6
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Error(err)
	}
}

var errPoison = errors.New("the customer is null")

func someFail(_ context.Context, m handlers.Message) error {
	if len(m.Data) == 1 {
		return handlers.Permanent(errPoison)
	}
	return nil
}

// timedSource delivers a window of messages on many goroutines, as brokers' clients do.
type timedSource struct{ took time.Duration }

func (s *timedSource) Receive(_ context.Context, _ consumer.Limits, deliver func(*consumer.Delivery)) error {
	data := make([]byte, 1024)
	var next atomic.Int64
	began := time.Now()
	var group runner.Group
	for range goroutines {
		group.Go(func() {
			for {
				i := next.Add(1)
				if i == windowMessages { // a few still wait for those that never answer, as a few always do
					s.took = time.Since(began)
				}
				if i >= windowMessages {
					return
				}
				m := handlers.Message{ID: strconv.FormatInt(i, 10), Data: data}
				if i%poisonEvery == 0 {
					m.Data = data[:1]
				}
				deliver(&consumer.Delivery{Message: m, Settler: settled{}})
			}
		})
	}
	group.Wait()
	return nil
}

func (*timedSource) Abilities() consumer.Abilities { return consumer.Abilities{Engine: "null"} }

type settled struct{}

func (settled) Ack(context.Context) error                 { return nil }
func (settled) Nack(context.Context, time.Duration) error { return nil }
