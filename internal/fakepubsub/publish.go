package fakepubsub

import (
	"context"
	"strconv"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Documented limits of one publish request.
const (
	maxPublishMessages   = 1000
	maxAttributes        = 100
	maxAttributeKey      = 256
	maxAttributeValue    = 1024
	maxOrderingKey       = 1024
	maxPublishTotalBytes = maxMessageBytes
)

// Publish gives each message an id and a time and hands it to the topic's
// subscriptions.
func (s *Server) Publish(_ context.Context, r *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	t := s.topic(r.Topic)
	if t == nil {
		return nil, notFound("topic", r.Topic)
	}
	if err := checkPublish(r.Messages); err != nil {
		return nil, err
	}
	return &pubsubpb.PublishResponse{MessageIds: t.publish(r.Messages)}, nil
}

// publish takes the messages over and returns their ids.
func (t *topic) publish(pbs []*pubsubpb.PubsubMessage) []string {
	msgs := make([]*message, len(pbs))
	ids := make([]string, len(pbs))
	t.mu.Lock()
	defer t.mu.Unlock()
	now := timestamppb.Now()
	seq := t.srv.messageIDs.Add(uint64(len(pbs))) - uint64(len(pbs))
	for i, pb := range pbs {
		seq++
		ids[i] = strconv.FormatUint(seq, 10)
		pb.MessageId, pb.PublishTime = ids[i], now
		msgs[i] = &message{pb: pb, seq: seq, size: sizeOf(pb)}
	}
	for _, k := range t.sinks {
		k.add(msgs)
	}
	return ids
}

// sizeOf is what counts against the limits: data, attributes and ordering key.
func sizeOf(m *pubsubpb.PubsubMessage) int {
	n := len(m.Data) + len(m.OrderingKey)
	for k, v := range m.Attributes {
		n += len(k) + len(v)
	}
	return n
}

func checkPublish(msgs []*pubsubpb.PubsubMessage) error {
	if len(msgs) == 0 || len(msgs) > maxPublishMessages {
		return status.Errorf(codes.InvalidArgument, "the request has %d messages: want 1 to %d", len(msgs), maxPublishMessages)
	}
	total := 0
	for _, m := range msgs {
		if err := checkMessage(m); err != nil {
			return err
		}
		total += sizeOf(m)
	}
	if total > maxPublishTotalBytes {
		return status.Errorf(codes.InvalidArgument, "the request has %d bytes: at most %d", total, maxPublishTotalBytes)
	}
	return nil
}

func checkMessage(m *pubsubpb.PubsubMessage) error {
	bad := func(what string, n, limit int) error {
		return status.Errorf(codes.InvalidArgument, "%s: %d, at most %d", what, n, limit)
	}
	switch {
	case len(m.Data) == 0 && len(m.Attributes) == 0:
		return status.Error(codes.InvalidArgument, "a message must have data or at least one attribute")
	case len(m.Attributes) > maxAttributes:
		return bad("too many attributes", len(m.Attributes), maxAttributes)
	case len(m.OrderingKey) > maxOrderingKey:
		return bad("the ordering key is too long", len(m.OrderingKey), maxOrderingKey)
	case len(m.Data) > maxMessageBytes:
		return bad("the data is too long", len(m.Data), maxMessageBytes)
	}
	for k, v := range m.Attributes {
		switch {
		case k == "" || strings.HasPrefix(k, "goog"):
			return status.Error(codes.InvalidArgument, "an attribute key must not be empty and not start with goog")
		case len(k) > maxAttributeKey:
			return bad("an attribute key is too long", len(k), maxAttributeKey)
		case len(v) > maxAttributeValue:
			return bad("an attribute value is too long", len(v), maxAttributeValue)
		}
	}
	return nil
}
