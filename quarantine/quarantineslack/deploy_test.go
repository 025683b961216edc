package quarantineslack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// dies adds the death of a worker: killed by a message, or by none where culprit is "".
func (b *bundle) dies(number int, build, culprit string) {
	b.Helper()
	c := handlers.Crash{
		ID: fmt.Sprintf("018f0000-0000-7000-8000-00000001%04d", number), Role: "worker", Host: "h-1", PID: 7, Build: build,
		Started: time.Now().Add(-time.Hour), Died: time.Now(), Exit: "exit status 2", Kind: "panic", Tier: "N",
		Reason: "it died before it was ready", Text: "panic: secret xoxb-1",
	}
	if culprit != "" {
		c.Tier, c.Reason = "A", "its own fault"
		c.InFlight = []handlers.InFlight{{Part: handlers.PartCulprit, Subscription: "orders", ID: culprit, PublishedAt: published, Started: time.Now()}}
	}
	_, err := b.store.AddCrash(b.ctx, c)
	b.must(err)
}

func (b *bundle) starting(prefix string) (found []string) {
	for _, m := range b.chat.messages() {
		if strings.HasPrefix(strings.Join(strings.Fields(m.now()), " "), prefix) {
			found = append(found, m.now())
		}
	}
	return found
}

func TestRun_ProcessesDieWithoutAMessage_TheBuildIsTold(t *testing.T) {
	t.Parallel()
	p := &pager{name: "pagerduty"}
	inBubble(t, func(b *bundle) {
		for i := range 3 {
			b.dies(i, "v2", "")
		}
		pass(10 * time.Second)
		if n := len(b.chat.messages()); n != 0 {
			b.Fatalf("%d messages after 3 deaths", n)
		}
		b.dies(3, "v2", "")
		pass(10 * time.Second)
		if got := b.starting("NOT STARTING v2: 4 processes died within 5 min"); len(got) != 1 {
			b.Fatalf("messages %+v", b.chat.messages())
		}
		p.mu.Lock()
		told := slices.Clone(p.got)
		p.mu.Unlock()
		if len(told) != 1 || told[0].Action != notify.Trigger || told[0].Key != "deploy:v2" || told[0].Severity != notify.SeverityCritical {
			b.Errorf("told: %+v", told)
		}
		pass(11 * time.Minute)
		if got := b.starting("OVER v2"); len(got) != 1 || len(b.chat.messages()) != 1 {
			b.Errorf("messages %+v", b.chat.messages())
		}
		if p.actions() != "trigger resolve" {
			b.Errorf("told: %s", p.actions())
		}
		pass(time.Hour)
		if len(b.chat.messages()) != 1 || p.actions() != "trigger resolve" {
			b.Errorf("told again: %d messages, %s", len(b.chat.messages()), p.actions())
		}
	}, func(c *quarantineslack.Config) {
		c.Fallbacks, c.Policy.AlwaysBadDeploy = []notify.Sender{p}, true
	})
}

func TestRun_DifferentMessagesKill_TheBuildIsTold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		for i := range 5 { // one message that kills five times says nothing about the build
			b.dies(i, "v2", "m-1")
			pass(time.Second)
		}
		if got := b.starting("BAD DEPLOY"); len(got) != 0 {
			b.Fatalf("told %q", got)
		}
		b.dies(10, "v2", "m-2")
		b.dies(11, "v1", "m-3") // of another build
		pass(5 * time.Second)
		if got := b.starting("BAD DEPLOY"); len(got) != 0 {
			b.Fatalf("told %q", got)
		}
		b.dies(12, "v2", "m-4")
		pass(10 * time.Second)
		if got := b.starting("BAD DEPLOY v2: 3 different messages killed workers of orders"); len(got) != 1 {
			b.Errorf("messages %+v", b.chat.messages())
		}
		for _, m := range b.chat.messages() {
			if strings.Contains(fmt.Sprint(m), "xoxb-1") {
				b.Error("what a process printed is shown")
			}
		}
	})
}

func TestRun_DeathsFarApart_AreNoDeploy(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		for i := range 6 {
			b.dies(i, "v2", fmt.Sprint("m-", i))
			pass(70 * time.Second)
		}
		for i := range 6 {
			b.dies(20+i, "v2", "")
			pass(2 * time.Minute)
		}
		if got := append(b.starting("BAD DEPLOY"), b.starting("NOT STARTING")...); len(got) != 0 {
			b.Errorf("told %q", got)
		}
	})
}

func TestRun_BadDeploy_AnotherNotifierGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t)
		stop := b.run(b.notifier())
		for i := range 4 {
			b.dies(i, "v2", "")
		}
		pass(10 * time.Second)
		stop()
		stop = b.run(b.notifier())
		defer stop()
		b.dies(5, "v2", "")
		pass(20 * time.Second)
		if got := b.starting("NOT STARTING v2: 5 processes"); len(got) != 1 || len(b.chat.messages()) != 1 {
			b.Errorf("messages %+v", b.chat.messages())
		}
	})
}
