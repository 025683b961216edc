package ward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

// ServeConfig says who a ward is in the history of messages.
type ServeConfig struct {
	// Observer is told of attempts, as in consumer.Config; of what follows from them
	// only the worker's is. Nil means nobody.
	Observer consumer.Observer
	// Worker, Host and Build name the ward in the history. Default: empty, and the
	// role's build.
	Worker, Host, Build string
	// Logger gets what people should know. Nil discards it.
	Logger *slog.Logger
}

// Serve runs, in a ward process, one message at a time for the guardian, until
// ctx ends. subs are all subscriptions of the role, as its worker has them.
func Serve(ctx context.Context, role guardian.Role, cfg ServeConfig, subs ...consumer.Subscription) error {
	if !role.Ward {
		return errors.New("ward: Serve is for the ward role: call it where Role.Ward is set")
	}
	cfg.Build = cmp.Or(cfg.Build, role.Build)
	s := server{role: role, cfg: cfg, subs: make(map[string]consumer.Subscription), lanes: make(map[string]*consumer.Alone)}
	for _, sub := range subs {
		if err := sub.WithDefaults().Validate(); err != nil {
			return fmt.Errorf("ward: subscription %q: %w", sub.Name, err)
		}
		s.subs[sub.Name] = sub
	}
	watch, stop := context.WithCancel(ctx)
	err := role.ServeAlone(ctx, func(_ context.Context, body []byte) ([]byte, bool, bool) { return s.handle(watch, body) })
	stop()
	s.watchers.Wait()
	return err
}

// server is the ward's side. Its one goroutine takes messages one by one.
type server struct {
	role     guardian.Role
	cfg      ServeConfig
	subs     map[string]consumer.Subscription
	lanes    map[string]*consumer.Alone // made when first needed: each takes a slot for good
	watchers runner.Group
}

// handle runs one message. What cannot run is answered as interrupted, and the
// ward is spent.
func (s *server) handle(watch context.Context, body []byte) (said []byte, ok, spent bool) {
	var req request
	if err := decode(body, &req); err != nil {
		return s.refuse(err)
	}
	m, err := req.Message.open()
	if err != nil {
		return s.refuse(err)
	}
	lane, err := s.lane(watch, req.Subscription)
	if err != nil {
		return s.refuse(err)
	}
	ran := lane.Handle(m, req.Replay.of(m))
	said, err = encode(answer{Attempt: ran.Attempt, Delay: ran.Delay})
	if err != nil {
		return s.refuse(err)
	}
	return said, ran.Attempt.Outcome == handlers.OutcomeOK, ran.Abandoned
}

func (s *server) refuse(err error) ([]byte, bool, bool) {
	link := handlers.ErrorLink{Type: "ward", Text: err.Error()}
	said, _ := encode(answer{Attempt: handlers.Attempt{Outcome: handlers.OutcomeInterrupted, Errors: []handlers.ErrorLink{link}}})
	return said, false, true
}

func (s *server) lane(watch context.Context, name string) (*consumer.Alone, error) {
	if lane := s.lanes[name]; lane != nil {
		return lane, nil
	}
	sub, known := s.subs[name]
	if !known {
		return nil, fmt.Errorf("the ward role does not serve subscription %.100q: give ward.Serve what the worker has", name)
	}
	lane, err := consumer.NewAlone(sub, consumer.Config{
		Guard: tableOnly{s.role.InFlight}, Observer: s.cfg.Observer,
		Worker: s.cfg.Worker, Host: s.cfg.Host, Build: s.cfg.Build, Logger: s.cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	s.watchers.Go(func() { lane.Watch(watch, ready) })
	<-ready
	s.lanes[name] = lane
	return lane, nil
}

// tableOnly is the guard within a ward, which has a table and no wards of its own.
type tableOnly struct{ table *inflight.Mapping }

func (t tableOnly) InFlight() *inflight.Mapping { return t.table }

func (tableOnly) RunAlone(context.Context, consumer.AloneRun) (consumer.AloneResult, error) {
	return consumer.AloneResult{}, consumer.ErrNoWard
}

func (tableOnly) Suspects(string) consumer.Suspects { return consumer.Suspects{} }

// Recycle does nothing: a ward in which a handler was given up is replaced anyway.
func (tableOnly) Recycle(string) {}
