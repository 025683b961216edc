package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/gcppubsub"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/ward"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/fakepubsub"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

// containerVariable makes the test binary one replica, with its guardian: a containerSpec in JSON.
const containerVariable = "E2E_CONTAINER"

// containerSpec says what a replica is. A container is stood for by its guardian, which the poison
// kills with the worker, and by its state directory, which is lost or kept.
type containerSpec struct {
	Name, State, Shared string
	Broker, Store       string
	Level               string // off, snapshot or begin
	Known               bool   // the poison kills a worker once a snapshot says that it runs there
}

// notingStore notes of which messages the store knows that they run here.
type notingStore struct {
	quarantine.Store
	noted *sync.Map // a chan struct{} for each id
}

func (s notingStore) Join(ctx context.Context, w quarantine.Worker) (quarantine.Membership, error) {
	m, err := s.Store.Join(ctx, w)
	if err != nil {
		return nil, err
	}
	return notingMember{m, s.noted}, nil
}

type notingMember struct {
	quarantine.Membership
	noted *sync.Map
}

func (m notingMember) Snapshot(ctx context.Context, running []handlers.Running) error {
	err := m.Membership.Snapshot(ctx, running)
	for _, r := range running {
		if err == nil {
			select {
			case notice(m.noted, r.MessageID) <- struct{}{}:
			default: // it was noted before
			}
		}
	}
	return err
}

// notice is where a message is noted.
func notice(noted *sync.Map, id string) chan struct{} {
	c, _ := noted.LoadOrStore(id, make(chan struct{}, 1))
	return c.(chan struct{})
}

// containerReplica is the whole program, as a user would write it.
func containerReplica(spec string) error {
	var s containerSpec
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		return err
	}
	cfg := guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "worker", Slots: 8}},
		StateDir: s.State, StopTimeout: 10 * time.Second, Logger: s.log(),
	}
	return guardian.Run(context.Background(), cfg, func(ctx context.Context, role guardian.Role) error {
		var noted sync.Map
		sub := consumer.Subscription{Name: subscription, Handler: handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
			if s.Known && !role.Ward && string(m.Data) == "poison" {
				<-notice(&noted, m.ID)
			}
			return s.handle(ctx, m, role.Ward)
		})}
		if role.Ward {
			return ward.Serve(ctx, role, ward.ServeConfig{Logger: s.log()}, sub)
		}
		return s.serve(ctx, role, sub, &noted)
	})
}

func (s containerSpec) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, nil)).With("replica", s.Name)
}

func (s containerSpec) serve(ctx context.Context, role guardian.Role, sub consumer.Subscription, noted *sync.Map) error {
	client, err := gcppubsub.Connect(ctx, gcppubsub.ConnectConfig{Project: "project", Plaintext: s.Broker})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	source, err := gcppubsub.NewSource(client, gcppubsub.Config{Subscription: "orders-worker", Lease: 10 * time.Second})
	if err != nil {
		return err
	}
	store, err := quarantinepg.Open(ctx, quarantinepg.Config{URL: s.Store})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	var roster consumer.Roster
	kept := quarantine.Config{
		Worker: quarantine.Worker{Name: s.Name, Subscriptions: []string{subscription}}, Running: roster.Running, Logger: s.log(),
	}
	if s.Level == "off" {
		kept.Running = nil
	}
	service, err := quarantine.New(notingStore{store, noted}, kept)
	if err != nil {
		return err
	}
	wards, err := ward.Open(role, ward.Config{Docket: service, Logger: s.log()})
	if err != nil {
		return err
	}
	run := consumer.Config{Guard: wards, Quarantine: service, Roster: &roster, MaxRunning: 8, Logger: s.log()}
	if s.Level == "begin" {
		run.Begin = service.Begin
	}
	c, err := consumer.New(source, sub, run)
	if err != nil {
		return err
	}
	return consumer.RunBeside(ctx, consumer.Beside{
		Run: []func(context.Context) error{service.Run, wards.Run}, Ready: service.Ready(), Began: role.Ready,
	}, c)
}

