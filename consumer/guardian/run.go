package guardian

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"

	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// Run makes this process the guardian and f its children: in each child, which is this binary
// again, f is called with the role that the child plays. Call it first in main, before flags,
// pools and goroutines.
//
// In the guardian it returns nil after an orderly stop, by a signal or the end of ctx, else an error
// that the program should print before it exits non-zero: the joined problems of cfg, a
// *[GaveUpError], or what kept the first child from starting.
//
// In a child it does not return. When f returns, the process ends: with [CleanExit] after nil, else
// after it printed the error. f's context ends when the guardian says so or is gone; the signals
// that stop the guardian are ignored until then, since platforms send them to every process.
//
// Without a guardian (see the package comment) it calls f in this process for all roles at once and
// returns what they return, joined.
func Run(ctx context.Context, cfg Config, f func(ctx context.Context, role Role) error) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	env, err := readEnvironment()
	switch {
	case err != nil:
		return err
	case env.child != nil:
		return runChild(ctx, cfg, *env.child, f)
	case env.off != "":
		cfg.Logger.Info("no guardian: what recover cannot catch ends this process", "because", env.off)
		return runUnguarded(ctx, cfg, f)
	default:
		return runGuardian(ctx, cfg)
	}
}

// Role is what this process is. Its methods are safe for concurrent use.
type Role struct {
	// Name is the role's, from the configuration.
	Name string
	// Ward: this process is a ward of the role. It builds the role's subscriptions and
	// handlers and serves (package consumer/ward); it neither listens, migrates,
	// schedules nor pulls.
	Ward bool
	// Build is that of the configuration, for those who name it elsewhere.
	Build string
	// Incarnation names this run of the role; no other run has the same. Empty
	// without a guardian.
	Incarnation string
	// InFlight is the table of what runs, for the configuration of the role's
	// consumers. Nil without a guardian, and in a role without Slots.
	InFlight *inflight.Mapping
	// Transport hands requests to the guardian, for telemetry that must survive this
	// process: Sentry's HTTPTransport, an OTLP/HTTP client. It answers 202 once the
	// guardian has the request. Nil without Config.Relay or a guardian.
	Transport http.RoundTripper

	ready   func()
	recycle func()
	line    *line // of wards; nil without
	wards   int
	told    welcome
	workers []string // the roles with Slots
}

// Guarded reports whether a guardian outlives this process.
func (r Role) Guarded() bool { return r.Incarnation != "" }

// Ready tells the guardian that the role serves. A death before it counts as a failed start. Calls
// after the first do nothing.
func (r Role) Ready() {
	if r.ready != nil {
		r.ready()
	}
}

// Recycle asks the guardian to replace this process: it is stopped in order and started again at
// once. Calls after the first do nothing, and nor does one without a guardian.
func (r Role) Recycle() {
	if r.recycle != nil {
		r.recycle()
	}
}

// DeathsDir is the folder of crash records that nobody has taken in yet (crashrecord.Directory), ""
// without one. The worker of a role takes in those that [Role.TakesIn] names, and removes them.
func (r Role) DeathsDir() string {
	if r.told.StateDir == "" {
		return ""
	}
	return filepath.Join(r.told.StateDir, deathsFolder)
}

// TakesIn reports whether the crash records of a role are for this one's worker: its own, and in the
// first role with Slots also those of roles without, such as a web server, and of roles that the
// configuration does not have any more.
func (r Role) TakesIn(role string) bool {
	return role == r.Name || len(r.workers) > 0 && r.workers[0] == r.Name && !slices.Contains(r.workers, role)
}

// Culprits returns the messages of a subscription that killed a process of this role of late, none
// succeeding between, oldest first.
func (r Role) Culprits(subscription string) []verdict.CulpritDeath {
	return r.told.Culprits[subscription]
}

// deathsFolder is where crash records are, in the state directory.
const deathsFolder = "deaths"

var errUnknownRole = errors.New("this binary does not know the role")

func unknownRole(name string) error {
	return fmt.Errorf("guardian: role %q: %w: was the binary replaced while it ran?", name, errUnknownRole)
}
