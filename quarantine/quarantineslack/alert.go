package quarantineslack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/quarantine"
)

const (
	crashLoop    = 3                // workers that died of one group make a loop
	alertTimeout = 12 * time.Second // of one call of a fallback
	deathsPrefix = "deaths:"        // of the key of an alert about deaths
)

// alertState is what the fallbacks were told of a group, by the name of the sender.
type alertState map[string]notify.Memory

func (a alertState) check() error {
	if len(a) > 16 {
		return errors.New("it names too many fallbacks")
	}
	for name, m := range a {
		if len(name) > 40 || m.Episode < 0 || m.Changes < 0 {
			return errors.New("it remembers no alert")
		}
	}
	return nil
}

// alertFacts is what is true of a group for a policy. A message that is only late by
// our own pace was told: waiting counts from when Slack did not take it.
func (n *Notifier) alertFacts(j *job, deaths int, now time.Time) notify.Facts {
	g := j.notice.Group
	waiting := time.Duration(0)
	if untold := j.notice.Trouble != "" || !j.state.posted(); untold && !j.notice.Waiting.IsZero() {
		waiting = max(0, now.Sub(j.notice.Waiting))
	}
	return notify.Facts{
		Key: j.notice.Key, Waiting: waiting, Changes: g.Changes,
		Critical: n.cfg.Critical(g.Subscription), CrashLoop: deaths >= crashLoop,
		Open:  g.Counts[quarantine.StateHeld]+g.Counts[quarantine.StateReplaying] > 0,
		Taken: g.Taken.Actor.Name != "" || g.SnoozedUntil.After(now),
	}
}

// sending is an alert on its way. A fallback may be slow, and Slack must not wait for
// it, nor one fallback for another.
type sending struct {
	key    string
	action notify.Action
	facts  notify.Facts
	memory notify.Memory
	done   chan error // has room for the result
}

// alertAll takes the results of fallbacks, and begins to tell what the policy says.
func (n *Notifier) alertAll(ctx context.Context, jobs []*job, now time.Time) error {
	for name, s := range n.sending {
		select {
		case err := <-s.done:
			delete(n.sending, name)
			if err := n.alerted(ctx, name, s, err, jobs, now); err != nil {
				return err
			}
		default:
		}
	}
	for _, j := range jobs {
		if err := n.alert(ctx, j, now); err != nil {
			return err
		}
	}
	for _, step := range []func(context.Context, time.Time) error{n.alertDeploys, n.alertBreakers, n.alertNaming} {
		if err := step(ctx, now); err != nil {
			return err
		}
	}
	return nil
}

// alerted stores at once what a fallback was told: it must not be told again.
func (n *Notifier) alerted(ctx context.Context, name string, s *sending, result error, jobs []*job, now time.Time) error {
	if result != nil {
		n.senders[name] = n.senders[name].failed(now, sendWait(result), isFinal(result))
		n.log.Warn("quarantineslack: a fallback was not told", "fallback", name, "error", result)
		return nil
	}
	delete(n.senders, name)
	memory := s.memory.After(s.action, s.facts)
	if crash, ok := strings.CutPrefix(s.key, deathsPrefix); ok {
		i := slices.IndexFunc(n.room.Naming, func(m namingState) bool { return m.Crashes[0] == crash })
		if i < 0 {
			return nil
		}
		n.room.Naming = slices.Clone(n.room.Naming)
		n.room.Naming[i].Alert = n.room.Naming[i].Alert.with(name, memory)
		return n.put(ctx, n.roomTold())
	}
	if build, ok := strings.CutPrefix(s.key, deployPrefix); ok {
		i := slices.IndexFunc(n.room.Deploys, func(d deployState) bool { return d.Build == build })
		if i < 0 {
			return nil
		}
		d := n.room.Deploys[i]
		d.Alert = d.Alert.with(name, memory)
		return n.replaceDeploy(ctx, i, &d)
	}
	if sub, ok := strings.CutPrefix(s.key, breakerPrefix); ok {
		i := slices.IndexFunc(n.breakers.All, func(b breakerState) bool { return b.ID == sub })
		if i < 0 {
			return nil
		}
		b := n.breakers.All[i]
		b.Alert = b.Alert.with(name, memory)
		return n.replaceBreaker(ctx, i, &b)
	}
	var j *job
	if i := slices.IndexFunc(jobs, func(j *job) bool { return j.notice.Key == s.key }); i >= 0 {
		j = jobs[i]
	} else {
		notice, err := n.cfg.Service.NoticeGet(ctx, s.key)
		if err != nil {
			return err
		}
		j = n.job(notice)
	}
	j.state.Alert = j.state.Alert.with(name, memory)
	return n.put(ctx, j.told(j.notice.Told, j.notice.AuditTold, j.notice.Trouble))
}

