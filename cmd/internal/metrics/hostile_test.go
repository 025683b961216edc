package metrics_test

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"github.com/theriac/theriac/cmd/internal/metrics"
	"github.com/theriac/theriac/consumer/telemetry"
)

func attribute(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// push is what a process sends.
func push(t testing.TB, role, incarnation string, all ...*metricspb.Metric) []byte {
	t.Helper()
	body, err := proto.Marshal(&collectorpb.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource:     &resourcepb.Resource{Attributes: []*commonpb.KeyValue{attribute("theriac.role", role), attribute("service.instance.id", incarnation)}},
		ScopeMetrics: []*metricspb.ScopeMetrics{{Metrics: all}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

const cumulative = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE

func count(name string, value float64, attributes ...*commonpb.KeyValue) *metricspb.Metric {
	return &metricspb.Metric{Name: name, Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{
		AggregationTemporality: cumulative, IsMonotonic: true,
		DataPoints: []*metricspb.NumberDataPoint{{Attributes: attributes, Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: value}}},
	}}}
}

func buckets(name string, bounds []float64, counts []uint64, total uint64) *metricspb.Metric {
	sum := 1.0
	return &metricspb.Metric{Name: name, Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{
		AggregationTemporality: cumulative,
		DataPoints:             []*metricspb.HistogramDataPoint{{ExplicitBounds: bounds, BucketCounts: counts, Count: total, Sum: &sum}},
	}}}
}

func post(t testing.TB, h http.Handler, path string, body []byte) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body)))
	return w.Code
}

func pageOf(t testing.TB, s *metrics.Server) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.Pages().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if w.Code != http.StatusOK {
		t.Fatalf("/metrics answers %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// TestIntake_WhatMakesNoSense_IsLeftOutAndCounted and harms nothing else.
func TestIntake_WhatMakesNoSense_IsLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]*metricspb.Metric{
		"no number":       count("bad", math.NaN()),
		"infinite":        count("bad", math.Inf(1)),
		"negative count":  count("bad", -1),
		"no name":         count("", 1),
		"no data":         {Name: "bad"},
		"label twice":     count("bad", 1, attribute("a", "1"), attribute("a", "2")),
		"label collides":  count("bad", 1, attribute("a.b", "1"), attribute("a_b", "2")),
		"label no name":   count("bad", 1, attribute("", "1")),
		"buckets missing": buckets("bad", []float64{1, 2}, []uint64{1}, 1),
		"count is off":    buckets("bad", []float64{1}, []uint64{1, 1}, 5),
		"overflows":       buckets("bad", []float64{1}, []uint64{math.MaxUint64, 2}, 1),
		"bounds unsorted": buckets("bad", []float64{2, 1}, []uint64{1, 1, 1}, 3),
		"delta":           {Name: "bad", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{DataPoints: []*metricspb.NumberDataPoint{{}}}}},
		"no number label": count("bad", 1, &commonpb.KeyValue{Key: "\xff"[:0]}),
		"exponential":     {Name: "bad", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := metrics.NewServer(metrics.ServerConfig{})
			if code := post(t, s.Intake(), "/v1/metrics", push(t, "worker", "w1", count("good", 2), bad)); code != http.StatusOK {
				t.Fatalf("status %d", code)
			}
			page := pageOf(t, s)
			if !strings.Contains(page, "good_total 2\n") || strings.Contains(page, "bad") {
				t.Errorf("the page says\n%s", page)
			}
			if name != "label collides" && !strings.Contains(page, "theriac_metrics_refused_total 1\n") {
				t.Errorf("it is not counted:\n%s", page)
			}
		})
	}
}

// TestIntake_Refuses what is no push, or nobody's.
func TestIntake_Refuses(t *testing.T) {
	t.Parallel()
	s := metrics.NewServer(metrics.ServerConfig{})
	for name, body := range map[string][]byte{
		"garbage":        []byte("\xff\xff\xff"),
		"no role":        push(t, "", "w1", count("x", 1)),
		"no incarnation": push(t, "worker", "", count("x", 1)),
		"too large":      make([]byte, metrics.MaxPush+1),
	} {
		if code := post(t, s.Intake(), "/v1/metrics", body); code != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, code)
		}
	}
	for _, body := range []string{"", "{", `{"id":""}`, `{"id":"` + strings.Repeat("x", 5000) + `"}`} {
		if code := post(t, s.Intake(), "/v1/deaths", []byte(body)); code != http.StatusBadRequest {
			t.Errorf("%.20s: status %d", body, code)
		}
	}
	if code := post(t, s.Pages(), "/v1/metrics", push(t, "worker", "w1")); code == http.StatusOK {
		t.Error("the pages take pushes")
	}
}

