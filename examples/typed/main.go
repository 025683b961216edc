// Command typed shows the answers a handler can give, without any broker: a
// typed handler, routed by an attribute, wrapped in middleware.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/theriac/theriac/handlers"
)

// incident is what the payload decodes to.
type incident struct {
	ID       string `json:"id"`
	Severity int    `json:"severity"`
}

func main() { run(context.Background(), os.Stdout) }

func run(ctx context.Context, out io.Writer) {
	logged := func(next handlers.Handler) handlers.Handler {
		return handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
			err := next.Handle(ctx, m)
			fmt.Fprintf(out, "%-28s %-12s %v\n", m.Data, handlers.Class(err), err)
			return err
		})
	}
	h := handlers.Chain(
		handlers.NewMux("event").On("declared", handlers.Typed(declared)),
		logged,
	)
	for _, payload := range []string{
		`{"id":"INC-1","severity":2}`,
		`{"id":"INC-2","severity":9}`,
		`{"id":"INC-3"}`,
		`{"id":"","severity":1}`,
		`{"id":7}`,
	} {
		_ = h.Handle(ctx, handlers.Message{
			Data:       []byte(payload),
			Attributes: map[string]string{"event": "declared"},
		})
	}
	_ = h.Handle(ctx, handlers.Message{Data: []byte("{}"), Attributes: map[string]string{"event": "closed"}})
}

var errBusy = errors.New("pager is busy")

func declared(_ context.Context, in incident, _ handlers.Message) error {
	switch {
	case in.ID == "":
		return handlers.Permanent(errors.New("incident has no id"))
	case in.Severity == 0:
		return handlers.Again(5 * time.Second) // somebody else writes it soon
	case in.Severity > 5:
		return handlers.RetryAfter(errBusy, time.Minute)
	default:
		return nil
	}
}
