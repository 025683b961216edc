package drill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/internal/fakesentry"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

const (
	// goodWork is how long the handler of a good message works once it may go on.
	goodWork = 10 * time.Millisecond
	// lookEvery is the pause between two looks at store and broker.
	lookEvery = 20 * time.Millisecond
	// reportPatience is how long the report of a death may take after everything else has ended.
	reportPatience = 5 * time.Second
	// hangTimeout is the deadline of handlers in the ways that hang.
	hangTimeout = 2 * time.Second
)

// hold is how long good messages wait beside poison of which nothing died.
func hold(w replica.Way) time.Duration {
	switch {
	case w.Memory:
		return 5 * time.Second
	case w.Class == replica.Hung:
		return 300 * time.Millisecond
	default:
		return time.Second
	}
}

func specFor(w replica.Way) replica.Spec {
	spec := newSpec()
	if w.Memory {
		spec.MemoryLimit = memoryBound
	}
	if w.Class == replica.Hung {
		spec.Timeout = hangTimeout
	}
	return spec
}

// try runs one row. An error is trouble of the drill itself; what the row comes to is in the result.
func (d *drill) try(ctx context.Context, r row) (_ result, err error) {
	began := time.Now()
	site, err := openSite(ctx, layout{
		engine: d.engines[r.engine], executable: d.executable, environ: d.environ, replicas: r.replicas, spec: specFor(r.way),
	})
	if err != nil {
		return result{}, err
	}
	e := evidence{row: r, perHang: site.spec.Timeout + site.spec.Grace}
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	err = site.play(limited, r, &e)
	if ctx.Err() != nil {
		return result{}, errors.Join(ctx.Err(), site.close(), site.remove())
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errLate) {
		err = nil // the evidence says what is missing
	}
	e.web = site.traffic.end()
	err = errors.Join(err, site.collect(context.WithoutCancel(ctx), &e), site.close())
	if err == nil {
		e.deathsOf, err = countDeaths(site.replicaDirs())
	}
	if err != nil {
		return result{}, errors.Join(fmt.Errorf("%s: %w", r, err), site.remove())
	}
	e.wall = time.Since(began)
	verdict := judge(e)
	if d.keep && !verdict.Passed {
		verdict.KeptIn = site.dir
		return verdict, nil
	}
	return verdict, site.remove()
}

// play publishes the messages of a row and waits until all have come to an end.
func (s *site) play(ctx context.Context, r row, e *evidence) error {
	s.ledger.command(replica.Order{Work: goodWork})
	if err := s.fill(ctx, r); err != nil {
		return err
	}
	if err := s.publish(ctx, replica.Payload{Key: poisonKey, Way: r.way.Name}); err != nil {
		return err
	}
	err := s.ledger.await(ctx, startPatience, func(f facts) bool { return len(f.of(poisonKey)) > 0 })
	if err != nil {
		return err
	}
	err = s.ledger.await(ctx, hold(r.way), func(f facts) bool { return somethingDied(f, r.way) })
	if err != nil && !errors.Is(err, errLate) {
		return err
	}
	s.ledger.release()
	return s.awaitEnd(ctx, r, e)
}

// fill publishes the good messages and waits until all are in flight; where the poison needs company,
// until every replica has some.
func (s *site) fill(ctx context.Context, r row) error {
	if r.way.Starter {
		if err := s.warmUp(ctx, r.replicas); err != nil {
			return err
		}
	}
	// All at once: one after the other they take longer on some brokers than the deadline of the ways
	// that hang, and the first would be late before the last has begun.
	if err := s.publishGood(ctx, 0, r); err != nil {
		return err
	}
	for n := r.inFlight; r.way.Company && !s.everywhere(r.replicas); n++ {
		if n >= r.inFlight+20*r.replicas {
			return problem.Errorf(problem.Unavailable, "%d messages are in flight, and not all replicas have one", n)
		}
		if err := s.publishGood(ctx, n, row{way: r.way, inFlight: n + 1}); err != nil {
			return err
		}
	}
	return nil
}

