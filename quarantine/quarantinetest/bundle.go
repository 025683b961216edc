package quarantinetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

// bundle is what each behaviour of the suite works with. Its methods end the
// test at an error that the behaviour does not expect.
type bundle struct {
	testing.TB
	Harness
	ctx context.Context
	ids atomic.Int64
}

func newBundle(t testing.TB, h Harness) *bundle { return &bundle{TB: t, Harness: h, ctx: t.Context()} }

// message returns a message with an id of its own.
func (b *bundle) message() handlers.Message {
	n := b.ids.Add(1)
	return handlers.Message{
		ID: fmt.Sprintf("m-%d", n), Data: fmt.Appendf(nil, "payload %d", n),
		Attributes:  map[string]string{"event_type": "invoice.created"},
		OrderingKey: "customer-1", DeliveryAttempt: 2,
		PublishedAt: time.Date(2022, 11, 18, 15, 40, 0, 123456000, time.UTC),
	}
}

// entry returns a new entry of m on the subscription "billing".
func (b *bundle) entry(m handlers.Message) quarantine.NewEntry {
	return newEntry("billing", m, fmt.Sprintf("018f0000-0000-7000-8000-%012x", b.ids.Add(1)))
}

func newEntry(sub string, m handlers.Message, id string) quarantine.NewEntry {
	attempt := failure("card declined")
	return quarantine.NewEntry{
		Identity: quarantine.Identity(sub, m.Identity()),
		Attempt:  attempt,
		Basis:    []string{"billing", "failed", "card declined"},
		Entry: quarantine.Entry{
			ID: id, Subscription: sub, Message: m, Size: int64(len(m.Data)), SHA256: sha256.Sum256(m.Data),
			Reason: handlers.ReasonFailed, Confidence: handlers.ConfidenceCertain,
			Fingerprint: "fp-1", Title: "Card declined", Where: "billing.Apply handler.go:118",
			Hint: "ask the bank", Errors: attempt.Errors, Build: "v1.2.3",
			Totals: handlers.Totals{Failures: 3},
		},
	}
}

func failure(text string) handlers.Attempt {
	return handlers.Attempt{
		Started: time.Date(2022, 11, 18, 15, 40, 0, 1, time.UTC),
		Ended:   time.Date(2022, 11, 18, 15, 40, 1, 2, time.UTC),
		Outcome: handlers.OutcomeFailed, Class: handlers.ClassFailed,
		Errors:  []handlers.ErrorLink{{Type: "*billing.DeclinedError", Text: text}},
		Handler: "billing", Worker: "w-1", Host: "h-1", Build: "v1.2.3",
	}
}

func outcome(o handlers.Outcome) handlers.Attempt {
	a := failure(o.String())
	a.Outcome = o
	return a
}

// record records attempts of one message in one call.
func (b *bundle) record(m handlers.Message, attempts ...handlers.Attempt) []handlers.Totals {
	b.Helper()
	totals, err := b.Store.RecordAttempts(b.ctx, records(m, attempts...))
	b.must(err)
	return totals
}

func records(m handlers.Message, attempts ...handlers.Attempt) []quarantine.AttemptRecord {
	var batch []quarantine.AttemptRecord
	for _, a := range attempts {
		batch = append(batch, quarantine.AttemptRecord{Subscription: "billing", MessageID: m.ID,
			Identity: quarantine.Identity("billing", m.Identity()), Attempt: a})
	}
	return batch
}

// hold holds new entries and returns them as they stand.
func (b *bundle) hold(batch ...quarantine.NewEntry) []quarantine.Entry {
	b.Helper()
	results, err := b.Store.HoldEntries(b.ctx, batch)
	b.must(err)
	if len(results) != len(batch) {
		b.Fatalf("HoldEntries returned %d results for %d entries", len(results), len(batch))
	}
	var entries []quarantine.Entry
	for _, r := range results {
		entries = append(entries, r.Entry)
	}
	return entries
}

// holdOne holds an entry of a message of its own.
func (b *bundle) holdOne() quarantine.Entry {
	b.Helper()
	return b.hold(b.entry(b.message()))[0]
}

// get loads an entry with payload and attempts, by id.
func (b *bundle) get(id string) quarantine.Entry {
	b.Helper()
	e, err := b.Store.EntryGet(b.ctx, quarantine.EntryKey{ID: id}, quarantine.GetOptions{Payload: true})
	b.must(err)
	return e
}

// move moves e to another state and returns it as it then stands.
func (b *bundle) move(e quarantine.Entry, to quarantine.State) quarantine.Entry {
	b.Helper()
	after, err := b.Store.Transition(b.ctx, transition(e, to))
	b.must(err)
	return after
}

func transition(e quarantine.Entry, to quarantine.State) quarantine.Transition {
	return quarantine.Transition{EntryID: e.ID, Version: e.Version, To: to,
		Decision: quarantine.Decision{
			Actor: quarantine.Actor{Name: "ana@laptop", Via: "cli", Claimed: true}, Reason: "fixed in v1.2.4"}}
}

func (b *bundle) list(q quarantine.Query) quarantine.EntryPage {
	b.Helper()
	page, err := b.Store.EntryList(b.ctx, q)
	b.must(err)
	return page
}

// join joins a worker named after the given name.
func (b *bundle) join(name string) quarantine.Membership {
	b.Helper()
	m, err := b.Store.Join(b.ctx, quarantine.Worker{
		Name: name, Host: "h-1", Build: "v1.2.3", PID: 42, Subscriptions: []string{"billing", "mail"}})
	b.must(err)
	return m
}

// joined is join for a membership that leaves before the store is closed.
func (b *bundle) joined(name string) quarantine.Membership {
	b.Helper()
	m := b.join(name)
	b.Cleanup(func() { _ = m.Leave(context.WithoutCancel(b.ctx)) })
	return m
}

func (b *bundle) claim(m quarantine.Membership) quarantine.Entry {
	b.Helper()
	e, err := b.Store.ClaimReplay(b.ctx, "billing", m.Incarnation())
	b.must(err)
	return e
}

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) wantErr(err, want error, doing string) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("%s: error %v, want one that wraps %q", doing, err, want)
	}
}

// sameBytes compares payloads in one go: element by element, 10 MB take a minute.
func sameBytes(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func (b *bundle) wantEqual(want, got any, what string) {
	b.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(sameBytes)); diff != "" {
		b.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

// together calls f n times at once, in turn on both handles of the store, and
// waits for all.
func (b *bundle) together(n int, f func(i int, s quarantine.Store)) {
	var group runner.Group
	start := make(chan struct{})
	for i := range n {
		s := b.Store
		if i%2 == 1 {
			s = b.Other
		}
		group.Go(func() {
			<-start
			f(i, s)
		})
	}
	close(start)
	group.Wait()
}

func refs(entries []quarantine.Entry) []string {
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Ref)
	}
	return out
}
