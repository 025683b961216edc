package fakepubsub

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// A batch of one response is bounded, so that streams share the work and a
// response stays far below the client's limit.
const (
	maxBatchMessages = 256
	maxBatchBytes    = 1 << 20
)

// message is one published message. Subscriptions share it; nobody changes it.
type message struct {
	pb   *pubsubpb.PubsubMessage
	seq  uint64 // the number in its id: publish order
	size int
}

// item is a message as one subscription sees it, until it is gone.
type item struct {
	*message
	failures int // nacks and expiries so far

	// While leased:
	lease    uint64 // the number in the ack id; 0 when not leased
	stream   *stream
	deadline int64 // tick at which the lease ends
	look     int64 // tick at which the wheel looks at this lease

	// With ordering:
	key   *orderKey
	acked bool // acknowledged, but an earlier one of the key is outstanding
}

// subscription holds the messages of one subscription and the streams that take
// them. mu guards everything below it.
type subscription struct {
	srv   *Server
	name  string
	topic *topic

	mu      sync.Mutex
	cfg     *pubsubpb.Subscription // replaced, never changed
	deleted bool

	fresh    queue[*item] // ready, never delivered
	again    queue[*item] // ready, to be delivered again; goes first
	waiting  *wheel[*item]
	leases   map[uint64]*item
	expiry   *wheel[uint64]
	keys     map[string]*orderKey
	free     queue[*orderKey] // ready keys bound to no stream
	blocked  *wheel[*orderKey]
	retained []*message // acknowledged, where the subscription keeps those

	streams []*stream
	turn    int
	unacked int
	dead    []deadLetter // to be forwarded once mu is released
	stats   Stats
}

func newSubscription(srv *Server, t *topic, cfg *pubsubpb.Subscription) *subscription {
	s := &subscription{srv: srv, name: cfg.Name, topic: t, cfg: cfg}
	s.clear(time.Now())
	return s
}

// clear forgets every message and lease; streams stay.
func (s *subscription) clear(now time.Time) {
	s.fresh, s.again, s.free = queue[*item]{}, queue[*item]{}, queue[*orderKey]{}
	s.waiting, s.blocked = newWheel[*item](now), newWheel[*orderKey](now)
	s.leases, s.expiry = make(map[uint64]*item), newWheel[uint64](now)
	s.keys = make(map[string]*orderKey)
	s.unacked = 0
	for _, st := range s.streams {
		st.messages, st.bytes, st.keys = 0, 0, queue[*orderKey]{}
	}
}

// change runs f under the lock, then rouses the streams that have work and
// forwards what f found dead.
func (s *subscription) change(f func(now time.Time)) {
	s.mu.Lock()
	f(time.Now())
	s.rouse()
	dead := s.dead
	s.dead = nil
	s.mu.Unlock()
	for _, d := range dead {
		d.forward()
	}
}

// add takes published messages in.
func (s *subscription) add(msgs []*message) {
	s.change(func(time.Time) {
		s.stats.Published += len(msgs)
		for _, m := range msgs {
			s.addOne(m)
		}
	})
}

func (s *subscription) addOne(m *message) {
	s.unacked++
	it := &item{message: m}
	if s.cfg.EnableMessageOrdering && m.pb.OrderingKey != "" {
		s.addOrdered(it)
		return
	}
	s.fresh.pushBack(it)
}

// take leases messages to st, as many as one response should carry and st has
// room for.
func (s *subscription) take(st *stream, now time.Time) []*pubsubpb.ReceivedMessage {
	if s.srv.paused.Load() {
		return nil
	}
	lease := now.Add(st.lease)
	if st.lease == 0 {
		lease = now.Add(time.Duration(s.cfg.AckDeadlineSeconds) * time.Second)
	}
	deadline := tickAfter(lease)
	var batch []*pubsubpb.ReceivedMessage
	for bytes := 0; len(batch) < st.batch && bytes < maxBatchBytes && st.hasRoom(); {
		it := s.next(st)
		if it == nil {
			break
		}
		bytes += it.size
		batch = append(batch, s.lend(it, st, deadline))
	}
	s.stats.Delivered += len(batch)
	return batch
}

// next returns the next message that st may have, or nil.
func (s *subscription) next(st *stream) *item {
	if it := s.nextOrdered(st); it != nil {
		return it
	}
	if s.again.len() > 0 {
		return s.again.popFront()
	}
	if s.fresh.len() > 0 {
		return s.fresh.popFront()
	}
	return nil
}

