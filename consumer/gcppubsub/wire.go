package gcppubsub

import (
	"runtime"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// wire counts what the client has heard from the broker and said to it. The
// client's own nacks count too, so it may be ahead of what we handed back, never
// of our acks.
type wire struct {
	messages, acks, nacks atomic.Int64
	moved                 chan struct{} // has a token when something changed
}

// said reports whether all that was received was taken, and all that was
// settled has been said.
func (w *wire) said(taken, acks, nacks int64) bool {
	return taken >= w.messages.Load() && w.acks.Load() >= acks && w.nacks.Load() >= nacks
}

// begunBelow is how many messages per processor may wait for one before more
// are read. The client starts two goroutines for each, and a processor's own
// run queue takes 256.
const begunBelow = 128

// letBegin gives way to messages that were received and have not begun, before
// more are read. The client would read on until its flow control says stop,
// thousands of goroutines later: then messages, stacks and all have left the
// caches, each collection has them to scan, and the throughput is a tenth less.
//
// It gives way only while that helps. Messages that wait for something else than
// a processor (their ordering key, or flow control) hold nothing up.
func (r *receiver) letBegin() {
	few := int64(begunBelow * runtime.GOMAXPROCS(0))
	for left := r.notBegun(); left > few; {
		runtime.Gosched()
		now := r.notBegun()
		if now >= left {
			return
		}
		left = now
	}
}

// notBegun is how many messages the client was given and has not passed on.
func (r *receiver) notBegun() int64 {
	received := r.messages.Load()
	taken, _, _ := r.held.counts()
	return received - taken
}

// received notes a response of the broker.
func (r *receiver) received(messages int) {
	r.messages.Add(int64(messages))
	r.mended()
}

// sent notes one finished call. A call that the client makes again does not
// count.
func (r *receiver) sent(acks, nacks int, err error) {
	if err != nil && passing(err) {
		r.trouble(err)
	}
	if status.Code(err) == codes.Unavailable {
		return
	}
	r.acks.Add(int64(acks))
	r.nacks.Add(int64(nacks))
	signal(r.moved)
}

// opened notes a new stream.
func (r *receiver) opened(s *pullStream) {
	r.reopened()
	r.pulls.add(s)
}

// ended notes that a stream has ended.
func (r *receiver) ended(s *pullStream) {
	r.pulls.remove(s)
	signal(r.moved)
}

// pulls are the open streams of a receiver.
type pulls struct {
	mu     sync.Mutex
	open   map[*pullStream]bool
	halted bool
}

func (p *pulls) add(s *pullStream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = make(map[*pullStream]bool)
	}
	p.open[s] = true
	if p.halted {
		s.halt()
	}
}

func (p *pulls) remove(s *pullStream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, s)
}

// over reports whether every stream has ended.
func (p *pulls) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open) == 0
}

// halt ends all streams towards the broker, and those that are opened later.
func (p *pulls) halt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.halted = true
	for s := range p.open {
		s.halt()
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
