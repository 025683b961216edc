package fakepubsub_test

import (
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestExactlyOnce_ClientLearnsWhetherItsAckCounted(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	topic, name := create(t, c, "once", &pubsubpb.Subscription{EnableExactlyOnceDelivery: true})
	publish(t, c, topic, 1, "in time")
	publish(t, c, topic, 1, "late")
	settled := make(chan bool, 2)
	inTime := make(chan struct{})
	gather(t, c.Subscriber(name), func(m *pubsub.Message) bool {
		want := pubsub.AcknowledgeStatus(pubsub.AcknowledgeStatusSuccess)
		if m.OrderingKey == "late" {
			<-inTime
			expire(t, c, name) // the lease ends under the client's feet
			want = pubsub.AcknowledgeStatusInvalidAckID
		}
		if got, err := m.AckWithResult().Get(t.Context()); got != want {
			t.Errorf("%s: status %v, want %v; error %v", m.OrderingKey, got, want, err)
		}
		if m.OrderingKey == "in time" {
			close(inTime)
		}
		settled <- true
		return len(settled) == 2
	})
	if got := stats(t, srv, name).Acked; got != 1 {
		t.Errorf("%d acked, want 1", got)
	}
}

// expire ends all leases of a subscription by a seek to the end of time.
func expire(t *testing.T, c *pubsub.Client, name string) {
	t.Helper()
	_, err := c.SubscriptionAdminClient.Seek(t.Context(), &pubsubpb.SeekRequest{
		Subscription: name, Target: &pubsubpb.SeekRequest_Time{Time: timestamppb.New(time.Now().Add(time.Hour))},
	})
	if err != nil {
		t.Error(err)
	}
}

func TestExactlyOnce_MixedRequestSettlesNothingAndTellsWhich(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	topic, name := create(t, c, "mixed", &pubsubpb.Subscription{EnableExactlyOnceDelivery: true})
	publish(t, c, topic, 1, "")
	good := pullOne(t, c, name)
	err := c.SubscriptionAdminClient.Acknowledge(t.Context(), &pubsubpb.AcknowledgeRequest{
		Subscription: name, AckIds: []string{good.AckId, "bad id"},
	})
	e, ok := apierror.FromError(err)
	if !ok {
		t.Fatalf("error %v has no details", err)
	}
	want := map[string]string{
		good.AckId: "TRANSIENT_FAILURE_INVALID_ACK_ID_IN_REQUEST",
		"bad id":   "PERMANENT_FAILURE_INVALID_ACK_ID",
	}
	if diff := cmp.Diff(want, e.Metadata()); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	if got := stats(t, srv, name); got.Acked != 0 || got.Outstanding != 1 {
		t.Errorf("stats %+v, want nothing settled", got)
	}
}

func TestExactlyOnce_StreamConfirms(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	topic, name := create(t, c, "confirm", &pubsubpb.Subscription{EnableExactlyOnceDelivery: true})
	publish(t, c, topic, 2, "")
	s := open(t, c, &pubsubpb.StreamingPullRequest{Subscription: name, StreamAckDeadlineSeconds: 10})
	got := recvN(t, s, 2)
	err := s.Send(&pubsubpb.StreamingPullRequest{
		AckIds:               []string{got[0].AckId, "bad id"},
		ModifyDeadlineAckIds: []string{got[1].AckId, "worse id"}, ModifyDeadlineSeconds: []int32{30, 30},
	})
	if err != nil {
		t.Fatal(err)
	}
	var acks *pubsubpb.StreamingPullResponse_AcknowledgeConfirmation
	var modacks *pubsubpb.StreamingPullResponse_ModifyAckDeadlineConfirmation
	for acks == nil || modacks == nil {
		r, err := s.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if r.AcknowledgeConfirmation != nil {
			acks = r.AcknowledgeConfirmation
		}
		if r.ModifyAckDeadlineConfirmation != nil {
			modacks = r.ModifyAckDeadlineConfirmation
		}
		if !r.SubscriptionProperties.ExactlyOnceDeliveryEnabled {
			t.Error("the response does not say that delivery is exactly once")
		}
	}
	for _, tc := range []struct{ got, want []string }{
		{acks.AckIds, []string{got[0].AckId}}, {acks.InvalidAckIds, []string{"bad id"}},
		{modacks.AckIds, []string{got[1].AckId}}, {modacks.InvalidAckIds, []string{"worse id"}},
	} {
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("confirmation (-want +got):\n%s", diff)
		}
	}
}