func (s *subscription) lend(it *item, st *stream, deadline int64) *pubsubpb.ReceivedMessage {
	it.lease, it.stream = s.srv.leaseIDs.Add(1), st
	it.deadline, it.look = deadline, deadline
	s.leases[it.lease] = it
	s.expiry.add(deadline, it.lease)
	st.messages++
	st.bytes += it.size
	rm := &pubsubpb.ReceivedMessage{AckId: strconv.FormatUint(it.lease, 36), Message: it.pb}
	if s.cfg.DeadLetterPolicy != nil {
		rm.DeliveryAttempt = int32(it.failures) + 1
	}
	return rm
}

func (s *subscription) endLease(it *item) {
	delete(s.leases, it.lease)
	it.stream.messages--
	it.stream.bytes -= it.size
	it.lease, it.stream = 0, nil
}

// find looks ack ids up. bad are those that name no running lease.
func (s *subscription) find(ackIDs []string) (live []*item, bad []string) {
	live = make([]*item, 0, len(ackIDs))
	for _, id := range ackIDs {
		n, err := strconv.ParseUint(id, 36, 64)
		if it := s.leases[n]; err == nil && it != nil {
			live = append(live, it)
			continue
		}
		bad = append(bad, id)
	}
	return live, bad
}

// ack acknowledges what is leased.
func (s *subscription) ack(live []*item) {
	for _, it := range live {
		if it.lease == 0 { // named twice in one request
			continue
		}
		s.endLease(it)
		s.stats.Acked++
		s.unacked--
		if s.cfg.RetainAckedMessages {
			s.retained = append(s.retained, it.message)
		}
		if it.key != nil {
			s.ackOrdered(it)
		}
	}
}

// modack makes leases end d from now; 0 is a nack.
func (s *subscription) modack(live []*item, d time.Duration, now time.Time) {
	deadline := tickAfter(now.Add(d))
	for _, it := range live {
		switch {
		case it.lease == 0: // came back together with an earlier one of its key
		case d == 0:
			s.stats.Nacked++
			s.fail(it, now)
		default:
			it.deadline = deadline
			if deadline < it.look {
				it.look = deadline
				s.expiry.add(deadline, it.lease)
			}
		}
	}
}

// advance ends the leases and the waits that are over.
func (s *subscription) advance(now time.Time) {
	s.expiry.due(now, func(at int64, lease uint64) {
		it := s.leases[lease]
		switch {
		case it == nil || it.look != at: // settled, or looked at another time
		case it.deadline > at: // extended
			it.look = it.deadline
			s.expiry.add(it.look, lease)
		default:
			s.stats.Expired++
			s.fail(it, now)
		}
	})
	s.waiting.due(now, func(_ int64, it *item) { s.again.pushBack(it) })
	s.blocked.due(now, func(at int64, k *orderKey) {
		if at >= k.until {
			k.blocked = false
			s.schedule(k)
		}
	})
}

// fail ends the lease of it by nack or expiry and decides what follows.
func (s *subscription) fail(it *item, now time.Time) {
	it.failures++
	if it.key != nil {
		s.rewind(it)
	} else {
		s.endLease(it)
	}
	if s.bury(it) {
		if it.key != nil {
			it.key.pending.popFront()
			s.settleKey(it.key)
		}
		return
	}
	s.retry(it, now)
}

// retry makes a failed message ready again, now or after its backoff.
func (s *subscription) retry(it *item, now time.Time) {
	wait := backoff(s.cfg.RetryPolicy, it.failures, rand.Float64())
	switch at := tickAfter(now.Add(wait)); {
	case it.key != nil:
		s.block(it.key, wait, at)
	case wait > 0:
		s.waiting.add(at, it)
	default:
		s.again.pushBack(it)
	}
}

// rouse wakes as many idle streams as there is work for, in turn.
func (s *subscription) rouse() {
	if len(s.streams) == 0 || s.srv.paused.Load() {
		return
	}
	work := s.again.len() + s.fresh.len() + s.free.len()
	for i := range s.streams {
		st := s.streams[(s.turn+i)%len(s.streams)]
		if !st.idle || !st.hasRoom() || (work <= 0 && st.keys.len() == 0) {
			continue
		}
		work -= st.batch
		st.rouse()
	}
	s.turn++
}
