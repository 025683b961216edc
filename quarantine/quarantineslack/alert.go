package quarantineslack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/quarantine"
)

const (
	crashLoop    = 3                // workers that died of one group make a loop
	alertTimeout = 12 * time.Second // of one call of a fallback
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

// alert tells the fallbacks what the policy says, and reports whether one of them is
// still to be told. What they were told is stored at once: it must not be told again.
func (n *Notifier) alert(ctx context.Context, j *job, now time.Time) (left bool, err error) {
	for _, s := range n.cfg.Fallbacks {
		f := n.alertFacts(j, 0, now)
		if n.cfg.Policy.AlwaysCrashLoop {
			deaths, err := n.deaths(ctx, j.notice.Latest)
			if err != nil {
				return true, err
			}
			f = n.alertFacts(j, deaths, now)
		}
		m := j.state.Alert[s.Name()]
		action, ok := n.cfg.Policy.Next(f, m)
		if !ok {
			continue
		}
		if n.senders[s.Name()].closed(now) {
			left = true
			continue
		}
		call, cancel := context.WithTimeout(ctx, alertTimeout)
		sendErr := s.Send(call, n.draft(j, f.Draft(action, m)))
		cancel()
		if sendErr != nil {
			left = true
			n.senders[s.Name()] = n.senders[s.Name()].failed(now, sendWait(sendErr), isFinal(sendErr))
			n.log.Warn("quarantineslack: a fallback was not told", "fallback", s.Name(), "group", j.notice.Group.Ref, "error", sendErr)
			continue
		}
		delete(n.senders, s.Name())
		j.state.Alert = maps.Clone(j.state.Alert)
		if j.state.Alert == nil {
			j.state.Alert = alertState{}
		}
		j.state.Alert[s.Name()] = m.After(action, f)
		if err := n.put(ctx, j.told(j.notice.Told, j.notice.AuditTold, j.notice.Trouble)); err != nil {
			return true, err
		}
	}
	return left, nil
}

// draft fills in the words. They are those of the message.
func (n *Notifier) draft(j *job, a notify.Alert) notify.Alert {
	g, e := j.notice.Group, j.notice.Latest
	held := g.Counts[quarantine.StateHeld]
	what := n.cfg.Title(e)
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
	noticesDue             = 100
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
