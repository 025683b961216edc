package ward

import (
	"context"
	"errors"
	"log/slog"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/handlers"
)

// Config says how a worker uses its wards.
type Config struct {
	// Docket is told of deaths; quarantine.Service is one. Nil: deaths stay in the
	// state directory.
	Docket consumer.Docket
	// OnCrash is told of each death too, at least once, on a goroutine of [Ward.Run].
	// Telemetry listens here. Nil means nobody.
	OnCrash func(ctx context.Context, c handlers.Crash) error
	// Logger gets what people should know. Nil discards it.
	Logger *slog.Logger
}

// Ward is a worker's way to its wards. It is safe for concurrent use.
type Ward struct {
	role guardian.Role
	cfg  Config
}

var _ consumer.Guard = (*Ward)(nil)

// Open returns the ward of a worker. Without a guardian it is one that has no
// wards: consumers then run everything in their own process.
func Open(role guardian.Role, cfg Config) (*Ward, error) {
	return &Ward{role: role, cfg: cfg}, nil
}

// Run carries crash records to the docket until ctx ends.
func (w *Ward) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// InFlight implements [consumer.Guard].
func (w *Ward) InFlight() *inflight.Mapping { return w.role.InFlight }

// RunAlone implements [consumer.Guard].
func (w *Ward) RunAlone(context.Context, consumer.AloneRun) (consumer.AloneResult, error) {
	return consumer.AloneResult{}, consumer.ErrNoWard
}

// Suspects implements [consumer.Guard].
func (w *Ward) Suspects(string) consumer.Suspects { return consumer.Suspects{} }

// Recycle implements [consumer.Guard].
func (w *Ward) Recycle(string) {}

// ServeConfig says who a ward is in the history of messages.
type ServeConfig struct {
	// Observer is told of attempts, as in consumer.Config. Nil means nobody.
	Observer consumer.Observer
	// Worker, Host and Build name the ward in the history. Default: empty.
	Worker, Host, Build string
}

// Serve runs, in a ward process, one message at a time for the guardian, until
// ctx ends.
func Serve(ctx context.Context, role guardian.Role, cfg ServeConfig, subs ...consumer.Subscription) error {
	if !role.Ward {
		return errors.New("ward: Serve is for the ward role: call it where Role.Ward is set")
	}
	<-ctx.Done()
	return nil
}
