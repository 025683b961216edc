package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

const (
	// checkWithin bounds one check: a doctor that hangs is no doctor.
	checkWithin = 5 * time.Second
	// silentAfter is how long a living worker may be unheard, aheadBy how far its last word may lie
	// in our future, before the clocks are in doubt.
	silentAfter = 30 * time.Second
	aheadBy     = 2 * time.Second
)

// doctor examines one installation.
type doctor struct {
	t        *Tool
	settings config.Settings
	state    string // the guardian's directory where it is not the data directory's
}

func newDoctor(t *Tool, state string) (*doctor, error) {
	s, err := t.Settings()
	return &doctor{t, s, state}, err
}

// examine makes all checks. Those that need the store are left out when it cannot be read.
func (d *doctor) examine(ctx context.Context) []finding {
	var found []finding
	status, store := d.store(ctx)
	found = append(found, store)
	if store.Level == levelOK {
		found = append(found, d.schema(ctx))
		found = append(found, workers(status.Status)...)
		found = append(found, clocks(status.Status), suspects(status), flow(status.Status), d.notices(ctx, status.At))
	}
	if incidents, ok := d.incidents(ctx); ok {
		found = append(found, incidents)
	}
	found = append(found, d.broker(ctx), d.spool(), d.deaths())
	if telemetry, ok := d.telemetry(); ok {
		found = append(found, telemetry)
	}
	if slack, ok := d.slack(ctx); ok {
		found = append(found, slack)
	}
	return found
}

func (d *doctor) store(ctx context.Context) (overview, finding) {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	begun := time.Now()
	status, err := d.t.overview(ctx)
	if err == nil {
		return status, finding{levelOK, "store", fmt.Sprintf("%s answers in %s; %s held", d.settings.Store, took(time.Since(begun)), entries(status.Held)), ""}
	}
	fix := "check that the database runs and that this machine may reach it"
	switch {
	case errors.Is(err, quarantine.ErrSchema):
		fix = "theriac migrate status"
	case d.settings.Store.Kind == config.SQLite:
		fix = "start a worker with this data directory, or name another store with --store or THERIAC_STORE"
	}
	return status, finding{levelFail, "store", err.Error(), fix}
}

func (d *doctor) schema(ctx context.Context) finding {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	steps, err := app.SchemaSteps(ctx, app.QuarantineSchema, d.settings.Store)
	if err != nil {
		return finding{levelFail, "schema", err.Error(), "theriac migrate status"}
	}
	if n := len(app.Pending(steps)); n > 0 {
		return finding{levelFail, "schema", fmt.Sprintf("%s of %d pending", plural(n, "step", "steps"), len(steps)), "theriac migrate up"}
	}
	return finding{levelOK, "schema", plural(len(steps), "step", "steps") + ", none pending", ""}
}

// incidents looks at the schema of incidents, where there are any. Who has none can do without it.
func (d *doctor) incidents(ctx context.Context) (finding, bool) {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	steps, err := app.SchemaSteps(ctx, app.IncidentSchema, config.IncidentStore(d.settings))
	switch {
	case isMissing(err):
		return finding{}, false
	case err != nil:
		return finding{levelFail, "incidents", err.Error(), "theriac migrate status"}, true
	}
	if n := len(app.Pending(steps)); n > 0 {
		return finding{levelWarn, "incidents", fmt.Sprintf("%s of %d pending: theriac incident and incidentd do not work before", plural(n, "step", "steps"), len(steps)), "theriac migrate up"}, true
	}
	return finding{levelOK, "incidents", plural(len(steps), "step", "steps") + ", none pending", ""}, true
}

// workers has a line for all workers, and one for each subscription whose held messages nobody
// could replay.
func workers(st quarantine.Status) []finding {
	alive, dead := 0, 0
	for _, w := range st.Workers {
		if w.Alive {
			alive++
		} else {
			dead++
		}
	}
	var found []finding
	switch {
	case alive == 0:
		found = append(found, finding{levelWarn, "workers", "no living worker: nothing is received or replayed", "start the service's workers"})
	case dead > 0:
		found = append(found, finding{levelWarn, "workers", fmt.Sprintf("%d alive, %d dead and not yet cleared away", alive, dead),
			"look at the logs of those that died; the living clear them away by themselves"})
	default:
		found = append(found, finding{levelOK, "workers", fmt.Sprintf("%d alive", alive), ""})
	}
	for _, s := range st.Subscriptions {
		if alive > 0 && s.Workers == 0 && s.Counts[quarantine.StateHeld]+s.Counts[quarantine.StateReplaying] > 0 {
			found = append(found, finding{levelWarn, "workers", fmt.Sprintf("no living worker serves %s: its held messages cannot be replayed", s.Name),
				"start a worker with the subscription " + s.Name})
		}
	}
	return found
}

