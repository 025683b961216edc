package metrics

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/otlptranslator"
)

// collector hands the numbers to Prometheus' own library, which knows the formats.
type collector struct{ now func() []*series }

// Describe says nothing: what there is to tell changes.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	all := c.now()
	slices.SortFunc(all, func(a, b *series) int { return cmp.Compare(a.Name, b.Name) })
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	first := map[string]*series{} // by the name that is told
	for _, s := range all {
		name, err := namer.Build(otlptranslator.Metric{Name: s.Name, Unit: s.Unit, Type: s.Kind.prometheus()})
		if err != nil {
			continue
		}
		// One name has one type and one text, whoever pushed which.
		if first[name] == nil {
			first[name] = s
		}
		if m := s.metric(name, first[name]); m != nil {
			to <- m
		}
	}
}

func (k kind) prometheus() otlptranslator.MetricType {
	switch k {
	case counter:
		return otlptranslator.MetricTypeMonotonicCounter
	case histogram:
		return otlptranslator.MetricTypeHistogram
	default:
		return otlptranslator.MetricTypeGauge
	}
}

// metric puts a series into the library's words, nil if it does not fit beside the first of its name.
func (s *series) metric(name string, first *series) prometheus.Metric {
	if s.Kind != first.Kind {
		return nil
	}
	var keys, values []string
	namer := otlptranslator.LabelNamer{}
	for _, l := range s.Labels {
		key, err := namer.Build(l.Key)
		if err != nil || slices.Contains(keys, key) {
			return nil
		}
		keys, values = append(keys, key), append(values, l.Value)
	}
	desc := prometheus.NewDesc(name, first.Help, keys, nil)
	var m prometheus.Metric
	var err error
	switch s.Kind {
	case histogram:
		m, err = prometheus.NewConstHistogram(desc, s.Count, s.Sum, s.cumulative(), values...)
	case counter:
		m, err = prometheus.NewConstMetric(desc, prometheus.CounterValue, s.Value, values...)
	default:
		m, err = prometheus.NewConstMetric(desc, prometheus.GaugeValue, s.Value, values...)
	}
	if err != nil {
		return nil
	}
	return s.exemplified(m)
}

// cumulative is the histogram in Prometheus' form.
func (s *series) cumulative() map[float64]uint64 {
	all := make(map[float64]uint64, len(s.Bounds))
	var n uint64
	for i, bound := range s.Bounds {
		n += s.Buckets[i]
		all[bound] = n
	}
	return all
}

// exemplified adds the latest exemplar of each bucket.
func (s *series) exemplified(m prometheus.Metric) prometheus.Metric {
	if len(s.Exemplars) == 0 || s.Kind != histogram {
		return m
	}
	inOrder := slices.SortedFunc(slices.Values(s.Exemplars), func(a, b exemplar) int { return a.at.Compare(b.at) })
	var all []prometheus.Exemplar
	for _, e := range inOrder {
		all = append(all, prometheus.Exemplar{
			Value: e.value, Timestamp: e.at, Labels: prometheus.Labels{"trace_id": e.trace, "span_id": e.span},
		})
	}
	with, err := prometheus.NewMetricWithExemplars(m, all...)
	if err != nil {
		return m
	}
	return with
}
