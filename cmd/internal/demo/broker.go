package demo

import (
	"context"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
)

// broker is what the messages of a demo travel through. Its streams exist once it is open.
type broker interface {
	source(subscription string) (consumer.Source, error)
	publisher(ctx context.Context, subscription string) (publisher, error)
	// system is its name in the conventions for messaging.
	system() string
	// done is closed when the broker ended by itself, and err says why; nil where a broker cannot.
	done() <-chan struct{}
	err() error
	close() error
}

// publisher returns when the broker has confirmed m. Publishing m again after an error is harmless:
// the broker drops the copy, or the handler recognises it.
type publisher interface {
	Publish(ctx context.Context, m handlers.Message) (id string, err error)
}