// handle works for a while on good messages. Poison kills the whole container the first time, and
// whatever process runs it each time after that: in a ward that is all that it can reach.
func (s containerSpec) handle(ctx context.Context, m handlers.Message, inWard bool) error {
	if string(m.Data) != "poison" {
		select {
		case <-time.After(300 * time.Millisecond):
			return os.WriteFile(filepath.Join(s.Shared, "done", m.ID), nil, 0o600)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	where := "worker"
	if inWard {
		where = "ward"
	}
	if err := os.Mkdir(filepath.Join(s.Shared, "deaths", fmt.Sprintf("%s-%s-%d", where, s.Name, os.Getpid())), 0o700); err != nil {
		return err
	}
	if !inWard && os.Mkdir(filepath.Join(s.Shared, "container-died"), 0o700) == nil {
		kill(os.Getppid())
	}
	kill(os.Getpid())
	select {} // until it arrives
}

func kill(pid int) {
	if process, err := os.FindProcess(pid); err == nil {
		_ = process.Kill()
	}
}

// fleet is the replicas of a test, and the broker and store that they share.
type fleet struct {
	t      *testing.T
	spec   containerSpec
	broker *fakepubsub.Server
	dir    string
	said   lockedBuffer
	died   chan string // the names of replicas that ended
	group  runner.Group
	stops  []func()
}

func newFleet(t *testing.T, level string, known bool) *fleet {
	t.Helper()
	broker, err := fakepubsub.Start(fakepubsub.Config{})
	check(t, err)
	t.Cleanup(broker.Close)
	check(t, gcppubsub.Setup(t.Context(), connectPubSub(t, broker.Addr()), gcppubsub.SetupConfig{Topic: "orders", Subscription: "orders-worker"}))
	f := &fleet{t: t, broker: broker, dir: t.TempDir(), died: make(chan string, 8)}
	for _, shared := range []string{"done", "deaths"} {
		check(t, os.Mkdir(filepath.Join(f.dir, shared), 0o700))
	}
	f.spec = containerSpec{Shared: f.dir, Broker: broker.Addr(), Store: postgres.Database(t), Level: level, Known: known}
	t.Cleanup(func() {
		f.stop()
		if t.Failed() {
			t.Logf("they said:\n%s", f.said.String())
		}
	})
	return f
}

func (f *fleet) state(name string) string { return filepath.Join(f.dir, "state-"+name) }

// start starts one replica and waits until it receives.
func (f *fleet) start(name string) {
	f.t.Helper()
	spec := f.spec
	spec.Name, spec.State = name, f.state(name)
	encoded, err := json.Marshal(spec)
	check(f.t, err)
	self, err := filepath.Abs(os.Args[0])
	check(f.t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "THERIAC_GUARDIAN=on", containerVariable+"="+string(encoded))
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &f.said, &f.said, 10*time.Second
	before := f.stats().Streams
	check(f.t, cmd.Start())
	f.group.Go(func() {
		_ = cmd.Wait() // how it ended is what the test is about
		f.died <- name
	})
	f.stops = append(f.stops, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	waitFor(f.t, func() bool { return f.stats().Streams > before })
}

// stop ends all replicas in order.
func (f *fleet) stop() {
	for _, stop := range f.stops {
		stop()
	}
	f.stops = nil
	f.group.Wait()
}

func (f *fleet) stats() fakepubsub.Stats {
	for _, name := range []string{"projects/project/subscriptions/orders-worker", "orders-worker"} {
		if s, ok := f.broker.Stats(name); ok {
			return s
		}
	}
	f.t.Fatal("the broker does not know the subscription")
	return fakepubsub.Stats{}
}

// publish sends good messages with one poison in their middle.
func (f *fleet) publish(good int) (poison string) {
	f.t.Helper()
	pub, err := gcppubsub.NewPublisher(connectPubSub(f.t, f.broker.Addr()), gcppubsub.PublisherConfig{Topic: "orders"})
	check(f.t, err)
	f.t.Cleanup(pub.Close)
	for i := range good + 1 {
		data := fmt.Sprintf("good %d", i)
		if i == good/2 {
			data = "poison"
		}
		id, err := pub.Send(f.t.Context(), handlers.Message{Data: []byte(data)}).Wait(f.t.Context())
		check(f.t, err)
		if data == "poison" {
			poison = id
		}
	}
	return poison
}

// awaitContainerDeath returns the name of the replica that the poison killed.
func (f *fleet) awaitContainerDeath() string {
	f.t.Helper()
	select {
	case name := <-f.died:
		return name
	case <-time.After(patience):
		f.t.Fatalf("no container died within %s", patience)
		return ""
	}
}

// deaths counts the deaths of workers, or of wards, that the poison noted.
func (f *fleet) deaths(where string) int {
	f.t.Helper()
	found, err := filepath.Glob(filepath.Join(f.dir, "deaths", where+"-*"))
	check(f.t, err)
	return len(found)
}

// checkContained waits until the broker has nothing more, and asks the store what is held. It returns
// the reports of workers' deaths.
func (f *fleet) checkContained(poison string, good int) []quarantine.CrashReport {
	f.t.Helper()
	waitFor(f.t, func() bool { return f.stats().Unacked == 0 })
	f.stop()
	done, err := filepath.Glob(filepath.Join(f.dir, "done", "*"))
	check(f.t, err)
	if len(done) != good {
		f.t.Errorf("%d good messages are done, want %d", len(done), good)
	}
	store, err := quarantinepg.Open(f.t.Context(), quarantinepg.Config{URL: f.spec.Store})
	check(f.t, err)
	defer func() { check(f.t, store.Close()) }()
	held, err := store.EntryList(f.t.Context(), quarantine.Query{})
	check(f.t, err)
	if len(held.Entries) != 1 {
		f.t.Fatalf("%d entries are held, want the poison alone: %+v", len(held.Entries), held.Entries)
	}
	e := held.Entries[0]
	if e.Message.ID != poison || e.Reason != handlers.ReasonCrashed || e.Confidence != handlers.ConfidenceProvenAlone || e.Totals.Crashes != 2 {
		f.t.Errorf("held %s for %q (%s), crashes %d; want %s, crashed, proven alone, 2", e.Message.ID, e.Reason, e.Confidence, e.Totals.Crashes, poison)
	}
	crashes, err := store.CrashList(f.t.Context(), quarantine.CrashQuery{})
	check(f.t, err)
	var workers []quarantine.CrashReport
	for _, c := range crashes.Reports {
		if !c.Alone {
			workers = append(workers, c)
		}
	}
	return workers
}

// checkReport looks at the one report of a container's death.
func checkReport(t *testing.T, reports []quarantine.CrashReport, poison string) {
	t.Helper()
	if len(reports) != 1 {
		t.Fatalf("%d deaths of workers are reported, want the container's: %+v", len(reports), reports)
	}
	named := false
	for _, m := range reports[0].InFlight {
		named = named || m.ID == poison && m.Part == handlers.PartSuspect
	}
	if reports[0].Tier != "D" || !named {
		t.Errorf("tier %q, the poison is a suspect: %t; want D, and it is: %+v", reports[0].Tier, named, reports[0])
	}
}

// TestContainer_ASiblingFindsTheDead: the guardian and its directory are gone, and what the dead ran
// is known from its row in the store before the broker delivers it again.
func TestContainer_ASiblingFindsTheDead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		level         string
		known         bool
		workers       int // deaths of workers, the container's included
		knownFromDead bool
	}{
		{"snapshot", true, 1, true},
		{"begin", false, 1, true},
		{"off", false, 2, false}, // the second is documented: nobody could know
	} {
		t.Run(c.level, func(t *testing.T) {
			t.Parallel()
			const good = 12
			f := newFleet(t, c.level, c.known)
			f.start("a")
			f.start("b")
			poison := f.publish(good)
			check(t, os.RemoveAll(f.state(f.awaitContainerDeath())))
			reports := f.checkContained(poison, good)
			if w, alone := f.deaths("worker"), f.deaths("ward"); w != c.workers || alone != 2 {
				t.Errorf("%d workers and %d wards died, want %d and 2", w, alone, c.workers)
			}
			if c.knownFromDead {
				checkReport(t, reports, poison)
				if !strings.Contains(reports[0].Reason, "found dead by its lock") {
					t.Errorf("the report says %q", reports[0].Reason)
				}
			}
		})
	}
}

// TestContainer_ItsDirectorySurvives: a container is started again with its volume, and what ran when
// it died runs alone before anything is pulled.
func TestContainer_ItsDirectorySurvives(t *testing.T) {
	t.Parallel()
	const good = 12
	f := newFleet(t, "snapshot", false)
	f.start("a")
	poison := f.publish(good)
	f.start(f.awaitContainerDeath())
	reports := f.checkContained(poison, good)
	if w, alone := f.deaths("worker"), f.deaths("ward"); w != 1 || alone != 2 {
		t.Errorf("%d workers and %d wards died, want 1 and 2", w, alone)
	}
	checkReport(t, reports, poison)
}
