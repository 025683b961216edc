package signals

import (
	"context"
	"time"

	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/quarantine"
)

// StoreOf asks a quarantine's store, for the MetricsConfig of one process.
func StoreOf(s *quarantine.Service) func(context.Context) (telemetry.StoreStats, error) {
	return func(ctx context.Context) (telemetry.StoreStats, error) {
		st, err := s.Stats(ctx)
		if err != nil {
			return telemetry.StoreStats{}, err
		}
		out := telemetry.StoreStats{Suspects: st.Suspects}
		for _, h := range st.Held {
			out.Held = append(out.Held, telemetry.HeldStats(h))
		}
		return out, nil
	}
}

// NoticesOf asks a store how far telling people is behind, for the MetricsConfig of the process that is
// given the store. Where no notifier ever ran nobody is to be told, so nothing is late: theriac doctor says
// so, too.
func NoticesOf(s interface {
	NoticeStats(ctx context.Context) (quarantine.NoticeStats, error)
}) func(context.Context) (time.Time, error) {
	return func(ctx context.Context) (time.Time, error) {
		st, err := s.NoticeStats(ctx)
		if st.Led.IsZero() {
			return time.Time{}, err
		}
		return st.Oldest, err
	}
}

// ProcessOf tells what a worker's quarantine knows alone, and which of its events were lost, for the
// worker's MetricsConfig. events may be nil.
func ProcessOf(s *quarantine.Service, events *telemetry.Sentry) func() telemetry.ProcessStats {
	return func() telemetry.ProcessStats {
		st := s.LocalStats()
		out := telemetry.ProcessStats{SpoolRecords: st.SpoolRecords, Reprieved: st.Reprieved}
		if st.SpoolMaxBytes > 0 {
			out.SpoolUsed = float64(st.SpoolBytes) / float64(st.SpoolMaxBytes)
		}
		if events != nil {
			out.EventsLost = events.Stats().Lost
		}
		return out
	}
}
