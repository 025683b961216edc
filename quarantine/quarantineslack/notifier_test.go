package quarantineslack_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// inBubble runs a test on a bundle with a running notifier, in fake time.
func inBubble(t *testing.T, test func(b *bundle), change ...func(*quarantineslack.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t)
		stop := b.run(b.notifier(change...))
		defer stop()
		pass(time.Second) // a notifier at rest
		test(b)
	})
}

// pass lets fake time pass, and everybody come to rest.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestRun_NewEntry_OneMessageWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		e := b.holdOne("fp-1")
		pass(2 * time.Second)
		posts := b.chat.messages()
		if len(posts) != 1 {
			b.Fatalf("%d messages, want 1", len(posts))
		}
		if late := posts[0].at.Sub(e.HeldAt); late > 2*time.Second {
			b.Errorf("told after %v", late)
		}
		b.wantPrefix(posts[0].now(), "CONTAINED orders: 1 message held: "+e.Ref+" (*json.UnmarshalTypeError)")
		if n := b.due(); n != 0 {
			b.Errorf("%d notices are due after all was told", n)
		}
	})
}

func TestRun_LifeOfAGroup_EditedInPlaceWithEachTransitionInTheThread(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		e := b.holdOne("fp-1")
		step := func(want string) {
			b.Helper()
			pass(12 * time.Second)
			b.wantPrefix(b.chat.messages()[0].now(), want)
		}
		step("CONTAINED orders: 1 message held")
		_, err := b.room.GroupTake(b.ctx, b.group("fp-1"), quarantine.Decision{Actor: ana, Reason: "mine"})
		b.must(err)
		step("TAKEN by ana orders: 1 message held")
		b.move(e, quarantine.StateReplaying, ana, "fixed in v2.41.1")
		step("REPLAYING orders: 1 running again, 0 replayed, 0 held")
		b.ended(e, false)
		step("STILL POISON orders: replay died again, 1 message held")
		b.move(e, quarantine.StateDiscarded, ana, "test order")
		step("RESOLVED orders: 0 replayed, 1 discarded")
		b.holdOne("fp-1")
		step("TAKEN by ana orders: 1 message held")

		if n := len(b.chat.messages()); n != 1 {
			b.Errorf("%d messages, want 1", n)
		}
		var loud []string
		var thread strings.Builder
		for _, r := range b.chat.replies() {
			fmt.Fprintln(&thread, r.now())
			if r.broadcast {
				loud = append(loud, strings.SplitN(r.now(), " ", 2)[0])
			}
		}
		for _, want := range []string{
			"taken by ana (cli, unchecked name): mine",
			e.Ref + " to run again, asked by ana (cli, unchecked name): fixed in v2.41.1",
			e.Ref + " held again after replay 1: crashed",
			e.Ref + " discarded by ana (cli, unchecked name): test order",
		} {
			if !strings.Contains(thread.String(), want) {
				b.Errorf("the thread does not say %q\n%s", want, thread.String())
			}
		}
		if got := strings.Join(loud, " "); got != "*STILL *REOPENED" {
			b.Errorf("said aloud: %s", got)
		}
		if strings.Contains(b.chat.all(), "secret") {
			b.Error("the text of an error was posted")
		}
	})
}

func TestRun_TenThousandEntriesOfOneGroupInAMinute_OneMessageAndFewEdits(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		for range 600 {
			var batch []quarantine.NewEntry
			for range 17 {
				batch = append(batch, b.failing("fp-1"))
			}
			b.hold(batch...)
			pass(100 * time.Millisecond)
		}
		pass(10 * time.Second)
		posts := b.chat.messages()
		if len(posts) != 1 || len(b.chat.replies()) != 0 {
			b.Fatalf("%d messages and %d replies, want 1 and 0", len(posts), len(b.chat.replies()))
		}
		edits := len(posts[0].edited)
		b.Logf("10,200 entries in a minute: 1 message, %d edits", edits)
		if edits > 60 {
			b.Errorf("%d edits, want at most 60", edits)
		}
		b.wantPrefix(posts[0].now(), "CONTAINED orders: 10,200 messages held: newest Q-")
		for i := 1; i < edits; i++ {
			if gap := posts[0].edited[i].Sub(posts[0].edited[i-1]); gap < 5*time.Second {
				b.Errorf("two edits within %v", gap)
			}
		}
	})
}

func TestRun_FiftyGroupsAtOnce_EachIsToldByAMessageOrTheDigest(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		var batch []quarantine.NewEntry
		for i := range 50 {
			batch = append(batch, b.failing(fmt.Sprintf("fp-%d", i)))
		}
		entries := b.hold(batch...)
		pass(15 * time.Second)
		all := b.chat.all()
		told := 0
		for _, e := range entries {
			if strings.Contains(all, e.Group) || strings.Contains(all, e.Ref) {
				told++
			}
		}
		posts := b.chat.messages()
		b.Logf("50 groups at once: %d messages, %d named", len(posts), told)
		if len(posts) != 6 {
			b.Errorf("%d messages, want 5 and a digest", len(posts))
		}
		if b.due() != 0 {
			b.Errorf("%d notices are due", b.due())
		}
		b.wantPrefix(posts[1].now(), "CONTAINED 45 more groups")
		if told < 5+25 {
			b.Errorf("%d groups are named, the digest names 25", told)
		}
		b.wantPace()
	})
}

