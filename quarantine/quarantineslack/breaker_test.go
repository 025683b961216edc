package quarantineslack_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// server is a living worker of some subscriptions.
type server struct {
	b    *bundle
	m    quarantine.Membership
	subs []string
}

func (b *bundle) serves(name, build string, subs ...string) server {
	b.Helper()
	m, err := b.store.Join(b.ctx, quarantine.Worker{Name: name, Host: "h-1", PID: 1, Build: build, Subscriptions: subs})
	b.must(err)
	return server{b, m, subs}
}

// breaks says that all breakers of the worker are open since now, or closed.
func (s server) breaks(open, kills bool) {
	s.b.Helper()
	obeyed := map[string]handlers.Obeyed{}
	for _, sub := range s.subs {
		o := handlers.Obeyed{Flow: handlers.FlowRunning}
		if open {
			o.Breaker = handlers.Breaker{OpenSince: time.Now(), Kills: kills}
		}
		obeyed[sub] = o
	}
	s.b.must(s.m.Confirm(s.b.ctx, 0, obeyed))
}

// shows are the messages as they stand, each cut to one line.
func (b *bundle) shows() (all []string) {
	for _, m := range b.chat.messages() {
		all = append(all, strings.Join(strings.Fields(m.now()), " "))
	}
	return all
}

func (b *bundle) wantShown(what string, want ...string) {
	b.Helper()
	got := b.shows()
	if len(got) != len(want) {
		b.Fatalf("%s: the channel has %q, want %d messages", what, got, len(want))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			b.Errorf("%s: %q, want it to begin with %q", what, got[i], want[i])
		}
	}
}

func TestRun_BreakerOpens_ItIsToldOnceAndEditedWhenItCloses(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		w := []server{b.serves("w-1", "v2.41.0", "orders"), b.serves("w-2", "v2.41.0", "orders")}
		w[0].breaks(false, false)
		pass(10 * time.Second)
		b.wantShown("closed")
		opened := time.Now()
		w[0].breaks(true, false)
		pass(5 * time.Second)
		b.wantShown("open", "BREAKER OPEN orders: many different messages fail on v2.41.0; nothing is being quarantined")
		if body := b.chat.messages()[0].bodies[0]; !strings.Contains(body, "failures spread over many different messages") ||
			!strings.Contains(body, "open since "+opened.UTC().Format("2006-01-02 15:04:05Z")) || !strings.Contains(body, "1 of 2 workers") {
			b.Errorf("it says %s", body)
		}
		w[1].breaks(true, false)
		pass(10 * time.Minute)
		b.wantShown("open in both", "BREAKER OPEN orders")
		if m := b.chat.messages()[0]; len(m.texts) != 2 || !strings.Contains(m.bodies[1], "2 of 2 workers") {
			b.Errorf("edited to %s, want one edit that says that all workers have it", m.bodies)
		}
		w[0].breaks(false, false)
		w[1].breaks(false, false)
		pass(10 * time.Second)
		b.wantShown("closed again", "CLOSED orders: its breaker was open for 10 min; quarantining goes on")
		pass(time.Hour)
		if n := len(b.chat.messages()[0].texts); n != 3 {
			b.Errorf("%d texts, want 3", n)
		}
		w[0].breaks(true, true)
		pass(10 * time.Second)
		b.wantShown("another opening", "CLOSED orders", "BREAKER OPEN orders: different messages kill its workers on v2.41.0")
	})
}

// TestRun_BreakerComesAndGoes_OneMessage: it is told again only when it was closed for a while.
func TestRun_BreakerComesAndGoes_OneMessage(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		w := b.serves("w-1", "v2", "orders")
		for range 40 {
			w.breaks(true, false)
			pass(3 * time.Second)
			w.breaks(false, false)
			pass(3 * time.Second)
		}
		pass(10 * time.Second)
		b.wantShown("closed at last", "CLOSED orders")
		m := b.chat.messages()[0]
		if most := 1 + int((240+10)/5); len(m.texts) > most {
			b.Errorf("%d texts, want at most %d: one each 5 s", len(m.texts), most)
		}
		if !strings.Contains(m.bodies[len(m.bodies)-1], "40 times") {
			b.Errorf("it says %s, want that it opened 40 times", m.bodies[len(m.bodies)-1])
		}
	})
}

