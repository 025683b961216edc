package incidentd

import (
	"context"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/internal/problem"
)

// broker is the role of the embedded broker.
func (p program) broker(ctx context.Context, role guardian.Role) error {
	if p.settings.Broker.Kind != config.Embedded {
		return problem.Errorf(problem.Invalid, "a broker is named (%s), so none runs here: leave --broker out, or run the other parts", p.settings.Broker)
	}
	server, err := embedded.Start(ctx, embedded.Config{Dir: p.settings.Broker.Address, Logger: p.log})
	if err != nil {
		return err
	}
	role.Ready()
	return server.Run(ctx)
}
