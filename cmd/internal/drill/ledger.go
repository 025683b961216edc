package drill

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

// ledger is what the drill knows from its replicas. It stands outside of the processes that die:
// effects are counted here, and good messages wait here until they may go on. It is safe for
// concurrent use.
type ledger struct {
	server  *http.Server
	serving runner.Group

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced with every change
	released chan struct{} // closed once messages that wait may go on
	order    replica.Order // what they are told
	runs     []*handlerRun
	commits  map[string]int // by key
	crashes  map[string]handlers.Crash
	hellos   []greeting
}

// greeting is a process that served, from when on.
type greeting struct {
	replica.Hello
	at time.Time
}

// handlerRun is one run of a handler.
type handlerRun struct {
	replica.Began
	began time.Time
	// ended is when it was given its order, or when its connection broke; zero while it waits.
	ended time.Time
	// broken: the connection broke, so the process died or the attempt was over.
	broken bool
}

// poisonKey is the key of the one message that is made to fail.
const poisonKey = "poison"

func newLedger() *ledger {
	return &ledger{
		changed: make(chan struct{}), released: make(chan struct{}),
		commits: map[string]int{}, crashes: map[string]handlers.Crash{},
	}
}

// listen serves replicas on a unix socket until close.
func (l *ledger) listen(ctx context.Context, socket string) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", socket)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+replica.PathHello, told(l.hello))
	mux.HandleFunc("POST "+replica.PathCommit, told(func(c replica.Commit) { l.commit(c.Key) }))
	mux.HandleFunc("POST "+replica.PathCrash, told(l.crash))
	mux.HandleFunc("POST "+replica.PathBegin, l.begin)
	l.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	l.serving.Go(func() { _ = l.server.Serve(listener) }) // it returns when it is closed
	return nil
}

func (l *ledger) close() error {
	if l.server == nil {
		return nil
	}
	err := l.server.Close()
	l.serving.Wait()
	return err
}

// told is a handler of what replicas tell.
func told[T any](take func(T)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var v T
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<20)).Decode(&v); err != nil {
			http.Error(w, "that is no such thing", http.StatusBadRequest)
			return
		}
		take(v)
	}
}

func (l *ledger) hello(h replica.Hello) {
	l.change(func() { l.hellos = append(l.hellos, greeting{h, time.Now()}) })
}

func (l *ledger) commit(key string) { l.change(func() { l.commits[key]++ }) }

// crash takes the report of a death, which may come more than once.
func (l *ledger) crash(c handlers.Crash) { l.change(func() { l.crashes[c.ID] = c }) }

// begin keeps a handler waiting until it may go on. Poison waits for nothing.
func (l *ledger) begin(w http.ResponseWriter, r *http.Request) {
	var b replica.Began
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&b); err != nil {
		http.Error(w, "that is no run", http.StatusBadRequest)
		return
	}
	run := &handlerRun{Began: b, began: time.Now()}
	known := false
	var released chan struct{} // nil for poison
	l.change(func() {
		l.runs = append(l.runs, run)
		known = l.commits[b.Key] > 0 && b.Key != poisonKey
		if b.Key != poisonKey {
			released = l.released
		}
	})
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush() // an error shows as a broken connection
	if known {
		l.over(run, false)
		_ = json.NewEncoder(w).Encode(replica.Order{Known: true})
		return
	}
	select {
	case <-released:
		l.over(run, false)
		_ = json.NewEncoder(w).Encode(l.present())
	case <-r.Context().Done():
		l.over(run, true)
	}
}

func (l *ledger) over(run *handlerRun, broken bool) {
	l.change(func() { run.ended, run.broken = time.Now(), broken })
}

func (l *ledger) present() replica.Order {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order
}

// command changes what messages are told from now on.
func (l *ledger) command(o replica.Order) { l.change(func() { l.order = o }) }

// release lets the messages go on that wait.
func (l *ledger) release() {
	l.change(func() {
		select {
		case <-l.released:
		default:
			close(l.released)
		}
	})
}

// hold has messages wait again that begin from now on.
func (l *ledger) hold() { l.change(func() { l.released = make(chan struct{}) }) }

func (l *ledger) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

// facts is what the ledger knew at a moment.
type facts struct {
	runs    []*handlerRun
	commits map[string]int
	crashes map[string]handlers.Crash // by their ids
	hellos  []greeting
}

// lookLocked returns the facts without copying them; the caller holds the lock.
func (l *ledger) lookLocked() facts { return facts{l.runs, l.commits, l.crashes, l.hellos} }

// facts returns a copy of what the ledger knows.
func (l *ledger) facts() facts {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := facts{commits: maps.Clone(l.commits), crashes: maps.Clone(l.crashes), hellos: slices.Clone(l.hellos)}
	for _, r := range l.runs {
		run := *r
		f.runs = append(f.runs, &run)
	}
	return f
}

var errLate = errors.New("it did not happen in time")

// await returns when the facts are as wanted, or errLate when they are not after d. wanted must not
// keep what it is shown.
func (l *ledger) await(ctx context.Context, d time.Duration, wanted func(facts) bool) error {
	late := time.NewTimer(d)
	defer late.Stop()
	for {
		l.mu.Lock()
		done, changed := wanted(l.lookLocked()), l.changed
		l.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-late.C:
			return errLate
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// webAddress is where a replica's web server listens, as far as it said.
func (l *ledger) webAddress(number int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	web, _ := l.lookLocked().latest(number, replica.RoleWeb)
	return web.Address
}

// worker is the last worker of a replica that served.
func (l *ledger) worker(number int) greeting {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, _ := l.lookLocked().latest(number, replica.RoleWorker)
	return w
}

// deaths returns the deaths, oldest first.
func (f facts) deaths() []handlers.Crash {
	return slices.SortedFunc(maps.Values(f.crashes), func(a, b handlers.Crash) int { return a.Died.Compare(b.Died) })
}

// waiting returns the keys of messages whose handlers wait for their order, by replica.
func (f facts) waiting() map[string]int {
	at := map[string]int{}
	for _, r := range f.runs {
		if r.ended.IsZero() {
			at[r.Key] = r.Replica
		}
	}
	return at
}

// of returns the runs of one message.
func (f facts) of(key string) (runs []*handlerRun) {
	for _, r := range f.runs {
		if r.Key == key {
			runs = append(runs, r)
		}
	}
	return runs
}

// latest returns the last process that served in a role of a replica.
func (f facts) latest(number int, role string) (greeting, bool) {
	for _, h := range slices.Backward(f.hellos) {
		if h.Replica == number && h.Role == role {
			return h, true
		}
	}
	return greeting{}, false
}
