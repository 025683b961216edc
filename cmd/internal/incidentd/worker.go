package incidentd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/bus"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/signals"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/consumer/ward"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident/incidentclock"
	"github.com/theriac/theriac/quarantine"
)

// drainWait is how long handlers may go on that run when the worker is told to end.
const drainWait = 15 * time.Second

// worker is the role that runs the handlers of a class.
func (p program) worker(ctx context.Context, role guardian.Role) (err error) {
	starts := p.startsOf(role)
	safe, err := starts.begin()
	if err != nil {
		p.log.Warn("starts are not counted", "err", err)
	}
	w := &worker{program: p, role: role, class: class(role.Name), safe: safe}
	defer func() {
		for _, f := range w.closers {
			f()
		}
		if err == nil && ctx.Err() != nil {
			err = starts.forget()
		}
	}()
	if safe && w.class == classNonCritical {
		p.log.Error("this worker died again and again: safe mode, it rests before it takes a message", "class", w.class, "for", wellAfter)
		w.safe = false
		if err := starts.rest(ctx); err != nil {
			p.log.Warn("starts are not forgotten", "err", err)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	if err := w.open(ctx); err != nil {
		return err
	}
	if w.safe {
		p.log.Error("this worker died again and again: safe mode, few messages of each subscription at a time", "class", w.class, "messages", safeRunning)
	}
	consumers, err := w.consumers()
	if err != nil {
		return err
	}
	return consumer.RunBeside(ctx, consumer.Beside{
		Run: []func(context.Context) error{
			w.service.Run, w.wards.Run, w.numbers.Run,
			func(ctx context.Context) error { return starts.well(ctx, w.safe, role) },
		},
		Ready: w.service.Ready(), Began: role.Ready,
	}, consumers...)
}

// worker is an open worker: what its consumers need. The fields are in the order of opening.
type worker struct {
	program
	role  guardian.Role
	class string
	safe  bool

	desk    *desk
	roster  consumer.Roster
	service *quarantine.Service
	numbers *signals.Signals
	sentry  *telemetry.Sentry
	alarm   *alarmer
	wards   *ward.Ward
	bus     *bus.Bus

	closers []func() // the last opened first
}

// later notes what is to be closed, before all that was opened earlier.
func (w *worker) later(f func()) { w.closers = append([]func(){f}, w.closers...) }

func (w *worker) open(ctx context.Context) (err error) {
	if w.desk, err = w.openDesk(ctx, w.class); err != nil {
		return err
	}
	w.later(w.desk.close)
	if err := w.openQuarantine(ctx); err != nil {
		return err
	}
	if err := w.openSignals(ctx); err != nil {
		return err
	}
	w.alarm = w.desk.alarm
	if w.wards, err = ward.Open(w.role, ward.Config{Docket: w.service, OnCrash: w.onCrash, OnEnded: w.numbers.OnEnded, Logger: w.log}); err != nil {
		return err
	}
	if w.bus, err = w.openBus(ctx, w.role.Name); err != nil {
		return err
	}
	w.later(w.bus.Close)
	return nil
}

func (w *worker) openQuarantine(ctx context.Context) error {
	store, closer, err := app.OpenStore(ctx, w.settings.Store)
	if err != nil {
		return err
	}
	w.later(func() { w.closes("quarantine store", closer.Close) })
	w.service, err = quarantine.New(store, quarantine.Config{
		SpoolDir: filepath.Join(config.SpoolDir(w.settings.DataDir), w.role.Name),
		Worker:   w.me(w.role, subscriptionNames(w.desk.regs)), Running: w.roster.Running, Logger: w.log,
	})
	return err
}

func (w *worker) openSignals(ctx context.Context) (err error) {
	if w.sentry, err = w.openSentry(w.role); err != nil {
		return err
	}
	if w.sentry != nil {
		w.later(w.sentry.Close)
	}
	w.numbers, err = signals.Start(ctx, w.signal(w.role, telemetry.MetricsConfig{
		System: w.system(), Consumers: w.roster.Stats, Process: signals.ProcessOf(w.service, w.sentry), Backlogs: w.roster.Backlogs,
	}))
	if err != nil {
		return err
	}
	w.later(func() { w.closes("signals", func() error { return w.numbers.Close(context.WithoutCancel(ctx)) }) })
	return nil
}

// system is the broker's name in the conventions for messaging.
func (p program) system() string {
	if p.settings.Broker.Kind == config.PubSub {
		return "gcp_pubsub"
	}
	return "nats"
}

// openSentry returns nil where no project is named.
func (p program) openSentry(role guardian.Role) (*telemetry.Sentry, error) {
	if secretOf(p.environ)("SENTRY_DSN") == "" {
		return nil, nil
	}
	return telemetry.NewSentry(telemetry.SentryConfig{Relay: role.Transport, Build: role.Build, Logger: p.log})
}

// observer is told of attempts.
func (w *worker) observer() consumer.Observer {
	if w.sentry == nil {
		return w.numbers.Observer()
	}
	return w.numbers.Observer(w.sentry)
}

// onCrash tells of a death: the tracker, the numbers, and, where it is one of the pipeline's, people,
// by the way that needs no pipeline.
func (w *worker) onCrash(ctx context.Context, c handlers.Crash) error {
	errs := []error{w.numbers.OnCrash(ctx, c)}
	if w.sentry != nil {
		errs = append(errs, w.sentry.Crash(ctx, c))
	}
	is := pipeline()
	for _, m := range c.InFlight {
		if m.Part == handlers.PartCulprit && is[m.Subscription] {
			errs = append(errs, w.alarm.Raise(ctx, poisonAlarm(m.Subscription, m.ID, "a message killed a process")))
		}
	}
	return errors.Join(errs...)
}

// poisonAlarm says that the incident pipeline itself has a poison.
func poisonAlarm(subscription, message, what string) incidentclock.Alarm {
	return incidentclock.Alarm{
		Subject: "pipeline:" + subscription, Title: fmt.Sprintf("the incident pipeline itself: %s on %s", what, subscription),
		Detail: "message " + message + "; see: theriac", At: time.Now(),
	}
}

// consumers are one for each registration.
func (w *worker) consumers() ([]*consumer.Consumer, error) {
	running := criticalRunning
	if w.class == classNonCritical {
		running = nonCriticalRunning
	}
	if w.safe {
		running = safeRunning
	}
	var all []*consumer.Consumer
	for _, r := range w.desk.regs {
		source, err := w.bus.Source(r.Topic, r.Subscription())
		if err != nil {
			return nil, err
		}
		c, err := consumer.New(source, subscription(r), consumer.Config{
			MaxRunning: running, MaxOutstanding: 16 * running, Guard: w.wards, Quarantine: w.guarded(r), Roster: &w.roster,
			Observer: w.observer(), DrainTimeout: drainWait,
			Worker: w.role.Name, Build: w.role.Build, Logger: w.log,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// guarded is the quarantine of a subscription. A poison of the pipeline is told of by the process that
// stored it, at once, by the backup notifier: the pipeline must not report on itself.
func (w *worker) guarded(r workflow.Registration) consumer.Quarantine {
	if !r.Pipeline {
		return w.service
	}
	return &selfReporting{Service: w.service, alarm: w.alarm, log: w.log.With("subscription", r.Subscription())}
}

// ward is a process that runs suspects alone: the same subscriptions and handlers, and nothing else.
func (p program) ward(ctx context.Context, role guardian.Role) error {
	d, err := p.openDesk(ctx, class(role.Name))
	if err != nil {
		return err
	}
	defer d.close()
	var subs []consumer.Subscription
	for _, r := range d.regs {
		subs = append(subs, subscription(r))
	}
	return ward.Serve(ctx, role, ward.ServeConfig{Worker: role.Name, Build: role.Build, Logger: p.log}, subs...)
}

func subscriptionNames(regs []workflow.Registration) []string {
	var names []string
	for _, r := range regs {
		names = append(names, r.Subscription())
	}
	return names
}
