package natsjs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/theriac/theriac/consumer"
)

// The acknowledgements of the JetStream protocol that we use.
var (
	ackDone    = []byte("+ACK")
	ackAgain   = []byte("-NAK")
	inProgress = []byte("+WPI")
)

// lease is one delivery: its message, its place among what is held, and the
// consumer.Settler that ends it.
type lease struct {
	delivery consumer.Delivery
	deliver  func(*consumer.Delivery)

	conn    *nats.Conn
	reply   string
	confirm bool
	size    int64

	// These belong to held.
	held         *held
	older, newer *lease
	touched      time.Time
	linked       bool
}

// run is the goroutine of the delivery. The place comes free however deliver
// ends.
func (l *lease) run() {
	defer l.held.remove(l)
	l.deliver(&l.delivery)
}

// Ack implements consumer.Settler.
func (l *lease) Ack(ctx context.Context) error {
	l.held.settled(l)
	if !l.confirm {
		return l.send(ackDone)
	}
	if _, err := l.conn.RequestWithContext(ctx, l.reply, ackDone); err != nil {
		return fmt.Errorf("acknowledge message %s: the broker did not confirm: %w", l.delivery.Message.ID, closedOr(err))
	}
	return nil
}

// Nack implements consumer.Settler.
func (l *lease) Nack(_ context.Context, delay time.Duration) error {
	l.held.settled(l)
	return l.send(nakAfter(delay))
}

// nakAfter is the negative acknowledgement after which the broker waits.
func nakAfter(delay time.Duration) []byte {
	if delay <= 0 {
		return ackAgain
	}
	body := append(make([]byte, 0, 48), ackAgain...)
	body = append(body, ` {"delay":`...)
	body = strconv.AppendInt(body, int64(delay), 10)
	return append(body, '}')
}

// LeaseToken names this lease for [Source.Adopt], which may run in another
// process after this one died.
func (l *lease) LeaseToken() string { return l.reply }

func (l *lease) send(body []byte) error {
	if err := l.conn.Publish(l.reply, body); err != nil {
		return fmt.Errorf("settle message %s: %w", l.delivery.Message.ID, closedOr(err))
	}
	return nil
}

// closedOr gives the client's error for a closed connection our words.
func closedOr(err error) error {
	if errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("%w (%w)", ErrClosed, err)
	}
	return err
}
