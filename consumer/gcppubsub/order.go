package gcppubsub

import (
	"sync"
	"sync/atomic"

	"cloud.google.com/go/pubsub/v2"
)

// order keeps a message that was handed back in front of the later ones of its
// ordering key. The broker sends all of them again, in order, but the client
// passes on those that it had received before. order has them handed back too.
type order struct {
	waiting atomic.Int32 // number of keys, so that most messages take no lock
	mu      sync.Mutex
	keys    map[string]*comeback
}

// comeback is one key whose next message must be the one handed back.
type comeback struct {
	id string
	// later is the first other message that came. When it comes again, the
	// message that was handed back is gone (expired, or dead-lettered).
	later string
}

func (o *order) handedBack(m *pubsub.Message) {
	if m.OrderingKey == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keys == nil {
		o.keys = make(map[string]*comeback)
	}
	if o.keys[m.OrderingKey] == nil {
		o.waiting.Add(1)
	}
	o.keys[m.OrderingKey] = &comeback{id: m.ID}
}

// early reports whether an earlier message of the key must come first.
func (o *order) early(m *pubsub.Message) bool {
	if m.OrderingKey == "" || o.waiting.Load() == 0 {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.keys[m.OrderingKey]
	switch {
	case c == nil:
		return false
	case m.ID == c.id, m.ID == c.later:
		delete(o.keys, m.OrderingKey)
		o.waiting.Add(-1)
		return false
	case c.later == "":
		c.later = m.ID
	}
	return true
}
