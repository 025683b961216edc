package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/buildinfo"
	"github.com/theriac/theriac/internal/fakeotlp"
	"github.com/theriac/theriac/internal/fakesentry"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

const (
	slots = 256
	wards = 4
	// startPatience is how long replicas may take until they serve, on a machine that is busy.
	startPatience = 30 * time.Second
	// publishPatience is how long the broker may take to confirm a message.
	publishPatience = 20 * time.Second
	// memoryBound is the bound of a process in the ways that need one.
	memoryBound = 400 << 20
)

// layout says what a site is made of.
type layout struct {
	engine     engine
	executable string
	environ    []string
	replicas   int
	spec       replica.Spec // what replicas have in common
	// latency is how long the error tracker takes for each answer, and the collector of spans, which
	// there is with traces only.
	latency time.Duration
	traces  bool
}

// newSpec returns what replicas have in common where nothing else is asked for.
func newSpec() replica.Spec {
	return replica.Spec{
		Timeout: 10 * time.Second, Grace: 300 * time.Millisecond, MaxFailures: 3,
		Backoff: 50 * time.Millisecond, BreakerOpenFor: time.Second, Slots: slots, Wards: wards, Build: buildinfo.Read().Version,
	}
}

// site is a whole service, made for one purpose and thrown away: broker, store, replicas, and web
// traffic against them.
type site struct {
	layout
	dir       string
	ledger    *ledger
	tracker   *fakesentry.Server  // an error tracker
	collector *fakeotlp.Collector // of spans, nil without traces
	stage     stage
	service   *quarantine.Service // for looking only
	processes []*process
	traffic   *traffic
	closers   lifo

	mu        sync.Mutex
	published map[string]string // ids by key
}

// openSite starts everything and returns when all replicas serve. On an error it is closed.
func openSite(ctx context.Context, l layout) (_ *site, err error) {
	s := &site{layout: l, ledger: newLedger(), published: map[string]string{}}
	if s.dir, err = os.MkdirTemp("", "theriac-drill-"); err != nil {
		return nil, problem.Errorf(problem.Unavailable, "make a temporary directory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(), s.remove())
		}
	}()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	for i := range l.replicas {
		if err := s.start(i + 1); err != nil {
			return nil, err
		}
	}
	if err := s.awaitServing(ctx); err != nil {
		return nil, err
	}
	s.traffic = startTraffic(ctx, s.ledger, l.replicas)
	s.closers.add(func() error { s.traffic.end(); return nil })
	return s, nil
}

// open opens all but the replicas.
func (s *site) open(ctx context.Context) (err error) {
	socket := s.socket()
	if longest := 104; len(socket) > longest {
		return problem.Errorf(problem.Invalid, "%s is too long for a unix socket: set TMPDIR to a shorter folder", socket)
	}
	if err := s.ledger.listen(ctx, socket); err != nil {
		return problem.Errorf(problem.Unavailable, "listen for replicas: %w", err)
	}
	s.closers.add(s.ledger.close)
	if s.tracker, err = fakesentry.Start(ctx); err != nil {
		return problem.Errorf(problem.Unavailable, "start an error tracker: %w", err)
	}
	s.closers.add(s.tracker.Close)
	s.tracker.SetLatency(s.latency)
	if s.traces {
		if s.collector, err = fakeotlp.Start(ctx); err != nil {
			return problem.Errorf(problem.Unavailable, "start a collector of spans: %w", err)
		}
		s.closers.add(s.collector.Close)
		s.collector.SetLatency(s.latency)
	}
	if s.stage, err = s.engine.stage(ctx, s.dir, s.replicas); err != nil {
		return err
	}
	s.closers.add(s.stage.close)
	at, err := config.ParseStore(s.stage.store(), s.dir)
	if err != nil {
		return err
	}
	store, closer, err := app.OpenStore(ctx, at)
	if err != nil {
		return err
	}
	s.closers.add(closer.Close)
	s.service, err = quarantine.New(store, quarantine.Config{})
	return err
}

func (s *site) socket() string { return filepath.Join(s.dir, "drill") }

// start starts one replica.
func (s *site) start(number int) error {
	spec := s.spec
	spec.Number, spec.Socket, spec.Broker, spec.Store = number, s.socket(), s.stage.broker(), s.stage.store()
	spec.DSN = s.tracker.DSN()
	if s.collector != nil {
		spec.Traces = s.collector.URL()
	}
	p, err := startReplica(s.executable, replicaDir(s.dir, number), spec, s.environ)
	if err != nil {
		return err
	}
	if number > len(s.processes) {
		s.processes = append(s.processes, p)
	} else {
		s.processes[number-1] = p
	}
	s.closers.add(p.stop)
	return nil
}

// restart ends a replica in order and starts it again, as a deploy does. Its web server gets no
// requests meanwhile, as behind a load balancer.
func (s *site) restart(ctx context.Context, number int) error {
	resume := s.traffic.pause(number)
	defer resume()
	if err := s.processes[number-1].stop(); err != nil {
		return err
	}
	before := s.ledger.worker(number)
	if err := s.start(number); err != nil {
		return err
	}
	err := s.ledger.await(ctx, startPatience, func(f facts) bool {
		worker, _ := f.latest(number, replica.RoleWorker)
		web, _ := f.latest(number, replica.RoleWeb)
		return worker.Incarnation != before.Incarnation && web.at.After(before.at)
	})
	if errors.Is(err, errLate) {
		return problem.Errorf(problem.Unavailable, "replica %d did not serve again within %s%s", number, startPatience, s.lastWords())
	}
	return err
}

// awaitServing waits until every replica has a worker and a web server.
func (s *site) awaitServing(ctx context.Context) error {
	err := s.ledger.await(ctx, startPatience, func(f facts) bool {
		for _, p := range s.processes {
			_, worker := f.latest(p.number, replica.RoleWorker)
			_, web := f.latest(p.number, replica.RoleWeb)
			if !worker || !web {
				return false
			}
		}
		return true
	})
	if errors.Is(err, errLate) {
		return problem.Errorf(problem.Unavailable, "the replicas did not serve within %s%s", startPatience, s.lastWords())
	}
	return err
}

func (s *site) lastWords() string {
	for _, p := range s.processes {
		if words := p.LastWords(); words != "" {
			return words
		}
	}
	return ""
}

// publish publishes a message and remembers its id.
func (s *site) publish(ctx context.Context, p replica.Payload) error {
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	// What is on its way arrives: a publish that is cut off may have been taken.
	publishing, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishPatience)
	defer cancel()
	id, err := s.stage.publish(publishing, handlers.Message{ID: p.Key, Data: data, Attributes: map[string]string{keyAttribute: p.Key}})
	if err != nil {
		return problem.Errorf(problem.Unavailable, "publish: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published[p.Key] = id
	return nil
}

// ids returns the ids of what was published, by key.
func (s *site) ids() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.published)
}

// entries returns all that the quarantine holds or held.
func (s *site) entries(ctx context.Context) (all []quarantine.Entry, err error) {
	q := quarantine.Query{Subscription: replica.Subscription, OldestFirst: true, Limit: 1000}
	for {
		page, err := s.service.EntryList(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Entries...)
		if page.Next == 0 {
			return all, nil
		}
		q.After = page.Next
	}
}

func (s *site) replicaDirs() (dirs []string) {
	for _, p := range s.processes {
		dirs = append(dirs, p.dir)
	}
	return dirs
}

// close ends every process and closes what was opened. It may be called again.
func (s *site) close() error { return s.closers.close() }

// remove removes the site's directory.
func (s *site) remove() error { return os.RemoveAll(s.dir) }
