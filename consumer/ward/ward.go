package ward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/handlers"
)

// Config says how a worker uses its wards.
type Config struct {
	// Docket is told of deaths; quarantine.Service is one. Nil: crash records are
	// removed once their suspects are settled.
	Docket consumer.Docket
	// OnCrash is told of each death too, at least once, on a goroutine of [Ward.Run].
	// While it returns an error the record is kept, and it is told again. Nil means
	// nobody.
	OnCrash func(ctx context.Context, c handlers.Crash) error
	// OnEnded is told, as OnCrash is, of processes that did not die but were ended
	// while something ran in them, such as the ward of a worker that died: for
	// telemetry.OpenSpans, since nobody else ends the spans of what ran. It is told
	// when a worker opens its wards, or a second later. Nil means nobody.
	OnEnded func(ctx context.Context, c handlers.Crash) error
	// Logger gets what people should know. Nil discards it.
	Logger *slog.Logger
	// Host and Build name this process in the history of messages whose ward died. A
	// worker is named in no such attempt: that is how a death alone differs from one
	// in production. Default: empty, and the role's build.
	Host, Build string
}

// Ward is a worker's way to its wards, and to what earlier deaths left. It is
// safe for concurrent use.
type Ward struct {
	role guardian.Role
	cfg  Config
	log  *slog.Logger
	lane chan struct{} // a place for each ward

	// finding is held while a record is taken in, so that nobody takes in what somebody else
	// has read, or is already done with. It is taken before mu.
	finding sync.Mutex

	mu      sync.Mutex
	records []*death        // not yet removed, oldest first
	done    map[string]bool // records that could not be removed, or not be read
	news    chan struct{}
}

var _ consumer.Guard = (*Ward)(nil)

// Open returns the ward of a worker, and reads the crash records that earlier
// processes of the role left in the guardian's state directory, and those of roles
// that run no handlers, if it is the one who tells of them (Role.TakesIn). Without a
// guardian it is one that has no wards: consumers then run everything in their
// own process. Run must run beside the consumers, or nobody is told of deaths and
// the records stay.
func Open(role guardian.Role, cfg Config) (*Ward, error) {
	if role.Ward {
		return nil, errors.New("ward: Open is for workers: in the ward role call Serve")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Build = cmp.Or(cfg.Build, role.Build)
	w := &Ward{role: role, cfg: cfg, log: cfg.Logger, news: make(chan struct{}, 1), done: make(map[string]bool)}
	if n := role.Wards(); n > 0 {
		w.lane = make(chan struct{}, n)
	}
	if err := w.readRecords(); err != nil {
		return nil, fmt.Errorf("ward: %w", err)
	}
	return w, nil
}

// InFlight implements [consumer.Guard].
func (w *Ward) InFlight() *inflight.Mapping { return w.role.InFlight }

// Recycle implements [consumer.Guard].
func (w *Ward) Recycle(why string) {
	w.log.Warn("this process is to be replaced", "because", why)
	w.role.Recycle()
}

// RunAlone implements [consumer.Guard].
func (w *Ward) RunAlone(ctx context.Context, run consumer.AloneRun) (consumer.AloneResult, error) {
	if w.lane == nil {
		return consumer.AloneResult{}, consumer.ErrNoWard
	}
	body, err := encode(request{Subscription: run.Subscription, Message: newMessage(run.Message), Replay: newReplay(run.Replay)})
	if err != nil {
		return consumer.AloneResult{}, err
	}
	// No more are asked for than can run, so that the guardian holds few messages.
	select {
	case w.lane <- struct{}{}:
	case <-ctx.Done():
		return consumer.AloneResult{}, ctx.Err()
	}
	defer func() { <-w.lane }()
	said, err := w.role.RunAlone(ctx, guardian.AloneRequest{
		Subscription: run.Subscription, Fresh: run.Fresh, Limit: run.Limit, Body: body,
	})
	switch {
	case err != nil:
		return consumer.AloneResult{}, err
	case said.Death != nil:
		return consumer.AloneResult{
			Attempt: w.deathOf(run, said.Death), Fresh: said.Fresh, Reported: w.foundRecord(said.Death.Record),
		}, nil
	}
	a, err := decodeAnswer(said.Body)
	if err != nil {
		return consumer.AloneResult{}, err
	}
	a.Attempt.Replay = run.Replay != nil
	return consumer.AloneResult{Attempt: a.Attempt, Fresh: said.Fresh, Delay: a.Delay}, nil
}

// deathOf is the attempt that ended with the death of its ward.
func (w *Ward) deathOf(run consumer.AloneRun, d *guardian.AloneDeath) handlers.Attempt {
	a := handlers.Attempt{
		Started: d.Started, Ended: d.Died, Host: w.cfg.Host, Build: w.cfg.Build,
		DeliveryAttempt: run.Message.DeliveryAttempt, Replay: run.Replay != nil,
		Stack: headOf(d.Stack, maxReportStack), Frames: framesIn(d.Stack),
	}
	if a.Started.IsZero() {
		a.Started = d.Died
	}
	what := d.Text
	if what == "" {
		what = d.Kind + ": " + d.Exit
	}
	switch {
	case d.Hung:
		a.Outcome, a.Class = handlers.OutcomeTimedOut, handlers.ClassFailed
		a.Errors = []handlers.ErrorLink{{Type: "context.DeadlineExceeded", Text: "handler did not return within its deadline and grace, and its ward was ended"}}
	case d.Charged:
		a.Outcome, a.Class = handlers.OutcomeCrashed, handlers.ClassFailed
		a.Panic = headOf(what, maxReportText)
		a.Errors = []handlers.ErrorLink{{Type: "crash: " + d.Kind, Text: headOf(d.Exit, maxReportText)}}
	default:
		a.Outcome = handlers.OutcomeInterrupted
	}
	return a
}

// retryEvery is how often what could not be told is told again.
const retryEvery = time.Second
