package cli

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

var update = flag.Bool("update", false, "write the golden files")

// bench is a room in memory with a command line on it. Inside a synctest bubble its clocks stand
// still, so that screens can be compared with golden files.
type bench struct {
	*testing.T
	store   *quarantinetest.Store
	room    *quarantine.Service
	environ []string

	incidents      *incidenttest.Store
	incidentsDown  error        // what opening the store of incidents returns
	incidentAccess []app.Access // what it was opened for
	down           error        // what opening the store returns
	between        func()       // what somebody else does after a command has read an entry or a group
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, store: quarantinetest.NewStore(), incidents: incidenttest.NewStore(incidenttest.Options{}), environ: []string{"THERIAC_ACTOR=ana@laptop"}}
	var err error
	if b.room, err = quarantine.New(&racing{Store: b.store, b: b}, quarantine.Config{OurPackages: []string{"example.com/shop"}}); err != nil {
		t.Fatal(err)
	}
	return b
}

// racing is the store with somebody else at work on it.
type racing struct {
	*quarantinetest.Store
	b *bench
}

func (r *racing) EntryGet(ctx context.Context, key quarantine.EntryKey, opt quarantine.GetOptions) (quarantine.Entry, error) {
	e, err := r.Store.EntryGet(ctx, key, opt)
	if act := r.b.between; act != nil {
		r.b.between = nil
		act()
	}
	return e, err
}

func (r *racing) GroupList(ctx context.Context, q quarantine.Query) ([]quarantine.Group, error) {
	groups, err := r.Store.GroupList(ctx, q)
	if act := r.b.between; act != nil && q.Group != "" {
		r.b.between = nil
		act()
	}
	return groups, err
}

// result is what a command left behind.
type result struct {
	out, err string
	code     int
}

// where says who is at the other end of a command.
type where struct {
	terminal bool
	answer   string // typed on stdin
}

func (b *bench) at(w where, args ...string) result {
	b.Helper()
	return b.within(b.Context(), w, args...)
}

// interruptedAfter runs a command in a pipe and interrupts it after a while.
func (b *bench) interruptedAfter(d time.Duration, args ...string) result {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	timer := time.AfterFunc(d, cancel)
	defer timer.Stop()
	return b.within(ctx, where{}, args...)
}

func (b *bench) within(ctx context.Context, w where, args ...string) result {
	b.Helper()
	var out, err bytes.Buffer
	tool := newTool(b.environ, Streams{
		In: strings.NewReader(w.answer), Out: &out, Err: &err, Columns: 140,
		InTerminal: w.terminal, OutTerminal: w.terminal, ErrTerminal: w.terminal,
	})
	tool.open = func(context.Context, config.Endpoint, app.Access) (*app.Room, error) {
		if b.down != nil {
			return nil, b.down
		}
		return &app.Room{Service: b.room}, nil
	}
	tool.openIncidents = func(_ context.Context, _ config.Endpoint, access app.Access) (incident.Stores, error) {
		b.incidentAccess = append(b.incidentAccess, access)
		if b.incidentsDown != nil {
			return nil, b.incidentsDown
		}
		return b.incidents, nil
	}
	code := run(ctx, args, tool, nil)
	return result{out.String(), err.String(), code}
}

// pipe runs a command in a pipe, screen one on a terminal.
func (b *bench) pipe(args ...string) result { b.Helper(); return b.at(where{}, args...) }
func (b *bench) screen(args ...string) result {
	b.Helper()
	return b.at(where{terminal: true}, args...)
}

// writeContext writes a context file and returns the variable that makes it found.
func writeContext(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "theriac"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "theriac", name+".env"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "XDG_CONFIG_HOME=" + dir
}

// hold holds a message on a subscription with a reason and returns its reference.
func (b *bench) hold(sub string, m handlers.Message, ev handlers.Evidence) string {
	b.Helper()
	ref, err := b.room.Quarantine(b.Context(), sub, m, ev)
	if err != nil {
		b.Fatal(err)
	}
	return ref
}

var published = time.Date(1999, 12, 31, 23, 59, 0, 123456000, time.UTC)

func message(id, data string) handlers.Message {
	return handlers.Message{
		ID: id, Data: []byte(data), OrderingKey: "customer-7", PublishedAt: published,
		Attributes: map[string]string{"event_type": "order.created"}, DeliveryAttempt: 3,
	}
}

