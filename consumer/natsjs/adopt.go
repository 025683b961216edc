package natsjs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/theriac/theriac/consumer"
)

var _ consumer.Adopter = (*Source)(nil)

// Adopt implements [consumer.Adopter]: the token is what LeaseToken of a
// delivery's Settler returned, in a process that is dead by now. A message that
// was settled or delivered again since is not disturbed.
//
// Call it after the broker has seen the end of the dead one's connection, which
// takes milliseconds once the process is gone; what is handed back before may be
// sent to that connection and waits for one more lease.
func (s *Source) Adopt(token string) (consumer.Adopted, error) {
	meta, ok := parseAck(token)
	if !ok || !isLeaseOf(token, s.cfg.Stream, s.cfg.Consumer) {
		return nil, fmt.Errorf("%.100q is no lease of JetStream consumer %q of stream %q", token, s.cfg.Consumer, s.cfg.Stream)
	}
	return &adopted{conn: s.conn, reply: token, sequence: meta.sequence, confirm: s.cfg.ConfirmAcks}, nil
}

// maxToken is far more than a reply subject has. The broker ends the connection of who sends a subject of
// more than 4 KB.
const maxToken = 1 << 10

// isLeaseOf reports whether a token, for which parseAck holds, is a plain subject of that consumer. It comes
// from the memory of a process that died, which may have been anything by then.
func isLeaseOf(token, stream, consumer string) bool {
	if len(token) > maxToken || strings.ContainsFunc(token, func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == '*' || r == '>'
	}) {
		return false
	}
	at := 2 // where the stream stands, see parseAck
	fields := strings.Split(token, ".")
	if len(fields) > 9 {
		at = 4
	}
	return fields[at] == stream && fields[at+1] == consumer
}

// adopted is a delivery of another process.
type adopted struct {
	conn     *nats.Conn
	reply    string
	sequence uint64
	confirm  bool
}

// Ack implements [consumer.Settler].
func (a *adopted) Ack(ctx context.Context) error {
	if !a.confirm {
		return a.send(ackDone)
	}
	if _, err := a.conn.RequestWithContext(ctx, a.reply, ackDone); err != nil {
		return fmt.Errorf("acknowledge sequence %d: the broker did not confirm: %w", a.sequence, closedOr(err))
	}
	return nil
}

// Nack implements [consumer.Settler].
func (a *adopted) Nack(_ context.Context, delay time.Duration) error { return a.send(nakAfter(delay)) }

// Extend implements [consumer.Adopted].
func (a *adopted) Extend() error { return a.send(inProgress) }

func (a *adopted) send(body []byte) error {
	if err := a.conn.Publish(a.reply, body); err != nil {
		return fmt.Errorf("settle sequence %d: %w", a.sequence, closedOr(err))
	}
	return nil
}
