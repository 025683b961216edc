package main

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// project is the one that the broker's names belong to.
const project = "bench"

// lease is what all stacks ask for, so that none extends more often.
const lease = 10 * time.Second

// stack receives until ctx ends and calls count for each message it processed.
type stack func(ctx context.Context, o order, count func()) error

// stacks are all that can be compared, raw first.
func stacks() []string { return append([]string{"raw", "recover", "watermill"}, ours()...) }

// others can be chosen besides: they answer a question that most do not have.
func others() []string { return []string{withWindows, withTable} }

// withWindows is raw with the gRPC windows that gcppubsub asks for: whether those
// alone make the difference.
const withWindows = "raw-windows"

// ours are the stacks of this module, by the store that is attached.
func ours() []string { return []string{withSQLite, withPostgres} }

func stackOf(name string) (stack, error) {
	switch name {
	case "raw", withWindows:
		return raw, nil
	case "recover":
		return recovered, nil
	case "watermill":
		return watermilled, nil
	case withSQLite, withPostgres, withTable:
		return theriac, nil
	default:
		return nil, fmt.Errorf("there is no stack %q: choose from %v", name, append(stacks(), others()...))
	}
}

// connect returns a client with the options that gcppubsub uses too, but for its
// windows.
func connect(ctx context.Context, addr string, more ...option.ClientOption) (*pubsub.Client, error) {
	client, err := pubsub.NewClient(ctx, project, append(more, option.WithEndpoint(addr), option.WithoutAuthentication(),
		option.WithTelemetryDisabled(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))...)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	return client, nil
}

// receive hands every message of the subscription to take, with the settings
// that gcppubsub chooses too.
func receive(ctx context.Context, o order, take func(context.Context, *pubsub.Message)) error {
	var windows []option.ClientOption
	if o.Stack == withWindows {
		windows = []option.ClientOption{
			option.WithGRPCDialOption(grpc.WithInitialWindowSize(16 << 20)),
			option.WithGRPCDialOption(grpc.WithInitialConnWindowSize(16 << 20)),
		}
	}
	client, err := connect(ctx, o.Broker, windows...)
	if err != nil {
		return err
	}
	defer client.Close()
	sub := client.Subscriber(o.Subscription)
	sub.ReceiveSettings.NumGoroutines = o.Streams
	sub.ReceiveSettings.MaxOutstandingMessages = o.Outstanding
	sub.ReceiveSettings.MaxDurationPerAckExtension = lease
	sub.ReceiveSettings.MinDurationPerAckExtension = lease
	return sub.Receive(ctx, take)
}

// raw is the client as its documentation shows it.
func raw(ctx context.Context, o order, count func()) error {
	return receive(ctx, o, func(_ context.Context, m *pubsub.Message) {
		count()
		m.Ack()
	})
}

// recovered is what one writes by hand after the first panic in production.
func recovered(ctx context.Context, o order, count func()) error {
	return receive(ctx, o, func(_ context.Context, m *pubsub.Message) {
		defer func() {
			if recover() != nil {
				m.Nack()
			}
		}()
		count()
		m.Ack()
	})
}