// TestIntake_SeriesAreBounded whatever a process says of itself.
func TestIntake_SeriesAreBounded(t *testing.T) {
	t.Parallel()
	s := metrics.NewServer(metrics.ServerConfig{})
	var many []*metricspb.Metric
	for n := range 6000 {
		many = append(many, count("m", 1, attribute("n", strings.Repeat("y", 300)+string(rune('a'+n%26))), attribute("m", string(rune(0x4e00+n)))))
	}
	if code := post(t, s.Intake(), "/v1/metrics", push(t, "worker", "w1", many...)); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	if n := strings.Count(pageOf(t, s), "m_total{"); n != 5000 {
		t.Errorf("%d series", n)
	}
}

// TestDeaths_AreCountedOnce also after a restart.
func TestDeaths_AreCountedOnce(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state")
	var counted []string
	for range 2 {
		s := metrics.NewServer(metrics.ServerConfig{StateFile: state, Death: func(_ context.Context, d telemetry.Death) { counted = append(counted, d.ID) }})
		for range 3 {
			for _, id := range []string{"1", "2"} {
				if code := post(t, s.Intake(), "/v1/deaths", []byte(`{"id":"`+id+`","verdict":"culprit"}`)); code != http.StatusNoContent {
					t.Fatalf("status %d", code)
				}
			}
		}
	}
	if strings.Join(counted, " ") != "1 2" {
		t.Errorf("counted %q", counted)
	}
}

// TestStateFile_Damaged_NumbersBeginAnew and the next one is whole again.
func TestStateFile_Damaged_NumbersBeginAnew(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "no JSON": "{", "another version": `{"version":2}`, "null": `{"version":1,"sources":[null],"gone":[null]}`,
		"no sense": `{"version":1,"gone":[{"name":"x","kind":"histogram","buckets":[1],"bounds":[1,2]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := filepath.Join(t.TempDir(), "state")
			if err := os.WriteFile(state, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			for want := range 2 {
				s := metrics.NewServer(metrics.ServerConfig{StateFile: state})
				if want == 0 {
					post(t, s.Intake(), "/v1/metrics", push(t, "worker", "w1", count("x", 3)))
				}
				if page := pageOf(t, s); !strings.Contains(page, "x_total 3\n") {
					t.Errorf("the page says\n%s", page)
				}
			}
		})
	}
}

// FuzzIntake: nothing that a process pushes ends the server, and what is told stays well-formed.
func FuzzIntake(f *testing.F) {
	f.Add(push(f, "worker", "w1", count("a.b", 1, attribute("k", "v")), buckets("h", []float64{1}, []uint64{1, 1}, 2)))
	f.Add(push(f, "worker", "w1", count("a.b", 0.5)))
	f.Add([]byte("\x0a\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		state := filepath.Join(t.TempDir(), "state")
		s := metrics.NewServer(metrics.ServerConfig{StateFile: state})
		known := push(t, "known", "k1", count("theriac.known", 7))
		post(t, s.Intake(), "/v1/metrics", known)
		post(t, s.Intake(), "/v1/metrics", body)
		post(t, s.Intake(), "/v1/metrics", body)
		page := pageOf(t, s)
		if !strings.Contains(page, "theriac_metrics_refused_total") {
			t.Fatalf("the page says\n%s", page)
		}
		again := pageOf(t, metrics.NewServer(metrics.ServerConfig{StateFile: state}))
		for line := range strings.Lines(page) {
			if strings.Contains(line, "_total") && !strings.HasPrefix(line, "theriac_metrics_refused") && line[0] != '#' && !strings.Contains(line, "role=") && !strings.Contains(again, line) {
				t.Fatalf("after a restart %q is gone:\n%s", line, again)
			}
		}
	})
}

// FuzzStateFile: whatever lies in its place, the server starts.
func FuzzStateFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"gone":[{"name":"x","kind":"counter","value":1}],"sources":[{"role":"w","incarnation":"1","series":[]}],"dead":["0"],"crashes":["c"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		state := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(state, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s := metrics.NewServer(metrics.ServerConfig{StateFile: state})
		post(t, s.Intake(), "/v1/metrics", push(t, "worker", "w1", count("y", 3)))
		pageOf(t, s)
	})
}
