package slackkit_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/slackkit"
)

// busiest is the most calls in any minute.
func busiest(times []time.Duration) int {
	most := 0
	for i, from := range times {
		n := 0
		for _, at := range times[i:] {
			if at-from < time.Minute {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func topic(t *testing.T, c *slackkit.Client) error {
	return c.SetTopic(t.Context(), "C1", "x")
}

func TestShare_Critical_WaitsAndNeverExceedsTheTier(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		c := wired(t, w).Share(slackkit.Critical)
		for range 60 {
			if err := topic(t, c); err != nil {
				t.Fatal(err)
			}
		}
		// Critical calls have what the others leave, so they reach the whole limit.
		if n := busiest(w.times); n > 20 || n < 18 {
			t.Errorf("%d calls in one minute, want close to 20", n)
		}
		if w.times[2] != 0 || w.times[3] == 0 {
			t.Errorf("calls at %v, want three at once", w.times[:5])
		}
	})
}

func TestShare_NonCritical_NeverWaitsNorBorrows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		c := wired(t, w).Share(slackkit.NonCritical)
		ok(t, "the first", topic(t, c))
		err := topic(t, c)
		if after := slackkit.RetryAfter(err); after <= 0 || after > 13*time.Second || !errors.Is(err, slackkit.ErrUnavailable) || slackkit.InDoubt(err) {
			t.Errorf("error %v says %s", err, after)
		}
		if time.Since(w.began) != 0 || len(w.calls) != 1 {
			t.Errorf("%d calls after %s, want no wait and one call", len(w.calls), time.Since(w.began))
		}
		<-time.After(slackkit.RetryAfter(err))
		ok(t, "after that time", topic(t, c))
		for range 600 {
			_ = topic(t, c)
			<-time.After(time.Second)
		}
		if n := busiest(w.times); n > 6 {
			t.Errorf("%d calls in one minute, want 30%% of 20", n)
		}
	})
}

func TestShare_NonCriticalFlood_LeavesCriticalItsShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		c := wired(t, w)
		critical, chores := c.Share(slackkit.Critical), c.Share(slackkit.NonCritical)
		if critical.Class() != slackkit.Critical || chores.Class() != slackkit.NonCritical || c.Class() != slackkit.Unclassed {
			t.Error("a share has another class")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var flooding sync.WaitGroup
		flooding.Go(func() {
			for ctx.Err() == nil {
				_ = topic(t, chores)
				<-time.After(100 * time.Millisecond)
			}
		})
		served := 0
		for ctx.Err() == nil {
			if topic(t, critical) == nil {
				served++
			}
		}
		flooding.Wait()
		if served < 110 { // four fifths of 14 a minute flow in
			t.Errorf("%d critical calls in ten minutes", served)
		}
		if n := busiest(w.times); n > 20 {
			t.Errorf("%d calls in one minute", n)
		}
	})
}

func TestShare_CriticalWithoutTime_IsToldAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		c := wired(t, w).Share(slackkit.Critical)
		for range 3 {
			ok(t, "at once", topic(t, c))
		}
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := c.SetTopic(short, "C1", "x"); slackkit.RetryAfter(err) <= time.Second || time.Since(w.began) != 0 {
			t.Errorf("error %v after %s", err, time.Since(w.began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if err := c.SetTopic(ctx, "C1", "x"); problem.Of(err) != problem.Interrupted {
				t.Errorf("error %v", err)
			}
		})
		synctest.Wait()
		cancel()
		waiting.Wait()
		ok(t, "the next", topic(t, c)) // whoever gave up left the turn
		if len(w.calls) != 4 {
			t.Errorf("%d calls, want 4", len(w.calls))
		}
	})
}

func TestShare_Posts_OneChannelsOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		c := wired(t, w)
		post := func(class slackkit.Class, text string) error {
			_, err := c.Share(class).Post(t.Context(), "C1", slackkit.Message{Text: text})
			return err
		}
		ok(t, "first", post(slackkit.NonCritical, "a"))
		if err := post(slackkit.NonCritical, "b"); slackkit.RetryAfter(err) != time.Second {
			t.Errorf("error %v, want a second", err)
		}
		ok(t, "second", post(slackkit.Critical, "c"))
		if len(w.times) != 2 || w.times[1] != time.Second {
			t.Errorf("calls at %v", w.times)
		}
	})
}

