package fakepubsub

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// snapshot holds what a subscription had not acknowledged when it was taken and
// all that its topic published since.
type snapshot struct {
	name  string
	topic *topic
	cfg   *pubsubpb.Snapshot

	mu   sync.Mutex
	msgs []*message
}

func (n *snapshot) add(msgs []*message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.msgs = append(n.msgs, msgs...)
}

// CreateSnapshot takes a snapshot of a subscription.
func (s *Server) CreateSnapshot(_ context.Context, r *pubsubpb.CreateSnapshotRequest) (*pubsubpb.Snapshot, error) {
	if err := checkName("snapshots", r.Name); err != nil {
		return nil, err
	}
	sub := s.subscription(r.Subscription)
	if sub == nil {
		return nil, notFound("subscription", r.Subscription)
	}
	sub.topic.mu.Lock()
	defer sub.topic.mu.Unlock()
	snap := sub.snapshot(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snapshots[r.Name] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "snapshot already exists: %s", r.Name)
	}
	s.snapshots[r.Name] = snap
	sub.topic.sinks = append(sub.topic.sinks, snap)
	return snap.cfg, nil
}

func (s *subscription) snapshot(r *pubsubpb.CreateSnapshotRequest) *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &snapshot{
		name:  r.Name,
		topic: s.topic,
		cfg: &pubsubpb.Snapshot{
			Name: r.Name, Topic: s.cfg.Topic, Labels: r.Labels,
			ExpireTime: timestamppb.New(time.Now().Add(s.cfg.MessageRetentionDuration.AsDuration())),
		},
		msgs: s.held(),
	}
}

// GetSnapshot returns a snapshot.
func (s *Server) GetSnapshot(_ context.Context, r *pubsubpb.GetSnapshotRequest) (*pubsubpb.Snapshot, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	snap := s.snapshots[r.Snapshot]
	if snap == nil {
		return nil, notFound("snapshot", r.Snapshot)
	}
	return snap.cfg, nil
}

// ListSnapshots lists the snapshots of a project by name.
func (s *Server) ListSnapshots(_ context.Context, r *pubsubpb.ListSnapshotsRequest) (*pubsubpb.ListSnapshotsResponse, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names, next := page(within(r.Project, s.snapshots), r.PageSize, r.PageToken)
	out := &pubsubpb.ListSnapshotsResponse{NextPageToken: next}
	for _, name := range names {
		out.Snapshots = append(out.Snapshots, s.snapshots[name].cfg)
	}
	return out, nil
}

// DeleteSnapshot removes a snapshot.
func (s *Server) DeleteSnapshot(_ context.Context, r *pubsubpb.DeleteSnapshotRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	snap := s.snapshots[r.Snapshot]
	delete(s.snapshots, r.Snapshot)
	s.mu.Unlock()
	if snap == nil {
		return nil, notFound("snapshot", r.Snapshot)
	}
	snap.topic.drop(snap)
	return &emptypb.Empty{}, nil
}

// Seek makes a subscription hold what a snapshot holds, or all messages it
// still has that were published at a time or later. All its leases end.
func (s *Server) Seek(_ context.Context, r *pubsubpb.SeekRequest) (*pubsubpb.SeekResponse, error) {
	sub := s.subscription(r.Subscription)
	if sub == nil {
		return nil, notFound("subscription", r.Subscription)
	}
	var snap *snapshot
	if name := r.GetSnapshot(); name != "" {
		s.mu.RLock()
		snap = s.snapshots[name]
		s.mu.RUnlock()
		if snap == nil {
			return nil, notFound("snapshot", name)
		}
		if snap.topic != sub.topic {
			return nil, status.Errorf(codes.FailedPrecondition, "snapshot %s is of another topic than %s", name, r.Subscription)
		}
	} else if r.GetTime() == nil {
		return nil, status.Error(codes.InvalidArgument, "a seek needs a time or a snapshot")
	}
	sub.topic.mu.Lock() // no publish may fall between snapshot and subscription
	defer sub.topic.mu.Unlock()
	sub.seek(snap, r.GetTime().AsTime())
	return &pubsubpb.SeekResponse{}, nil
}

func (s *subscription) seek(snap *snapshot, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := append(s.held(), s.retained...)
	var keep []*message
	if snap != nil {
		snap.mu.Lock()
		keep = slices.Clone(snap.msgs)
		snap.mu.Unlock()
	} else {
		for _, m := range known {
			if !m.pb.PublishTime.AsTime().Before(since) {
				keep = append(keep, m)
			}
		}
	}
	slices.SortFunc(keep, func(a, b *message) int { return cmp.Compare(a.seq, b.seq) })
	keep = slices.CompactFunc(keep, func(a, b *message) bool { return a.seq == b.seq })
	s.clear(time.Now())
	for _, m := range keep {
		s.addOne(m)
	}
	if s.cfg.RetainAckedMessages {
		s.retained = missing(known, keep)
	}
	s.rouse()
}

// held returns every unacknowledged message.
func (s *subscription) held() []*message {
	var out []*message
	ready := func(q *queue[*item]) {
		for i := range q.len() {
			if it := q.at(i); !it.acked {
				out = append(out, it.message)
			}
		}
	}
	ready(&s.fresh)
	ready(&s.again)
	for _, it := range s.leases {
		if it.key == nil {
			out = append(out, it.message)
		}
	}
	for _, bucket := range s.waiting.buckets {
		for _, it := range bucket {
			out = append(out, it.message)
		}
	}
	for _, k := range s.keys {
		ready(&k.inflight)
		ready(&k.pending)
	}
	return out
}

// missing returns the messages of all that are not in kept.
func missing(all, kept []*message) []*message {
	in := make(map[uint64]bool, len(kept))
	for _, m := range kept {
		in[m.seq] = true
	}
	return slices.DeleteFunc(all, func(m *message) bool { return in[m.seq] })
}
