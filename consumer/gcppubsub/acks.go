package gcppubsub

import (
	"context"
	"time"
)

// gatherTime is how long acknowledgements gather before the client is told of
// them. The client itself sends them on every 100 ms.
const gatherTime = time.Millisecond

// passAcks tells the client of acknowledgements until ctx ends. Handlers leave
// them with the shards and go on: the client has one lock for all messages of a
// stream, and whoever has to wait for it needs more stack than a new goroutine
// has. To grow it costs more than all else that is done here for a message.
func (h *held) passAcks(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-h.acked:
			wait(ctx, gatherTime)
			h.passGathered()
		case <-ctx.Done():
		}
	}
	h.passGathered()
}

func (h *held) passGathered() {
	for i := range h.shards {
		for d := h.shards[i].gathered(); d != nil; d = d.prev {
			d.msg.Ack()
		}
	}
}

// gather adds a delivery that is out of the ring to those that the client must
// be told of. The caller holds the lock.
func (s *shard) gather(d *delivery) {
	if s.ackedLast == nil {
		signal(s.all.acked)
	}
	d.prev, s.ackedLast = s.ackedLast, d
}

// gathered takes what was gathered, a chain through prev.
func (s *shard) gathered() *delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.ackedLast
	s.ackedLast = nil
	return d
}