// publishGood publishes good messages, of which there are some already, until there are as many as the
// row wants, and waits until all are in flight.
func (s *site) publishGood(ctx context.Context, have int, r row) error {
	publishers := make([]func(context.Context) error, 0, r.inFlight-have)
	for n := have; n < r.inFlight; n++ {
		publishers = append(publishers, func(ctx context.Context) error {
			return s.publish(ctx, replica.Payload{Key: fmt.Sprintf("good-%d", n+1), Reads: r.way.Company})
		})
	}
	if err := runner.Run(ctx, publishers...); err != nil {
		return err
	}
	err := s.ledger.await(ctx, startPatience, func(f facts) bool { return len(f.waiting()) >= r.inFlight })
	if err != nil {
		return fmt.Errorf("put %d messages in flight: %w", r.inFlight, err)
	}
	return nil
}

// everywhere reports whether every replica has a message in flight.
func (s *site) everywhere(replicas int) bool {
	used := map[int]bool{}
	for _, at := range s.ledger.facts().waiting() {
		used[at] = true
	}
	return len(used) == replicas
}

// warmUp has one message after another start what the poison will break, and be done with it.
func (s *site) warmUp(ctx context.Context, n int) error {
	for i := range n {
		key := fmt.Sprintf("starter-%d", i+1)
		if err := s.publish(ctx, replica.Payload{Key: key, Starts: true}); err != nil {
			return err
		}
		if err := s.ledger.await(ctx, startPatience, func(f facts) bool { return f.waiting()[key] > 0 }); err != nil {
			return err
		}
	}
	s.ledger.release()
	err := s.ledger.await(ctx, startPatience, func(f facts) bool { return len(f.commits) == n })
	s.ledger.hold()
	return err
}

// somethingDied reports whether a process died of the poison: a connection broke.
func somethingDied(f facts, w replica.Way) bool {
	for _, r := range f.runs {
		if r.broken && (r.Key != poisonKey || !w.Late) {
			return true
		}
	}
	return false
}

// awaitEnd waits until every message is done or held and the broker has no more.
func (s *site) awaitEnd(ctx context.Context, r row, e *evidence) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		over, err := s.over(ctx, r)
		if err != nil {
			return err
		}
		if over {
			e.settledAt = time.Now()
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// over reports whether every message has come to its end. A late way has not until something died of
// it.
func (s *site) over(ctx context.Context, r row) (bool, error) {
	entries, err := s.entries(ctx)
	if err != nil {
		return false, nil //nolint:nilerr // a busy store is asked again
	}
	f := s.ledger.facts()
	e := evidence{facts: f, entries: entries}
	for key := range s.ids() {
		if f.commits[key] == 0 && !e.held(key) {
			return false, nil
		}
	}
	if r.way.Late && !somethingDied(f, r.way) && len(f.crashes) == 0 && time.Since(f.of(poisonKey)[0].began) < hold(r.way) {
		return false, nil
	}
	return s.stage.settled(ctx)
}

// collect waits for the last reports and takes the evidence.
func (s *site) collect(ctx context.Context, e *evidence) error {
	deaths, err := countDeaths(s.replicaDirs())
	if err != nil {
		return err
	}
	total := deaths[replica.RoleWorker] + deaths[replica.RoleWard]
	err = s.ledger.await(ctx, reportPatience, func(f facts) bool { return len(f.crashes) >= total })
	if err != nil && !errors.Is(err, errLate) {
		return err
	}
	e.facts, e.published = s.ledger.facts(), s.ids()
	if err := s.awaitEvents(ctx, e); err != nil {
		return err
	}
	if e.entries, err = s.entries(ctx); err != nil {
		return err
	}
	for i, q := range e.entries {
		if q.Message.Attributes[keyAttribute] != poisonKey {
			continue
		}
		if e.entries[i], err = s.service.EntryGet(ctx, quarantine.EntryKey{ID: q.ID}, quarantine.GetOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// awaitEvents waits until the error tracker has an event of the poison, and takes all events.
func (s *site) awaitEvents(ctx context.Context, e *evidence) (err error) {
	limited, cancel := context.WithTimeout(ctx, reportPatience)
	defer cancel()
	id := e.published[poisonKey]
	e.events, err = s.tracker.Wait(limited, func(all []fakesentry.Event) bool {
		return id == "" || len(evidence{row: e.row, events: all}.telling(id)) > 0
	})
	if errors.Is(err, context.DeadlineExceeded) {
		e.events, err = s.tracker.Events(), nil
	}
	return err
}
