package gcppubsub

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

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
	inner, cancel := context.WithCancel(ctx)
	s, err := streamer(inner, desc, cc, method, opts...)
	if err != nil {
		cancel()
		if passing(err) {
			c.tellAll(func(to *receiver) { to.trouble(err) })
		}
		return nil, err
	}
	return &pullStream{ClientStream: s, client: c, outer: ctx, cancel: cancel}, nil
}

// pullStream is a streaming pull that can be halted: the broker sees it end,
// the client does not. So the client goes on to keep leases and to settle,
// which it would not do after an end of its stream.
type pullStream struct {
	grpc.ClientStream
	client *Client
	outer  context.Context // of the client's call
	cancel context.CancelFunc

	subscription string // known by the first request, before anything is received

	sendMu sync.Mutex // guards what follows, and sending
	halted bool
	cutoff *time.Timer
}

// haltGrace is how long a halted stream may take to bring what is on its way.
const haltGrace = 500 * time.Millisecond

// halt asks the broker to end the stream. What it sent before still comes.
func (s *pullStream) halt() {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	if s.halted {
		return
	}
	s.halted = true
	s.cutoff = time.AfterFunc(haltGrace, s.cancel)
	if s.ClientStream.CloseSend() != nil {
		s.cancel()
	}
}

// SendMsg implements grpc.ClientStream.
func (s *pullStream) SendMsg(m any) error {
	first, err := s.send(m)
	if first && err == nil {
		s.client.tell(s.subscription, func(to *receiver) { to.opened(s) })
	}
	return err
}

func (s *pullStream) send(m any) (first bool, err error) {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	if s.halted {
		return false, nil // a ping of the client
	}
	if r, ok := m.(*pubsubpb.StreamingPullRequest); ok && r.Subscription != "" {
		s.subscription, first = r.Subscription, true
	}
	return first, s.ClientStream.SendMsg(m)
}

// RecvMsg implements grpc.ClientStream.
func (s *pullStream) RecvMsg(m any) error {
	s.client.tell(s.subscription, (*receiver).letBegin)
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		if r, ok := m.(*pubsubpb.StreamingPullResponse); ok {
			s.client.tell(s.subscription, func(to *receiver) { to.received(len(r.ReceivedMessages)) })
		}
		return nil
	}
	halted := s.end()
	s.client.tell(s.subscription, func(to *receiver) {
		to.ended(s)
		if !halted && !errors.Is(err, io.EOF) && passing(err) {
			to.trouble(err)
		}
	})
	if halted {
		<-s.outer.Done()
		return status.FromContextError(s.outer.Err()).Err()
	}
	return err
}

// end releases what the stream holds and reports whether it had been halted.
func (s *pullStream) end() (halted bool) {
	s.cancel()
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	if s.cutoff != nil {
		s.cutoff.Stop()
	}
	return s.halted
}

// passing reports whether an error of a call is trouble that can pass.
func passing(err error) bool {
	return status.Code(err) != codes.Canceled && !lasting(err)
}
