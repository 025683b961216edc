package metrics

import (
	"cmp"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// kind says how series of several processes become one.
type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

// Bounds of what a push may hold.
const (
	maxSeries    = 5_000
	maxLabels    = 20
	maxText      = 256 // bytes of a name or a value
	maxBounds    = 200
	maxExemplars = 20
)

// label is one attribute.
type label struct {
	Key   string `json:"k"`
	Value string `json:"v"`
}

// series is one row of numbers, as a process tells it, or the sum of several.
type series struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit,omitempty"`
	Help   string  `json:"help,omitempty"`
	Kind   kind    `json:"kind"`
	Labels []label `json:"labels,omitempty"` // sorted by key

	// Value is that of a counter or gauge.
	Value float64 `json:"value,omitempty"`
	// Count, Sum, Bounds and Buckets are a histogram's. Buckets has one more than Bounds, and none of
	// them includes the others.
	Count     uint64     `json:"count,omitempty"`
	Sum       float64    `json:"sum,omitempty"`
	Bounds    []float64  `json:"bounds,omitempty"`
	Buckets   []uint64   `json:"buckets,omitempty"`
	Exemplars []exemplar `json:"-"`
}

// exemplar is one measurement with the trace in which it was made.
type exemplar struct {
	value       float64
	at          time.Time
	trace, span string
}

// table holds series by their keys.
type table map[string]*series

// key is the same for series that stand for the same.
func (s *series) key() string {
	var b strings.Builder
	b.WriteString(s.Name)
	for _, l := range s.Labels {
		b.WriteByte(0)
		b.WriteString(l.Key)
		b.WriteByte(0)
		b.WriteString(l.Value)
	}
	return b.String()
}

// sums reports whether the series of a process that is gone go on to count.
func (s *series) sums() bool { return s.Kind != gauge }

// fellBehind reports whether s cannot be the same row of numbers as before, later.
func (s *series) fellBehind(before *series) bool {
	return s.Kind != before.Kind || s.Kind == counter && s.Value < before.Value ||
		s.Kind == histogram && (s.Count < before.Count || !slices.Equal(s.Bounds, before.Bounds))
}

// add makes t's sum with s. A histogram whose bounds changed begins anew: there is no sum of both.
func (t table) add(s *series) {
	key := s.key()
	sum := t[key]
	if sum == nil || sum.Kind != s.Kind || sum.Kind == histogram && !slices.Equal(sum.Bounds, s.Bounds) {
		copied := *s
		copied.Buckets = slices.Clone(s.Buckets)
		t[key] = &copied
		return
	}
	sum.Value += s.Value
	sum.Count += s.Count
	sum.Sum += s.Sum
	for i := range sum.Buckets {
		sum.Buckets[i] += s.Buckets[i]
	}
	sum.Exemplars = append(sum.Exemplars[:len(sum.Exemplars):len(sum.Exemplars)], s.Exemplars...)
}

// read takes the series out of what a process pushed. It returns how many it left out.
func read(metrics []*metricspb.ScopeMetrics) (all table, left int) {
	all = make(table)
	for _, scope := range metrics {
		for _, m := range scope.GetMetrics() {
			left += all.take(m)
		}
	}
	return all, left
}