// TestRun_BreakerOpen_NoWorkerLives: that nobody says so does not mean that it closed.
func TestRun_BreakerOpen_NoWorkerLives(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		w := b.serves("w-1", "v2", "orders")
		w.breaks(true, false)
		pass(5 * time.Second)
		b.must(w.m.Leave(b.ctx))
		pass(5 * time.Minute)
		b.wantShown("no worker", "BREAKER OPEN orders")
		w = b.serves("w-2", "v2", "orders")
		w.breaks(true, false)
		pass(6 * time.Minute)
		b.wantShown("it opened in another", "BREAKER OPEN orders")
		b.must(w.m.Leave(b.ctx))
		pass(11 * time.Minute)
		b.wantShown("nobody serves it", "OVER orders: no living worker serves it")
	})
}

func TestRun_BreakerOpen_AnotherNotifierGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t)
		stop := b.run(b.notifier())
		w := b.serves("w-1", "v2", "orders")
		w.breaks(true, false)
		pass(10 * time.Second)
		stop()
		w.breaks(false, false)
		stop = b.run(b.notifier())
		defer stop()
		pass(20 * time.Second)
		b.wantShown("closed", "CLOSED orders")
	})
}

// TestRun_ManyBreakersOpen_FewMessages: what they share is away, so they open together.
func TestRun_ManyBreakersOpen_FewMessages(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		var subs []string
		for i := range 30 {
			subs = append(subs, fmt.Sprintf("s-%02d", i))
		}
		w := b.serves("w-1", "v2", subs...)
		w.breaks(true, false)
		pass(time.Minute)
		got := b.shows()
		if len(got) != 6 || !strings.HasPrefix(got[0], "BREAKER OPEN s-29") {
			b.Fatalf("the channel has %q, want 6 messages, the critical one first", got)
		}
		if all := b.chat.all(); !strings.Contains(all, "24 other subscriptions") {
			b.Error("no message says that there are more")
		}
		w.breaks(false, false)
		pass(10 * time.Minute)
		for _, text := range b.shows() {
			b.wantPrefix(text, "CLOSED")
		}
		w.subs = subs[10:12]
		w.breaks(true, false)
		pass(10 * time.Second)
		if got := b.shows(); len(got) != 8 {
			b.Errorf("the channel has %q, want 2 more", got)
		}
	}, func(c *quarantineslack.Config) { c.Critical = func(sub string) bool { return sub == "s-29" } })
}

func TestRun_BreakerOpen_FallbacksAreTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		critical, away bool
		want           string
	}{
		"Slack takes it":            {},
		"Slack is away":             {away: true, want: "trigger resolve"},
		"a critical subscription":   {critical: true, want: "trigger resolve"},
		"critical and Slack is off": {critical: true, away: true, want: "trigger resolve"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &pager{name: "pagerduty"}
			inBubble(t, func(b *bundle) {
				if tt.away {
					b.chat.set(func(c *chat) {
						c.fail = func(string) error { return &slackkit.RetryError{Method: "chat.postMessage", Err: errors.New("away")} }
					})
				}
				w := b.serves("w-1", "v2", "orders")
				w.breaks(true, false)
				pass(90 * time.Second)
				p.mu.Lock()
				told := slices.Clone(p.got)
				p.mu.Unlock()
				if tt.want != "" && (len(told) != 1 || told[0].Action != notify.Trigger || !strings.HasPrefix(told[0].Title, "BREAKER OPEN  orders") ||
					told[0].Component != "orders" || (told[0].Severity == notify.SeverityCritical) != tt.critical) {
					b.Errorf("told %+v", told)
				}
				b.chat.set(func(c *chat) { c.fail = nil })
				pass(time.Minute)
				w.breaks(false, false)
				pass(10 * time.Minute)
				b.wantShown("at last", "CLOSED orders")
				if p.actions() != tt.want {
					b.Errorf("told: %q, want %q", p.actions(), tt.want)
				}
			}, func(c *quarantineslack.Config) {
				c.Fallbacks = []notify.Sender{p}
				c.Policy.AlwaysCritical = true
				c.Critical = func(string) bool { return tt.critical }
			})
		})
	}
}
