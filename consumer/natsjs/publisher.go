package natsjs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/handlers"
)

// PublisherConfig says where to publish. Stream and Subject are required.
type PublisherConfig struct {
	// Stream is the name of the stream, which must exist.
	Stream string

	// Subject is the subject to publish on; the stream must listen to it.
	Subject string

	// MaxPending is the number of messages that Send may have on their way.
	// Default 4000.
	MaxPending int

	// DedupByID makes Message.ID the key by which the stream drops a second
	// copy within its duplicate window; messages without an ID are not
	// compared. Default false. The stream gives the message its own id in any
	// case.
	DedupByID bool

	// Inject adds to the attributes of each message, by set; telemetry.Inject adds the
	// span that is active in ctx, for the message's consumers to link to. An attribute
	// that the message has already is kept. Default nil: nothing is added.
	Inject func(ctx context.Context, set func(name, value string))
}

// Publisher publishes messages in the form that [Source] reads. It is safe for
// concurrent use.
type Publisher struct {
	conn    *nats.Conn
	js      jetstream.JetStream
	cfg     PublisherConfig
	created time.Time
}

// NewPublisher looks up the stream and returns a publisher that uses conn. The
// ids that it returns are those of the stream as it was then: make a new
// publisher after making the stream anew. Errors: [*MissingError].
func NewPublisher(ctx context.Context, conn *nats.Conn, cfg PublisherConfig) (*Publisher, error) {
	if cfg.Stream == "" || cfg.Subject == "" {
		return nil, fmt.Errorf("JetStream publisher: Stream is %q and Subject is %q: name both", cfg.Stream, cfg.Subject)
	}
	if cfg.MaxPending <= 0 {
		cfg.MaxPending = 4000
	}
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(cfg.MaxPending))
	if err != nil {
		return nil, fmt.Errorf("JetStream publisher: %w", err)
	}
	stream, err := js.Stream(ctx, cfg.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, &MissingError{Stream: cfg.Stream}
	}
	if err != nil {
		return nil, fmt.Errorf("look up JetStream stream %q: %w", cfg.Stream, err)
	}
	return &Publisher{conn: conn, js: js, cfg: cfg, created: stream.CachedInfo().Created}, nil
}

// Publish stores m in the stream and returns the id under which it will be
// delivered. Of m it uses Data, Attributes and OrderingKey, and ID with
// [PublisherConfig.DedupByID]; a copy that was dropped returns the id of the
// first. After an error other than [*TooLargeError] the message may have been
// stored nevertheless.
func (p *Publisher) Publish(ctx context.Context, m handlers.Message) (id string, err error) {
	msg, err := p.message(ctx, m)
	if err != nil {
		return "", err
	}
	ack, err := p.js.PublishMsg(ctx, msg)
	if err != nil {
		return "", p.explain(err)
	}
	return messageID(p.created, ack.Sequence), nil
}

// Sent is a message on its way.
type Sent struct {
	publisher *Publisher
	future    jetstream.PubAckFuture
}

// Send is Publish without the wait for the broker's answer, which the returned
// [Sent] has. It blocks while MaxPending messages are on their way, until ctx
// ends. Messages that one goroutine sends are stored in that order.
func (p *Publisher) Send(ctx context.Context, m handlers.Message) (*Sent, error) {
	msg, err := p.message(ctx, m)
	if err != nil {
		return nil, err
	}
	for {
		future, err := p.js.PublishMsgAsync(msg)
		if err == nil {
			return &Sent{publisher: p, future: future}, nil
		}
		if !errors.Is(err, jetstream.ErrTooManyStalledMsgs) {
			return nil, p.explain(err)
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("publish on %q: %d messages wait for the broker: %w", p.cfg.Subject, p.cfg.MaxPending, ctx.Err())
		}
	}
}

// Wait returns the id of the message once the broker has stored it. It is
// called once. Errors are those of [Publisher.Publish].
func (s *Sent) Wait(ctx context.Context) (id string, err error) {
	select {
	case ack := <-s.future.Ok():
		return messageID(s.publisher.created, ack.Sequence), nil
	case err := <-s.future.Err():
		return "", s.publisher.explain(err)
	case <-ctx.Done():
		return "", s.publisher.explain(ctx.Err())
	}
}

// message packs m.
func (p *Publisher) message(ctx context.Context, m handlers.Message) (*nats.Msg, error) {
	header, payload := pack(p.attributes(ctx, m.Attributes), m.OrderingKey, m.Data)
	msg := &nats.Msg{Subject: p.cfg.Subject, Data: payload}
	size := int64(len(payload))
	if header != "" || p.cfg.DedupByID {
		msg.Header = make(nats.Header, 2)
	}
	if header != "" {
		msg.Header[envelopeHeader] = []string{header}
		size += int64(len(header))
	}
	if p.cfg.DedupByID && m.ID != "" {
		// The id goes into a header, which does not keep every byte.
		msg.Header.Set(jetstream.MsgIDHeader, dedupKey(m.ID))
	}
	// Room for the names of the headers and what the client adds.
	const framing = 256
	if limit := p.conn.MaxPayload(); size+framing > limit {
		return nil, &TooLargeError{SizeBytes: size, MaxBytes: limit}
	}
	return msg, nil
}

// attributes returns the attributes of a message with what is injected. The message's
// own map is not changed.
func (p *Publisher) attributes(ctx context.Context, own map[string]string) map[string]string {
	if p.cfg.Inject == nil {
		return own
	}
	all := make(map[string]string, len(own)+2)
	p.cfg.Inject(ctx, func(name, value string) { all[name] = value })
	maps.Copy(all, own)
	return all
}

// dedupKey is id in a form that a header keeps: as it is when it is plain text,
// else its quoted form.
func dedupKey(id string) string {
	quoted := strconv.QuoteToASCII(id)
	if plain := quoted[1 : len(quoted)-1]; plain == id && id == strings.TrimSpace(id) {
		return id
	}
	return quoted
}

func (p *Publisher) explain(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("publish on %q: no stream listens to it: check that stream %q exists and has this subject: %w", p.cfg.Subject, p.cfg.Stream, err)
	default:
		return fmt.Errorf("publish on %q: %w", p.cfg.Subject, closedOr(err))
	}
}
