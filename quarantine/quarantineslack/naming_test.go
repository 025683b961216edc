package quarantineslack_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// death stores a death of a worker with suspects m-1 … m-n of orders, and returns its
// reference.
func (b *bundle) death(number, suspects int) string {
	b.Helper()
	c := handlers.Crash{
		ID: fmt.Sprintf("018f0000-0000-7000-8000-00000000%04d", number), Role: "worker", Host: "h-1", PID: 7,
		Started: time.Now().Add(-time.Hour), Died: time.Now(), Exit: "signal killed", Kind: "killed", Tier: "D", Reason: "no trace",
		Text: "panic: secret xoxb-1",
	}
	for i := range suspects {
		c.InFlight = append(c.InFlight, handlers.InFlight{
			Part: handlers.PartSuspect, Subscription: "orders", ID: fmt.Sprintf("s-%d", i), PublishedAt: published, Started: time.Now()})
	}
	r, err := b.store.AddCrash(b.ctx, c)
	b.must(err)
	return r.Ref
}

var published = time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)

// settle says what became of suspects.
func (b *bundle) settle(fate handlers.Fate, suspects ...int) {
	b.Helper()
	var batch []quarantine.SuspectFate
	for _, i := range suspects {
		batch = append(batch, quarantine.SuspectFate{
			Subscription: "orders", MessageID: fmt.Sprintf("s-%d", i), PublishedAt: published, Identity: [32]byte{1, byte(i)}, Fate: fate})
	}
	b.must(b.store.SettleSuspects(b.ctx, batch))
}

// holdSuspect holds a suspect as what killed the worker.
func (b *bundle) holdSuspect(group string, i int) quarantine.Entry {
	b.Helper()
	n := b.failing(group)
	n.Entry.Message.ID, n.Entry.Message.PublishedAt = fmt.Sprintf("s-%d", i), published
	n.Entry.Reason, n.Entry.Confidence = handlers.ReasonCrashed, handlers.ConfidenceProvenAlone
	n.Entry.Title, n.Entry.Errors, n.Entry.Totals = "signal killed", nil, handlers.Totals{Crashes: 2}
	n.Attempt.Outcome, n.Attempt.Errors = handlers.OutcomeCrashed, nil
	n.Identity = quarantine.Identity("orders", n.Entry.Message.Identity())
	return b.hold(n)[0]
}

func TestRun_SuspectsSettledSoon_NobodyHears(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		b.death(1, 3)
		pass(2 * time.Second)
		b.settle(handlers.FateDone, 0, 1, 2)
		pass(time.Minute)
		if n := len(b.chat.messages()); n != 0 {
			b.Errorf("%d messages, want none", n)
		}
	})
}

func TestRun_SuspectsAllCleared_TheMessageSaysSo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		b.death(1, 3)
		pass(6 * time.Second)
		b.wantPrefix(b.chat.messages()[0].now(), "NAMING orders: 1 worker died, 3 suspects running alone")
		b.settle(handlers.FateDone, 0)
		pass(6 * time.Second)
		b.wantPrefix(b.chat.messages()[0].now(), "NAMING orders: 1 worker died, 2 suspects running alone")
		b.settle(handlers.FateCleared, 1, 2)
		pass(7 * time.Second)
		b.wantPrefix(b.chat.messages()[0].now(), "CLEARED orders: 1 worker died, 3 suspects cleared, none held")
		pass(time.Minute)
		if n := len(b.chat.messages()); n != 1 {
			b.Errorf("%d messages, want 1", n)
		}
	})
}

func TestRun_CulpritIsHeld_ItsGroupTakesTheMessageOver(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		b.death(1, 3)
		pass(6 * time.Second)
		b.settle(handlers.FateDone, 0, 1)
		e := b.holdSuspect("fp-1", 2)
		pass(7 * time.Second)
		posts := b.chat.messages()
		if len(posts) != 1 {
			b.Fatalf("%d messages, want 1", len(posts))
		}
		b.wantPrefix(posts[0].now(), "CONTAINED orders: 1 worker died, 1 message held: "+e.Ref+" (signal killed)")
		pass(time.Minute)
		if n := len(b.chat.messages()); n != 1 || b.due() != 0 {
			b.Errorf("%d messages, %d due", n, b.due())
		}
	})
}

func TestRun_CulpritOfAGroupThatIsKnown_TheMessageSaysNamed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		b.holdOne("fp-1")
		pass(10 * time.Second)
		b.death(1, 3)
		pass(6 * time.Second)
		b.settle(handlers.FateDone, 0, 1)
		b.holdSuspect("fp-1", 2)
		pass(30 * time.Second)
		posts := b.chat.messages()
		if len(posts) != 2 {
			b.Fatalf("%d messages, want 2", len(posts))
		}
		b.wantPrefix(posts[1].now(), "NAMED orders: 1 worker died, 1 of 3 suspects held")
	})
}

