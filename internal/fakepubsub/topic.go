package fakepubsub

import (
	"context"
	"maps"
	"slices"
	"sync"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// deletedTopic is what subscriptions of a deleted topic name, as documented.
const deletedTopic = "_deleted-topic_"

// sink takes what a topic publishes: a subscription or a snapshot.
type sink interface{ add([]*message) }

// topic hands each published message to its sinks. mu is held while it does,
// so all sinks see one order and a seek sees all or nothing of a publish.
type topic struct {
	srv *Server

	mu    sync.Mutex
	cfg   *pubsubpb.Topic // replaced, never changed
	sinks []sink
}

// CreateTopic makes a topic.
func (s *Server) CreateTopic(_ context.Context, r *pubsubpb.Topic) (*pubsubpb.Topic, error) {
	if err := checkName("topics", r.Name); err != nil {
		return nil, err
	}
	if r.SchemaSettings != nil || r.IngestionDataSourceSettings != nil || len(r.MessageTransforms) > 0 {
		return nil, status.Error(codes.Unimplemented, "schemas, ingestion and transforms are not served here")
	}
	cfg := proto.CloneOf(r)
	cfg.State = pubsubpb.Topic_ACTIVE
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics[r.Name] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "topic already exists: %s", r.Name)
	}
	s.topics[r.Name] = &topic{srv: s, cfg: cfg}
	return cfg, nil
}

// GetTopic returns a topic.
func (s *Server) GetTopic(_ context.Context, r *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	t := s.topic(r.Topic)
	if t == nil {
		return nil, notFound("topic", r.Topic)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cfg, nil
}

// UpdateTopic changes labels and retention.
func (s *Server) UpdateTopic(_ context.Context, r *pubsubpb.UpdateTopicRequest) (*pubsubpb.Topic, error) {
	t := s.topic(r.GetTopic().GetName())
	if t == nil {
		return nil, notFound("topic", r.GetTopic().GetName())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	cfg := proto.CloneOf(t.cfg)
	if err := update(cfg, r.Topic, r.UpdateMask, "labels", "message_retention_duration"); err != nil {
		return nil, err
	}
	t.cfg = cfg
	return cfg, nil
}

// DeleteTopic removes a topic; its subscriptions keep their messages.
func (s *Server) DeleteTopic(_ context.Context, r *pubsubpb.DeleteTopicRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	t := s.topics[r.Topic]
	delete(s.topics, r.Topic)
	s.mu.Unlock()
	if t == nil {
		return nil, notFound("topic", r.Topic)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.sinks {
		if sub, ok := k.(*subscription); ok {
			sub.orphan()
		}
	}
	t.sinks = nil
	return &emptypb.Empty{}, nil
}

// ListTopics lists the topics of a project by name.
func (s *Server) ListTopics(ctx context.Context, r *pubsubpb.ListTopicsRequest) (*pubsubpb.ListTopicsResponse, error) {
	s.mu.RLock()
	names := within(r.Project, s.topics)
	s.mu.RUnlock()
	names, next := page(names, r.PageSize, r.PageToken)
	out := &pubsubpb.ListTopicsResponse{NextPageToken: next}
	for _, name := range names {
		if t, err := s.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: name}); err == nil {
			out.Topics = append(out.Topics, t)
		}
	}
	return out, nil
}

// ListTopicSubscriptions lists the names of a topic's subscriptions.
func (s *Server) ListTopicSubscriptions(_ context.Context, r *pubsubpb.ListTopicSubscriptionsRequest) (*pubsubpb.ListTopicSubscriptionsResponse, error) {
	t := s.topic(r.Topic)
	if t == nil {
		return nil, notFound("topic", r.Topic)
	}
	names, next := page(t.sinkNames(func(k sink) string {
		if sub, ok := k.(*subscription); ok {
			return sub.name
		}
		return ""
	}), r.PageSize, r.PageToken)
	return &pubsubpb.ListTopicSubscriptionsResponse{Subscriptions: names, NextPageToken: next}, nil
}

// ListTopicSnapshots lists the names of the snapshots of a topic's subscriptions.
func (s *Server) ListTopicSnapshots(_ context.Context, r *pubsubpb.ListTopicSnapshotsRequest) (*pubsubpb.ListTopicSnapshotsResponse, error) {
	t := s.topic(r.Topic)
	if t == nil {
		return nil, notFound("topic", r.Topic)
	}
	names, next := page(t.sinkNames(func(k sink) string {
		if snap, ok := k.(*snapshot); ok {
			return snap.name
		}
		return ""
	}), r.PageSize, r.PageToken)
	return &pubsubpb.ListTopicSnapshotsResponse{Snapshots: names, NextPageToken: next}, nil
}

func (t *topic) sinkNames(nameOf func(sink) string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var names []string
	for _, k := range t.sinks {
		if name := nameOf(k); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (t *topic) drop(k sink) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sinks = slices.DeleteFunc(t.sinks, func(o sink) bool { return o == k })
}

// within returns the sorted names under a project.
func within[T any](project string, all map[string]T) []string {
	names := slices.DeleteFunc(slices.Collect(maps.Keys(all)), func(name string) bool {
		return "projects/"+projectOf(name) != project
	})
	slices.Sort(names)
	return names
}
