package incidents

import (
	"math"
	"slices"
	"time"
)

// spread is a distribution of times.
type spread struct {
	Count int     `json:"count"`
	P50MS float64 `json:"p50_ms"`
	P99MS float64 `json:"p99_ms"`
	MaxMS float64 `json:"max_ms"`
	// WithinMS is the bound on the p99, 0 for none.
	WithinMS float64 `json:"within_ms,omitempty"`
}

func newSpread(times []time.Duration, within time.Duration) spread {
	s := spread{Count: len(times), WithinMS: ms(within)}
	if len(times) == 0 {
		return s
	}
	slices.Sort(times)
	s.P50MS, s.P99MS, s.MaxMS = ms(quantile(times, 0.5)), ms(quantile(times, 0.99)), ms(times[len(times)-1])
	return s
}

// late reports that the p99 passes its bound.
func (s spread) late() bool { return s.WithinMS > 0 && s.P99MS > s.WithinMS }

func ms(d time.Duration) float64 { return math.Round(float64(d)/float64(time.Millisecond)*10) / 10 }

// quantile is the nearest rank of sorted times, of which there are some.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}
