package demo

import (
	"context"
	"errors"

	"github.com/theriac/theriac/cmd/internal/signals"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/internal/buildinfo"
	"github.com/theriac/theriac/internal/runner"
)

// serveNumbers begins to measure, and serves the numbers on a port of this machine that is free. All
// of the demo is one process, so the metrics role is in it; elsewhere it is one of its own. Without a
// place to listen on the demo goes on without metrics.
func (d *demo) serveNumbers(ctx context.Context) (stop func() error, err error) {
	own := signals.Config{
		Environ: d.environ, Service: "theriac-demo", Role: workerName, Build: buildinfo.Read().Version,
		Dir: d.dir, Logger: d.log.logger(),
		Metrics: telemetry.MetricsConfig{
			System: d.broker.system(), Consumers: d.roster.Stats, Process: signals.ProcessOf(d.service, nil), Backlogs: d.roster.Backlogs,
		},
	}
	if d.numbers, err = signals.Start(ctx, own); err != nil {
		return func() error { return nil }, err
	}
	role := own
	role.Role, role.Metrics = "metrics", telemetry.MetricsConfig{Store: signals.StoreOf(d.service), Notices: signals.NoticesOf(d.service)}
	serving := make(chan string, 1)
	ended := make(chan error, 1)
	aside, end := context.WithCancel(context.WithoutCancel(ctx))
	var server runner.Group
	server.Go(func() {
		ended <- signals.Serve(aside, signals.ServeConfig{
			Config: role, Listen: "127.0.0.1:0", Serving: func(url string) { serving <- url },
		})
	})
	server.Go(func() { _ = d.numbers.Run(aside) }) // it returns nil
	stop = func() error {
		err := d.numbers.Close(ctx)
		end()
		server.Wait()
		return errors.Join(err, <-ended)
	}
	select {
	case d.metrics = <-serving:
	case err := <-ended:
		ended <- nil
		d.log.logger().Warn("there are no metrics", "error", err)
	}
	return stop, nil
}
