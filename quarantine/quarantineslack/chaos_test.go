package quarantineslack_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// mortal is a room in which a process can be killed: after so many calls that change
// what people see, nothing of what it does reaches Slack or the store any more.
type mortal struct {
	quarantineslack.Service
	chat  *chat
	mu    sync.Mutex
	lives int
	after bool // it dies after the call, before the answer
}

// lived takes a life, if that is asked, and returns how many are left.
func (m *mortal) lived(spent int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lives -= spent
	return m.lives
}

var errKilled = errors.New("killed")

func (m *mortal) spend(do func() error) error {
	lives := m.lived(1)
	switch {
	case lives < 0 || lives == 0 && !m.after:
		return errKilled
	case lives == 0:
		_ = do()
		return errKilled
	default:
		return do()
	}
}

func (m *mortal) PutNotices(ctx context.Context, holder string, told []quarantine.ToldNotice) error {
	return m.spend(func() error { return m.Service.PutNotices(ctx, holder, told) })
}

func (m *mortal) LeadNotices(ctx context.Context, holder string, lasts time.Duration) (bool, error) {
	if m.lived(0) <= 0 {
		return false, errKilled
	}
	return m.Service.LeadNotices(ctx, holder, lasts)
}

func (m *mortal) Post(ctx context.Context, channel string, msg slackkit.Message) (p slackkit.Place, err error) {
	err = m.spend(func() error { p, err = m.chat.Post(ctx, channel, msg); return err })
	return p, killed(err)
}

func (m *mortal) Update(ctx context.Context, p slackkit.Place, msg slackkit.Message) error {
	return killed(m.spend(func() error { return m.chat.Update(ctx, p, msg) }))
}

func (m *mortal) Reply(ctx context.Context, p slackkit.Place, msg slackkit.Message, broadcast bool) (place slackkit.Place, err error) {
	err = m.spend(func() error { place, err = m.chat.Reply(ctx, p, msg, broadcast); return err })
	return place, killed(err)
}

func killed(err error) error {
	if errors.Is(err, errKilled) {
		return &slackkit.RetryError{Method: "any", After: time.Hour, Err: err}
	}
	return err
}

// TestRun_KilledAtRandomMoments_NothingLostAndOneDuplicateAKillAtMost starts and kills
// notifiers while people and workers act.
func TestRun_KilledAtRandomMoments_NothingLostAndOneDuplicateAKillAtMost(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBundle(t)
				r := rand.New(rand.NewPCG(seed, 1))
				const kills, groups = 12, 4
				var entries []quarantine.Entry
				for range kills {
					m := &mortal{Service: b.room, chat: b.chat, lives: 1 + r.IntN(8), after: r.IntN(2) == 0}
					stop := b.run(b.notifier(func(c *quarantineslack.Config) { c.Service, c.Client = m, m }))
					for range 3 {
						entries = b.anything(r, groups, entries)
						pass(time.Duration(r.IntN(9000)) * time.Millisecond)
					}
					stop()
					pass(6 * time.Second) // the lease of the dead runs out
				}
				stop := b.run(b.notifier())
				defer stop()
				pass(3 * time.Minute)
				if b.due() != 0 {
					t.Errorf("%d notices are due", b.due())
				}
				b.wantTrue(groups, kills)
			})
		})
	}
}

// anything holds an entry, or decides on one.
func (b *bundle) anything(r *rand.Rand, groups int, entries []quarantine.Entry) []quarantine.Entry {
	b.Helper()
	if len(entries) == 0 || r.IntN(2) == 0 {
		return append(entries, b.holdOne(fmt.Sprintf("fp-%d", r.IntN(groups))))
	}
	e := b.get(entries[r.IntN(len(entries))])
	switch {
	case e.State == quarantine.StateHeld && r.IntN(2) == 0:
		b.move(e, quarantine.StateDiscarded, ana, "tests")
	case e.State == quarantine.StateHeld:
		b.move(e, quarantine.StateReplaying, ana, "tests")
	case e.State == quarantine.StateReplaying:
		b.ended(e, r.IntN(2) == 0)
	case e.State == quarantine.StateDiscarded:
		b.move(e, quarantine.StateHeld, ana, "restored")
	}
	return entries
}

