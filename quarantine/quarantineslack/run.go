package quarantineslack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

const (
	digestPrefix = "slack-digest:"
	window       = 2 * time.Minute  // in which so many new groups get messages of their own
	windowMax    = 5                //
	sweepEvery   = 20 * time.Second // how often snoozes that ended are looked for
	settle       = 3 * time.Second  // between two replays of one batch
	replayThread = time.Minute      // between two replies while replays run
	callTimeout  = 45 * time.Second // of one call of Slack, with its wait for a turn

	loudReopened = "reopened"
	loudPoison   = "poison"
	loudAwake    = "awake"
)

// Notifier tells people what happens to poison, in one channel.
type Notifier struct {
	cfg    Config
	log    *slog.Logger
	holder string
	render renderer
	lead   lead
	bell   chan struct{}

	// What follows belongs to the goroutine that tells, and is forgotten with the lead.
	room    *roomState
	roomKey string
	// breakers are nil until they are read, as the room is.
	breakers    *breakerStates
	breakersKey string
	digests     map[string]*digestState
	ledgers     map[string]*ledger
	refused     map[string]backoff // notices that Slack refuses, by key
	chat        backoff
	senders     map[string]backoff
	sending     map[string]*sending  // by sender, at most one alert each
	outside     runner.Group         // the calls of fallbacks
	crashes     map[string]time.Time // deaths with waiting suspects, since when they are known
	open        []quarantine.Suspect // the suspects that wait
	sweptAt     time.Time
	lookAt      time.Time
	// deployAt is when the latest deaths were read, breakersAt when the breakers were.
	deployAt, breakersAt time.Time
	storm                bool     // more is due than is read at once
	awake                []string // keys of groups whose snooze has ended
}

// Run tells until ctx ends, and then returns nil. It survives a store and a Slack
// that go away. Any number of processes may run one for the same store and channel:
// one of them tells, and another goes on when it is gone. Run must not be called twice
// at the same time.
func (n *Notifier) Run(ctx context.Context) error {
	err := runner.Run(ctx, n.keepLead, n.tell)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// Nudge makes a running notifier look now. It never blocks.
func (n *Notifier) Nudge() {
	select {
	case n.bell <- struct{}{}:
	default:
	}
}

// tell makes rounds while this process has the lead.
func (n *Notifier) tell(ctx context.Context) error {
	for {
		lead, err := n.lead.wait(ctx)
		if err != nil {
			return nil
		}
		n.forget()
		n.rounds(lead)
		n.outside.Wait() // its calls end with the lead
	}
}

// rounds makes rounds until the lead ends.
func (n *Notifier) rounds(lead context.Context) {
	trouble := trouble{log: n.log, doing: "tell what is due"}
	for {
		did, err := n.safeRound(lead)
		if lead.Err() != nil {
			return
		}
		trouble.note(err)
		if errors.Is(err, quarantine.ErrClaimLost) {
			n.lead.drop()
			return
		}
		if did && err == nil {
			continue
		}
		if n.rest(lead) != nil {
			return
		}
	}
}

// rest waits for the next round.
func (n *Notifier) rest(ctx context.Context) error {
	t := time.NewTimer(n.cfg.PollEvery)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
	case <-n.bell:
	}
	return nil
}

// forget drops what was true under an earlier lead.
func (n *Notifier) forget() {
	n.room, n.roomKey = nil, "slack-room:"+n.cfg.Channel
	n.breakers, n.breakersKey = nil, "slack-breakers:"+n.cfg.Channel
	n.digests, n.ledgers = map[string]*digestState{}, map[string]*ledger{}
	n.refused = map[string]backoff{}
	n.sending = map[string]*sending{}
	n.senders, n.crashes = map[string]backoff{}, map[string]time.Time{}
	n.chat, n.open, n.awake = backoff{}, nil, nil
	n.sweptAt, n.lookAt, n.deployAt, n.breakersAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
}

// safeRound is a round whose panic is an error: the alert path goes on.
func (n *Notifier) safeRound(ctx context.Context) (did bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			n.log.Error("quarantineslack: a round panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			n.room, n.breakers, did, err = nil, nil, false, errors.New("a round panicked")
		}
	}()
	return n.round(ctx)
}

// job is one group of which something is to be told.
type job struct {
	notice quarantine.Notice
	state  groupState
	ledger *ledger
	// alertLeft: a fallback is still to be told.
	alertLeft bool
	// again: a replay ended a moment ago, so what is shown is not the last word.
	again bool
	// forced: nothing is due, but what is shown is not true any more.
	forced bool
}

// told is what is put of a job.
func (j *job) told(told, audit int64, trouble string) quarantine.ToldNotice {
	j.state.V = stateVersion
	b, err := encodeState(&j.state)
	if err != nil { // it has a bound far below what fits
		b = nil
	}
	return quarantine.ToldNotice{Key: j.notice.Key, Told: told, AuditTold: audit, State: b, Trouble: trouble}
}

// done is what is put when something was told: all of it, unless more is to follow.
func (j *job) done() quarantine.ToldNotice {
	told := j.notice.Told
	if !j.alertLeft && !j.again && !j.ledger.pending() && j.state.Loud == "" {
		told = j.notice.Group.Changes
	}
	audit := j.ledger.from
	if !j.ledger.pending() {
		audit = j.ledger.upTo
	}
	return j.told(told, audit, "")
}

