package fakepubsub

import (
	"context"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// CreateSubscription makes a subscription, which gets what is published from
// now on.
func (s *Server) CreateSubscription(_ context.Context, r *pubsubpb.Subscription) (*pubsubpb.Subscription, error) {
	cfg := proto.CloneOf(r)
	if err := s.normalise(cfg); err != nil {
		return nil, err
	}
	t := s.topic(r.Topic)
	if t == nil {
		return nil, notFound("topic", r.Topic)
	}
	sub := newSubscription(s, t, cfg)
	t.mu.Lock()
	defer t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subs[r.Name] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "subscription already exists: %s", r.Name)
	}
	s.subs[r.Name] = sub
	t.sinks = append(t.sinks, sub)
	return cfg, nil
}

// normalise checks a subscription and fills its documented defaults in.
func (s *Server) normalise(cfg *pubsubpb.Subscription) error {
	if err := checkName("subscriptions", cfg.Name); err != nil {
		return err
	}
	switch {
	case cfg.Filter != "":
		return status.Error(codes.Unimplemented, "filters are not served here")
	case cfg.PushConfig.GetPushEndpoint() != "" || cfg.BigqueryConfig != nil || cfg.CloudStorageConfig != nil || len(cfg.MessageTransforms) > 0:
		return status.Error(codes.Unimplemented, "only pull subscriptions without transforms are served here")
	}
	if cfg.AckDeadlineSeconds == 0 {
		cfg.AckDeadlineSeconds = max(defaultAckDeadlineSeconds, s.cfg.MinAckDeadlineSeconds)
	}
	if cfg.AckDeadlineSeconds < s.cfg.MinAckDeadlineSeconds || cfg.AckDeadlineSeconds > maxAckDeadlineSeconds {
		return status.Errorf(codes.InvalidArgument, "ack_deadline_seconds is %d: want %d to %d",
			cfg.AckDeadlineSeconds, s.cfg.MinAckDeadlineSeconds, maxAckDeadlineSeconds)
	}
	if n := cfg.DeadLetterPolicy.GetMaxDeliveryAttempts(); n != 0 && (n < 5 || n > 100) {
		return status.Errorf(codes.InvalidArgument, "max_delivery_attempts is %d: want 5 to 100", n)
	}
	if err := checkRetryPolicy(cfg.RetryPolicy); err != nil {
		return err
	}
	if cfg.MessageRetentionDuration == nil {
		cfg.MessageRetentionDuration = durationpb.New(7 * 24 * time.Hour)
	}
	cfg.State = pubsubpb.Subscription_ACTIVE
	return nil
}

func checkRetryPolicy(p *pubsubpb.RetryPolicy) error {
	for _, d := range []*durationpb.Duration{p.GetMinimumBackoff(), p.GetMaximumBackoff()} {
		if v := d.AsDuration(); v < 0 || v > defaultMaxBackoff {
			return status.Errorf(codes.InvalidArgument, "a backoff of the retry policy is %v: want 0 to %v", v, defaultMaxBackoff)
		}
	}
	return nil
}

// GetSubscription returns a subscription.
func (s *Server) GetSubscription(_ context.Context, r *pubsubpb.GetSubscriptionRequest) (*pubsubpb.Subscription, error) {
	sub := s.subscription(r.Subscription)
	if sub == nil {
		return nil, notFound("subscription", r.Subscription)
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.cfg, nil
}

// UpdateSubscription changes what may be changed of a subscription.
func (s *Server) UpdateSubscription(_ context.Context, r *pubsubpb.UpdateSubscriptionRequest) (*pubsubpb.Subscription, error) {
	name := r.GetSubscription().GetName()
	sub := s.subscription(name)
	if sub == nil {
		return nil, notFound("subscription", name)
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	cfg := proto.CloneOf(sub.cfg)
	err := update(cfg, r.Subscription, r.UpdateMask, "ack_deadline_seconds", "labels", "retry_policy", "dead_letter_policy",
		"message_retention_duration", "retain_acked_messages", "enable_exactly_once_delivery", "expiration_policy")
	if err != nil {
		return nil, err
	}
	if err := s.normalise(cfg); err != nil {
		return nil, err
	}
	if !cfg.RetainAckedMessages {
		sub.retained = nil
	}
	sub.cfg = cfg
	return cfg, nil
}

// DeleteSubscription removes a subscription and all its messages, and ends its
// streams.
func (s *Server) DeleteSubscription(_ context.Context, r *pubsubpb.DeleteSubscriptionRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	sub := s.subs[r.Subscription]
	delete(s.subs, r.Subscription)
	s.mu.Unlock()
	if sub == nil {
		return nil, notFound("subscription", r.Subscription)
	}
	sub.topic.drop(sub)
	sub.change(func(now time.Time) {
		sub.deleted = true
		sub.clear(now)
		for _, st := range sub.streams {
			st.rouse()
		}
	})
	return &emptypb.Empty{}, nil
}

// ListSubscriptions lists the subscriptions of a project by name.
func (s *Server) ListSubscriptions(ctx context.Context, r *pubsubpb.ListSubscriptionsRequest) (*pubsubpb.ListSubscriptionsResponse, error) {
	s.mu.RLock()
	names := within(r.Project, s.subs)
	s.mu.RUnlock()
	names, next := page(names, r.PageSize, r.PageToken)
	out := &pubsubpb.ListSubscriptionsResponse{NextPageToken: next}
	for _, name := range names {
		if sub, err := s.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: name}); err == nil {
			out.Subscriptions = append(out.Subscriptions, sub)
		}
	}
	return out, nil
}

// orphan notes that the topic was deleted.
func (s *subscription) orphan() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg = proto.CloneOf(s.cfg)
	s.cfg.Topic = deletedTopic
}
