package e2e

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/crashrecord"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/consumer/ward"
	"github.com/theriac/theriac/handlers"
)

// workerVariable makes the test binary a guarded worker: state directory, broker, token file, way of
// dying and how many messages are in flight beside the poison then, with | between them.
const workerVariable = "E2E_GUARDED_WORKER"

// guardedWorker is the program under test, as a user would write it: Run first in main, the role's
// table in the consumer's configuration.
func guardedWorker(spec string) error {
	part := strings.Split(spec, "|")
	dir, url, token, way := part[0], part[1], part[2], part[3]
	cfg := guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "worker", Slots: 32, Wards: -1}},
		StateDir: filepath.Join(dir, "guardian"), StopTimeout: 10 * time.Second,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	return guardian.Run(context.Background(), cfg, func(ctx context.Context, role guardian.Role) error {
		conn, err := natsjs.Connect(natsjs.ConnectConfig{URL: url, TokenFile: token})
		if err != nil {
			return err
		}
		defer conn.Close()
		source, err := natsjs.NewSource(conn, natsjs.Config{Stream: "S", Consumer: "c"})
		if err != nil {
			return err
		}
		company, err := strconv.Atoi(part[4])
		if err != nil {
			return err
		}
		s := newScene(dir, way, company)
		handler := handlers.HandlerFunc(s.handleOrDie)
		wards, err := ward.Open(role, ward.Config{})
		if err != nil {
			return err
		}
		c, err := consumer.New(source, consumer.Subscription{Name: "orders", Handler: handler},
			consumer.Config{Guard: wards, MaxRunning: 32})
		if err != nil {
			return err
		}
		role.Ready()
		return c.Run(ctx)
	})
}

// scene is what the handlers of one process know of each other.
type scene struct {
	died, way string
	dies      bool // this process is the one that the poison kills
	company   int
	begun     chan struct{} // a token for each good message
}

func newScene(dir, way string, company int) *scene {
	s := &scene{died: filepath.Join(dir, "died"), way: way, company: company, begun: make(chan struct{}, 1000)}
	_, err := os.Stat(s.died)
	s.dies = err != nil
	return s
}

// handleOrDie lets poison kill the first process as soon as its company has begun, which is in flight
// until then. In the next one everything is done at once.
func (s *scene) handleOrDie(ctx context.Context, m handlers.Message) error {
	if !s.dies {
		return nil
	}
	if string(m.Data) == "poison" {
		if err := s.die(ctx); err != nil {
			return err
		}
	} else {
		s.begun <- struct{}{}
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s *scene) die(ctx context.Context) error {
	for range s.company {
		select {
		case <-s.begun:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := os.Mkdir(s.died, 0o700); err != nil {
		return err
	}
	switch s.way {
	case "child panics":
		done := make(chan struct{})
		go func() { defer close(done); panic("poison") }()
		<-done
	case "exit":
		os.Exit(1)
	case "killed":
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
	}
	return nil
}

// TestGuardian_NamesWhatKilledTheWorker goes through all layers: broker, consumer, table, label,
// trace, verdict, record, restart, redelivery.
func TestGuardian_NamesWhatKilledTheWorker(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"child panics", "exit", "killed"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			const good = 12
			dir := t.TempDir()
			broker, err := embedded.Start(t.Context(), embedded.Config{Dir: filepath.Join(dir, "broker"), SyncEvery: time.Minute})
			check(t, err)
			t.Cleanup(func() { check(t, broker.Close()) })
			settled, poison := fill(t, broker, good, []byte("poison"))

			_, stop := startGuarded(t, workerVariable, dir, broker.URL(), broker.Endpoint().TokenFile, way, strconv.Itoa(good))
			settled(t)
			stop()
			record := onlyRecord(t, filepath.Join(dir, "guardian", "deaths"))
			checkBlame(t, record, way, poison, good)
		})
	}
}

// fill publishes good messages and one poison. settled waits until the broker holds nothing more.
func fill(t *testing.T, broker *embedded.Server, good int, bad []byte) (settled func(*testing.T), poison string) {
	t.Helper()
	conn, err := natsjs.Connect(natsjs.ConnectConfig{URL: broker.URL(), TokenFile: broker.Endpoint().TokenFile})
	check(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	check(t, err)
	check(t, natsjs.Setup(t.Context(), js, natsjs.SetupConfig{Stream: "S", Subjects: []string{"s"}, Consumer: "c", Lease: 2 * time.Second}))
	pub, err := natsjs.NewPublisher(t.Context(), conn, natsjs.PublisherConfig{Stream: "S", Subject: "s"})
	check(t, err)
	for i := range good {
		_, err := pub.Publish(t.Context(), handlers.Message{Data: fmt.Appendf(nil, "good %d", i)})
		check(t, err)
	}
	poison, err = pub.Publish(t.Context(), handlers.Message{Data: bad})
	check(t, err)
	return func(t *testing.T) {
		t.Helper()
		c, err := js.Consumer(t.Context(), "S", "c")
		check(t, err)
		look := time.NewTicker(50 * time.Millisecond)
		defer look.Stop()
		late := time.After(patience)
		for {
			info, err := c.Info(t.Context())
			check(t, err)
			// What is pending would not tell: the broker counts it a moment after it has confirmed.
			if info.AckFloor.Stream == uint64(good+1) {
				return
			}
			select {
			case <-look.C:
			case <-late:
				t.Errorf("after %s %d messages wait and %d are not acknowledged", patience, info.NumPending, info.NumAckPending)
				return
			}
		}
	}, poison
}

func onlyRecord(t *testing.T, dir string) crashrecord.Record {
	t.Helper()
	deaths := crashrecord.Directory{Path: dir}
	list, err := deaths.List()
	check(t, err)
	if len(list.Records) != 1 {
		t.Fatalf("%d crash records, want 1: %v", len(list.Records), list)
	}
	record, damage, err := deaths.Read(list.Records[0])
	check(t, err)
	if damage.Any() {
		t.Errorf("the record is damaged: %v", damage)
	}
	return record
}

func checkBlame(t *testing.T, r crashrecord.Record, way, poison string, good int) {
	t.Helper()
	if len(r.Messages) != good+1 {
		t.Errorf("%d messages are kept, want all %d in flight", len(r.Messages), good+1)
	}
	switch way {
	case "child panics":
		if r.Culprit == nil || string(r.Culprit.ID) != poison || r.Culprit.Deaths != 1 || string(r.Culprit.Subscription) != "orders" {
			t.Errorf("culprit %+v, want message %s", r.Culprit, poison)
		}
		if len(r.Suspects) != 0 || len(r.Bystanders) != good {
			t.Errorf("%d suspects and %d bystanders, want the %d good ones as bystanders", len(r.Suspects), len(r.Bystanders), good)
		}
		if !bytes.Contains(r.FirstBlock, []byte("(*scene).die")) {
			t.Errorf("the stack is lost:\n%s", r.FirstBlock)
		}
	default:
		named := false
		for _, s := range r.Suspects {
			named = named || string(s.ID) == poison
		}
		if r.Culprit != nil || len(r.Suspects) != good+1 || !named {
			t.Errorf("culprit %v, %d suspects, poison among them: %t", r.Culprit, len(r.Suspects), named)
		}
	}
}

// lockedBuffer takes the output of several processes.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
