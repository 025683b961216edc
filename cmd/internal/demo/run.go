package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/embedded"
	"github.com/theriac/theriac/cmd/internal/signals"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/internal/buildinfo"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

const (
	journalName = "demo.journal"
	workerName  = "demo"
	// lookEvery is how often the store is asked for entries that nobody told of: those of an earlier
	// run, and those that waited in the spool.
	lookEvery = time.Second
	// drainWait is how long running handlers may go on once the demo ends.
	drainWait = 2 * time.Second
)

// settings say how a demo runs.
type settings struct {
	dir  string // its data directory
	plan plan
	// patience is how long nothing may end before what is left counts as lost.
	patience time.Duration
	actor    quarantine.Actor

	environ []string // for OpenTelemetry's variables

	openBroker func(context.Context) (broker, error)
	openStore  func(context.Context) (quarantine.Store, io.Closer, error)
}

// demo is a run. Make one with openDemo, call run once, then close.
type demo struct {
	settings
	began    time.Time
	messages []planned
	journal  *journal
	ledger   *ledger
	workflow *workflow
	broker   broker
	store    quarantine.Store
	service  *quarantine.Service
	closers  []func() error // in the order of opening
	log      *troubleLog
	roster   consumer.Roster
	numbers  *signals.Signals
	metrics  string // their URL, once they are served
	chat     *chat
	said     []string      // what its channel says when the work is done
	took     time.Duration // the work; 0 while it goes on
	progress bar
}

