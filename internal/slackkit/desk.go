package slackkit

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/theriac/theriac/internal/runner"
)

// Handle does what a person asked for. It runs in a goroutine of its own, several at a time, under a
// context that outlives the request and ends after Limits.Work.
//
// What a person should know belongs into the Answer. An error means that something broke: it is logged,
// and the person reads only that it did not work. A panic counts as such an error.
type Handle func(ctx context.Context, i Interaction) (Answer, error)

// Accept keeps an interaction in a safe place before Slack hears "taken". It runs before [Handle], while
// Slack waits, under a context that ends after Limits.Accept, and may be called more than once with the
// same [Interaction].Request, which then has to be no error. When it fails, or panics, nothing was taken:
// Slack is told so, tries an event again (at once, after a minute, after five) and shows the person a
// warning for anything else. Once it has returned nil, whoever keeps the interaction is answerable for it:
// Handle is tried, but after a crash, or with too much going on, it does not run.
type Accept func(ctx context.Context, i Interaction) error

// Limits bounds what clicks can cost. The zero value of each field is its default.
type Limits struct {
	// Answer is how long Slack is kept waiting for a result before it hears "taken". Default: 500 ms
	Answer time.Duration
	// Accept is how long keeping an interaction may take, see [Accept]. Slack gives up after 3 s.
	// Default: 1.5 s
	Accept time.Duration
	// Work bounds one Handle and the sending of its answer. Default: 30 s
	Work time.Duration
	// Pool is how many interactions are handled at a time; more are refused, politely. Default: 16
	Pool int
	// Remember is how many requests are known to have been here, for 11 minutes, two entries for one
	// click. Beyond it clicks are refused. Default: 20,000
	Remember int
	// Drain is how long Close and the end of Socket wait for running Handles before they are
	// cancelled. Default: 5 s
	Drain time.Duration
}

func (l Limits) withDefaults() Limits {
	l.Answer = orDefault(l.Answer, 500*time.Millisecond)
	l.Accept = orDefault(l.Accept, 1500*time.Millisecond)
	l.Work = orDefault(l.Work, 30*time.Second)
	l.Drain = orDefault(l.Drain, 5*time.Second)
	if l.Pool == 0 {
		l.Pool = 16
	}
	if l.Remember == 0 {
		l.Remember = 20_000
	}
	return l
}

// desk takes interactions from either way in, each once, and has them handled.
type desk struct {
	client *Client
	team   string
	handle Handle
	keep   Accept // nil: nobody keeps interactions
	log    *slog.Logger
	limits Limits
	now    func() time.Time
	seen   seen
	pool   chan struct{}
	sorry  chan struct{} // those who are told that we are busy

	mu      sync.Mutex
	closed  bool
	running runner.Group
	cancels map[*job]context.CancelFunc
}

// job is one interaction being handled.
type job struct {
	Interaction
	out     chan Answer   // to whoever still waits
	gone    chan struct{} // closed when nobody waits any more
	done    chan struct{} // closed when the work is over without an answer
	working chan struct{} // closed when the person has been told that it takes longer
}

func newDesk(client *Client, team string, handle Handle, keep Accept, log *slog.Logger, limits Limits, now func() time.Time) *desk {
	limits = limits.withDefaults()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &desk{
		client: client, team: team, handle: handle, keep: keep, log: log, limits: limits, now: now,
		seen: seen{most: limits.Remember}, pool: make(chan struct{}, limits.Pool), sorry: make(chan struct{}, 4),
		cancels: make(map[*job]context.CancelFunc),
	}
}

// verdict is what became of a payload at the desk.
type verdict int

const (
	taken     verdict = iota // handled, or will be; body is what Slack is answered
	repeated                 // was here before
	malformed                // is no interaction
	refused                  // comes from another workspace
	overload                 // and the person could not be told; or it could not be kept
)

// take deals with a payload that Slack sent and returns within Limits.Answer what to answer: JSON for a
// modal, nothing otherwise. keys name the request beside its own key.
func (d *desk) take(ctx context.Context, payload []byte, keys ...string) (verdict, []byte) {
	i, foreign, err := parseInteraction(payload, d.team)
	return d.accept(ctx, i, foreign, err, keys)
}

// command is take for a command that was typed.
func (d *desk) command(ctx context.Context, w wireCommand, keys ...string) (verdict, []byte) {
	i, foreign, err := w.interaction(d.team)
	return d.accept(ctx, i, foreign, err, keys)
}

