package quarantineslack_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
	"github.com/theriac/theriac/quarantine"
)

// paced is Slack's own pace: one call a second and channel, with a little room for
// clocks.
func paced() slackfake.Config { return slackfake.Config{Every: 900 * time.Millisecond, Burst: 2} }

// BenchmarkFirstMessage measures the time from a hold to the first message, with all
// real parts, at rest and at Slack's pace. Each round has a room of its own: more than
// five new groups share a message.
func BenchmarkFirstMessage(b *testing.B) {
	var all []time.Duration
	for i := range b.N {
		w := newWorkspace(b, paced(), 0)
		w.until("somebody leads", func() bool {
			stats, err := w.room.NoticeStats(w.ctx)
			w.must(err)
			return stats.Holder != ""
		})
		<-time.After(time.Duration(i*37%500) * time.Millisecond) // at any moment between two looks
		start := time.Now()
		w.hold(handlers.Message{Data: []byte("x")}, "declined", "")
		w.wait("the message", func(all []slackfake.Message) bool { return len(all) > 0 })
		all = append(all, time.Since(start))
		w.close()
	}
	report(b, all)
}

func report(b *testing.B, all []time.Duration) {
	slices.Sort(all)
	at := func(q float64) float64 {
		return all[min(len(all)-1, int(q*float64(len(all))))].Seconds() * 1000
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStorm holds 10,000 entries of one group within a minute and counts what the
// channel sees.
func BenchmarkStorm(b *testing.B) {
	for range b.N {
		w := newWorkspace(b, paced(), 0)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for round := range 600 {
			w.holdAll("fp-storm", round*17, 17)
			<-tick.C
		}
		all := w.wait("the last state", func(all []slackfake.Message) bool {
			return strings.Contains(all[len(all)-1].Text, "10,200 messages held")
		})
		b.ReportMetric(float64(len(all)), "messages")
		b.ReportMetric(float64(all[0].Edits), "edits")
		b.ReportMetric(limited(w), "limited")
	}
}

// BenchmarkFiftyGroups holds 50 groups at once and measures until all are told.
func BenchmarkFiftyGroups(b *testing.B) {
	for range b.N {
		w := newWorkspace(b, paced(), 0)
		start := time.Now()
		for i := range 50 {
			w.holdAll(fmt.Sprintf("fp-%d", i), i*10, 1)
		}
		w.until("nothing is due", func() bool {
			due, err := w.room.NoticesDue(w.ctx, 100)
			w.must(err)
			return len(due) == 0
		})
		b.ReportMetric(time.Since(start).Seconds(), "s-until-told")
		b.ReportMetric(float64(len(w.fake.Messages("C0OPS"))), "messages")
		b.ReportMetric(limited(w), "limited")
	}
}

// limited counts the calls that Slack refused as too many.
func limited(w *workspace) float64 {
	n := 0
	for _, c := range w.fake.Calls() {
		if c.Status == 429 {
			n++
		}
	}
	return float64(n)
}

// holdAll holds entries of one group in one transaction.
func (w *workspace) holdAll(group string, from, n int) {
	w.Helper()
	var batch []quarantine.NewEntry
	for i := from; i < from+n; i++ {
		m := handlers.Message{ID: fmt.Sprintf("%s-%d", group, i), Data: []byte("x"), PublishedAt: published}
		a := handlers.Attempt{Started: published, Ended: published, Outcome: handlers.OutcomeFailed, Build: "v2.41.0"}
		sum := sha256.Sum256([]byte(m.ID))
		batch = append(batch, quarantine.NewEntry{
			Identity: quarantine.Identity("orders", m.Identity()), Attempt: a, Basis: []string{group},
			Entry: quarantine.Entry{
				ID:           fmt.Sprintf("018f0000-0000-7000-8000-%x", sum[:6]),
				Subscription: "orders", Message: m, Size: 1, SHA256: sha256.Sum256(m.Data), Reason: handlers.ReasonFailed,
				Confidence: handlers.ConfidenceCertain, Fingerprint: group, Title: "nil pointer dereference", Build: "v2.41.0"},
		})
	}
	_, err := w.store.HoldEntries(w.ctx, batch)
	w.must(err)
}
