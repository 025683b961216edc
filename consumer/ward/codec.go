package ward

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers"
)

// request is what a ward is given, answer what it says. Both sides are the same
// binary, so they need no versions; what a ward says may be damaged all the same,
// since it may be dying.
type request struct {
	Subscription string
	Message      handlers.Message
	Replay       *replay
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

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		return nil, fmt.Errorf("ward: %w", err)
	}
	return b.Bytes(), nil
}

func decode(body []byte, v any) error {
	if err := gob.NewDecoder(bytes.NewReader(body)).Decode(v); err != nil {
		return fmt.Errorf("ward: %w", err)
	}
	return nil
}

func decodeAnswer(body []byte) (answer, error) {
	var a answer
	err := decode(body, &a)
	if _, errOutcome := handlers.ParseOutcome(a.Attempt.Outcome.String()); err == nil {
		err = errOutcome
	}
	return a, err
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
