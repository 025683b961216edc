package metrics_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/theriac/theriac/cmd/internal/metrics"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/handlers"
)

const monitoring = "../../../docs/monitoring"

// exported is every metric that is served once everything happened, with its labels.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	s := serve(t, t.TempDir())
	reader, err := metrics.NewReader(t.Context(), metrics.SocketIn(s.dir), "w1", nil)
	if err != nil {
		t.Fatal(err)
	}
	provider := sdk.NewMeterProvider(sdk.WithReader(reader), sdk.WithResource(resource.NewSchemaless(metrics.Identity("worker", "w1")...)))
	t.Cleanup(func() { _ = provider.Shutdown(context.WithoutCancel(t.Context())) })
	asked := make(chan struct{})
	m, err := telemetry.NewMetrics(telemetry.MetricsConfig{
		Provider:  provider,
		Consumers: func() []consumer.Stats { return []consumer.Stats{{Subscription: "orders", Suspects: 1}} },
		Process:   func() telemetry.ProcessStats { return telemetry.ProcessStats{} },
		Store: func(context.Context) (telemetry.StoreStats, error) {
			return telemetry.StoreStats{Held: []telemetry.HeldStats{{Subscription: "orders", Reason: handlers.ReasonFailed, Count: 1, Oldest: time.Now()}}}, nil
		},
		Relay:    func() (telemetry.RelayStats, error) { return telemetry.RelayStats{}, nil },
		Backlogs: func(context.Context) (map[string]uint64, error) { return map[string]uint64{"orders": 1}, nil },
		Notices: func(context.Context) (time.Time, error) {
			select {
			case asked <- struct{}{}:
			default:
			}
			return time.Time{}, nil
		},
		StoreEvery: 10 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []consumer.Verb{consumer.VerbRetry, consumer.VerbQuarantine} {
		m.AttemptSettled(t.Context(), consumer.Settled{
			Subscription: "orders", Attempt: handlers.Attempt{Outcome: handlers.OutcomeCrashed, Replay: true},
			Decision: consumer.Decision{Verb: verb}, Alone: true, Blamed: &consumer.Blamed{},
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var group sync.WaitGroup
	group.Go(func() { ended <- m.Run(ctx) })
	for range 2 { // the answer to the first question is kept when the second is asked
		<-asked
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := provider.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]string)
	for line := range strings.Lines(s.page(t, "")) {
		if line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(strings.TrimSpace(line), "{")
		name, _, _ = strings.Cut(name, " ")
		for _, l := range labelNames.FindAllStringSubmatch(rest, -1) {
			if !slices.Contains(all[name], l[1]) {
				all[name] = append(all[name], l[1])
			}
		}
		if all[name] == nil {
			all[name] = []string{}
		}
	}
	return all
}

var (
	labelNames = regexp.MustCompile(`(\w+)(?:!~|=~|!=|=)"`)
	grouped    = regexp.MustCompile(`\b(?:by|without|on)\s*\(([^)]*)\)`)
	selectors  = regexp.MustCompile(`([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?\s*(\(?)`)
	keywords   = []string{"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right"}
)

// used is what an expression names: metrics with the labels that they are asked for.
type used struct {
	metric string
	labels []string
}

// parse finds them. It knows the PromQL that stands in our files, not all of it.
func parse(expr string) (all []used) {
	var groups []string
	rest := grouped.ReplaceAllStringFunc(expr, func(s string) string {
		groups = append(groups, strings.FieldsFunc(grouped.FindStringSubmatch(s)[1], func(r rune) bool { return r == ',' || r == ' ' })...)
		return ""
	})
	rest = regexp.MustCompile(`\[\w+\]`).ReplaceAllString(rest, "")
	for _, m := range selectors.FindAllStringSubmatch(rest, -1) {
		if m[3] == "(" && m[2] == "" || slices.Contains(keywords, m[1]) {
			continue
		}
		u := used{metric: m[1], labels: slices.Clone(groups)}
		for _, l := range labelNames.FindAllStringSubmatch(m[2], -1) {
			u.labels = append(u.labels, l[1])
		}
		all = append(all, u)
	}
	return all
}

// expressions returns those of the rules and of the dashboard, each with where it stands.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	rules, err := os.ReadFile(filepath.Join(monitoring, "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	alert := ""
	for line := range strings.Lines(string(rules)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "- alert: "); ok {
			alert = name
		}
		if expr, ok := strings.CutPrefix(line, "expr: "); ok {
			all["alert "+alert] = expr
		}
	}
	text, err := os.ReadFile(filepath.Join(monitoring, "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ RefID, Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			all["panel "+p.Title+" "+target.RefID] = target.Expr
		}
	}
	return all
}

// TestMonitoring_NamesOnlyWhatIsExported: an alert on a metric that nobody exports never fires.
func TestMonitoring_NamesOnlyWhatIsExported(t *testing.T) {
	t.Parallel()
	known := exported(t)
	seen := make(map[string]bool)
	for where, expr := range expressions(t) {
		found := parse(expr)
		if len(found) == 0 {
			t.Errorf("%s names no metric: %s", where, expr)
		}
		for _, u := range found {
			labels, ok := known[u.metric]
			if !ok {
				t.Errorf("%s: nobody exports %s", where, u.metric)
			}
			for _, l := range u.labels {
				if ok && !slices.Contains(labels, l) {
					t.Errorf("%s: %s has no label %s, it has %v", where, u.metric, l, labels)
				}
			}
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				u.metric = strings.TrimSuffix(u.metric, suffix)
			}
			seen[u.metric] = true
		}
	}
	for name := range known {
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			name = strings.TrimSuffix(name, suffix)
		}
		if !seen[name] {
			t.Errorf("%s is on no panel and in no alert", name)
		}
	}
}

// TestMonitoring_EveryAlertIsExplained in the pages for operators, and can be found there.
func TestMonitoring_EveryAlertIsExplained(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for where := range expressions(t) {
		if alert, ok := strings.CutPrefix(where, "alert "); ok {
			n++
			if !strings.Contains(string(page), "\n### "+alert+"\n") {
				t.Errorf("docs/operations.md does not explain %s", alert)
			}
		}
	}
	if n < 11 {
		t.Errorf("%d alerts, want all of the design", n)
	}
}

// TestParse keeps the extractor honest.
func TestParse(t *testing.T) {
	t.Parallel()
	got := parse(`histogram_quantile(0.99, sum by (le, a) (increase(x_bucket{b=~"c|d", e!="f"}[1d]))) > 2 and on (a) y`)
	if len(got) != 2 || got[0].metric != "x_bucket" || strings.Join(got[0].labels, " ") != "le a a b e" || got[1].metric != "y" {
		t.Errorf("found %+v", got)
	}
}
