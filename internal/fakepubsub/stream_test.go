package fakepubsub_test

import (
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// open starts a raw streaming pull.
func open(t *testing.T, c *pubsub.Client, first *pubsubpb.StreamingPullRequest) pubsubpb.Subscriber_StreamingPullClient {
	t.Helper()
	s, err := c.SubscriptionAdminClient.StreamingPull(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(first); err != nil {
		t.Fatal(err)
	}
	return s
}

// recvN receives exactly n messages.
func recvN(t *testing.T, s pubsubpb.Subscriber_StreamingPullClient, n int) (out []*pubsubpb.ReceivedMessage) {
	t.Helper()
	for len(out) < n {
		r, err := s.Recv()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r.ReceivedMessages...)
	}
	if len(out) > n {
		t.Fatalf("received %d messages, want %d", len(out), n)
	}
	return out
}

func TestStream_FlowControl(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		limit *pubsubpb.StreamingPullRequest
	}{
		{"messages", &pubsubpb.StreamingPullRequest{MaxOutstandingMessages: 5}},
		{"bytes", &pubsubpb.StreamingPullRequest{MaxOutstandingBytes: 5}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			srv, c := start(t)
			topic, name := create(t, c, "flow", &pubsubpb.Subscription{})
			publish(t, c, topic, 10, "") // of one byte each
			tc.limit.Subscription, tc.limit.StreamAckDeadlineSeconds, tc.limit.ProtocolVersion = name, 10, 1
			s := open(t, c, tc.limit)
			got := recvN(t, s, 5)
			// The answer to a ping comes after anything that was ready.
			if err := s.Send(&pubsubpb.StreamingPullRequest{}); err != nil {
				t.Fatal(err)
			}
			if r, err := s.Recv(); err != nil || len(r.ReceivedMessages) != 0 {
				t.Fatalf("after the limit: %v messages, error %v", len(r.GetReceivedMessages()), err)
			}
			if err := s.Send(&pubsubpb.StreamingPullRequest{AckIds: ackIDs(got[:3])}); err != nil {
				t.Fatal(err)
			}
			recvN(t, s, 3)
			if st := stats(t, srv, name); st.Outstanding != 5 || st.Acked != 3 {
				t.Errorf("stats %+v, want 5 outstanding and 3 acked", st)
			}
		})
	}
}

func TestStream_DeadlineCanBeChanged(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	topic, name := create(t, c, "deadline", &pubsubpb.Subscription{})
	s := open(t, c, &pubsubpb.StreamingPullRequest{Subscription: name, StreamAckDeadlineSeconds: 60, ProtocolVersion: 1})
	if err := s.Send(&pubsubpb.StreamingPullRequest{StreamAckDeadlineSeconds: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil { // the answer: the change is done
		t.Fatal(err)
	}
	publish(t, c, topic, 1, "")
	recvN(t, s, 1)
	began := time.Now()
	recvN(t, s, 1)
	if took := time.Since(began); took < 900*time.Millisecond || took > time.Second+late {
		t.Errorf("came back after %v, want 1 s", took)
	}
}

func TestStream_RefusesBadRequests(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	_, name := create(t, c, "refuse", &pubsubpb.Subscription{})
	good := &pubsubpb.StreamingPullRequest{Subscription: name, StreamAckDeadlineSeconds: 10}
	for _, tc := range []struct {
		name  string
		first *pubsubpb.StreamingPullRequest
		then  *pubsubpb.StreamingPullRequest
		want  codes.Code
	}{
		{"no such subscription", &pubsubpb.StreamingPullRequest{Subscription: name + "x", StreamAckDeadlineSeconds: 10}, nil, codes.NotFound},
		{"no deadline", &pubsubpb.StreamingPullRequest{Subscription: name}, nil, codes.InvalidArgument},
		{"deadline too long", &pubsubpb.StreamingPullRequest{Subscription: name, StreamAckDeadlineSeconds: 601}, nil, codes.InvalidArgument},
		{"subscription twice", good, good, codes.InvalidArgument},
		{"lengths differ", good, &pubsubpb.StreamingPullRequest{ModifyDeadlineAckIds: []string{"1"}}, codes.InvalidArgument},
		{"negative modack", good, &pubsubpb.StreamingPullRequest{ModifyDeadlineAckIds: []string{"1"}, ModifyDeadlineSeconds: []int32{-1}}, codes.InvalidArgument},
	} {
		s := open(t, c, tc.first)
		if tc.then != nil {
			if err := s.Send(tc.then); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Recv(); status.Code(err) != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestStream_EndsWithItsSubscription(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	_, name := create(t, c, "deleted", &pubsubpb.Subscription{})
	s := open(t, c, &pubsubpb.StreamingPullRequest{Subscription: name, StreamAckDeadlineSeconds: 10, ProtocolVersion: 1})
	if err := s.Send(&pubsubpb.StreamingPullRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	if err := c.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pubsubpb.DeleteSubscriptionRequest{Subscription: name}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("the stream ended with %v, want NotFound", err)
	}
}
