package gcppubsub

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/theriac/theriac/consumer"
)

// delivery is one message in hand and its settler, in one allocation.
type delivery struct {
	consumer.Delivery
	from *receiver
	msg  *pubsub.Message

	shard   uint8 // of held
	settled atomic.Bool
}

func newDelivery(r *receiver, m *pubsub.Message) *delivery {
	d := &delivery{from: r, msg: m, shard: r.held.take()}
	d.Settler = d
	// Field by field: a literal would be made on the goroutine's small stack first.
	to := &d.Message
	to.ID, to.Data, to.Attributes = m.ID, m.Data, m.Attributes
	to.OrderingKey, to.PublishedAt = m.OrderingKey, m.PublishTime
	if m.DeliveryAttempt != nil {
		to.DeliveryAttempt = *m.DeliveryAttempt
	}
	return d
}

// Ack implements [consumer.Settler].
func (d *delivery) Ack(ctx context.Context) error {
	if !d.from.held.settle(d, true) {
		return d.fail("acknowledge", ErrSettled)
	}
	if !d.from.src.cfg.ExactlyOnce {
		d.msg.Ack()
		return nil
	}
	return d.confirmed(ctx, "acknowledge", d.msg.AckWithResult())
}

// Nack implements [consumer.Settler]. The delay is the broker's choice.
func (d *delivery) Nack(ctx context.Context, _ time.Duration) error {
	if !d.from.held.settle(d, false) {
		return d.fail("hand back", ErrSettled)
	}
	d.from.order.handedBack(d.msg)
	if !d.from.src.cfg.ExactlyOnce {
		d.msg.Nack()
		return nil
	}
	return d.confirmed(ctx, "hand back", d.msg.NackWithResult())
}

func (d *delivery) confirmed(ctx context.Context, verb string, result *pubsub.AckResult) error {
	st, err := result.Get(ctx)
	switch {
	case err == nil:
		return nil
	case st == pubsub.AcknowledgeStatusInvalidAckID:
		return d.fail(verb, ErrLeaseLost)
	default:
		return d.fail(verb, err)
	}
}

func (d *delivery) fail(verb string, err error) error {
	return fmt.Errorf("%s message %s: %w", verb, d.msg.ID, err)
}
