package gcppubsub

import (
	"math/rand/v2"
	"sync/atomic"
)

// held counts the deliveries in hand: not settled, or with a deliver call that
// has not returned. It keeps no list of them, for two reasons: the client has
// one, from which it hands back what is left at the end, and a list makes
// messages write into each other's memory, which cost a tenth of the throughput.
type held struct {
	shards   [16]tally
	refused  atomic.Int64 // messages that were nacked without being held
	over     atomic.Bool  // the end: nothing can be settled any more
	draining atomic.Bool
	moved    chan struct{} // gets a token when something changed while draining
}

// tally is a part of the counts, on cache lines of its own, so that messages
// seldom write where another processor does.
type tally struct {
	taken, returned, acks, nacks atomic.Int64

	_ [96]byte
}

func newHeld(moved chan struct{}) *held { return &held{moved: moved} }

// take counts a delivery and says which tally it belongs to.
func (h *held) take() (shard uint8) {
	shard = uint8(rand.Uint32() % uint32(len(h.shards)))
	h.shards[shard].taken.Add(1)
	return shard
}

// settle gives the right to ack or nack d, once.
func (h *held) settle(d *delivery, ack bool) bool {
	if h.over.Load() || !d.settled.CompareAndSwap(false, true) {
		return false
	}
	t := &h.shards[d.shard]
	if ack {
		t.acks.Add(1)
	} else {
		t.nacks.Add(1)
	}
	h.announce()
	return true
}

// returned notes that a deliver call has ended.
func (h *held) returned(shard uint8) {
	h.shards[shard].returned.Add(1)
	h.announce()
}

func (h *held) announce() {
	if h.draining.Load() {
		signal(h.moved)
	}
}

// drained reports whether everything is settled and every deliver call has
// returned. From the first call on, changes are announced.
func (h *held) drained() bool {
	h.draining.Store(true)
	for i := range h.shards {
		t := &h.shards[i]
		// What was taken is read last: counts only grow, so equality is no accident.
		returned, settled := t.returned.Load(), t.acks.Load()+t.nacks.Load()
		if taken := t.taken.Load(); returned != taken || settled != taken {
			return false
		}
	}
	return true
}

// counts returns how many messages were taken from the client, and how many of
// them were acked and nacked.
func (h *held) counts() (taken, acks, nacks int64) {
	taken = h.refused.Load()
	nacks = taken
	for i := range h.shards {
		t := &h.shards[i]
		acks, nacks = acks+t.acks.Load(), nacks+t.nacks.Load()
		taken += t.taken.Load()
	}
	return taken, acks, nacks
}