// wantPace checks that no two calls were closer than a second.
func (b *bundle) wantPace() {
	b.Helper()
	b.chat.mu.Lock()
	defer b.chat.mu.Unlock()
	for i := 1; i < len(b.chat.calls); i++ {
		if gap := b.chat.calls[i].at.Sub(b.chat.calls[i-1].at); gap < time.Second {
			b.Errorf("two calls within %v", gap)
		}
	}
}

func TestRun_DigestGroupsChange_TheDigestFollowsAndAReopenedOneIsToldAlone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		var batch []quarantine.NewEntry
		for i := range 8 {
			batch = append(batch, b.failing(fmt.Sprintf("fp-%d", i)))
		}
		entries := b.hold(batch...)
		pass(15 * time.Second)
		for _, e := range entries[5:] {
			b.move(e, quarantine.StateDiscarded, ana, "tests")
		}
		pass(30 * time.Second)
		digest := b.chat.messages()[1]
		b.wantPrefix(digest.now(), "RESOLVED 3 groups")
		replies := b.chat.replies()
		if n := len(replies); n < 1 || n > 2 || !strings.Contains(replies[0].now(), "discarded by ana (cli, unchecked name): tests") {
			b.Fatalf("%d replies", len(replies))
		}
		pass(3 * time.Minute)
		b.holdOne("fp-7")
		pass(15 * time.Second)
		posts := b.chat.messages()
		if len(posts) != 7 {
			b.Fatalf("%d messages, want 7", len(posts))
		}
		b.wantPrefix(posts[6].now(), "CONTAINED orders: 1 message held")
	})
}

func TestRun_BulkReplay_OneLineInTheThread(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		var batch []quarantine.NewEntry
		for range 214 {
			batch = append(batch, b.failing("fp-1"))
		}
		entries := b.hold(batch...)
		pass(10 * time.Second)
		for _, e := range entries {
			b.move(e, quarantine.StateReplaying, ana, "fixed in v2.41.1")
			pass(25 * time.Millisecond)
			b.ended(e, true)
			pass(25 * time.Millisecond)
		}
		pass(2 * time.Minute)
		posts, replies := b.chat.messages(), b.chat.replies()
		b.wantPrefix(posts[0].now(), "RESOLVED orders: 214 replayed, 0 discarded")
		for _, r := range replies {
			b.Log(r.now())
		}
		if len(replies) > 3 {
			b.Errorf("%d replies, want at most 3", len(replies))
		}
		for _, text := range posts[0].texts[1:] {
			if strings.HasPrefix(text, "CONTAINED orders") && !strings.Contains(text, "214 messages held") {
				b.Errorf("between two replays the message said %q", text)
			}
		}
		if last := replies[len(replies)-1].now(); !strings.Contains(last, "replayed by ana (cli, unchecked name): fixed in v2.41.1") {
			b.Errorf("the thread says %q", last)
		}
	})
}

func TestRun_Snooze_QuietUntilItEndsAndThenSaidAloud(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		b.holdOne("fp-1")
		pass(10 * time.Second)
		_, err := b.room.GroupSnooze(b.ctx, b.group("fp-1"), time.Now().Add(time.Hour), quarantine.Decision{Actor: ana})
		b.must(err)
		pass(30 * time.Minute)
		b.wantPrefix(b.chat.messages()[0].now(), "SNOOZED until")
		b.holdOne("fp-1")
		pass(31 * time.Minute)
		b.wantPrefix(b.chat.messages()[0].now(), "TAKEN by ana orders: 2 messages held")
		replies := b.chat.replies()
		if last := replies[len(replies)-1]; !last.broadcast || !strings.Contains(last.now(), "THE SNOOZE IS OVER  orders: 2 messages held, taken by ana") {
			b.Errorf("the end of the snooze was not said aloud: %+v", last)
		}
	})
}

func TestRun_SlackDownAndUp_NothingIsLost(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		b.chat.set(func(c *chat) {
			c.fail = func(string) error {
				return &slackkit.RetryError{Method: "chat.postMessage", Err: fmt.Errorf("status 500")}
			}
		})
		for i := range 10 {
			b.holdOne(fmt.Sprintf("fp-%d", i))
		}
		pass(10 * time.Minute)
		stats, err := b.room.NoticeStats(b.ctx)
		b.must(err)
		if stats.Troubled != 10 || !strings.Contains(stats.Trouble, "status 500") {
			b.Errorf("stats: %+v", stats)
		}
		calls := len(b.chat.calls)
		if calls > 30 {
			b.Errorf("%d calls in ten minutes of trouble", calls)
		}
		b.chat.set(func(c *chat) { c.fail = nil })
		pass(time.Minute)
		if b.due() != 0 || len(b.chat.messages()) != 6 {
			b.Errorf("%d due, %d messages; want 0 and 6", b.due(), len(b.chat.messages()))
		}
	})
}

