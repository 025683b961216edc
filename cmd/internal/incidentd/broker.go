package incidentd

import (
	"context"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
)

// leaveWithin is how long the broker waits for its clients at the end: a worker that drains has its
// last acknowledgements to make.
const leaveWithin = drainWait + 10*time.Second

// broker is the role of the embedded broker. It is told to end together with its clients, and ends
// after them.
func (p program) broker(ctx context.Context, role guardian.Role) error {
	if p.settings.Broker.Kind != config.Embedded {
		return problem.Errorf(problem.Invalid, "a broker is named (%s), so none runs here: leave --broker out, or run the other parts", p.settings.Broker)
	}
	server, err := embedded.Start(ctx, embedded.Config{Dir: p.settings.Broker.Address, Logger: p.log})
	if err != nil {
		return err
	}
	role.Ready()
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	return runner.Run(serving, server.Run, func(serving context.Context) error {
		defer stop()
		select {
		case <-ctx.Done():
		case <-serving.Done():
			return nil
		}
		leaving, cancel := context.WithTimeout(serving, leaveWithin)
		defer cancel()
		if err := server.AwaitIdle(leaving); err != nil {
			p.log.Warn("the broker ends before its clients", "err", err)
		}
		return nil
	})
}
