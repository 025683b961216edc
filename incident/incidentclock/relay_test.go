package incidentclock_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentclock"
	"github.com/theriac/theriac/incident/incidenttest"
)

// broker takes what is published, and fails when it is told to.
type broker struct {
	mu     sync.Mutex
	got    map[string]int
	topics map[string]string
	fail   func(id string) error
}

func newBroker() *broker { return &broker{got: map[string]int{}, topics: map[string]string{}} }

func (b *broker) Publish(_ context.Context, o incident.Outgoing) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		if err := b.fail(o.ID); err != nil {
			return err
		}
	}
	b.got[o.ID]++
	b.topics[o.ID] = o.Topic
	return nil
}

func (b *broker) counts() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.got)
}

// row is a request that was stored.
func row(n int) incident.Inbound {
	return incident.Inbound{ID: fmt.Sprintf("row-%03d", n), Topic: incident.TopicAlerts, Kind: "alert.generic", Body: []byte("{}")}
}

func accept(t *testing.T, s incident.Inbox, rows ...incident.Inbound) {
	t.Helper()
	if _, err := s.Accept(t.Context(), rows...); err != nil {
		t.Fatal(err)
	}
}

// running runs f beside the test and waits for its end when the test is over.
func running(t *testing.T, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := f(ctx); err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wait.Wait() })
	t.Cleanup(stop)
	return stop
}

func TestRelay_PublishesWhatWasStored_Once(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := incidenttest.NewStore(incidenttest.Options{Now: time.Now}), newBroker()
		for n := range 250 {
			accept(t, s, row(n))
		}
		r := incidentclock.NewRelay(incidentclock.RelayConfig{Outbox: s, Publisher: b})
		defer running(t, r.Run)()
		pass(time.Second)
		accept(t, s, row(250))
		pass(time.Minute)
		got := b.counts()
		if len(got) != 251 {
			t.Fatalf("%d of 251 rows are published", len(got))
		}
		for id, n := range got {
			if n != 1 || b.topics[id] != incident.TopicAlerts {
				t.Errorf("%s was published %d times, to %s", id, n, b.topics[id])
			}
		}
	})
}

// A broker that is away, or that refuses one message, costs waiting and nothing else.
func TestRelay_BrokerAway_WaitsAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := incidenttest.NewStore(incidenttest.Options{Now: time.Now}), newBroker()
		away := errors.New("no route")
		b.fail = func(string) error { return away }
		for n := range 5 {
			accept(t, s, row(n))
		}
		r := incidentclock.NewRelay(incidentclock.RelayConfig{Outbox: s, Publisher: b})
		defer running(t, r.Run)()
		pass(2 * time.Minute)
		if got := b.counts(); len(got) != 0 {
			t.Fatalf("published to a broker that is away: %v", got)
		}
		b.mu.Lock()
		b.fail = func(id string) error {
			if id == "row-003" {
				return away
			}
			return nil
		}
		b.mu.Unlock()
		pass(2 * time.Minute)
		if got := slices.Sorted(maps.Keys(b.counts())); len(got) != 4 {
			t.Errorf("published %v, want all but row-003", got)
		}
		b.mu.Lock()
		b.fail = nil
		b.mu.Unlock()
		pass(2 * time.Minute)
		if got := b.counts(); len(got) != 5 {
			t.Errorf("published %v, want all", got)
		}
	})
}

// dying is an outbox whose relay is killed between publishing and marking.
type dying struct {
	incident.Outbox
	kill context.CancelFunc
}

func (d dying) MarkPublished(context.Context, ...string) error {
	d.kill()
	return context.Canceled
}

// A relay that dies between publishing and marking leaves a duplicate and no loss; so do two relays
// beside each other.
func TestRelay_KilledBeforeMarking_TheNextOneRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := incidenttest.NewStore(incidenttest.Options{Now: time.Now}), newBroker()
		for n := range 3 {
			accept(t, s, row(n))
		}
		ctx, kill := context.WithCancel(t.Context())
		first := incidentclock.NewRelay(incidentclock.RelayConfig{Outbox: dying{s, kill}, Publisher: b})
		if err := first.Run(ctx); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r := incidentclock.NewRelay(incidentclock.RelayConfig{Outbox: s, Publisher: b})
			defer running(t, r.Run)()
		}
		pass(time.Minute)
		for id, n := range b.counts() {
			if n != 2 {
				t.Errorf("%s was published %d times, want twice: once by the one that died", id, n)
			}
		}
		if len(b.counts()) != 3 {
			t.Errorf("published %v", b.counts())
		}
	})
}

// A row is not published before its time, nor after it was handled in place.
func TestRelay_NotBefore_IsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := incidenttest.NewStore(incidenttest.Options{Now: time.Now}), newBroker()
		later, handled := row(1), row(2)
		later.NotBefore = time.Now().Add(10 * time.Second)
		handled.NotBefore = later.NotBefore
		accept(t, s, later, handled)
		r := incidentclock.NewRelay(incidentclock.RelayConfig{Outbox: s, Publisher: b})
		defer running(t, r.Run)()
		pass(5 * time.Second)
		if got := b.counts(); len(got) != 0 {
			t.Errorf("published early: %v", got)
		}
		if err := s.Handled(t.Context(), handled.ID, "done in place"); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if got := b.counts(); len(got) != 1 || got[later.ID] != 1 {
			t.Errorf("published %v, want %s alone", got, later.ID)
		}
	})
}

// inOrder is an outbox that keeps what was published, by batches.
type inOrder struct {
	incident.Outbox
	batches [][]string
}

func (o *inOrder) MarkPublished(ctx context.Context, ids ...string) error {
	o.batches = append(o.batches, slices.Clone(ids))
	return o.Outbox.MarkPublished(ctx, ids...)
}

// Ten thousand reminders that wait already do not keep a page waiting: it is in the next batch. And
// however much comes, reminders go out with each batch.
func TestRelay_RemindersWait_PeopleDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := incidenttest.NewStore(incidenttest.Options{Now: time.Now})
		var rows []incident.Inbound
		for n := range 10_000 {
			rows = append(rows, incident.Tick{Job: incident.JobNudge, IncidentID: fmt.Sprint(n), At: time.Now()}.Inbound())
		}
		accept(t, s, rows...)
		pass(time.Second)
		outbox := &inOrder{Outbox: s}
		for n := range 250 { // all are younger than the reminders
			accept(t, s, row(n))
		}
		r := incidentclock.NewRelay(incidentclock.RelayConfig{Outbox: outbox, Publisher: newBroker()})
		stop := running(t, r.Run)
		pass(time.Minute)
		stop()
		if len(outbox.batches) < 101 {
			t.Fatalf("%d batches", len(outbox.batches))
		}
		for i, want := range []int{90, 90, 70, 0} {
			got := 0
			for _, id := range outbox.batches[i] {
				if strings.HasPrefix(id, "row-") {
					got++
				}
			}
			if got != want || len(outbox.batches[i]) != 100 {
				t.Errorf("batch %d has %d that people wait for and %d reminders, want %d and the rest of 100", i+1, got, len(outbox.batches[i])-got, want)
			}
		}
	})
}
