package ward

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/theriac/theriac/consumer/guardian/crashrecord"
	"github.com/theriac/theriac/handlers"
)

// request is what a ward is given, answer what it says. Both sides are the same
// binary, so they need no versions; what either says may be damaged all the same,
// since it may be dying. Neither has a map in it: gob makes room for as many
// elements as a map announces.
type request struct {
	Subscription string
	Message      message
	Replay       *replay
}

// message is a handlers.Message.
type message struct {
	ID, OrderingKey string
	Data            []byte
	Attributes      []byte // packed
	PublishedAt     time.Time
	DeliveryAttempt int
}

func newMessage(m handlers.Message) message {
	return message{
		ID: m.ID, OrderingKey: m.OrderingKey, Data: m.Data, Attributes: crashrecord.PackAttributes(m.Attributes),
		PublishedAt: m.PublishedAt, DeliveryAttempt: m.DeliveryAttempt,
	}
}

func (m message) open() (handlers.Message, error) {
	attributes, err := crashrecord.UnpackAttributes(m.Attributes)
	if err != nil {
		err = fmt.Errorf("ward: %w", err)
	}
	return handlers.Message{
		ID: m.ID, OrderingKey: m.OrderingKey, Data: m.Data, Attributes: attributes,
		PublishedAt: m.PublishedAt, DeliveryAttempt: m.DeliveryAttempt,
	}, err
}

// replay is a handlers.Replay without its message, which the request has.
type replay struct {
	Entry, Ref string
	Version    int64
	Number     int
	Actor      string
}

type answer struct {
	Attempt handlers.Attempt
	Delay   time.Duration
}

// maxAnswer is far more than an attempt has, all of whose parts are capped where
// they are made.
const maxAnswer = 4 << 20

// encode writes v, and a checksum behind it: gob leaves out what is zero, so an
// answer that lost its outcome would be one of success.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		return nil, fmt.Errorf("ward: %w", err)
	}
	return seal(b.Bytes()), nil
}

const sealBytes = 4

var errDamaged = errors.New("ward: damaged: its checksum is wrong")

func seal(body []byte) []byte { return binary.BigEndian.AppendUint32(body, checksum(body)) }

func checksum(body []byte) uint32 { return crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) }

func decode(sealed []byte, v any) error {
	n := len(sealed) - sealBytes
	if n < 0 || checksum(sealed[:n]) != binary.BigEndian.Uint32(sealed[n:]) {
		return errDamaged
	}
	if err := gob.NewDecoder(bytes.NewReader(sealed[:n])).Decode(v); err != nil {
		return fmt.Errorf("ward: %w", err)
	}
	return nil
}

func decodeAnswer(body []byte) (answer, error) {
	if len(body) > maxAnswer {
		return answer{}, fmt.Errorf("ward: an answer of %d bytes: want at most %d", len(body), maxAnswer)
	}
	var a answer
	if err := decode(body, &a); err != nil {
		return answer{}, err
	}
	outcome := a.Attempt.Outcome
	if _, err := handlers.ParseOutcome(outcome.String()); err != nil {
		return answer{}, fmt.Errorf("ward: %w", err)
	}
	if outcome == handlers.OutcomeCrashed {
		return answer{}, fmt.Errorf("ward: outcome %s of a ward that lives", outcome)
	}
	return a, nil
}

func newReplay(r *handlers.Replay) *replay {
	if r == nil {
		return nil
	}
	return &replay{Entry: r.Entry, Ref: r.Ref, Version: r.Version, Number: r.Number, Actor: r.Actor}
}

func (r *replay) of(m handlers.Message) *handlers.Replay {
	if r == nil {
		return nil
	}
	return &handlers.Replay{
		Entry: r.Entry, Ref: r.Ref, Version: r.Version, Number: r.Number, Actor: r.Actor, Alone: true, Message: m,
	}
}
