package fakepubsub

import (
	"strconv"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"
)

// TestSubscription_Model drives one subscription without any network through
// random steps and checks what must always hold.
func TestSubscription_Model(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		t.Repeat(map[string]func(*rapid.T){
			"publish": m.publish,
			"take":    m.take,
			"ack":     m.ack,
			"nack":    m.nack,
			"extend":  m.extend,
			"wait":    m.wait,
			"reopen":  m.reopen,
			"":        m.check,
		})
	})
}

type model struct {
	sub     *subscription
	streams []*stream
	now     time.Time
	seq     uint64
	leased  map[string]lease // by ack id, as a client believes
	acked   map[uint64]bool  // acknowledged for good: no order can bring it back
}

type lease struct {
	seq   uint64
	key   string
	until time.Time
}

func newModel(t *rapid.T) *model {
	srv := newServer(Config{MinAckDeadlineSeconds: 10})
	cfg := &pubsubpb.Subscription{
		Name: "projects/p/subscriptions/sub", AckDeadlineSeconds: 10,
		EnableMessageOrdering: rapid.Bool().Draw(t, "ordering"), EnableExactlyOnceDelivery: true,
	}
	if rapid.Bool().Draw(t, "backoff") {
		cfg.RetryPolicy = &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(time.Second)}
	}
	m := &model{now: time.Now(), leased: map[string]lease{}, acked: map[uint64]bool{}}
	m.sub = newSubscription(srv, &topic{srv: srv}, cfg)
	for range 2 {
		m.streams = append(m.streams, m.open())
	}
	return m
}

func (m *model) open() *stream {
	st := newStream(4)
	st.maxMessages = 7
	m.sub.attach(st)
	return st
}

func (m *model) publish(t *rapid.T) {
	m.seq++
	pb := &pubsubpb.PubsubMessage{
		MessageId: strconv.FormatUint(m.seq, 10), PublishTime: timestamppb.New(m.now),
		OrderingKey: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key"),
	}
	m.sub.add([]*message{{pb: pb, seq: m.seq, size: 1}})
}

func (m *model) take(t *rapid.T) {
	st := rapid.SampledFrom(m.streams).Draw(t, "stream")
	for _, rm := range m.sub.take(st, m.now) {
		seq, _ := strconv.ParseUint(rm.Message.MessageId, 10, 64)
		for id, l := range m.leased {
			if l.seq == seq && m.live(id) {
				t.Fatalf("message %d was delivered while its lease runs", seq)
			}
		}
		if m.acked[seq] {
			t.Fatalf("message %d was delivered after its ack", seq)
		}
		m.leased[rm.AckId] = lease{seq: seq, key: rm.Message.OrderingKey, until: m.now.Add(10 * time.Second)}
	}
	if int64(st.messages) > st.maxMessages {
		t.Fatalf("%d messages are outstanding on a stream, at most %d", st.messages, st.maxMessages)
	}
}

// live asks the subscription whether an ack id names a running lease.
func (m *model) live(ackID string) bool {
	live, _ := m.sub.find([]string{ackID})
	return len(live) == 1
}

func (m *model) pick(t *rapid.T) string {
	ids := make([]string, 0, len(m.leased))
	for i := uint64(1); i <= m.sub.srv.leaseIDs.Load(); i++ {
		if id := strconv.FormatUint(i, 36); m.leased[id].seq != 0 {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		t.Skip("nothing was delivered")
	}
	return rapid.SampledFrom(ids).Draw(t, "ack id")
}

func (m *model) ack(t *rapid.T) {
	id := m.pick(t)
	live, _ := m.sub.find([]string{id})
	m.sub.ack(live)
	if len(live) == 1 {
		m.acked[m.leased[id].seq] = true
	}
	delete(m.leased, id)
}

func (m *model) nack(t *rapid.T) {
	id := m.pick(t)
	live, _ := m.sub.find([]string{id})
	m.sub.modack(live, 0, m.now)
	delete(m.leased, id)
}

func (m *model) extend(t *rapid.T) {
	id := m.pick(t)
	d := time.Duration(rapid.IntRange(1, 60).Draw(t, "seconds")) * time.Second
	live, _ := m.sub.find([]string{id})
	m.sub.modack(live, d, m.now)
	l := m.leased[id]
	l.until = m.now.Add(d)
	m.leased[id] = l
}

func (m *model) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 12_000).Draw(t, "ms")) * time.Millisecond)
	m.sub.change(func(time.Time) { m.sub.advance(m.now) })
	ordered := m.sub.cfg.EnableMessageOrdering
	for id, l := range m.leased {
		switch over := !m.now.Before(l.until.Add(tick)); {
		case over && m.live(id):
			t.Fatalf("the lease of message %d goes on after its end", l.seq)
		case !over && m.now.Before(l.until) && !m.live(id) && !(ordered && l.key != ""):
			t.Fatalf("the lease of message %d ended early", l.seq)
		case over:
			delete(m.leased, id)
		}
	}
}

