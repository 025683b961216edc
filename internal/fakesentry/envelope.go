package fakesentry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Bounds of an envelope.
const (
	// MaxEnvelope bounds an envelope, after it was unpacked.
	MaxEnvelope = 20 << 20
	// MaxItems bounds its items.
	MaxItems = 1000
)

// ErrEnvelope says that bytes are no envelope.
var ErrEnvelope = errors.New("not a Sentry envelope")

// Envelope is what one request carries.
type Envelope struct {
	// EventID is the id in its header, or "".
	EventID string
	Items   []Item
}

// Item is one part of an envelope.
type Item struct {
	// Type is "event", "attachment", "client_report", …
	Type string
	// Filename and ContentType are an attachment's.
	Filename, ContentType string
	// Payload aliases the bytes that were parsed.
	Payload []byte
}

// ParseEnvelope reads an envelope. Its errors wrap [ErrEnvelope]; it returns no part of one that is
// damaged anywhere.
func ParseEnvelope(data []byte) (Envelope, error) {
	if len(data) > MaxEnvelope {
		return Envelope{}, fmt.Errorf("%w: it has %d bytes, more than %d", ErrEnvelope, len(data), MaxEnvelope)
	}
	line, rest := cutLine(data)
	var header struct {
		EventID string `json:"event_id"`
	}
	if err := object(line, &header); err != nil {
		return Envelope{}, fmt.Errorf("%w: its header: %w", ErrEnvelope, err)
	}
	envelope := Envelope{EventID: header.EventID}
	for len(rest) > 0 {
		if len(envelope.Items) == MaxItems {
			return Envelope{}, fmt.Errorf("%w: it has more than %d items", ErrEnvelope, MaxItems)
		}
		item, after, err := parseItem(rest)
		if err != nil {
			return Envelope{}, fmt.Errorf("%w: item %d: %w", ErrEnvelope, len(envelope.Items), err)
		}
		envelope.Items, rest = append(envelope.Items, item), after
	}
	return envelope, nil
}

func parseItem(data []byte) (item Item, rest []byte, err error) {
	line, rest := cutLine(data)
	var header struct {
		Type        string `json:"type"`
		Length      *int   `json:"length"`
		Filename    string `json:"filename"`
		ContentType string `json:"content_type"`
	}
	if err := object(line, &header); err != nil {
		return Item{}, nil, err
	}
	if header.Type == "" {
		return Item{}, nil, errors.New("it has no type")
	}
	item = Item{Type: header.Type, Filename: header.Filename, ContentType: header.ContentType}
	if header.Length == nil {
		item.Payload, rest = cutLine(rest)
		return item, rest, nil
	}
	n := *header.Length
	switch {
	case n < 0 || n > len(rest):
		return Item{}, nil, fmt.Errorf("its length is %d, and %d bytes are left", n, len(rest))
	case n < len(rest) && rest[n] != '\n':
		return Item{}, nil, fmt.Errorf("no newline follows its %d bytes", n)
	}
	item.Payload = rest[:n:n]
	return item, rest[min(n+1, len(rest)):], nil
}

// object reads a line that must be one JSON object.
func object(line []byte, into any) error {
	if trimmed := bytes.TrimSpace(line); len(trimmed) == 0 || trimmed[0] != '{' {
		return errors.New("want a JSON object")
	}
	return json.Unmarshal(line, into)
}

func cutLine(data []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(data, []byte("\n"))
	return line, rest
}