// event is take for something that happened.
func (d *desk) event(ctx context.Context, w wireCallback, keys ...string) (verdict, []byte) {
	i, foreign, err := w.interaction(d.team)
	if foreign && err == nil {
		// Slack would send it again, and in the end no event at all.
		return taken, nil
	}
	return d.accept(ctx, i, foreign, err, keys)
}

func (d *desk) accept(ctx context.Context, i Interaction, foreign bool, err error, keys []string) (verdict, []byte) {
	switch {
	case err != nil:
		return malformed, nil
	case foreign:
		d.log.WarnContext(ctx, "a click from another workspace was refused", "team", Plain(i.Team, 40), "user", Plain(i.User, 40))
		d.turnAway(ctx, i, keys)
		return refused, nil
	case i.Request == "":
		return taken, nil
	}
	keys = append(keys, i.Request)
	// It is kept before it counts as seen: the same one may come again while this one fails.
	if d.keep != nil && !d.seen.any(keys...) {
		if err := d.kept(ctx, i); err != nil {
			d.log.ErrorContext(ctx, "an interaction could not be kept, and was not taken", "request", i.Request, "err", err)
			return overload, nil
		}
	}
	fresh, full := d.seen.first(d.now(), keys...)
	switch {
	case full:
		return d.busy(ctx, i, keys)
	case !fresh:
		return repeated, nil
	}
	return d.run(ctx, i, keys)
}

// turnAway tells somebody of another workspace, who sees our messages in a shared channel, why nothing
// happens: once a request, and if there is a place for that.
func (d *desk) turnAway(ctx context.Context, i Interaction, keys []string) {
	if i.ResponseURL == "" || len(keys) == 0 {
		return
	}
	if fresh, _ := d.seen.first(d.now(), keys...); fresh {
		d.excuse(ctx, i, foreignText)
	}
}

// kept runs Accept and turns its panic into an error.
func (d *desk) kept(ctx context.Context, i Interaction) (err error) {
	ctx, cancel := context.WithTimeout(ctx, d.limits.Accept)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %s\n%s", Plain(fmt.Sprint(v), 500), debug.Stack())
		}
	}()
	return d.keep(ctx, i)
}

// run has an interaction handled and returns what Slack is answered.
func (d *desk) run(ctx context.Context, i Interaction, keys []string) (verdict, []byte) {
	j := &job{Interaction: i, out: make(chan Answer), gone: make(chan struct{}), done: make(chan struct{}), working: make(chan struct{})}
	select {
	case d.pool <- struct{}{}:
	default:
		return d.busy(ctx, i, keys)
	}
	if !d.start(ctx, j) {
		<-d.pool
		return d.busy(ctx, i, keys)
	}
	return taken, d.wait(ctx, j)
}

// start runs a job unless the desk is closed.
func (d *desk) start(ctx context.Context, j *job) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.limits.Work)
	d.cancels[j] = cancel
	d.running.Go(func() {
		defer func() {
			cancel()
			close(j.done)
			<-d.pool
			d.mu.Lock()
			defer d.mu.Unlock()
			delete(d.cancels, j)
		}()
		d.work(ctx, j)
	})
	return true
}

// wait returns the answer for Slack: the job's if it is there in time.
func (d *desk) wait(ctx context.Context, j *job) []byte {
	late := time.NewTimer(d.limits.Answer)
	defer late.Stop()
	select {
	case a := <-j.out:
		if j.Type == ViewSubmission && len(a.ViewErrors) > 0 {
			// The modal stays open and will be submitted again.
			d.seen.forget(j.Request)
		}
		return j.body(a)
	case <-j.done:
		return nil
	case <-late.C:
	}
	// The job waits for this before it says more, so "working" never comes last. Its goroutine holds a
	// place in the pool, and so does this one.
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || j.Type == ViewSubmission || j.Type == EventCallback {
		close(j.working)
	} else {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.limits.Work)
		d.running.Go(func() {
			defer close(j.working)
			defer cancel()
			d.tell(ctx, j.Interaction, "", workingText)
		})
	}
	close(j.gone)
	return nil
}

// close takes no more, waits for what runs, and cancels it when ctx or Limits.Drain is over.
func (d *desk) close(ctx context.Context) {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	ended := make(chan struct{})
	var waiting runner.Group
	waiting.Go(func() {
		defer close(ended)
		d.running.Wait()
	})
	drain := time.NewTimer(d.limits.Drain)
	defer drain.Stop()
	select {
	case <-ended:
	case <-drain.C:
	case <-ctx.Done():
	}
	d.mu.Lock()
	for _, cancel := range d.cancels {
		cancel()
	}
	d.mu.Unlock()
	waiting.Wait()
}
