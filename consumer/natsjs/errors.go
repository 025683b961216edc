package natsjs

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is returned when the connection to the broker was closed for
	// good: by its owner, or because the broker refused the credentials.
	ErrClosed = errors.New("the connection to the broker is closed: connect again, and check the credentials if it closed by itself")

	// ErrUnfit is wrapped by errors about a stream or consumer that exists but
	// cannot be used without risk for messages.
	ErrUnfit = errors.New("not fit for use")

	errStuck    = errors.New("the broker fell silent on an open pull request")
	errAway     = errors.New("the connection to the broker is lost, reconnecting")
	errNotAnAck = errors.New("a delivery came without a JetStream reply subject")
)

// MissingError says that a stream or consumer does not exist.
type MissingError struct {
	// Stream is the name of the stream.
	Stream string
	// Consumer is the name of the consumer, or "" when the stream is missing.
	Consumer string
}

// Error says what is missing and how it is made.
func (e *MissingError) Error() string {
	if e.Consumer == "" {
		return fmt.Sprintf("JetStream stream %q does not exist: create it (natsjs.Setup does) or correct its name", e.Stream)
	}
	return fmt.Sprintf("JetStream stream %q has no consumer %q: create it (natsjs.Setup does) or correct its name", e.Stream, e.Consumer)
}

// TooLargeError says that a message is larger than the broker takes.
type TooLargeError struct {
	// SizeBytes is the size with attributes.
	SizeBytes int64
	// MaxBytes is the broker's max_payload.
	MaxBytes int64
}

// Error names both figures and the setting.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the message has %d bytes with its attributes and the broker takes %d: raise its max_payload or send less",
		e.SizeBytes, e.MaxBytes)
}

// StatusError is a refusal of a pull request by the broker.
type StatusError struct {
	// Code is the status code, such as 409.
	Code string
	// Description is the broker's own text.
	Description string
}

// Error quotes the broker.
func (e *StatusError) Error() string {
	return fmt.Sprintf("the broker ended a pull request: %q %q", e.Code, e.Description)
}
