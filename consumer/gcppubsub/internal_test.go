package gcppubsub

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/internal/runner"
)

func TestWatchdog_NamesTheSubscriptionThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver(&Source{name: "projects/p/subscriptions/s", cfg: Config{StopGrace: 5 * time.Second}}, consumer.Limits{}, nil)
		var group runner.Group
		err := r.awaitEnd(&group, make(chan struct{}))
		stuck, ok := errors.AsType[*StuckError](err)
		if !ok || stuck.Subscription != "projects/p/subscriptions/s" || stuck.Waited < 5*time.Second {
			t.Errorf("awaitEnd = %v, want a StuckError after 5 s", err)
		}
	})
}

func TestLetBegin(t *testing.T) {
	t.Parallel()
	r := newReceiver(&Source{}, consumer.Limits{}, nil)
	r.letBegin() // nothing came
	// Nobody takes these: they wait for something else than a processor.
	const many = 1 << 20
	r.messages.Store(many)
	r.letBegin()
	if n := r.notBegun(); n != many {
		t.Errorf("%d messages have not begun, want all %d", n, many)
	}
	for range many {
		r.held.refused.Add(1)
	}
	if n := r.notBegun(); n != 0 {
		t.Errorf("%d messages have not begun, want none", n)
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	msg := func(id, key string) *pubsub.Message { return &pubsub.Message{ID: id, OrderingKey: key} }
	for _, tc := range []struct {
		name  string
		comes []string
		want  []bool // early
	}{
		{"nothing was received ahead", []string{"1", "2"}, []bool{false, false}},
		{"later ones were received before", []string{"2", "3", "1", "2", "3"}, []bool{true, true, false, false, false}},
		{"it never comes again", []string{"2", "3", "2", "3"}, []bool{true, true, false, false}},
	} {
		var o order
		o.handedBack(msg("1", "k"))
		for i, id := range tc.comes {
			if o.early(msg(id, "other")) || o.early(msg(id, "")) {
				t.Errorf("%s: a message of another key is held up", tc.name)
			}
			if got := o.early(msg(id, "k")); got != tc.want[i] {
				t.Errorf("%s: message %s at place %d: early is %v", tc.name, id, i, got)
			}
		}
		if o.waiting.Load() != 0 || len(o.keys) != 0 {
			t.Errorf("%s: %d keys still wait", tc.name, len(o.keys))
		}
	}
}

func TestMood_AnOpenStreamWithoutTroubleIsASignOfLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reports []error
		m := mood{report: func(err error) { reports = append(reports, err) }}
		m.mended() // nothing was wrong
		m.trouble(ErrClosed)
		m.calmed(time.Now().Add(time.Hour)) // no stream is open
		m.reopened()
		m.calmed(time.Now().Add(calm / 2))
		if len(reports) != 1 {
			t.Fatalf("reports %v, want the trouble only", reports)
		}
		m.calmed(time.Now().Add(2 * calm))
		m.calmed(time.Now().Add(3 * calm))
		if len(reports) != 2 || reports[1] != nil {
			t.Errorf("reports %v, want the trouble and one nil", reports)
		}
	})
}