// openDemo opens everything. The data directory is the caller's, claimed.
func openDemo(ctx context.Context, s settings) (_ *demo, err error) {
	d := &demo{settings: s, began: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.messages, err = s.plan.all(); err != nil {
		return nil, err
	}
	if d.log, err = openLog(s.dir); err != nil {
		return nil, problem.Errorf(problem.Unavailable, "open the demo's log: %w", err)
	}
	d.closers = append(d.closers, d.log.file.Close)
	var records []record
	if d.journal, records, err = openJournal(filepath.Join(s.dir, journalName)); err != nil {
		return nil, err
	}
	d.closers = append(d.closers, d.journal.close)
	d.ledger = newLedger(d.journal, d.messages, records)
	d.workflow = &workflow{ledger: d.ledger, end: make(chan struct{})}
	d.workflow.fixed.Store(d.ledger.isFixed())
	var closer io.Closer
	if d.store, closer, err = s.openStore(ctx); err != nil {
		return nil, err
	}
	d.closers = append(d.closers, closer.Close)
	if d.broker, err = s.openBroker(ctx); err != nil {
		return nil, err
	}
	d.closers = append(d.closers, d.broker.close)
	d.service, err = d.newService()
	return d, err
}

func (d *demo) newService() (*quarantine.Service, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return quarantine.New(d.store, quarantine.Config{
		SpoolDir: filepath.Join(config.SpoolDir(d.dir), workerName),
		Worker: quarantine.Worker{
			Name: workerName, Host: host, Build: buildinfo.Read().Version, PID: os.Getpid(), Subscriptions: subscriptionNames(),
		},
		Logger: d.log.logger(),
	})
}

// close closes what was opened, the last first.
func (d *demo) close() error {
	var errs []error
	for i := len(d.closers) - 1; i >= 0; i-- {
		errs = append(errs, d.closers[i]())
	}
	return errors.Join(errs...)
}

// run is the demo: it works until every message has ended and the mended entry is replayed, or ctx
// ends. Then it calls finished, while everything still runs, and stops.
func (d *demo) run(ctx context.Context, finished func(context.Context) error) error {
	defer close(d.workflow.end)
	aside, stopAside := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAside()
	served := make(chan error, 1)
	var service runner.Group
	service.Go(func() { served <- d.service.Run(aside) })

	work, stop := context.WithCancel(ctx)
	defer stop()
	stopNumbers, err := d.serveNumbers(ctx)
	if err == nil {
		err = d.awaitReady(work, served)
	}
	if err == nil {
		d.chat, err = d.openChat(ctx)
	}
	if err == nil {
		err = d.work(work, stop, finished)
	}
	err = errors.Join(err, d.chat.close())
	// The service outlives the consumers, which give it what they still hold.
	stopAside()
	service.Wait()
	return errors.Join(err, stopNumbers())
}

func (d *demo) awaitReady(ctx context.Context, served <-chan error) error {
	select {
	case <-d.service.Ready():
		return nil
	case err := <-served:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// work runs consumers, publisher and script side by side; stop ends them all.
func (d *demo) work(ctx context.Context, stop context.CancelFunc, finished func(context.Context) error) error {
	consumers, err := d.consumers()
	if err != nil {
		return err
	}
	return runner.Run(ctx,
		func(ctx context.Context) error { return consumer.RunAll(ctx, consumers...) },
		d.publish,
		d.watchBroker,
		func(ctx context.Context) error {
			defer stop()
			if err := d.script(ctx); err != nil {
				return err
			}
			d.took = time.Since(d.began)
			d.said = d.chat.told(ctx, d.service)
			return finished(ctx)
		})
}

func (d *demo) consumers() ([]*consumer.Consumer, error) {
	var all []*consumer.Consumer
	for _, sub := range d.workflow.subscriptions() {
		source, err := d.broker.source(sub.Name)
		if err != nil {
			return nil, err
		}
		c, err := consumer.New(source, sub, consumer.Config{
			Quarantine: d.service, Observer: d.numbers.Observer(d.ledger), Roster: &d.roster, Worker: workerName, Build: buildinfo.Read().Version,
			DrainTimeout: drainWait, Logger: d.log.logger(),
		})
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// watchBroker ends the demo when its broker ends.
func (d *demo) watchBroker(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.broker.done():
		return problem.Errorf(problem.Unavailable, "the broker ended: %w; nothing is lost, run theriac demo again with the same --data-dir", d.broker.err())
	}
}

// script waits until every message has ended, then replays what the fix is for.
func (d *demo) script(ctx context.Context) error {
	all, err := d.awaitEnds(ctx)
	d.progress.end()
	if err != nil || !all {
		return err
	}
	return d.replayMended(ctx)
}

// awaitEnds returns true once every message is done or held, and false when nothing moved for too
// long: then the report tells what is lost.
func (d *demo) awaitEnds(ctx context.Context) (bool, error) {
	look := time.NewTimer(0)
	defer look.Stop()
	moved, before := time.Now(), -1
	for {
		ended, changed, broken := d.ledger.progress()
		d.progress.set(ended)
		switch {
		case broken != nil:
			return false, problem.Errorf(problem.Unavailable, "%w: look at the disk of %s, then run theriac demo again", broken, d.dir)
		case ended == len(d.messages):
			return true, nil
		case ended != before:
			moved, before = time.Now(), ended
		case time.Since(moved) > d.patience:
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-changed:
		case <-look.C:
			// A store in trouble is the service's to report; we look again.
			if entries, err := d.entries(ctx); err == nil {
				d.ledger.hold(entries)
			}
			look.Reset(lookEvery)
		}
	}
}

// entries returns the quarantine's entries of this demo's subscriptions, oldest first.
func (d *demo) entries(ctx context.Context) ([]quarantine.Entry, error) {
	var all []quarantine.Entry
	for _, sub := range subscriptionNames() {
		q := quarantine.Query{Subscription: sub, OldestFirst: true, Limit: 1000, Since: d.plan.Started.Add(-time.Hour)}
		for {
			page, err := d.service.EntryList(ctx, q)
			if err != nil {
				return nil, err
			}
			all = append(all, page.Entries...)
			if page.Next == 0 {
				break
			}
			q.After = page.Next
		}
	}
	return all, nil
}

// report counts what is on disk.
func (d *demo) report(ctx context.Context, interrupted bool) (report, error) {
	wall := cmp.Or(d.took, time.Since(d.began))
	records, err := d.journal.reread()
	if err != nil {
		return report{}, err
	}
	entries, err := d.entries(ctx)
	if err != nil {
		return report{}, fmt.Errorf("count the held messages: %w", err)
	}
	r := account(facts{
		messages: d.messages, records: records, entries: entries,
		repeated: d.ledger.repeats(), interrupted: interrupted, wall: wall,
	})
	r.Engine, r.DataDir, r.Metrics = d.plan.Engine, d.dir, d.metrics
	r.Slack, r.told = d.chat.url(), d.said
	for i, sub := range d.workflow.subscriptions() {
		r.Subscriptions[i].Criticality = sub.Criticality.String()
	}
	return r, nil
}

// claimDir locks a data directory, a temporary one if dir is empty. The returned function gives it
// back.
func claimDir(dir, command string) (string, func() error, error) {
	if dir != "" {
		lock, err := embedded.Claim(dir, command)
		if err != nil {
			return "", nil, err
		}
		return dir, lock.Release, nil
	}
	dir, err := os.MkdirTemp("", "theriac-demo-")
	if err != nil {
		return "", nil, problem.Errorf(problem.Invalid, "make a temporary directory: %w: choose one with --data-dir", err)
	}
	lock, err := embedded.Claim(dir, command)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, func() error { return errors.Join(lock.Release(), os.RemoveAll(dir)) }, nil
}
