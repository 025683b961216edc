package drill

import (
	"context"
	"errors"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/problem"
)

// openEngines opens the engines that are asked for.
func (o *options) openEngines(ctx context.Context, given config.Settings) (map[string]engine, error) {
	names, err := chosenEngines(o.engine)
	if err != nil {
		return nil, err
	}
	engines := map[string]engine{}
	for _, name := range names {
		switch {
		case name == enginePubSub:
			if engines[name], err = o.openPubSub(ctx, given); err != nil {
				return nil, errors.Join(err, (&drill{engines: without(engines, name)}).close())
			}
		case len(names) == 1 && (o.brokerGiven || o.storeGiven):
			return nil, problem.Errorf(problem.Invalid, "--broker and --store are for --engine %s; the embedded engines are the drill's own", enginePubSub)
		default:
			engines[name] = embeddedEngine{}
		}
	}
	return engines, nil
}

func without(engines map[string]engine, name string) map[string]engine {
	delete(engines, name)
	return engines
}
