package quarantineslack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// pager is a fallback that remembers.
type pager struct {
	mu   sync.Mutex
	name string
	fail error
	got  []notify.Alert
	at   []time.Time
}

func (p *pager) Name() string { return p.name }

func (p *pager) Send(_ context.Context, a notify.Alert) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	p.got, p.at = append(p.got, a), append(p.at, time.Now())
	return nil
}

func (p *pager) actions() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, a := range p.got {
		all = append(all, string(a.Action))
	}
	return strings.Join(all, " ")
}

func slackDown(string) error {
	return &slackkit.RetryError{Method: "chat.postMessage", Err: errors.New("status 503")}
}

func TestRun_SlackDownForAMinute_TheFallbackIsToldOnceAndSlackLater(t *testing.T) {
	t.Parallel()
	p := &pager{name: "pagerduty"}
	inBubble(t, func(b *bundle) {
		b.chat.set(func(c *chat) { c.fail = slackDown })
		e := b.holdOne("fp-1")
		pass(10 * time.Minute)
		if p.actions() != "trigger" {
			b.Fatalf("told: %s", p.actions())
		}
		if late := p.at[0].Sub(e.HeldAt); late < 60*time.Second || late > 62*time.Second {
			b.Errorf("told after %v", late)
		}
		if a := p.got[0]; a.Key != "group:fp-1" || !strings.Contains(a.Title, e.Ref) || !strings.Contains(a.Details["slack"], "status 503") {
			b.Errorf("alert: %+v", a)
		}
		b.chat.set(func(c *chat) { c.fail = nil })
		pass(time.Minute)
		b.wantPrefix(b.chat.messages()[0].now(), "CONTAINED orders: 1 message held")
		_, err := b.room.GroupTake(b.ctx, b.group("fp-1"), quarantine.Decision{Actor: ana})
		b.must(err)
		pass(30 * time.Second)
		b.move(e, quarantine.StateDiscarded, ana, "tests")
		pass(30 * time.Second)
		if p.actions() != "trigger acknowledge resolve" || b.due() != 0 {
			b.Errorf("told: %s; %d due", p.actions(), b.due())
		}
	}, func(c *quarantineslack.Config) { c.Fallbacks = []notify.Sender{p} })
}

func TestRun_SlackWorks_NoFallbackIsTold(t *testing.T) {
	t.Parallel()
	p := &pager{name: "pagerduty"}
	inBubble(t, func(b *bundle) {
		var batch []quarantine.NewEntry
		for range 20 {
			batch = append(batch, b.failing("fp-1"))
		}
		entries := b.hold(batch...)
		pass(2 * time.Minute)
		for _, e := range entries { // while replays run their thread is told once a minute, which is not late
			b.move(e, quarantine.StateReplaying, ana, "fixed")
			pass(14 * time.Second)
			b.ended(e, true)
			pass(time.Second)
		}
		pass(5 * time.Minute)
		if p.actions() != "" {
			b.Errorf("told: %s", p.actions())
		}
	}, func(c *quarantineslack.Config) { c.Fallbacks = []notify.Sender{p} })
}

func TestRun_CriticalSubscriptionAlwaysTold_AtOnceAndBeside(t *testing.T) {
	t.Parallel()
	p := &pager{name: "pagerduty"}
	inBubble(t, func(b *bundle) {
		e := b.holdOne("fp-1")
		pass(3 * time.Second)
		if p.actions() != "trigger" || p.at[0].Sub(e.HeldAt) > time.Second || len(b.chat.messages()) != 1 {
			b.Errorf("told: %s, %d messages", p.actions(), len(b.chat.messages()))
		}
		if p.got[0].Severity != notify.SeverityCritical {
			b.Errorf("severity %s", p.got[0].Severity)
		}
	}, func(c *quarantineslack.Config) {
		c.Fallbacks = []notify.Sender{p}
		c.Policy.AlwaysCritical = true
		c.Critical = func(sub string) bool { return sub == "orders" }
	})
}

func TestRun_FallbackFails_TriedAgainAndNeitherIsLost(t *testing.T) {
	t.Parallel()
	first := &pager{name: "pagerduty", fail: &notify.RetryError{Sender: "pagerduty", Reason: "status 503"}}
	second := &pager{name: "webhook"}
	inBubble(t, func(b *bundle) {
		b.chat.set(func(c *chat) { c.fail = slackDown })
		b.holdOne("fp-1")
		pass(2 * time.Minute)
		if second.actions() != "trigger" {
			b.Errorf("the second fallback was told: %s", second.actions())
		}
		first.mu.Lock()
		first.fail = nil
		first.mu.Unlock()
		pass(time.Minute)
		if first.actions() != "trigger" || second.actions() != "trigger" {
			b.Errorf("told: %s and %s", first.actions(), second.actions())
		}
	}, func(c *quarantineslack.Config) { c.Fallbacks = []notify.Sender{first, second} })
}

