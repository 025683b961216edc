package drill

import (
	"context"
	"errors"
	"slices"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/handlers"
)

// engine is what rows run on: a broker and a store.
type engine interface {
	// stage makes what one row needs, in its directory.
	stage(ctx context.Context, dir string, replicas int) (stage, error)
	close() error
}

// stage is the broker and the store of one row.
type stage interface {
	// broker and store are where replicas find them.
	broker() replica.Broker
	store() string
	// publish returns when the broker has confirmed m, with its id.
	publish(ctx context.Context, m handlers.Message) (id string, err error)
	// settled reports whether the broker has nothing more to deliver and waits for no answer. It is
	// true where a broker does not tell.
	settled(ctx context.Context) (bool, error)
	close() error
}

// lifo closes what was opened, the last first.
type lifo []func() error

func (l *lifo) add(f func() error) { *l = append(*l, f) }

func (l *lifo) close() error {
	var errs []error
	for _, f := range slices.Backward(*l) {
		errs = append(errs, f())
	}
	*l = nil
	return errors.Join(errs...)
}
