package fakepubsub

import "time"

// orderKey is one ordering key of one subscription. It lives while it has
// messages. A key is in at most one ready queue: of its stream while some of
// its messages are outstanding, of the subscription otherwise.
type orderKey struct {
	name     string
	pending  queue[*item] // not delivered, or to be delivered again, in order
	inflight queue[*item] // delivered, in order; acked ones stay behind earlier ones
	stream   *stream      // who gets the next ones while inflight is not empty
	queued   bool
	blocked  bool  // its first message waits for its backoff,
	until    int64 // to this tick
}

func (s *subscription) addOrdered(it *item) {
	name := it.pb.OrderingKey
	k := s.keys[name]
	if k == nil {
		k = &orderKey{name: name}
		s.keys[name] = k
	}
	it.key = k
	k.pending.pushBack(it)
	s.schedule(k)
}

// schedule puts a key that can be delivered where the right stream finds it.
// A key bound to a stream that is gone waits until its leases end.
func (s *subscription) schedule(k *orderKey) {
	if k.queued || k.blocked || k.pending.len() == 0 {
		return
	}
	switch {
	case k.inflight.len() == 0:
		s.free.pushBack(k)
	case !k.stream.closed:
		k.stream.keys.pushBack(k)
	default:
		return
	}
	k.queued = true
}

func (s *subscription) nextOrdered(st *stream) *item {
	for {
		q := &st.keys
		if q.len() == 0 {
			q = &s.free
		}
		if q.len() == 0 {
			return nil
		}
		k := q.popFront()
		k.queued = false
		if k.blocked || k.pending.len() == 0 || (k.inflight.len() > 0 && k.stream != st) {
			s.schedule(k) // things changed since it was queued
			continue
		}
		it := k.pending.popFront()
		k.inflight.pushBack(it)
		k.stream = st
		s.schedule(k)
		return it
	}
}

func (s *subscription) ackOrdered(it *item) {
	it.acked = true
	k := it.key
	for k.inflight.len() > 0 && k.inflight.at(0).acked {
		k.inflight.popFront()
	}
	s.settleKey(k)
}

// settleKey forgets a key without messages and schedules any other.
func (s *subscription) settleKey(k *orderKey) {
	if k.inflight.len() == 0 {
		k.stream = nil
	}
	if k.inflight.len() == 0 && k.pending.len() == 0 {
		delete(s.keys, k.name)
		return
	}
	s.schedule(k)
}

// rewind puts it and all later ones of its key back in front of the pending
// ones. Acknowledged ones come back too, as documented, except with
// exactly-once delivery.
func (s *subscription) rewind(it *item) {
	k := it.key
	for {
		last := k.inflight.popBack()
		switch {
		case !last.acked:
			s.endLease(last)
			k.pending.pushFront(last)
		case !s.cfg.EnableExactlyOnceDelivery:
			last.acked = false
			s.unacked++
			k.pending.pushFront(last)
		}
		if last == it {
			return
		}
	}
}

// block keeps a key back until its first message may be delivered again.
func (s *subscription) block(k *orderKey, wait time.Duration, until int64) {
	if wait > 0 {
		k.blocked, k.until = true, max(k.until, until)
		s.blocked.add(until, k)
		return
	}
	s.schedule(k)
}

// releaseKeys takes the ready keys of a closed stream back.
func (s *subscription) releaseKeys(st *stream) {
	for st.keys.len() > 0 {
		k := st.keys.popFront()
		k.queued = false
		s.schedule(k)
	}
}