// reopen is a client that dies and one that comes.
func (m *model) reopen(t *rapid.T) {
	i := rapid.IntRange(0, len(m.streams)-1).Draw(t, "stream")
	m.sub.detach(m.streams[i])
	m.streams[i] = m.open()
}

// check finds each unacknowledged message in exactly one place.
func (m *model) check(t *rapid.T) {
	seen := map[uint64]bool{}
	for _, msg := range m.sub.held() {
		if seen[msg.seq] {
			t.Fatalf("message %d is held twice", msg.seq)
		}
		seen[msg.seq] = true
	}
	for seq := uint64(1); seq <= m.seq; seq++ {
		if seen[seq] == m.acked[seq] {
			t.Fatalf("message %d: held %v, acknowledged %v", seq, seen[seq], m.acked[seq])
		}
	}
	if m.sub.unacked != len(seen) {
		t.Fatalf("unacked is %d, %d are held", m.sub.unacked, len(seen))
	}
	for name, k := range m.sub.keys {
		m.checkKey(t, name, k)
	}
}

func (m *model) checkKey(t *rapid.T, name string, k *orderKey) {
	last := uint64(0)
	for _, q := range []*queue[*item]{&k.inflight, &k.pending} {
		for i := range q.len() {
			if q.at(i).seq <= last {
				t.Fatalf("key %s is out of order at message %d", name, q.at(i).seq)
			}
			last = q.at(i).seq
		}
	}
	reachable := m.queued(k) || k.blocked || k.inflight.len() > 0
	if k.pending.len() > 0 && !reachable {
		t.Fatalf("key %s has messages that nobody will ever deliver", name)
	}
	for i := range k.inflight.len() {
		if it := k.inflight.at(i); !it.acked && it.stream != k.stream {
			t.Fatalf("key %s is outstanding on two streams", name)
		}
	}
}

// queued looks for a key where an open stream would find it.
func (m *model) queued(k *orderKey) bool {
	queues := []*queue[*orderKey]{&m.sub.free}
	for _, st := range m.streams {
		queues = append(queues, &st.keys)
	}
	for _, q := range queues {
		for i := range q.len() {
			if q.at(i) == k {
				return true
			}
		}
	}
	return false
}

func TestQueue_BehavesAsASlice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var q queue[int]
		var want []int
		n := 0
		t.Repeat(map[string]func(*rapid.T){
			"pushBack":  func(*rapid.T) { n++; q.pushBack(n); want = append(want, n) },
			"pushFront": func(*rapid.T) { n++; q.pushFront(n); want = append([]int{n}, want...) },
			"popFront": func(t *rapid.T) {
				if len(want) > 0 {
					if got := q.popFront(); got != want[0] {
						t.Fatalf("popFront %d, want %d", got, want[0])
					}
					want = want[1:]
				}
			},
			"popBack": func(t *rapid.T) {
				if len(want) > 0 {
					if got := q.popBack(); got != want[len(want)-1] {
						t.Fatalf("popBack %d, want %d", got, want[len(want)-1])
					}
					want = want[:len(want)-1]
				}
			},
			"": func(t *rapid.T) {
				if q.len() != len(want) {
					t.Fatalf("len %d, want %d", q.len(), len(want))
				}
				for i, v := range want {
					if q.at(i) != v {
						t.Fatalf("at(%d) = %d, want %d", i, q.at(i), v)
					}
				}
			},
		})
	})
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	policy := func(low, high time.Duration) *pubsubpb.RetryPolicy {
		return &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(low), MaximumBackoff: durationpb.New(high)}
	}
	for _, tc := range []struct {
		name     string
		policy   *pubsubpb.RetryPolicy
		failures int
		u        float64
		want     time.Duration
	}{
		{"no policy", nil, 3, 0.5, 0},
		{"first", policy(time.Second, time.Minute), 1, 0, time.Second},
		{"doubled", policy(time.Second, time.Minute), 4, 0, 8 * time.Second},
		{"jitter adds up to a quarter", policy(time.Second, time.Minute), 4, 0.5, 9 * time.Second},
		{"capped", policy(time.Second, time.Minute), 90, 0, time.Minute},
		{"jitter at the cap takes off", policy(time.Second, time.Minute), 90, 0.8, 48 * time.Second},
		{"never below the minimum", policy(time.Minute, time.Minute), 1, 0.8, time.Minute},
		{"documented defaults", &pubsubpb.RetryPolicy{}, 2, 0, 20 * time.Second},
		{"zero means at once", policy(0, 0), 5, 0.5, 0},
	} {
		if got := backoff(tc.policy, tc.failures, tc.u); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
