package incidentdemo

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/bus"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/incidentd"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// report prints the timeline and the numbers, and says whether they are as promised.
func (s *story) report(ctx context.Context) error {
	events, err := s.api.timeline(ctx, s.ref)
	if err != nil {
		return err
	}
	s.out.Printf("\nThe timeline of %s, as GET /v1/incidents/%s/timeline has it\n", s.ref, s.ref)
	for _, e := range events {
		if trait, ok := incident.TraitOf(e.Type); ok && trait.Timeline {
			s.out.Printf("  %3d  %s  %s\n", e.Seq, e.RecordedAt.UTC().Format("15:04:05.000"), firstLine(incident.Line(e)))
		}
	}
	room, err := app.Open(ctx, config.Endpoint{Kind: config.SQLite, Address: config.StoreFile(s.dir), Own: true}, app.Read)
	if err != nil {
		return err
	}
	defer room.Close()
	crashes, err := room.Service.CrashList(ctx, quarantine.CrashQuery{Limit: 100})
	if err != nil {
		return err
	}
	workers, wards := 0, 0
	for _, c := range crashes.Reports {
		if c.Alone {
			wards++
		} else {
			workers++
		}
	}
	s.out.Printf("\nDIED      %d worker of orders, %d ward; web, clock and the workers of incidents did not notice\n", workers, wards)
	held, err := room.Service.EntryList(ctx, quarantine.Query{Subscription: incidentd.OrdersSub})
	if err != nil {
		return err
	}
	waiting, err := s.waiting(ctx)
	if err != nil {
		return err
	}
	s.out.Printf("ORDERS    %d published, %d taken out of the way, %d confirmed, %d waiting\n",
		orderCount, held.Total, orderCount-held.Total, waiting)
	s.out.Printf("API       %d calls, the slowest took %s\n", s.api.calls, s.api.slowest.Round(time.Millisecond))
	if workers != 1 || wards < 1 || held.Total != 1 || waiting != 0 {
		return problem.Errorf(problem.BadAnswer, "want 1 dead worker, at least 1 dead ward, 1 order taken out of the way and none waiting; it is %d, %d, %d and %d",
			workers, wards, held.Total, waiting)
	}
	return nil
}

// waiting is how many orders the broker has that nobody is done with.
func (s *story) waiting(ctx context.Context) (uint64, error) {
	b, err := bus.Open(ctx, bus.Config{Broker: s.broker(), Name: "demo"})
	if err != nil {
		return 0, err
	}
	defer b.Close()
	source, err := b.Source(incidentd.OrdersTopic, incidentd.OrdersSub)
	if err != nil {
		return 0, err
	}
	backlog, ok := source.(consumer.Backlogger)
	if !ok {
		return 0, errors.New("the embedded broker does not tell its backlog")
	}
	return until(ctx, "the last order", func(ctx context.Context) (uint64, bool, error) {
		n, err := backlog.Backlog(ctx)
		return n, err == nil && n == 0, err
	})
}