// flow says what somebody holds back, and who does not do it.
func flow(st quarantine.Status) finding {
	if c := quarantine.ConfirmationsOf(st.Workers, st.Controls.Version); len(c.Missing) > 0 {
		return finding{levelWarn, "flow", fmt.Sprintf("%s: not %s", confirmedText(c), strings.Join(workerNames(c.Missing), ", ")),
			"a worker confirms within seconds what is paused or shed: look at its logs, or replace one of an older build"}
	}
	var held []string
	fix := ""
	for _, c := range st.Controls.InForce {
		what, command := c.Subscription+" is paused", "theriac resume "+c.Subscription
		if c.Subscription == "" {
			what, command = "the service is shed to "+string(c.Level), "theriac shed normal"
		}
		held = append(held, fmt.Sprintf("%s %s by %s", what, untilText(c.Until, st.At), c.Ordered.Actor.Name))
		if fix == "" {
			fix = command
		}
	}
	if len(held) > 0 {
		return finding{levelWarn, "flow", strings.Join(held, "; "), fix}
	}
	return finding{levelOK, "flow", "nothing is paused or shed", ""}
}

// clocks compares this machine's clock with the store's, which stamps what workers say.
func clocks(st quarantine.Status) finding {
	var heard time.Time
	for _, w := range st.Workers {
		if w.Alive && w.Heard.After(heard) {
			heard = w.Heard
		}
	}
	switch ago := st.At.Sub(heard); {
	case heard.IsZero():
		return finding{levelOK, "clocks", "no living worker to compare with", ""}
	case ago < -aheadBy:
		return finding{levelWarn, "clocks", fmt.Sprintf("the store's clock is %s ahead of this machine's", took(-ago)), "synchronise this machine's clock (NTP)"}
	case ago > silentAfter:
		return finding{levelWarn, "clocks", fmt.Sprintf("the last word of a living worker is %s old: it is stuck, or this machine's clock is ahead of the store's", took(ago.Round(time.Second))),
			"synchronise this machine's clock (NTP), then look at the workers"}
	default:
		return finding{levelOK, "clocks", fmt.Sprintf("a worker was heard %s ago by the store's clock", took(max(ago, 0).Round(time.Millisecond))), ""}
	}
}

func (d *doctor) broker(ctx context.Context) finding {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	begun := time.Now()
	err := app.PingBroker(ctx, d.settings.Broker)
	if err == nil {
		return finding{levelOK, "broker", fmt.Sprintf("%s answers in %s", d.settings.Broker, took(time.Since(begun))), ""}
	}
	f := finding{levelFail, "broker", err.Error(), "check that the broker runs and that this machine may reach it"}
	if d.settings.Broker.Own {
		f.Fix = "start the workers that use this data directory, or name another broker with --broker or THERIAC_BROKER"
		if !d.settings.Store.Own {
			// A named store without a named broker: the operator may have no broker to ask from here.
			f.Level, f.Fix = levelWarn, "name the broker with --broker or THERIAC_BROKER"
		}
	}
	return f
}

// spool counts what waits on this machine's disk for the store.
func (d *doctor) spool() finding {
	dir := config.SpoolDir(d.settings.DataDir)
	waiting, bad, err := countSpool(dir)
	switch {
	case err != nil:
		return finding{levelFail, "spool", problem.Errorf(problem.Internal, "read %s: %w", dir, err).Error(), "make the directory readable for this user"}
	case bad > 0:
		return finding{levelFail, "spool", fmt.Sprintf("%s in %s could not be read and lie apart", plural(bad, "record", "records"), dir),
			"keep the *.bad files and report them; they are copies of messages"}
	case waiting > 0:
		return finding{levelWarn, "spool", fmt.Sprintf("%s in %s wait for the store", plural(waiting, "record", "records"), dir),
			"start a worker with this data directory: it stores them as soon as the store answers"}
	default:
		return finding{levelOK, "spool", "empty", ""}
	}
}

func countSpool(dir string) (waiting, bad int, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil // taken away by a worker between two looks, or never made
		case err != nil || entry.IsDir():
			return err
		case strings.HasSuffix(path, ".bad"):
			bad++
		case strings.HasSuffix(path, ".spool"):
			waiting++
		}
		return nil
	})
	return waiting, bad, err
}
