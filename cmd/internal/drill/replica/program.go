package replica

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian"
)

// Subcommand is the hidden command that runs a replica. Its one argument is the directory.
const Subcommand = "drill-replica"

// The roles.
const (
	// RoleWorker receives messages, and RoleWard runs suspects of it alone.
	RoleWorker = "worker"
	RoleWard   = "ward"
	// RoleWeb answers web requests.
	RoleWeb = "web"
	// RoleMetrics serves the numbers of the others.
	RoleMetrics = "metrics"
)

// NewCommand returns the hidden command.
func NewCommand() *cobra.Command {
	return &cobra.Command{
		Use:    Subcommand + " DIR",
		Short:  "Run a replica for a drill",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE:   func(c *cobra.Command, args []string) error { return Run(c.Context(), args[0]) },
	}
}

// Run is the whole program. In the process that is started it is the guardian's, in its children
// that of their role. ctx carries values only: the guardian decides when its children end.
func Run(ctx context.Context, dir string) (err error) {
	spec, err := readSpec(dir)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(dir, LogName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	p := &program{spec: spec, dir: dir, environ: os.Environ(), log: slog.New(slog.NewJSONHandler(file, nil)), line: NewLine(spec.Socket, spec.Number)}
	return guardian.Run(context.WithoutCancel(ctx), p.guardian(), p.play)
}

type program struct {
	spec    Spec
	dir     string
	environ []string
	log     *slog.Logger
	line    *Line
}

func (p *program) guardian() guardian.Config {
	return guardian.Config{
		Roles: []guardian.RoleConfig{
			{Name: RoleWorker, Slots: p.spec.Slots, Wards: p.spec.Wards, MemoryLimit: p.spec.MemoryLimit},
			{Name: RoleWeb}, {Name: RoleMetrics},
		},
		Relay:       true,
		StateDir:    filepath.Join(p.dir, StateName),
		Build:       p.spec.Build,
		StopTimeout: 5 * time.Second,
		Logger:      p.log,
	}
}

func (p *program) play(ctx context.Context, role guardian.Role) error {
	switch {
	case role.Name == RoleWeb:
		return p.web(ctx, role)
	case role.Name == RoleMetrics:
		return p.metrics(ctx, role)
	case role.Ward:
		return p.ward(ctx, role)
	default:
		return p.work(ctx, role)
	}
}

// name is what the replica is called in the history of messages.
func (p *program) name() string { return "replica-" + strconv.Itoa(p.spec.Number) }

func (p *program) subscription(role string, tracer trace.Tracer) consumer.Subscription {
	s := &shop{line: p.line, role: role, tracer: tracer, shared: make(map[int]int, 8), memory: p.spec.MemoryLimit}
	return consumer.Subscription{Name: Subscription, Handler: s, HandlerName: "drill.handle", Policy: p.spec.policy()}
}
