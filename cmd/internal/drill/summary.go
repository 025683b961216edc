package drill

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/internal/buildinfo"
)

// Bounds on the time from first delivery to contained, beyond the handler's own; see docs/design.md.
const (
	tracedWithin = 2 * time.Second
	silentWithin = 5 * time.Second
)

// summary is the last object of a drill.
type summary struct {
	output.Head
	Summary bool `json:"summary"` // always true: it tells this object from a row
	Rows    int  `json:"rows"`
	Passed  int  `json:"passed"`
	Failed  int  `json:"failed"`

	WorkerDeaths         int `json:"worker_deaths"`
	WardDeaths           int `json:"ward_deaths"`
	WebRequests          int `json:"web_requests"`
	WebFailures          int `json:"web_failures"`
	InnocentsQuarantined int `json:"innocents_quarantined"`
	Lost                 int `json:"lost"`
	Duplicates           int `json:"duplicates"`

	// Contained are the times to contained without the handler's own, by class of dying. Traced and
	// silent ones have bounds.
	Contained map[replica.Class]spread `json:"contained"`
	// BystandersP99MS is how long bystanders waited until they ran again.
	BystandersP99MS int64 `json:"bystanders_p99_ms"`

	Seed    uint64    `json:"seed"`
	Build   string    `json:"build"`
	Go      string    `json:"go"`
	Host    host      `json:"host"`
	Started time.Time `json:"started"`
	WallMS  int64     `json:"wall_ms"`
	// Complete: all rows were tried. Failures are the rows that failed and bounds that were passed.
	Complete bool     `json:"complete"`
	Failures []string `json:"failures"`
}

type host struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"`
	Name string `json:"name"`
}

func thisHost() host {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	return host{runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), name}
}

// spread is a distribution of times.
type spread struct {
	Rows  int   `json:"rows"`
	P50MS int64 `json:"p50_ms"`
	P99MS int64 `json:"p99_ms"`
	MaxMS int64 `json:"max_ms"`
	// WithinMS is the bound on the p99, 0 for none.
	WithinMS int64 `json:"within_ms,omitempty"`
}

// newSpread sorts times.
func newSpread(times []int64) spread {
	if len(times) == 0 {
		return spread{}
	}
	slices.Sort(times)
	return spread{Rows: len(times), P50MS: quantile(times, 0.5), P99MS: quantile(times, 0.99), MaxMS: times[len(times)-1]}
}

// quantile is the nearest rank of sorted times, of which there are some.
func quantile(sorted []int64, q float64) int64 {
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}

// within returns the bound on a class, 0 for none.
func within(c replica.Class) time.Duration {
	switch c {
	case replica.Traced:
		return tracedWithin
	case replica.Silent:
		return silentWithin
	default:
		return 0
	}
}

// summarise counts the results of a drill of so many rows.
func summarise(results []result, rows int) summary {
	s := summary{
		Head: output.NewHead(), Summary: true, Rows: len(results), Contained: map[replica.Class]spread{},
		Go: runtime.Version(), Build: buildinfo.Read().Version, Complete: len(results) == rows, Failures: []string{},
	}
	contained := map[replica.Class][]int64{}
	var bystanders []int64
	for _, r := range results {
		s.add(r)
		if r.Expected == replica.Held && r.Ended == string(replica.Held) {
			contained[r.Class] = append(contained[r.Class], max(r.ContainedMS-r.OwnMS, 0))
		}
		if r.BystandersMS > 0 {
			bystanders = append(bystanders, r.BystandersMS)
		}
	}
	s.BystandersP99MS = newSpread(bystanders).P99MS
	for _, class := range []replica.Class{replica.Recovered, replica.Traced, replica.Silent, replica.Hung} {
		if len(contained[class]) == 0 {
			continue
		}
		times := newSpread(contained[class])
		times.WithinMS = within(class).Milliseconds()
		s.Contained[class] = times
		if times.WithinMS > 0 && times.P99MS > times.WithinMS {
			s.Failures = append(s.Failures, fmt.Sprintf("%s deaths are contained in %d ms at p99, the bound is %d ms", class, times.P99MS, times.WithinMS))
		}
	}
	return s
}

func (s *summary) add(r result) {
	s.WorkerDeaths += r.WorkerDeaths
	s.WardDeaths += r.WardDeaths
	s.WebRequests += r.WebRequests
	s.WebFailures += r.WebFailures
	s.InnocentsQuarantined += r.InnocentsQuarantined
	s.Lost += r.Lost
	s.Duplicates += r.Duplicates
	if r.Passed {
		s.Passed++
		return
	}
	s.Failed++
	for _, p := range r.Problems {
		s.Failures = append(s.Failures, fmt.Sprintf("%s, %d in flight, %d replicas, %s: %s", r.Way, r.InFlight, r.Replicas, r.Engine, p))
	}
}