func TestShare_NonCriticalLimited_IsTheCallersTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(int, *http.Request) (int, http.Header, string) { return limited("7") }}
		c := wired(t, w)
		if err := topic(t, c.Share(slackkit.NonCritical)); slackkit.RetryAfter(err) != 7*time.Second || len(w.calls) != 1 || time.Since(w.began) != 0 {
			t.Errorf("error %v after %d calls and %s", err, len(w.calls), time.Since(w.began))
		}
	})
}

func TestShare_Unclassed_IsNotHeldBackButCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		c := wired(t, w)
		for range 100 {
			ok(t, "unclassed", topic(t, c))
		}
		if time.Since(w.began) != 0 {
			t.Errorf("it took %s", time.Since(w.began))
		}
		if err := topic(t, c.Share(slackkit.NonCritical)); slackkit.RetryAfter(err) == 0 {
			t.Errorf("error %v, want what was used up to count", err)
		}
	})
}

func TestShare_Allowance_DividesTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{began: time.Now()}
		c, err := slackkit.New(slackkit.Config{Token: "t", Allowance: 0.5, HTTPClient: &http.Client{Transport: w}})
		ok(t, "new", err)
		critical := c.Share(slackkit.Critical)
		for range 40 {
			ok(t, "call", topic(t, critical))
		}
		if n := busiest(w.times); n > 11 {
			t.Errorf("%d calls in one minute, want about 10", n)
		}
	})
}

func TestEdit_ManyOfOneMessage_TheLastWins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		c := wired(t, w).Share(slackkit.Critical)
		p := slackkit.Place{Channel: "C1", TS: "1.1"}
		edit := func(ctx context.Context, text string) error { return c.Edit(ctx, p, slackkit.Message{Text: text}) }
		ok(t, "first", edit(t.Context(), "a"))
		var editing sync.WaitGroup
		for _, text := range []string{"b", "c", "d"} {
			editing.Go(func() {
				if err := edit(t.Context(), text); err != nil {
					t.Errorf("%s: %v", text, err)
				}
			})
			synctest.Wait()
			<-time.After(time.Second)
		}
		if err := c.Share(slackkit.NonCritical).Edit(t.Context(), p, slackkit.Message{Text: "e"}); slackkit.RetryAfter(err) != 2*time.Second {
			t.Errorf("error %v, want to be told of 2 s", err)
		}
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := edit(short, "f"); slackkit.RetryAfter(err) != 2*time.Second || slackkit.InDoubt(err) {
			t.Errorf("error %v, want to be told of 2 s", err)
		}
		editing.Wait()
		if !slices.Equal(w.calls, []string{"a", "d"}) || w.times[1] != 5*time.Second {
			t.Errorf("edits %v at %v, want a and d five seconds apart", w.calls, w.times)
		}
		ok(t, "another message", c.Edit(t.Context(), slackkit.Place{Channel: "C2", TS: "1.1"}, slackkit.Message{Text: "x"}))
		if time.Since(w.began) != 5*time.Second {
			t.Errorf("another message waited until %s", time.Since(w.began))
		}
	})
}

func TestEdit_CallerGivesUp_TheOlderOneIsToldNothingFalse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		c := wired(t, w)
		p := slackkit.Place{Channel: "C1", TS: "1.1"}
		ok(t, "first", c.Edit(t.Context(), p, slackkit.Message{Text: "a"}))
		ctx, cancel := context.WithCancel(t.Context())
		var editing sync.WaitGroup
		editing.Go(func() {
			if err := c.Edit(ctx, p, slackkit.Message{Text: "b"}); problem.Of(err) != problem.Interrupted {
				t.Errorf("error %v, want it interrupted", err)
			}
		})
		synctest.Wait()
		cancel()
		editing.Wait()
		ok(t, "the next", c.Edit(t.Context(), p, slackkit.Message{Text: "c"}))
		if !slices.Equal(w.calls, []string{"a", "c"}) {
			t.Errorf("edits %v", w.calls)
		}
	})
}