func TestRun_CrashLoop_OneMessageCountsTheDeaths(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		for i := range 4 {
			b.death(i+1, 3)
			pass(4 * time.Second)
		}
		pass(20 * time.Second)
		posts := b.chat.messages()
		if len(posts) != 1 {
			b.Fatalf("%d messages, want 1", len(posts))
		}
		b.wantPrefix(posts[0].now(), "NAMING orders: 4 workers died, 3 suspects running alone")
	})
}

func TestRun_NotifierRestartsWhileNaming_GoesOnInTheSameMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t)
		first := b.run(b.notifier())
		b.death(1, 3)
		pass(6 * time.Second)
		first()
		second := b.run(b.notifier())
		defer second()
		b.settle(handlers.FateCleared, 0, 1, 2)
		pass(30 * time.Second)
		posts := b.chat.messages()
		if len(posts) != 1 {
			b.Fatalf("%d messages, want 1", len(posts))
		}
		b.wantPrefix(posts[0].now(), "CLEARED orders")
	})
}

func TestRun_CulpritFoundWhileOthersWait_NoMessageForTheOthers(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		b.death(1, 5) // told before anybody hears of the death
		b.holdSuspect("fp-1", 0)
		pass(20 * time.Second)
		b.death(2, 5) // and after
		pass(6 * time.Second)
		b.holdSuspect("fp-2", 1)
		pass(time.Minute)
		posts := b.chat.messages()
		if len(posts) != 2 {
			b.Fatalf("%d messages, want 2", len(posts))
		}
		for _, p := range posts {
			b.wantPrefix(p.now(), "CONTAINED orders: ")
		}
	})
}

func TestRun_SlackDownWhileNobodyIsNamed_TheFallbackIsTold(t *testing.T) {
	t.Parallel()
	p := &pager{name: "pagerduty"}
	inBubble(t, func(b *bundle) {
		b.chat.set(func(c *chat) { c.fail = slackDown })
		c := b.death(1, 3)
		pass(90 * time.Second)
		if p.actions() != "trigger" {
			b.Fatalf("told: %s", p.actions())
		}
		if a := p.got[0]; a.Key != "deaths:"+c || a.Title != "orders: 1 process died, nobody is named yet" {
			b.Errorf("alert: %+v", a)
		}
		b.chat.set(func(c *chat) { c.fail = nil })
		pass(40 * time.Second)
		b.wantPrefix(b.chat.messages()[0].now(), "NAMING orders: 1 worker died")
		b.settle(handlers.FateCleared, 0, 1)
		b.holdSuspect("fp-1", 2)
		pass(30 * time.Second)
		if p.actions() != "trigger resolve" {
			b.Errorf("told: %s", p.actions())
		}
		posts := b.chat.messages()
		if len(posts) != 1 {
			b.Fatalf("%d messages, want 1", len(posts))
		}
		b.wantPrefix(posts[0].now(), "CONTAINED orders: 1 worker died, 1 message held")
	}, func(c *quarantineslack.Config) { c.Fallbacks = []notify.Sender{p} })
}

func TestRun_SlackDownUntilItIsOver_NobodyHearsOfTheSuspects(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		b.chat.set(func(c *chat) { c.fail = slackDown })
		b.death(1, 3)
		pass(30 * time.Second)
		b.settle(handlers.FateCleared, 0, 1, 2)
		b.chat.set(func(c *chat) { c.fail = nil })
		pass(2 * time.Minute)
		if n := len(b.chat.messages()); n != 0 {
			b.Errorf("%d messages, want none", n)
		}
	})
}

func TestRun_ManySubscriptionsDieAtOnce_FewMessagesAndNoneIsForgotten(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		for i := range 7 {
			_, err := b.store.AddCrash(b.ctx, handlers.Crash{
				ID: fmt.Sprintf("018f0000-0000-7000-8000-00000001%04d", i), Role: "worker", Host: "h-1", PID: i, Tier: "D", Exit: "signal killed",
				InFlight: []handlers.InFlight{{Part: handlers.PartSuspect, Subscription: fmt.Sprintf("sub-%d", i), ID: "x", PublishedAt: published}},
			})
			b.must(err)
		}
		pass(30 * time.Second)
		posts := b.chat.messages()
		if len(posts) != 4 {
			b.Fatalf("%d messages, want 4", len(posts))
		}
		b.wantPrefix(posts[0].now(), "NAMING 4 subscriptions or more: 4 workers died, 4 suspects running alone")
	})
}