// A trigger whose answer is lost may have woken somebody: it is resolved all the
// same, also by a notifier that was started since.
func TestRun_AnswerOfAFallbackIsLost_WhatMayBeOpenIsResolved(t *testing.T) {
	t.Parallel()
	p := &pager{name: "pagerduty", fail: &notify.RetryError{Sender: "pagerduty", Reason: "connection reset"}}
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t)
		b.chat.set(func(c *chat) { c.fail = slackDown })
		with := func(c *quarantineslack.Config) { c.Fallbacks = []notify.Sender{p} }
		stop := b.run(b.notifier(with))
		e := b.holdOne("fp-1")
		pass(90 * time.Second)
		stop()
		b.move(e, quarantine.StateDiscarded, ana, "tests")
		p.mu.Lock()
		p.fail = nil
		p.mu.Unlock()
		stop = b.run(b.notifier(with))
		defer stop()
		pass(5 * time.Minute)
		if p.actions() != "resolve" {
			b.Errorf("told: %q", p.actions())
		}
	})
}

func TestRun_NotifierRestarts_TheFallbackIsNotToldAgain(t *testing.T) {
	t.Parallel()
	p := &pager{name: "pagerduty"}
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t)
		b.chat.set(func(c *chat) { c.fail = slackDown })
		with := func(c *quarantineslack.Config) { c.Fallbacks = []notify.Sender{p} }
		stop := b.run(b.notifier(with))
		b.holdOne("fp-1")
		pass(90 * time.Second)
		stop()
		stop = b.run(b.notifier(with))
		defer stop()
		pass(5 * time.Minute)
		if p.actions() != "trigger" {
			b.Errorf("told: %s", p.actions())
		}
	})
}

func TestNew_BadConfig_NamesEachProblem(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	good := b.config()
	tests := map[string]func(c *quarantineslack.Config){
		"no service":        func(c *quarantineslack.Config) { c.Service = nil },
		"no channel":        func(c *quarantineslack.Config) { c.Channel = "" },
		"links":             func(c *quarantineslack.Config) { c.Links = "javascript:alert(1)" },
		"links with a user": func(c *quarantineslack.Config) { c.Links = "https://a:b@ops.example.com" },
		"user id": func(c *quarantineslack.Config) {
			c.Users = map[string]quarantineslack.User{"ana": {Name: "ana", Role: "operator"}}
		},
		"role": func(c *quarantineslack.Config) {
			c.Users = map[string]quarantineslack.User{"U0ANA": {Name: "ana", Role: "root"}}
		},
		"same fallbacks": func(c *quarantineslack.Config) {
			c.Fallbacks = []notify.Sender{&pager{name: "a"}, &pager{name: "a"}}
		},
		"pace": func(c *quarantineslack.Config) { c.PollEvery = -1 },
	}
	for name, spoil := range tests {
		cfg := good
		spoil(&cfg)
		if _, err := quarantineslack.New(cfg); !errors.Is(err, quarantine.ErrInvalid) {
			t.Errorf("%s: error %v, want one that wraps ErrInvalid", name, err)
		}
	}
	if _, err := quarantineslack.New(good); err != nil {
		t.Error(err)
	}
	if !quarantineslack.RoleOperator.May(quarantineslack.RoleResponder) || quarantineslack.RoleViewer.May(quarantineslack.RoleResponder) ||
		quarantineslack.Role("root").May(quarantineslack.RoleViewer) || quarantineslack.RoleOperator.May("root") {
		t.Error("roles do not nest")
	}
}

// stalled is a fallback that never answers.
type stalled struct{}

func (stalled) Name() string { return "webhook" }

func (stalled) Send(ctx context.Context, _ notify.Alert) error {
	<-ctx.Done()
	return &notify.RetryError{Sender: "webhook", Reason: "no answer"}
}

func TestRun_FallbackStalls_NeitherSlackNorTheOtherWaits(t *testing.T) {
	t.Parallel()
	p := &pager{name: "pagerduty"}
	inBubble(t, func(b *bundle) {
		for range 5 {
			e := b.holdOne(fmt.Sprintf("fp-%d", len(p.got)))
			pass(2 * time.Second)
			posts := b.chat.messages()
			if late := posts[len(posts)-1].at.Sub(e.HeldAt); late > 2*time.Second || late < 0 {
				b.Errorf("told after %v", late)
			}
			pass(7 * time.Second)
		}
		if p.actions() != "trigger trigger trigger trigger trigger" {
			b.Errorf("told: %s", p.actions())
		}
	}, func(c *quarantineslack.Config) {
		c.Fallbacks = []notify.Sender{stalled{}, p}
		c.Policy.AlwaysCritical = true
		c.Critical = func(string) bool { return true }
	})
}

func TestRun_ClockOfTheLastLeaderWasWrong_NothingWaitsForIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		b.holdOne("fp-1")
		pass(10 * time.Second)
		n, err := b.room.NoticeGet(b.ctx, "group:fp-1")
		b.must(err)
		stats, err := b.room.NoticeStats(b.ctx)
		b.must(err)
		var state map[string]any
		b.must(json.Unmarshal(n.State, &state))
		state["e"], state["r"] = time.Now().Add(time.Hour).UnixMilli(), time.Now().Add(time.Hour).UnixMilli()
		n.State, err = json.Marshal(state)
		b.must(err)
		b.must(b.room.PutNotices(b.ctx, stats.Holder, []quarantine.ToldNotice{n.ToldNotice}))
		b.holdOne("fp-1")
		pass(3 * time.Second)
		b.wantPrefix(b.chat.messages()[0].now(), "CONTAINED orders: 2 messages held")
	})
}
