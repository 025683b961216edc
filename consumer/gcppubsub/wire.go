package gcppubsub

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// wire counts what the client has said to the broker. The client's own nacks
// count too, so it may be ahead of what we handed back, never of our acks.
type wire struct {
	acks, nacks atomic.Int64
	moved       chan struct{} // has a token after each call
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
	r.wire.acks.Add(int64(acks))
	r.wire.nacks.Add(int64(nacks))
	select {
	case r.wire.moved <- struct{}{}:
	default:
	}
}

// await returns when so many acks and nacks have been said, or ctx ended.
func (w *wire) await(ctx context.Context, acks, nacks int) {
	for w.acks.Load() < int64(acks) || w.nacks.Load() < int64(nacks) {
		select {
		case <-w.moved:
		case <-ctx.Done():
			return
		}
	}
}