// nilDereference is a panic in our own code, badCard an error on its third attempt.
func nilDereference() handlers.Evidence {
	return handlers.Evidence{
		Reason: handlers.ReasonFailed, Confidence: handlers.ConfidenceCertain, Totals: handlers.Totals{Failures: 3},
		Attempt: handlers.Attempt{
			Started: published.Add(time.Second), Ended: published.Add(time.Second + 12*time.Millisecond),
			Outcome: handlers.OutcomePanicked, Panic: "runtime error: invalid memory address or nil pointer dereference",
			Stack: "goroutine 7 [running]:\nexample.com/shop/billing.Apply.func1()\n\t/src/billing/handler.go:118 +0x1d\n",
			Frames: []handlers.Frame{
				{Func: "runtime.panicmem", File: "panic.go", Line: 262},
				{Func: "example.com/shop/billing.Apply.func1", File: "handler.go", Line: 118},
			},
			Handler: "billing.Apply", Worker: "orders-1", Host: "node-3", Build: "v2.41.0", DeliveryAttempt: 3,
		},
	}
}

func badCard(n int) handlers.Evidence {
	return handlers.Evidence{
		Reason: handlers.ReasonPermanent, Confidence: handlers.ConfidenceCertain, Hint: "ask the bank", Totals: handlers.Totals{Failures: n},
		Attempt: handlers.Attempt{
			Started: published, Ended: published.Add(3 * time.Millisecond), Outcome: handlers.OutcomeFailed, Class: handlers.ClassPermanent,
			Errors:  []handlers.ErrorLink{{Type: "*fmt.wrapError", Text: "charge: card declined"}, {Type: "*bank.Error", Text: "card declined"}},
			Handler: "payments.Charge", Worker: "payments-1", Host: "node-3", Build: "v2.41.0", DeliveryAttempt: 1,
		},
	}
}

// seed holds three messages: one on orders, two of one group on payments.
func (b *bench) seed() (order, first, second string) {
	b.Helper()
	order = b.hold("orders", message("1284933119027", `{"customer":null,"lines":[{"sku":"A-19","qty":2},{"sku":"B-2"}],"paid":true}`), nilDereference())
	<-time.After(time.Minute)
	first = b.hold("payments", message("p-1", "\x00\xff not JSON"), badCard(1))
	second = b.hold("payments", message("p-2", ""), badCard(1))
	<-time.After(time.Minute)
	return order, first, second
}

// worker runs a worker that replays everything on sub with the outcome that answer gives. The
// caller stops it.
func (b *bench) worker(sub string, answer func(handlers.Replay) handlers.Outcome) (stop func()) {
	b.Helper()
	svc, err := quarantine.New(b.store, quarantine.Config{
		Worker:      quarantine.Worker{Name: "w-1", Host: "node-3", Build: "v2.41.1", PID: 7, Subscriptions: []string{sub}},
		OurPackages: []string{"example.com/shop"},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var group runner.Group
	group.Go(func() {
		if err := runner.Run(ctx, svc.Run, func(ctx context.Context) error { return replayAll(ctx, svc, sub, answer) }); err != nil && ctx.Err() == nil {
			b.Errorf("worker: %v", err)
		}
	})
	<-svc.Ready()
	synctest.Wait() // until it is registered
	return func() { cancel(); group.Wait() }
}

func replayAll(ctx context.Context, svc *quarantine.Service, sub string, answer func(handlers.Replay) handlers.Outcome) error {
	for {
		r, err := svc.NextReplay(ctx, sub)
		if err != nil {
			return err
		}
		a := handlers.Attempt{
			Started: time.Now(), Ended: time.Now().Add(12 * time.Millisecond), Outcome: answer(r),
			Handler: sub, Worker: "w-1", Host: "node-3", Build: "v2.41.1", Replay: true,
		}
		if a.Outcome != handlers.OutcomeOK {
			a.Errors = []handlers.ErrorLink{{Type: "*errors.errorString", Text: "still wrong"}}
		}
		if err := svc.FinishReplay(ctx, sub, r, a); err != nil {
			return err
		}
	}
}

var uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// golden compares text with a golden file. Identifiers made by chance are replaced.
func (b *bench) golden(name, text string) {
	b.Helper()
	text = uuids.ReplaceAllString(text, "00000000-0000-7000-8000-000000000000")
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		b.Errorf("%s (-want +got; -update rewrites it):\n%s", name, diff)
	}
}

func (b *bench) wantCode(r result, kind problem.Kind) {
	b.Helper()
	if r.code != kind.ExitCode() {
		b.Errorf("exit code %d, want %d (%s)\nstdout: %s\nstderr: %s", r.code, kind.ExitCode(), kind, r.out, r.err)
	}
}
