package main

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// payloadBytes is the size of every message.
const payloadBytes = 1024

const (
	topicName    = "projects/" + project + "/topics/bench"
	fillerName   = "projects/" + project + "/subscriptions/filler"
	snapshotName = "projects/" + project + "/snapshots/full"
)

// broker is the broker's process and the parent's connection to it.
type broker struct {
	process *child
	addr    string
	client  *pubsub.Client
	subs    int
}

// startBroker starts the broker's process with a snapshot of n messages, from
// which every subscription gets its backlog without anybody publishing again.
func startBroker(ctx context.Context, n int64) (*broker, error) {
	process, err := startChild(ctx, roleBroker)
	if err != nil {
		return nil, err
	}
	b := &broker{process: process}
	if err := b.fill(ctx, n); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the broker: %w", err), b.close())
	}
	return b, nil
}

func (b *broker) fill(ctx context.Context, n int64) (err error) {
	if err := b.process.hear(&b.addr); err != nil {
		return err
	}
	if b.client, err = connect(ctx, b.addr); err != nil {
		return err
	}
	if _, err := b.client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: topicName}); err != nil {
		return err
	}
	filler := &pubsubpb.Subscription{Name: fillerName, Topic: topicName}
	admin := b.client.SubscriptionAdminClient
	if _, err := admin.CreateSubscription(ctx, filler); err != nil {
		return err
	}
	if err := b.publish(ctx, n); err != nil {
		return err
	}
	_, err = admin.CreateSnapshot(ctx, &pubsubpb.CreateSnapshotRequest{Name: snapshotName, Subscription: fillerName})
	if err != nil {
		return err
	}
	return admin.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: fillerName})
}

func (b *broker) publish(ctx context.Context, n int64) error {
	const atOnce = 1000
	data := make([]byte, payloadBytes)
	for i := range data {
		data[i] = byte('a' + i%26)
	}
	for n > 0 {
		batch := make([]*pubsubpb.PubsubMessage, min(n, atOnce))
		for i := range batch {
			batch[i] = &pubsubpb.PubsubMessage{Data: data, Attributes: map[string]string{"kind": "bench"}}
		}
		if _, err := b.client.TopicAdminClient.Publish(ctx, &pubsubpb.PublishRequest{Topic: topicName, Messages: batch}); err != nil {
			return err
		}
		n -= int64(len(batch))
	}
	return nil
}

// subscribe makes a subscription that holds the whole backlog.
func (b *broker) subscribe(ctx context.Context) (id string, err error) {
	b.subs++
	id = fmt.Sprintf("run-%d", b.subs)
	admin := b.client.SubscriptionAdminClient
	sub := &pubsubpb.Subscription{Name: fullName(id), Topic: topicName}
	if _, err := admin.CreateSubscription(ctx, sub); err != nil {
		return "", err
	}
	_, err = admin.Seek(ctx, &pubsubpb.SeekRequest{
		Subscription: sub.Name, Target: &pubsubpb.SeekRequest_Snapshot{Snapshot: snapshotName},
	})
	return id, err
}

func (b *broker) unsubscribe(ctx context.Context, id string) error {
	return b.client.SubscriptionAdminClient.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: fullName(id)})
}

func (b *broker) close() error {
	var err error
	if b.client != nil {
		err = b.client.Close()
	}
	return errors.Join(err, b.process.end())
}

func fullName(id string) string { return "projects/" + project + "/subscriptions/" + id }