func TestRun_ChannelIsArchived_RarelyTriedAndShown(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		b.chat.set(func(c *chat) {
			c.fail = func(string) error { return &slackkit.PermanentError{Method: "chat.postMessage", Code: "is_archived"} }
		})
		b.holdOne("fp-1")
		pass(time.Hour)
		if calls := len(b.chat.calls); calls < 5 || calls > 12 {
			b.Errorf("%d calls in an hour", calls)
		}
		stats, err := b.room.NoticeStats(b.ctx)
		b.must(err)
		if !strings.Contains(stats.Trouble, "is_archived") {
			b.Errorf("trouble: %q", stats.Trouble)
		}
		b.chat.set(func(c *chat) { c.fail = nil })
		pass(11 * time.Minute)
		if len(b.chat.messages()) != 1 || b.due() != 0 {
			b.Error("not told after the channel came back")
		}
	})
}

func TestRun_MessageDeleted_PostedAnew(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		b.holdOne("fp-1")
		pass(10 * time.Second)
		gone := true
		b.chat.set(func(c *chat) {
			c.fail = func(method string) error {
				if method == "update" && gone {
					gone = false
					return &slackkit.PermanentError{Method: "chat.update", Code: "message_not_found"}
				}
				return nil
			}
		})
		b.holdOne("fp-1")
		pass(10 * time.Second)
		posts := b.chat.messages()
		if len(posts) != 2 {
			b.Fatalf("%d messages, want 2", len(posts))
		}
		b.wantPrefix(posts[1].now(), "CONTAINED orders: 2 messages held")
	})
}

func TestRun_SlackFindsFaultWithAMessage_SentBareAndOthersGoOn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		bad := 3 // the first message, its bare form, and the second try
		b.chat.set(func(c *chat) {
			c.fail = func(string) error {
				if bad--; bad >= 1 {
					return &slackkit.PermanentError{Method: "chat.postMessage", Code: "invalid_blocks"}
				}
				return nil
			}
		})
		b.holdOne("fp-1")
		b.holdOne("fp-2")
		pass(10 * time.Second)
		if n := len(b.chat.messages()); n != 1 {
			b.Fatalf("%d messages, want that of the other group", n)
		}
		pass(time.Minute)
		if n := len(b.chat.messages()); n != 2 || b.due() != 0 {
			b.Errorf("%d messages, %d due", n, b.due())
		}
	})
}

func TestRun_StoreAway_GoesOnWhenItIsBack(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bundle) {
		b.store.Fail(fmt.Errorf("connection refused"))
		pass(time.Minute)
		b.store.Fail(nil)
		b.holdOne("fp-1")
		pass(3 * time.Second)
		if len(b.chat.messages()) != 1 {
			b.Errorf("%d messages, want 1", len(b.chat.messages()))
		}
	})
}

func TestRun_TwoNotifiers_OneTellsAndTheOtherGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBundle(t)
		first := b.run(b.notifier())
		pass(time.Second)
		second := b.run(b.notifier())
		defer second()
		b.holdOne("fp-1")
		pass(10 * time.Second)
		first()
		b.holdOne("fp-1")
		pass(6 * time.Second)
		posts := b.chat.messages()
		if len(posts) != 1 {
			b.Fatalf("%d messages, want 1", len(posts))
		}
		b.wantPrefix(posts[0].now(), "CONTAINED orders: 2 messages held")
	})
}

func TestRun_KilledBetweenSlackAndTheStore_AtMostOneDuplicateAndNothingLost(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"post", "update", "reply"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBundle(t)
				// What it does after the call never reaches the store, as if it were killed.
				dying := b.notifier(func(c *quarantineslack.Config) { c.Client = &lastCall{chat: b.chat, store: b.store, method: when} })
				stop := b.run(dying)
				e := b.holdOne("fp-1")
				pass(8 * time.Second)
				if when != "post" {
					b.move(e, quarantine.StateDiscarded, ana, "tests")
					pass(8 * time.Second)
				}
				stop()
				b.store.Fail(nil)
				pass(6 * time.Second)
				next := b.run(b.notifier())
				pass(20 * time.Second)
				next()
				if b.due() != 0 {
					b.Errorf("%d notices are due", b.due())
				}
				posts, replies := len(b.chat.messages()), len(b.chat.replies())
				wantPosts, wantReplies := 1, 1
				switch when {
				case "post":
					wantPosts, wantReplies = 2, 0
				case "reply":
					wantReplies = 2
				}
				if posts != wantPosts || replies != wantReplies {
					b.Errorf("%d messages and %d replies, want %d and %d", posts, replies, wantPosts, wantReplies)
				}
			})
		})
	}
}
