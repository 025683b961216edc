package incidentd

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/internal/buildinfo"
	"github.com/theriac/theriac/internal/problem"
)

// The roles. Those that run handlers are named after their class.
const (
	roleBroker      = "broker"
	roleSlack       = "slack"
	roleWeb         = "web"
	roleCritical    = "worker-critical"
	roleNonCritical = "worker-non-critical"
	roleClock       = "clock"
	roleMetrics     = "metrics"
)

// The classes of handlers.
const (
	classCritical    = "critical"
	classNonCritical = "non-critical"
)

// program is one run of the service, in the guardian and in each of its children alike.
type program struct {
	flags    flags
	settings config.Settings
	incident config.Incident
	environ  []string
	// hosts reports that this command may run a Slack workspace of its own.
	hosts bool
	out   io.Writer
	log   *slog.Logger
}

// start runs a part of the service until it is told to stop.
func start(ctx context.Context, f flags, environ []string, out io.Writer, part part) error {
	settings, err := config.Load(f.Flags, environ)
	if err != nil {
		return err
	}
	inc, err := config.LoadIncident(settings, environ)
	if err != nil {
		return err
	}
	if f.listen != "" {
		inc.Listen = f.listen
	}
	format, err := logFormat(inc.LogFormat, os.Stderr)
	if err != nil {
		return err
	}
	p := program{flags: f, settings: settings, incident: inc, environ: environ, hosts: part.slack, out: out,
		log: newLog(os.Stderr, format)}
	if err := part.addresses(p); err != nil {
		return err
	}
	names, err := part.roles(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.settings.DataDir, 0o700); err != nil {
		return problem.Errorf(problem.Invalid, "the data directory cannot be made: %w; name another one with --data-dir", err)
	}
	return guardian.Run(ctx, p.guardian(part.use, names), p.play)
}

// all are the roles of a machine that runs everything.
func (p program) all() ([]string, error) {
	var names []string
	if p.settings.Broker.Kind == config.Embedded {
		names = append(names, roleBroker)
	}
	if p.ownSlack() {
		names = append(names, roleSlack)
	}
	// The first that runs handlers also tells of the deaths of those that run none.
	names = append(names, roleWeb, roleCritical, roleNonCritical, roleClock, roleMetrics)
	if p.flags.orders {
		names = append(names, roleOrders)
	}
	return names, nil
}

// workerOf is the role of a class.
func (p program) workerOf() ([]string, error) {
	switch p.flags.class {
	case classCritical:
		return []string{roleCritical}, nil
	case classNonCritical:
		return []string{roleNonCritical}, nil
	default:
		return nil, problem.Errorf(problem.Invalid, "incidentd worker needs a class: --class=critical or --class=non-critical")
	}
}

// ownSlack reports that there is no workspace to talk to but one of this machine.
func (p program) ownSlack() bool { return p.incident.Notices.SlackToken == "" }

// hostsSlack reports that it runs here.
func (p program) hostsSlack() bool { return p.hosts && p.ownSlack() }

// guardian is how the roles are looked after. Each command keeps its state apart, so that several may
// share a data directory.
func (p program) guardian(use string, names []string) guardian.Config {
	cfg := guardian.Config{
		StateDir: p.stateDir(use), Relay: true, Build: buildinfo.Read().Version, Logger: p.log,
	}
	for _, name := range names {
		role := guardian.RoleConfig{Name: name}
		switch name {
		case roleCritical:
			role.Slots, role.Wards = slotsOf(classCritical), 2
		case roleNonCritical:
			role.Slots, role.Wards = slotsOf(classNonCritical), 1
			role.ReadyTimeout = wellAfter + time.Minute // in safe mode it rests first
		case roleOrders:
			role.Slots, role.Wards = ordersSlots, 1
		}
		cfg.Roles = append(cfg.Roles, role)
	}
	return cfg
}

func (p program) stateDir(use string) string {
	dir := config.GuardianDir(p.settings.DataDir)
	switch use {
	case "all":
		return dir // where theriac doctor looks, as for any service with one guardian
	case "worker":
		return dir + "-worker-" + p.flags.class
	default:
		return dir + "-" + use
	}
}

// play is what a child does: the role that it was started for.
func (p program) play(ctx context.Context, role guardian.Role) error {
	p.log = p.log.With("role", role.Name)
	play := map[string]func(context.Context, guardian.Role) error{
		roleBroker:      p.broker,
		roleSlack:       p.slack,
		roleWeb:         p.web,
		roleCritical:    p.worker,
		roleNonCritical: p.worker,
		roleClock:       p.clock,
		roleMetrics:     p.metrics,
		roleOrders:      p.orders,
	}[role.Name]
	if role.Ward && role.Name != roleOrders {
		return p.ward(ctx, role)
	}
	return play(ctx, role)
}

// class is that of a worker's role.
func class(role string) string {
	if role == roleNonCritical {
		return classNonCritical
	}
	return classCritical
}

// workers are the roles that run handlers.
func workers() []string { return slices.Clone([]string{roleCritical, roleNonCritical}) }

// ownRoles are those of this service, whose deaths its own handlers are not told of. They are known by their
// names alone, so the death of another program's "web" is not told of either.
func ownRoles() []string {
	return append(workers(), roleBroker, roleSlack, roleWeb, roleClock, roleMetrics)
}
