package fakepubsub

import (
	"context"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Reasons that clients of exactly-once subscriptions look for, one per ack id.
const (
	reasonInvalidAckID = "PERMANENT_FAILURE_INVALID_ACK_ID"
	reasonTryAgain     = "TRANSIENT_FAILURE_INVALID_ACK_ID_IN_REQUEST"
)

// maxPullWait is how long a unary pull waits for a first message.
const maxPullWait = 5 * time.Second

// maxPullMessages is the documented most that one pull returns.
const maxPullMessages = 1000

// Acknowledge ends deliveries for good.
func (s *Server) Acknowledge(_ context.Context, r *pubsubpb.AcknowledgeRequest) (*emptypb.Empty, error) {
	return s.settle(r.Subscription, r.AckIds, func(sub *subscription, live []*item, _ time.Time) { sub.ack(live) })
}

// ModifyAckDeadline changes when leases end; 0 is a nack.
func (s *Server) ModifyAckDeadline(_ context.Context, r *pubsubpb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	if err := checkModack(r.AckDeadlineSeconds); err != nil {
		return nil, err
	}
	d := time.Duration(r.AckDeadlineSeconds) * time.Second
	return s.settle(r.Subscription, r.AckIds, func(sub *subscription, live []*item, now time.Time) { sub.modack(live, d, now) })
}

func checkModack(seconds int32) error {
	if seconds < 0 || seconds > maxAckDeadlineSeconds {
		return status.Errorf(codes.InvalidArgument, "the ack deadline is %d s: want 0 to %d", seconds, maxAckDeadlineSeconds)
	}
	return nil
}

// settle applies f to the running leases among ackIDs. With exactly-once
// delivery a bad id fails the request; nothing of it is applied then, and the
// good ids are reported as worth another try, because the Go client takes an id
// that a failed request does not mention for lost.
func (s *Server) settle(name string, ackIDs []string, f func(*subscription, []*item, time.Time)) (*emptypb.Empty, error) {
	sub := s.subscription(name)
	if sub == nil {
		return nil, notFound("subscription", name)
	}
	if len(ackIDs) == 0 {
		return nil, status.Error(codes.InvalidArgument, "ack_ids is empty")
	}
	var refused []string
	sub.change(func(now time.Time) {
		live, bad := sub.find(ackIDs)
		if len(bad) > 0 && sub.cfg.EnableExactlyOnceDelivery {
			refused = bad
			return
		}
		f(sub, live, now)
	})
	if len(refused) > 0 {
		return nil, refusal(ackIDs, refused)
	}
	return &emptypb.Empty{}, nil
}

func refusal(ackIDs, bad []string) error {
	reasons := make(map[string]string, len(ackIDs))
	for _, id := range ackIDs {
		reasons[id] = reasonTryAgain
	}
	for _, id := range bad {
		reasons[id] = reasonInvalidAckID
	}
	st := status.New(codes.FailedPrecondition, "some acknowledgement ids are invalid or have expired")
	detailed, err := st.WithDetails(&errdetails.ErrorInfo{Reason: "EXACTLY_ONCE_ACKID_FAILURE", Domain: "pubsub.googleapis.com", Metadata: reasons})
	if err != nil {
		return st.Err()
	}
	return detailed.Err()
}

// Pull hands out messages once; it waits a few seconds for the first.
func (s *Server) Pull(ctx context.Context, r *pubsubpb.PullRequest) (*pubsubpb.PullResponse, error) {
	sub := s.subscription(r.Subscription)
	if sub == nil {
		return nil, notFound("subscription", r.Subscription)
	}
	if r.MaxMessages <= 0 {
		return nil, status.Error(codes.InvalidArgument, "max_messages must be positive")
	}
	st := newStream(int(min(r.MaxMessages, maxPullMessages)))
	sub.attach(st)
	defer sub.detach(st)
	wait := time.NewTimer(maxPullWait)
	defer wait.Stop()
	for {
		out, err := sub.collect(st)
		if err != nil {
			return nil, err
		}
		if len(out) > 0 {
			return &pubsubpb.PullResponse{ReceivedMessages: out[0].ReceivedMessages}, nil
		}
		//nolint:staticcheck // deprecated by the API, still sent by clients
		if r.ReturnImmediately {
			return &pubsubpb.PullResponse{}, nil
		}
		select {
		case <-st.wake:
		case <-wait.C:
			return &pubsubpb.PullResponse{}, nil
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
}
