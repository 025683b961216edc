package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	broker "github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
)

// takeOver is how long the broker of a command that died may take to give the directory free.
const takeOver = 3 * time.Second

// note is what the broker process writes on its stdout, one line each: that it is ready, or what
// is wrong.
type note struct {
	Ready *broker.Endpoint `json:"ready,omitempty"`
	Error string           `json:"error,omitempty"`
	Kind  problem.Kind     `json:"kind,omitempty"`
}

// Serve is the life of the broker process: it runs the broker in dir until stdin or ctx ends. What
// its parent needs to know it writes on stdout; its log goes to stderr.
func Serve(ctx context.Context, dir string, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// A read of stdin cannot be interrupted, so nobody waits for this one: it ends with the process.
	var parent runner.Group
	parent.Go(func() {
		_, _ = io.Copy(io.Discard, stdin) // an error means the same as the end: the parent is gone
		stop()
	})
	err := serve(ctx, dir, stdout, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err == nil || ctx.Err() != nil {
		return nil
	}
	n := note{Error: err.Error(), Kind: kindOf(err)}
	return errors.Join(problem.Errorf(n.Kind, "%w", err), tell(stdout, n))
}

func serve(ctx context.Context, dir string, stdout io.Writer, log *slog.Logger) error {
	s, err := startPatiently(ctx, broker.Config{Dir: dir, Logger: log})
	if err != nil {
		return err
	}
	endpoint := s.Endpoint()
	if err := tell(stdout, note{Ready: &endpoint}); err != nil {
		return errors.Join(err, s.Close())
	}
	return s.Run(ctx)
}

// startPatiently waits for a broker whose command was killed: it is about to end.
func startPatiently(ctx context.Context, cfg broker.Config) (*broker.Server, error) {
	deadline := time.Now().Add(takeOver)
	for {
		s, err := broker.Start(ctx, cfg)
		if _, held := errors.AsType[*broker.HeldError](err); !held || time.Now().After(deadline) {
			return s, err
		}
	}
}

func tell(stdout io.Writer, n note) error {
	line, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode a note to the parent process: %w", err)
	}
	if _, err := stdout.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("tell the parent process: %w", err)
	}
	return nil
}

func kindOf(err error) problem.Kind {
	if _, held := errors.AsType[*broker.HeldError](err); held {
		return problem.Refused
	}
	return problem.Unavailable
}
