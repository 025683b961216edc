package guardian

import (
	"context"
	"os/signal"

	"github.com/theriac/theriac/internal/runner"
)

// runUnguarded plays all roles in this process. SIGTERM and SIGINT end it in order, as they would
// end a guardian.
func runUnguarded(ctx context.Context, cfg Config, f func(context.Context, Role) error) error {
	ctx, stop := signal.NotifyContext(ctx, stopSignals()...)
	defer stop()
	roles := make([]func(context.Context) error, len(cfg.Roles))
	for i, r := range cfg.Roles {
		roles[i] = func(ctx context.Context) error { return f(ctx, Role{Name: r.Name, Build: cfg.Build}) }
	}
	return runner.Run(ctx, roles...)
}
