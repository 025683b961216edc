package fakepubsub_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/theriac/theriac/internal/fakepubsub"
)

func TestStart_RefusesAnAddressInUse(t *testing.T) {
	t.Parallel()
	srv, _ := start(t)
	if _, err := fakepubsub.Start(fakepubsub.Config{Addr: srv.Addr()}); err == nil || !strings.Contains(err.Error(), srv.Addr()) {
		t.Errorf("error %v, want one that names %s", err, srv.Addr())
	}
}

func TestPublish_Limits(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	topic, _ := create(t, c, "limits", &pubsubpb.Subscription{})
	attrs := func(n int, key, value string) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[key+string(rune('a'+i/26))+string(rune('a'+i%26))] = value
		}
		return m
	}
	for _, tc := range []struct {
		name string
		msg  *pubsubpb.PubsubMessage
		want codes.Code
	}{
		{"empty", &pubsubpb.PubsubMessage{}, codes.InvalidArgument},
		{"attribute only", &pubsubpb.PubsubMessage{Attributes: attrs(1, "k", "")}, codes.OK},
		{"100 attributes", &pubsubpb.PubsubMessage{Attributes: attrs(100, "k", "v")}, codes.OK},
		{"101 attributes", &pubsubpb.PubsubMessage{Attributes: attrs(101, "k", "v")}, codes.InvalidArgument},
		{"key of 256", &pubsubpb.PubsubMessage{Attributes: attrs(1, strings.Repeat("k", 254), "v")}, codes.OK},
		{"key of 257", &pubsubpb.PubsubMessage{Attributes: attrs(1, strings.Repeat("k", 255), "v")}, codes.InvalidArgument},
		{"value of 1024", &pubsubpb.PubsubMessage{Attributes: attrs(1, "k", strings.Repeat("v", 1024))}, codes.OK},
		{"value of 1025", &pubsubpb.PubsubMessage{Attributes: attrs(1, "k", strings.Repeat("v", 1025))}, codes.InvalidArgument},
		{"reserved key", &pubsubpb.PubsubMessage{Attributes: attrs(1, "goog", "v")}, codes.InvalidArgument},
		{"ordering key of 1025", &pubsubpb.PubsubMessage{Data: []byte("x"), OrderingKey: strings.Repeat("k", 1025)}, codes.InvalidArgument},
	} {
		_, err := c.TopicAdminClient.Publish(t.Context(), &pubsubpb.PublishRequest{Topic: topic, Messages: []*pubsubpb.PubsubMessage{tc.msg}})
		if status.Code(err) != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestSubscription_RefusesWhatIsNotServed(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	topic, taken := create(t, c, "refused", &pubsubpb.Subscription{})
	const name = project + "/subscriptions/new"
	for _, tc := range []struct {
		name string
		sub  *pubsubpb.Subscription
		want codes.Code
	}{
		{"filter", &pubsubpb.Subscription{Name: name, Topic: topic, Filter: "attributes:x"}, codes.Unimplemented},
		{"push", &pubsubpb.Subscription{Name: name, Topic: topic, PushConfig: &pubsubpb.PushConfig{PushEndpoint: "https://x"}}, codes.Unimplemented},
		{"bad name", &pubsubpb.Subscription{Name: "new", Topic: topic}, codes.InvalidArgument},
		{"reserved id", &pubsubpb.Subscription{Name: project + "/subscriptions/google", Topic: topic}, codes.InvalidArgument},
		{"no topic", &pubsubpb.Subscription{Name: name, Topic: topic + "x"}, codes.NotFound},
		{"taken", &pubsubpb.Subscription{Name: taken, Topic: topic}, codes.AlreadyExists},
		{"deadline", &pubsubpb.Subscription{Name: name, Topic: topic, AckDeadlineSeconds: 601}, codes.InvalidArgument},
		{"attempts", &pubsubpb.Subscription{Name: name, Topic: topic, DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{MaxDeliveryAttempts: 4}}, codes.InvalidArgument},
		{"backoff", &pubsubpb.Subscription{Name: name, Topic: topic, RetryPolicy: &pubsubpb.RetryPolicy{MaximumBackoff: &durationpb.Duration{Seconds: 601}}}, codes.InvalidArgument},
	} {
		if _, err := c.SubscriptionAdminClient.CreateSubscription(t.Context(), tc.sub); status.Code(err) != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestUpdate_ChangesOnlyWhatTheMaskNames(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	_, name := create(t, c, "update", &pubsubpb.Subscription{Labels: map[string]string{"a": "b"}})
	admin := c.SubscriptionAdminClient
	change := func(paths ...string) (*pubsubpb.Subscription, error) {
		return admin.UpdateSubscription(t.Context(), &pubsubpb.UpdateSubscriptionRequest{
			Subscription: &pubsubpb.Subscription{Name: name, AckDeadlineSeconds: 33, EnableMessageOrdering: true},
			UpdateMask:   &fieldmaskpb.FieldMask{Paths: paths},
		})
	}
	got, err := change("ack_deadline_seconds")
	if err != nil {
		t.Fatal(err)
	}
	if got.AckDeadlineSeconds != 33 || got.Labels["a"] != "b" || got.EnableMessageOrdering {
		t.Errorf("after the update: %v", got)
	}
	if got, err = change("labels"); err != nil || len(got.Labels) != 0 {
		t.Errorf("labels %v, error %v: want none", got.GetLabels(), err)
	}
	for _, paths := range [][]string{{"enable_message_ordering"}, {"nonsense"}, nil} {
		if _, err := change(paths...); status.Code(err) != codes.InvalidArgument {
			t.Errorf("mask %v: %v, want InvalidArgument", paths, err)
		}
	}
}

func TestList_PagesAndForgetsTheDeleted(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	for _, id := range []string{"list-c", "list-a", "list-b"} {
		create(t, c, id, &pubsubpb.Subscription{})
	}
	if err := c.TopicAdminClient.DeleteTopic(t.Context(), &pubsubpb.DeleteTopicRequest{Topic: project + "/topics/list-b"}); err != nil {
		t.Fatal(err)
	}
	var topics, subs []string
	it := c.TopicAdminClient.ListTopics(t.Context(), &pubsubpb.ListTopicsRequest{Project: project, PageSize: 1})
	for {
		topic, err := it.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		topics = append(topics, topic.Name)
	}
	si := c.SubscriptionAdminClient.ListSubscriptions(t.Context(), &pubsubpb.ListSubscriptionsRequest{Project: project, PageSize: 2})
	for {
		sub, err := si.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, sub.Name+" of "+sub.Topic)
	}
	if diff := cmp.Diff([]string{project + "/topics/list-a", project + "/topics/list-c"}, topics); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
	if len(subs) != 3 || !slices.IsSorted(subs) || !strings.HasSuffix(subs[1], "of _deleted-topic_") {
		t.Errorf("subscriptions %v: want three in order, the second without its topic", subs)
	}
	ts := c.TopicAdminClient.ListTopicSubscriptions(t.Context(), &pubsubpb.ListTopicSubscriptionsRequest{Topic: project + "/topics/list-a"})
	if name, err := ts.Next(); err != nil || name != project+"/subscriptions/list-a" {
		t.Errorf("subscriptions of the topic: %q, %v", name, err)
	}
}