// with is a with one more memory.
func (a alertState) with(name string, m notify.Memory) alertState {
	a = maps.Clone(a)
	if a == nil {
		a = alertState{}
	}
	a[name] = m
	return a
}

// open reports whether an alert is open somewhere, or may be.
func (a alertState) open() bool {
	for _, m := range a {
		if m.Triggered || m.Trying != "" {
			return true
		}
	}
	return false
}

// alert begins to tell the fallbacks what the policy says of j, and notes whether one
// of them is still to be told.
func (n *Notifier) alert(ctx context.Context, j *job, now time.Time) error {
	deaths, err := 0, error(nil)
	if n.cfg.Policy.AlwaysCrashLoop && len(n.cfg.Fallbacks) > 0 {
		if deaths, err = n.deaths(ctx, j.notice.Latest); err != nil {
			return err
		}
	}
	f := n.alertFacts(j, deaths, now)
	j.alertLeft, err = n.offer(ctx, f, j.state.Alert, now, words{
		draft: func(a notify.Alert) notify.Alert { return n.draft(j, a) },
		remember: func(name string, m notify.Memory) error {
			j.state.Alert = j.state.Alert.with(name, m)
			return n.put(ctx, j.told(j.notice.Told, j.notice.AuditTold, j.notice.Trouble))
		},
	})
	return err
}

// alertNaming does the same for deaths that named nobody. Of those Slack has been told
// as soon as there is a message.
func (n *Notifier) alertNaming(ctx context.Context, now time.Time) error {
	for i := range n.room.Naming {
		m := &n.room.Naming[i]
		f := notify.Facts{Key: deathsPrefix + m.Crashes[0], Open: !m.Over && n.waits(m.Crashes)}
		if !m.posted() {
			f.Waiting = since(m.Since, now)
		}
		f.Critical = slices.ContainsFunc(m.Subs, n.cfg.Critical)
		if n.cfg.Policy.AlwaysCrashLoop && len(n.cfg.Fallbacks) > 0 {
			facts, err := n.namingFacts(ctx, m)
			if err != nil {
				return err
			}
			f.CrashLoop = facts.workers >= crashLoop
		}
		draft := func(a notify.Alert) notify.Alert {
			a.Title = strings.Join(m.Subs, ", ") + ": " + plural(int64(len(m.Crashes)), "process") + " died, nobody is named yet"
			if a.Action == notify.Resolve {
				a.Title = strings.Join(m.Subs, ", ") + ": no suspect waits any more"
			}
			a.Component, a.Class, a.At = strings.Join(m.Subs, ", "), "suspects", time.UnixMilli(m.Since)
			a.Details = map[string]string{"deaths": ref(m.Crashes...), "next": "theriac suspects"}
			return a
		}
		remember := func(name string, told notify.Memory) error {
			n.room.Naming = slices.Clone(n.room.Naming)
			n.room.Naming[i].Alert = n.room.Naming[i].Alert.with(name, told)
			return n.put(ctx, n.roomTold())
		}
		if _, err := n.offer(ctx, f, m.Alert, now, words{draft, remember}); err != nil {
			return err
		}
	}
	return nil
}

// waits reports whether a suspect of the deaths waits to run alone.
func (n *Notifier) waits(crashes []string) bool {
	return slices.ContainsFunc(n.open, func(s quarantine.Suspect) bool { return slices.Contains(crashes, s.Crash) })
}

// words are what an offer needs to know of its problem: how an alert reads, and where
// what a fallback may have been told is kept.
type words struct {
	draft    func(notify.Alert) notify.Alert
	remember func(fallback string, m notify.Memory) error
}

