package incidentlite_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentlite"
)

// BenchmarkCreate declares incidents, one after the other.
func BenchmarkCreate(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "incident.db"), incidentlite.Options{})
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		if _, err := s.Create(b.Context(), newIncident("bench", i), newEvents("bench", i)); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}

// BenchmarkSave shares updates of one incident among many.
func BenchmarkSave(b *testing.B) {
	s := filled(b, 1000)
	inc, err := s.Get(b.Context(), "INC-500")
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		inc.Name = fmt.Sprint("update ", i)
		after, err := s.Save(b.Context(), incident.Change{Incident: &inc, Expected: inc.Version, Events: newEvents("save", i)})
		if err != nil {
			b.Fatal(err)
		}
		inc = after[0]
	}
}

// BenchmarkList reads a first page.
func BenchmarkList(b *testing.B) {
	s := filled(b, 1000)
	for b.Loop() {
		if _, err := s.List(b.Context(), incident.Filter{Stages: []incident.Stage{incident.StageActive}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIdle is what a relay and a watchdog with nothing to do cost.
func BenchmarkIdle(b *testing.B) {
	s := filled(b, 1000)
	for {
		out, err := s.Unpublished(b.Context(), 1000)
		if err != nil {
			b.Fatal(err)
		}
		if len(out) == 0 {
			break
		}
		for _, o := range out {
			if err := s.MarkPublished(b.Context(), o.ID); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		if _, err := s.Unpublished(b.Context(), 100); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Audit(b.Context(), incident.AuditLimits{}); err != nil {
			b.Fatal(err)
		}
	}
}

// filled returns a store with n incidents.
func filled(b *testing.B, n int) *incidentlite.Store {
	b.Helper()
	s := open(b, filepath.Join(b.TempDir(), "incident.db"), incidentlite.Options{})
	for i := range n {
		if _, err := s.Create(b.Context(), newIncident("bench", i), newEvents("bench", i)); err != nil {
			b.Fatal(err)
		}
	}
	return s
}
