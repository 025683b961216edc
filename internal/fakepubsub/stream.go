package fakepubsub

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// stream is one taker of messages: a StreamingPull, or a unary Pull while it
// runs. Its subscription's lock guards all of it but wake.
type stream struct {
	wake   chan struct{}
	idle   bool // found nothing to send and waits for wake
	closed bool
	err    error // why it must end

	lease       time.Duration // 0: the subscription's own
	batch       int           // messages of one response
	maxMessages int64         // outstanding; <= 0: any number
	maxBytes    int64
	messages    int // outstanding now
	bytes       int
	keys        queue[*orderKey] // ready keys that only this stream may have

	heartbeat bool // the client pinged and understands an answer
	replies   []*pubsubpb.StreamingPullResponse
}

func newStream(batch int) *stream {
	return &stream{wake: make(chan struct{}, 1), batch: batch}
}

func (st *stream) hasRoom() bool {
	return (st.maxMessages <= 0 || int64(st.messages) < st.maxMessages) &&
		(st.maxBytes <= 0 || int64(st.bytes) < st.maxBytes)
}

func (st *stream) rouse() {
	st.idle = false
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

func (s *subscription) attach(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams = append(s.streams, st)
}

// detach drops a stream at once. Its leases run on until their time.
func (s *subscription) detach(st *stream) {
	s.change(func(time.Time) {
		st.closed = true
		s.streams = slices.DeleteFunc(s.streams, func(o *stream) bool { return o == st })
		s.releaseKeys(st)
	})
}

// end makes the sender of st return err, io.EOF for a normal end.
func (s *subscription) end(st *stream, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.err == nil {
		st.err = err
	}
	st.rouse()
}

// StreamingPull serves one stream: this goroutine sends, another one receives.
func (s *Server) StreamingPull(rpc pubsubpb.Subscriber_StreamingPullServer) error {
	first, err := rpc.Recv()
	if err != nil {
		return err
	}
	sub := s.subscription(first.Subscription)
	if sub == nil {
		return notFound("subscription", first.Subscription)
	}
	st := newStream(maxBatchMessages)
	if err := s.open(st, first); err != nil {
		return err
	}
	sub.attach(st)
	defer sub.detach(st)
	s.group.Go(func() { s.obey(rpc, sub, st, first.ProtocolVersion > 0) })
	if err := sub.handle(st, first); err != nil {
		return err
	}
	return sub.serve(rpc.Context(), st, rpc.Send)
}

func (s *Server) open(st *stream, r *pubsubpb.StreamingPullRequest) error {
	if r.StreamAckDeadlineSeconds == 0 {
		return status.Error(codes.InvalidArgument, "stream_ack_deadline_seconds is required in the first request")
	}
	if err := s.checkStreamDeadline(r.StreamAckDeadlineSeconds); err != nil {
		return err
	}
	st.lease = time.Duration(r.StreamAckDeadlineSeconds) * time.Second
	st.maxMessages, st.maxBytes = r.MaxOutstandingMessages, r.MaxOutstandingBytes
	return nil
}

func (s *Server) checkStreamDeadline(seconds int32) error {
	if seconds < s.cfg.MinAckDeadlineSeconds || seconds > maxAckDeadlineSeconds {
		return status.Errorf(codes.InvalidArgument, "stream_ack_deadline_seconds is %d: want %d to %d",
			seconds, s.cfg.MinAckDeadlineSeconds, maxAckDeadlineSeconds)
	}
	return nil
}

// serve sends to st until its context ends, it fails or its subscription goes.
func (s *subscription) serve(ctx context.Context, st *stream, send func(*pubsubpb.StreamingPullResponse) error) error {
	for {
		out, err := s.collect(st)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		for _, r := range out {
			if err := send(r); err != nil {
				return err
			}
		}
		if len(out) > 0 {
			continue
		}
		select {
		case <-st.wake:
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
}

// collect returns what st must send now; nothing means that it is idle.
func (s *subscription) collect(st *stream) ([]*pubsubpb.StreamingPullResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return nil, notFound("subscription", s.name)
	}
	if st.err != nil {
		return nil, st.err
	}
	out := st.replies
	st.replies = nil
	msgs := s.take(st, time.Now())
	if len(msgs) > 0 || st.heartbeat {
		out = append(out, &pubsubpb.StreamingPullResponse{ReceivedMessages: msgs})
		st.heartbeat = false
	}
	for _, r := range out {
		r.SubscriptionProperties = &pubsubpb.StreamingPullResponse_SubscriptionProperties{
			ExactlyOnceDeliveryEnabled: s.cfg.EnableExactlyOnceDelivery,
			MessageOrderingEnabled:     s.cfg.EnableMessageOrdering,
		}
	}
	st.idle = len(out) == 0
	return out, nil
}

// obey does what the requests ask that follow the first one.
func (s *Server) obey(rpc pubsubpb.Subscriber_StreamingPullServer, sub *subscription, st *stream, ping bool) {
	for {
		r, err := rpc.Recv()
		if err == nil {
			err = s.checkLater(r)
		}
		if err == nil {
			err = sub.handle(st, r)
		}
		if err != nil {
			sub.end(st, err)
			return
		}
		if ping {
			sub.mu.Lock()
			st.heartbeat = true
			st.rouse()
			sub.mu.Unlock()
		}
	}
}

func (s *Server) checkLater(r *pubsubpb.StreamingPullRequest) error {
	if r.Subscription != "" || r.ClientId != "" || r.MaxOutstandingMessages != 0 || r.MaxOutstandingBytes != 0 || r.ProtocolVersion != 0 {
		return status.Error(codes.InvalidArgument,
			"subscription, client_id, flow control and protocol_version can be set in the first request only")
	}
	if r.StreamAckDeadlineSeconds != 0 {
		return s.checkStreamDeadline(r.StreamAckDeadlineSeconds)
	}
	return nil
}

// handle does what a stream request asks: a new deadline, acks and modacks.
func (s *subscription) handle(st *stream, r *pubsubpb.StreamingPullRequest) error {
	if len(r.ModifyDeadlineAckIds) != len(r.ModifyDeadlineSeconds) {
		return status.Error(codes.InvalidArgument, "modify_deadline_ack_ids and modify_deadline_seconds differ in length")
	}
	for _, sec := range r.ModifyDeadlineSeconds {
		if err := checkModack(sec); err != nil {
			return err
		}
	}
	s.change(func(now time.Time) {
		if r.StreamAckDeadlineSeconds > 0 {
			st.lease = time.Duration(r.StreamAckDeadlineSeconds) * time.Second
		}
		if len(r.AckIds) > 0 {
			s.ackOnStream(st, r.AckIds)
		}
		if len(r.ModifyDeadlineAckIds) > 0 {
			s.modackOnStream(st, r, now)
		}
	})
	return nil
}

func (s *subscription) ackOnStream(st *stream, ackIDs []string) {
	live, bad := s.find(ackIDs)
	s.ack(live)
	if s.cfg.EnableExactlyOnceDelivery {
		st.reply(&pubsubpb.StreamingPullResponse{AcknowledgeConfirmation: &pubsubpb.StreamingPullResponse_AcknowledgeConfirmation{
			AckIds: without(ackIDs, bad), InvalidAckIds: bad,
		}})
	}
}

func (s *subscription) modackOnStream(st *stream, r *pubsubpb.StreamingPullRequest, now time.Time) {
	var invalid []string
	for i, sec := range r.ModifyDeadlineSeconds {
		live, bad := s.find(r.ModifyDeadlineAckIds[i : i+1])
		s.modack(live, time.Duration(sec)*time.Second, now)
		invalid = append(invalid, bad...)
	}
	if s.cfg.EnableExactlyOnceDelivery {
		st.reply(&pubsubpb.StreamingPullResponse{ModifyAckDeadlineConfirmation: &pubsubpb.StreamingPullResponse_ModifyAckDeadlineConfirmation{
			AckIds: without(r.ModifyDeadlineAckIds, invalid), InvalidAckIds: invalid,
		}})
	}
}

func (st *stream) reply(r *pubsubpb.StreamingPullResponse) {
	st.replies = append(st.replies, r)
	st.rouse()
}

// without returns the elements of all that are not in some, in order. some must
// be a subsequence of all.
func without(all, some []string) []string {
	var out []string
	for _, v := range all {
		if len(some) > 0 && some[0] == v {
			some = some[1:]
			continue
		}
		out = append(out, v)
	}
	return out
}