// offer begins to tell each fallback what the policy says of one problem, and reports
// whether one of them is still to be told. That it may have been told is stored first:
// an answer can be lost, and so can we.
func (n *Notifier) offer(ctx context.Context, f notify.Facts, told alertState, now time.Time, w words) (left bool, err error) {
	for _, s := range n.cfg.Fallbacks {
		name := s.Name()
		m := told[name]
		action, ok := n.cfg.Policy.Next(f, m)
		if !ok {
			continue
		}
		left = true
		if n.sending[name] != nil || n.senders[name].closed(now) {
			continue
		}
		before := m.Before(action, f)
		if before != m {
			if err := w.remember(name, before); err != nil {
				return left, err
			}
		}
		way := &sending{key: f.Key, action: action, facts: f, memory: before, done: make(chan error, 1)}
		alert := w.draft(f.Draft(action, m))
		n.sending[name] = way
		n.outside.Go(func() {
			call, cancel := context.WithTimeout(ctx, alertTimeout)
			defer cancel()
			way.done <- sendSafely(call, s, alert)
			n.Nudge()
		})
	}
	return left, nil
}

// sendSafely sends an alert. A sender that panics has failed, and nothing else.
func sendSafely(ctx context.Context, s notify.Sender, a notify.Alert) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("fallback %s panicked", s.Name())
		}
	}()
	return s.Send(ctx, a)
}

// draft fills in the words. They are those of the message.
func (n *Notifier) draft(j *job, a notify.Alert) notify.Alert {
	g, e := j.notice.Group, j.notice.Latest
	held := g.Counts[quarantine.StateHeld]
	what := n.render.title(e)
	if what == "" {
		what = string(e.Reason)
	}
	a.Title = fmt.Sprintf("%s: %s held: %s (%s)", g.Subscription, plural(held, "message"), ref(e.Ref), what)
	switch a.Action {
	case notify.Resolve:
		a.Title = fmt.Sprintf("%s: %s resolved", g.Subscription, ref(g.Ref))
	case notify.Acknowledge:
		a.Title = fmt.Sprintf("%s: %s taken by %s", g.Subscription, ref(g.Ref), g.Taken.Actor.Name)
	}
	a.Component, a.Class, a.At = g.Subscription, string(g.Reason), e.HeldAt
	a.Details = map[string]string{
		"group": ref(g.Ref), "entry": ref(e.Ref), "held": number(held), "message": e.Message.ID,
		"build": e.Build, "next": "theriac why " + ref(e.Ref),
	}
	if where := safeWhere(e.Where); where != "" {
		a.Details["where"] = where
	}
	if j.notice.Trouble != "" {
		a.Details["slack"] = j.notice.Trouble
	}
	if n.cfg.Links != "" {
		a.Links = []notify.Link{{Text: "Open", Href: n.cfg.Links + "/e/" + ref(e.Ref)}}
	}
	return a
}

func sendWait(err error) time.Duration {
	if retry, ok := errors.AsType[*notify.RetryError](err); ok {
		return retry.After
	}
	return 0
}

func isFinal(err error) bool {
	_, ok := errors.AsType[*notify.PermanentError](err)
	return ok
}

// backoff keeps calls away from what has failed.
type backoff struct {
	until time.Time
	wait  time.Duration
}

const (
	firstWait, maxWait     = time.Second, 30 * time.Second
	firstFinal, maxFinal   = 30 * time.Second, 10 * time.Minute
	troubleMax             = 500 // bytes of a trouble that are stored
	troublePrefix          = "slack: "
	noticesDue, manyDue    = 100, 500 // read at once: as a rule, and in a storm
	auditPage, auditAtOnce = 1000, 20_000
)

func (b backoff) closed(now time.Time) bool { return now.Before(b.until) }

// failed is b after one more failure. asked is how long the other side wants to be
// left alone; a final failure needs a person and is tried again rarely.
func (b backoff) failed(now time.Time, asked time.Duration, final bool) backoff {
	first, limit := firstWait, maxWait
	if final {
		first, limit = firstFinal, maxFinal
	}
	b.wait = min(max(2*b.wait, first), limit)
	b.until = now.Add(max(b.wait, asked))
	return b
}

// troubleText is an error of Slack's as it is stored and shown: one line.
func troubleText(err error) string {
	text := troublePrefix + strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > troubleMax {
		text = strings.ToValidUTF8(text[:troubleMax], "")
	}
	return text
}