// take adds the series of one metric and returns how many it left out.
func (t table) take(m *metricspb.Metric) (left int) {
	base := series{Name: text(m.GetName()), Unit: text(m.GetUnit()), Help: text(m.GetDescription())}
	put := func(s series, attributes []*commonpb.KeyValue) {
		labels, ok := labelsOf(attributes)
		if s.Labels = labels; !ok || s.Name == "" || len(t) >= maxSeries || !finite(s.Value, s.Sum) {
			left++
			return
		}
		t.add(&s)
	}
	numbers := func(kind kind, points []*metricspb.NumberDataPoint) {
		for _, p := range points {
			s := base
			s.Kind, s.Value = kind, number(p)
			if kind == counter && s.Value < 0 {
				left++
				continue
			}
			put(s, p.GetAttributes())
		}
	}
	switch data := m.GetData().(type) {
	case *metricspb.Metric_Gauge:
		numbers(gauge, data.Gauge.GetDataPoints())
	case *metricspb.Metric_Sum:
		switch {
		case data.Sum.GetAggregationTemporality() != metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE:
			left += len(data.Sum.GetDataPoints())
		case data.Sum.GetIsMonotonic():
			numbers(counter, data.Sum.GetDataPoints())
		default:
			numbers(gauge, data.Sum.GetDataPoints())
		}
	case *metricspb.Metric_Histogram:
		cumulative := data.Histogram.GetAggregationTemporality() == metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
		for _, p := range data.Histogram.GetDataPoints() {
			s := base
			if !cumulative || !s.measure(p) {
				left++
				continue
			}
			put(s, p.GetAttributes())
		}
	default: // nothing here makes the others
		left++
	}
	return left
}

// measure makes s a histogram, and reports whether the point makes sense.
func (s *series) measure(p *metricspb.HistogramDataPoint) bool {
	s.Kind, s.Count, s.Sum = histogram, p.GetCount(), p.GetSum()
	s.Bounds, s.Buckets = p.GetExplicitBounds(), p.GetBucketCounts()
	if len(s.Bounds) > maxBounds || len(s.Buckets) != len(s.Bounds)+1 || !finite(s.Bounds...) || !slices.IsSorted(s.Bounds) {
		return false
	}
	var all uint64
	for _, n := range s.Buckets {
		if all += n; all < n {
			return false
		}
	}
	if all != s.Count {
		return false
	}
	for _, e := range p.GetExemplars()[:min(len(p.GetExemplars()), maxExemplars)] {
		if len(e.GetTraceId()) == 16 && len(e.GetSpanId()) == 8 && finite(e.GetAsDouble()) {
			s.Exemplars = append(s.Exemplars, exemplar{
				value: e.GetAsDouble(), at: time.Unix(0, int64(e.GetTimeUnixNano()&math.MaxInt64)),
				trace: hex.EncodeToString(e.GetTraceId()), span: hex.EncodeToString(e.GetSpanId()),
			})
		}
	}
	return true
}

func number(p *metricspb.NumberDataPoint) float64 {
	if whole, ok := p.GetValue().(*metricspb.NumberDataPoint_AsInt); ok {
		return float64(whole.AsInt)
	}
	return p.GetAsDouble()
}

// labelsOf returns the attributes that are texts or simple values, and false if there are too many, or
// one twice.
func labelsOf(attributes []*commonpb.KeyValue) ([]label, bool) {
	if len(attributes) > maxLabels {
		return nil, false
	}
	var all []label
	for _, a := range attributes {
		all = append(all, label{text(a.GetKey()), text(valueText(a.GetValue()))})
	}
	slices.SortFunc(all, func(a, b label) int { return cmp.Compare(a.Key, b.Key) })
	for i := range all {
		if all[i].Key == "" || i > 0 && all[i].Key == all[i-1].Key {
			return nil, false
		}
	}
	return all, true
}

func finite(all ...float64) bool {
	return !slices.ContainsFunc(all, func(f float64) bool { return math.IsNaN(f) || math.IsInf(f, 0) })
}

// text makes a text from outside short and valid.
func text(s string) string {
	if s = strings.ToValidUTF8(s, "\uFFFD"); len(s) <= maxText {
		return s
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.Clone(s[:end])
}

// valueText is a simple value; of lists and the like nothing is told.
func valueText(v *commonpb.AnyValue) string {
	switch value := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return value.StringValue
	case *commonpb.AnyValue_BoolValue:
		return strconv.FormatBool(value.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return strconv.FormatInt(value.IntValue, 10)
	case *commonpb.AnyValue_DoubleValue:
		return strconv.FormatFloat(value.DoubleValue, 'g', -1, 64)
	default:
		return ""
	}
}
