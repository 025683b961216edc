package slackkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/runner"
)

// Handle does what a person asked for. It runs in a goroutine of its own, several at a time, under a
// context that outlives the request and ends after Limits.Work.
//
// What a person should know belongs into the Answer. An error means that something broke: it is logged,
// and the person reads only that it did not work. A panic counts as such an error.
type Handle func(ctx context.Context, i Interaction) (Answer, error)

// Limits bounds what clicks can cost. The zero value of each field is its default.
type Limits struct {
	// Answer is how long Slack is kept waiting for a result before it hears "taken". Default: 500 ms
	Answer time.Duration
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

// Texts for people whose click did not go as usual.
const (
	workingText = "Working on it. The result follows here."
	busyText    = "Too much is going on just now, nothing was done. Try again in a few seconds."
	brokenText  = "That did not work, and may or may not have been done. The reason is in the log."
)

// desk takes interactions from either way in, each once, and has them handled.
type desk struct {
	client *Client
	team   string
	handle Handle
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

func newDesk(client *Client, team string, handle Handle, log *slog.Logger, limits Limits, now func() time.Time) *desk {
	limits = limits.withDefaults()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &desk{
		client: client, team: team, handle: handle, log: log, limits: limits, now: now,
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
	overload                 // and the person could not be told
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

func (d *desk) accept(ctx context.Context, i Interaction, foreign bool, err error, keys []string) (verdict, []byte) {
	switch {
	case err != nil:
		return malformed, nil
	case foreign:
		d.log.WarnContext(ctx, "a click from another workspace was refused", "team", Plain(i.Team, 40), "user", Plain(i.User, 40))
		return refused, nil
	case i.Request == "":
		return taken, nil
	}
	fresh, full := d.seen.first(d.now(), append(keys, i.Request)...)
	switch {
	case full:
		return d.busy(ctx, i)
	case !fresh:
		return repeated, nil
	}
	j := &job{Interaction: i, out: make(chan Answer), gone: make(chan struct{}), done: make(chan struct{}), working: make(chan struct{})}
	select {
	case d.pool <- struct{}{}:
	default:
		return d.busy(ctx, i)
	}
	if !d.start(ctx, j) {
		<-d.pool
		return d.busy(ctx, i)
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
	if d.closed || j.Type == ViewSubmission {
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

// work handles a job and says what there is to say.
func (d *desk) work(ctx context.Context, j *job) {
	a, err := d.call(ctx, j.Interaction)
	if err != nil {
		d.log.ErrorContext(ctx, "a click could not be handled", "request", j.Request, "err", err)
		a = Answer{Text: brokenText}
		if j.Type == ViewSubmission {
			a = Answer{Text: brokenText, ViewErrors: j.View.viewErrors(brokenText)}
		}
	}
	select {
	case j.out <- a:
		if j.body(a) != nil && len(a.ViewErrors) > 0 {
			return // the modal says it
		}
	case <-j.gone:
		<-j.working
		if text := joined(a.ViewErrors); text != "" && a.Text == "" {
			a.Text = text
		}
		if a.Modal != nil && j.Type == ViewSubmission {
			d.log.WarnContext(ctx, "a modal came too late to follow the one that was submitted", "request", j.Request)
		}
	}
	if a.Modal != nil && j.Type != ViewSubmission {
		if err := d.client.OpenView(ctx, j.TriggerID, *a.Modal); err != nil {
			d.log.ErrorContext(ctx, "a modal could not be opened", "request", j.Request, "err", err)
			a.Text = strings.TrimSpace(a.Text + "\nThe window could not be opened. Click again.")
		}
	}
	if a.Text != "" {
		d.tell(ctx, j.Interaction, a.Channel, a.Text)
	}
}

// call runs Handle and turns its panic into an error.
func (d *desk) call(ctx context.Context, i Interaction) (a Answer, err error) {
	defer func() {
		if v := recover(); v != nil {
			a, err = Answer{}, fmt.Errorf("panic: %s\n%s", Plain(fmt.Sprint(v), 500), debug.Stack())
		}
	}()
	return d.handle(ctx, i)
}

// body is what Slack is answered when a modal was submitted; nil closes it.
func (j *job) body(a Answer) []byte {
	if j.Type != ViewSubmission {
		return nil
	}
	said := struct {
		Action string                  `json:"response_action"`
		Errors map[string]string       `json:"errors,omitempty"`
		View   *slack.ModalViewRequest `json:"view,omitempty"`
	}{}
	switch {
	case len(a.ViewErrors) > 0:
		said.Action, said.Errors = "errors", make(map[string]string, len(a.ViewErrors))
		for id, text := range a.ViewErrors {
			said.Errors[id] = Plain(text, 500)
		}
	case a.Modal != nil:
		said.Action, said.View = "update", a.Modal
	default:
		return nil
	}
	body, err := json.Marshal(said)
	if err != nil {
		return nil
	}
	return body
}

func joined(texts map[string]string) string {
	var all []string
	for _, text := range texts {
		all = append(all, Escape(text, 500))
	}
	return strings.Join(all, "\n")
}

// tell shows a text to whoever did i: through the address that came with the click, else in a channel. It
// tries twice.
func (d *desk) tell(ctx context.Context, i Interaction, channel, text string) {
	var err error
	for range 2 {
		if err = d.say(ctx, i, channel, text); err == nil || IsPermanent(err) {
			break
		}
		pause := time.NewTimer(max(time.Second, RetryAfter(err)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
	if err != nil {
		d.log.ErrorContext(ctx, "an answer to a click did not arrive", "request", i.Request, "err", err)
	}
}

func (d *desk) say(ctx context.Context, i Interaction, channel, text string) error {
	if i.ResponseURL != "" {
		err := d.client.Respond(ctx, i.ResponseURL, text, false)
		if !IsPermanent(err) || i.Channel == "" {
			return err
		}
	}
	if i.Channel != "" {
		channel = i.Channel
	}
	if channel == "" {
		return errors.New("there is no channel to answer in")
	}
	return d.client.Ephemeral(ctx, channel, i.User, text)
}

// busy says that nothing was done: in the modal, or through the address of the click if one of a few
// places for that is free.
func (d *desk) busy(ctx context.Context, i Interaction) (verdict, []byte) {
	d.log.WarnContext(ctx, "too many clicks, one was refused", "request", i.Request)
	d.seen.forget(i.Request)
	if i.Type == ViewSubmission {
		j := &job{Interaction: i}
		if body := j.body(Answer{ViewErrors: i.View.viewErrors(busyText)}); body != nil {
			return taken, body
		}
		// A modal without an input has no place for it; Slack's own warning must do.
		return overload, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return overload, nil
	}
	select {
	case d.sorry <- struct{}{}:
	default:
		return overload, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.limits.Work)
	d.running.Go(func() {
		defer func() { <-d.sorry }()
		defer cancel()
		d.tell(ctx, i, "", busyText)
	})
	return taken, nil
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
