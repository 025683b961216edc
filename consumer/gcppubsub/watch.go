package gcppubsub

import (
	"context"
	"errors"
	"io"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// watchCall sees every unary call of the client. It counts what was settled on
// the wire, and reports trouble, since the client drops the errors of acks.
func (c *Client) watchCall(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, cc, opts...)
	switch r := req.(type) {
	case *pubsubpb.AcknowledgeRequest:
		c.tell(r.Subscription, func(to *receiver) { to.sent(len(r.AckIds), 0, err) })
	case *pubsubpb.ModifyAckDeadlineRequest:
		nacks := 0
		if r.AckDeadlineSeconds == 0 {
			nacks = len(r.AckIds)
		}
		c.tell(r.Subscription, func(to *receiver) { to.sent(0, nacks, err) })
	}
	return err
}

// watchStream sees every streaming pull of the client, which retries without
// telling anybody.
func (c *Client) watchStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := streamer(ctx, desc, cc, method, opts...)
	if err != nil {
		if passing(err) {
			c.tell("", func(to *receiver) { to.trouble(err) })
		}
		return nil, err
	}
	return &watchedStream{ClientStream: s, client: c}, nil
}

type watchedStream struct {
	grpc.ClientStream
	client       *Client
	subscription string // known by the first request, before anything is received
}

// SendMsg implements grpc.ClientStream.
func (s *watchedStream) SendMsg(m any) error {
	r, ok := m.(*pubsubpb.StreamingPullRequest)
	first := ok && r.Subscription != ""
	if first {
		s.subscription = r.Subscription
	}
	err := s.ClientStream.SendMsg(m)
	if first && err == nil {
		s.client.tell(s.subscription, (*receiver).opened)
	}
	return err
}

// RecvMsg implements grpc.ClientStream.
func (s *watchedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	switch {
	case err == nil:
		s.client.tell(s.subscription, (*receiver).mended)
	case !errors.Is(err, io.EOF) && passing(err):
		s.client.tell(s.subscription, func(to *receiver) { to.trouble(err) })
	}
	return err
}

// passing reports whether an error of a call is trouble that can pass.
func passing(err error) bool {
	return status.Code(err) != codes.Canceled && !lasting(err)
}