// round reads what is due and does the most urgent thing, which is one call of Slack.
// It reports whether there may be more to do at once. One call a round is slow enough
// for nobody: Slack takes one a second. And it keeps what is stored no more than one
// call behind what people see.
func (n *Notifier) round(ctx context.Context) (did bool, err error) {
	now := time.Now()
	if err := errors.Join(n.loadRoom(ctx), n.loadBreakers(ctx)); err != nil {
		return false, err
	}
	jobs, err := n.jobs(ctx, now)
	if err != nil {
		return false, err
	}
	for _, look := range []func(context.Context, time.Time) error{n.lookForSuspects, n.openNaming, n.lookForDeploys, n.lookForBreakers} {
		if err := look(ctx, now); err != nil {
			return false, err
		}
	}
	if err := n.alertAll(ctx, jobs, now); err != nil {
		return false, err
	}
	if n.chat.closed(now) {
		return false, n.putTrouble(ctx, jobs, "")
	}
	if n.lead.left(now) < leadMargin {
		return false, nil
	}
	jobs = slices.DeleteFunc(jobs, func(j *job) bool { return n.refused[j.notice.Key].closed(now) })
	for _, step := range []func(context.Context, []*job, time.Time) (bool, error){n.tellDeploys, n.tellBreakers, n.tellNew, n.tellNaming, n.tellKnown} {
		did, err := step(ctx, jobs, now)
		if chat, ok := errors.AsType[*chatError](err); ok {
			return true, n.failed(ctx, jobs, chat, now)
		}
		if did || err != nil {
			return did, err
		}
	}
	return false, nil
}

// jobs reads what is due, those that are critical first and else the oldest.
func (n *Notifier) jobs(ctx context.Context, now time.Time) ([]*job, error) {
	limit := noticesDue
	if n.storm {
		limit = manyDue
	}
	due, err := n.cfg.Service.NoticesDue(ctx, limit)
	if err != nil {
		return nil, err
	}
	n.storm = len(due) >= noticesDue
	if err := n.sweep(ctx, now); err != nil {
		return nil, err
	}
	var jobs []*job
	known := map[string]bool{}
	for _, notice := range due {
		jobs = append(jobs, n.job(notice))
		known[notice.Key] = true
	}
	for _, key := range n.awake {
		if known[key] {
			continue
		}
		notice, err := n.cfg.Service.NoticeGet(ctx, key)
		if err != nil {
			return nil, err
		}
		j := n.job(notice)
		j.forced = true
		jobs = append(jobs, j)
	}
	slices.SortStableFunc(jobs, func(a, b *job) int { return cmp.Compare(n.urgency(a), n.urgency(b)) })
	return jobs, nil
}

func (n *Notifier) urgency(j *job) int {
	if n.cfg.Critical(j.notice.Group.Subscription) {
		return 0
	}
	return 1
}

// job is a notice with what is remembered of it.
func (n *Notifier) job(notice quarantine.Notice) *job {
	j := &job{notice: notice}
	if err := decodeState(notice.State, &j.state); err != nil {
		n.log.Warn("quarantineslack: the memory of a notice is not used", "notice", notice.Key, "error", err)
		j.state = groupState{}
	}
	if j.ledger = n.ledgers[notice.Key]; j.ledger == nil || j.ledger.from != notice.AuditTold {
		j.ledger = newLedger(notice.AuditTold, j.state.Poison, j.state.Died)
		n.ledgers[notice.Key] = j.ledger
	}
	return j
}

// sweep finds the groups whose snooze has ended: nothing changes then in the store.
func (n *Notifier) sweep(ctx context.Context, now time.Time) error {
	if now.Sub(n.sweptAt) < sweepEvery {
		return nil
	}
	groups, err := n.cfg.Service.GroupList(ctx, quarantine.Query{States: []quarantine.State{quarantine.StateHeld}, Limit: 1000})
	if err != nil {
		return err
	}
	n.sweptAt, n.awake = now, nil
	maps.DeleteFunc(n.ledgers, func(_ string, l *ledger) bool { return !l.pending() && !l.settling(now) })
	maps.DeleteFunc(n.refused, func(_ string, b backoff) bool { return now.Sub(b.until) > 2*maxFinal })
	for _, g := range groups {
		if g.SnoozedUntil.IsZero() || g.SnoozedUntil.After(now) {
			continue
		}
		notice, err := n.cfg.Service.NoticeGet(ctx, quarantine.GroupNotice(g.Fingerprint))
		if err != nil {
			return err
		}
		if s := n.job(notice).state; s.Phase == phaseSnoozed || s.Loud == loudAwake {
			n.awake = append(n.awake, notice.Key)
		}
	}
	return nil
}

// failed takes notice of a call that Slack did not take. Where it finds fault with one
// message, only that one waits.
func (n *Notifier) failed(ctx context.Context, jobs []*job, err *chatError, now time.Time) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	n.room, n.breakers = nil, nil // they may say more than was done
	wait, final := slackkit.RetryAfter(err), slackkit.IsPermanent(err)
	if err.key != "" {
		n.refused[err.key] = n.refused[err.key].failed(now, wait, final)
		jobs = slices.DeleteFunc(jobs, func(j *job) bool { return j.notice.Key != err.key })
	} else {
		n.chat = n.chat.failed(now, wait, final)
	}
	n.log.Warn("quarantineslack: Slack was not told", "error", err, "retry in", n.chat.until.Sub(now))
	return n.putTrouble(ctx, jobs, troubleText(err))
}

// trouble logs the first error of a row and its end, not each.
type trouble struct {
	log    *slog.Logger
	doing  string
	active bool
}

func (t *trouble) note(err error) {
	switch {
	case err != nil && !t.active:
		t.log.Warn("quarantineslack: trouble", "doing", t.doing, "error", err)
	case err == nil && t.active:
		t.log.Info("quarantineslack: trouble has passed", "doing", t.doing)
	}
	t.active = err != nil
}