// wantTrue checks that the newest message of each group shows how it stands, and that
// there are no more messages than kills explain.
func (b *bundle) wantTrue(groups, kills int) {
	b.Helper()
	posts := b.chat.messages()
	b.Logf("%d groups, %d kills: %d messages, %d replies", groups, kills, len(posts), len(b.chat.replies()))
	if len(posts) > groups+kills {
		b.Errorf("%d messages of %d groups after %d kills", len(posts), groups, kills)
	}
	for i := range groups {
		g, err := b.room.GroupGet(b.ctx, fmt.Sprintf("fp-%d", i))
		if errors.Is(err, quarantine.ErrNotFound) {
			continue
		}
		b.must(err)
		var last *post
		for _, p := range posts {
			if strings.Contains(p.bodies[0], "group "+g.Ref) && (last == nil || len(p.edited) == 0 || !latest(p).Before(latest(last))) {
				last = p
			}
		}
		if last == nil {
			b.Errorf("group %s was never told", g.Ref)
			continue
		}
		held := g.Counts[quarantine.StateHeld]
		want := fmt.Sprintf("%d message", held)
		if held == 0 {
			want = fmt.Sprintf("%d replayed, %d discarded", g.Counts[quarantine.StateReplayed], g.Counts[quarantine.StateDiscarded])
		}
		if g.Counts[quarantine.StateReplaying] > 0 {
			want = "running again"
		}
		if !strings.Contains(last.now(), want) {
			b.Errorf("group %s has %v, and its message says %q", g.Ref, g.Counts, last.now())
		}
	}
}

func latest(p *post) time.Time {
	if len(p.edited) == 0 {
		return p.at
	}
	return p.edited[len(p.edited)-1]
}

// slow is a chat whose first calls hang until they are given up.
type slow struct {
	*chat
	hangs int
}

func (s *slow) Post(ctx context.Context, channel string, m slackkit.Message) (slackkit.Place, error) {
	if s.hangs--; s.hangs >= 0 {
		<-ctx.Done()
		return slackkit.Place{}, &slackkit.RetryError{Method: "chat.postMessage", Maybe: true, Err: ctx.Err()}
	}
	return s.chat.Post(ctx, channel, m)
}

func TestRun_SlackStalls_TheLeadIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t)
		first := b.run(b.notifier(func(c *quarantineslack.Config) { c.Client = &slow{chat: b.chat, hangs: 2} }))
		defer first()
		pass(time.Second)
		second := b.run(b.notifier())
		defer second()
		b.holdOne("fp-1")
		pass(30 * time.Second)
		if n := len(b.chat.messages()); n != 0 {
			b.Fatalf("%d messages: somebody else told while the first waits", n)
		}
		pass(2 * time.Minute)
		if n := len(b.chat.messages()); n != 1 || b.due() != 0 {
			b.Errorf("%d messages, %d due", n, b.due())
		}
	})
}

func TestRun_TwoThousandGroupsAtOnce_AFewMessages(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		var batch []quarantine.NewEntry
		for i := range 2000 {
			batch = append(batch, b.failing(fmt.Sprintf("fp-%d", i)))
		}
		b.hold(batch...)
		pass(time.Minute)
		if b.due() != 0 {
			b.Errorf("%d notices are due after a minute", b.due())
		}
		posts := b.chat.messages()
		if len(posts) != 6 {
			b.Errorf("%d messages, want 6", len(posts))
		}
		b.wantPrefix(posts[1].now(), "CONTAINED 1,995 more groups")
		b.wantPace()
	})
}

func TestRun_ComesAndGoes_NotSaidAloudEachTime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		for range 6 {
			e := b.holdOne("fp-1")
			pass(10 * time.Second)
			b.move(e, quarantine.StateDiscarded, ana, "tests")
			pass(10 * time.Second)
		}
		loud := 0
		for _, r := range b.chat.replies() {
			if r.broadcast {
				loud++
			}
		}
		if loud != 1 {
			b.Errorf("said aloud %d times within two minutes, want once", loud)
		}
	})
}

var _ quarantineslack.Service = (*quarantine.Service)(nil)
