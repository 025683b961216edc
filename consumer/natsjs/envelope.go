package natsjs

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
)

// envelopeHeader holds the base64 of an envelope:
//
//	byte     version: 1
//	uvarint  length of the ordering key, then its bytes
//	uvarint  number of attributes, then for each, sorted by key:
//	         uvarint length, key, uvarint length, value
//
// JetStream refuses headers beyond 64 KiB. A larger envelope stands in front
// of the payload, and the header holds only:
//
//	byte     version: 2
//	uvarint  length of the envelope (version 1) that the payload begins with
const (
	envelopeHeader     = "Theriac-Envelope"
	envelopeVersion    = 1
	envelopeInPayload  = 2
	largestInHeader    = 32 << 10
	maxAttributesGuess = 1 << 10
)

var errEnvelope = errors.New("the " + envelopeHeader + " header is damaged")

// pack returns the header value and payload that carry attrs, key and data.
// The header is "" when there is nothing to carry.
func pack(attrs map[string]string, key string, data []byte) (header string, payload []byte) {
	if len(attrs) == 0 && key == "" {
		return "", data
	}
	env := appendEnvelope(nil, attrs, key)
	if len(env) <= largestInHeader {
		return base64.StdEncoding.EncodeToString(env), data
	}
	head := binary.AppendUvarint([]byte{envelopeInPayload}, uint64(len(env)))
	return base64.StdEncoding.EncodeToString(head), append(env, data...)
}

func appendEnvelope(buf []byte, attrs map[string]string, key string) []byte {
	buf = append(buf, envelopeVersion)
	buf = appendString(buf, key)
	buf = binary.AppendUvarint(buf, uint64(len(attrs)))
	for _, k := range slices.Sorted(maps.Keys(attrs)) {
		buf = appendString(appendString(buf, k), attrs[k])
	}
	return buf
}

func appendString(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

// unpacked is what a message carried.
type unpacked struct {
	attrs map[string]string
	key   string
	data  []byte
}

// unpack undoes pack. A message without our header, or with one that cannot be
// read, shows its headers as they are: nothing of it is lost.
func unpack(header nats.Header, payload []byte) unpacked {
	if len(header) == 0 {
		return unpacked{data: payload}
	}
	if value := header.Get(envelopeHeader); value != "" {
		if u, err := openEnvelope(value, payload); err == nil {
			return u
		}
	}
	return unpacked{attrs: plainHeaders(header), data: payload}
}

func openEnvelope(value string, payload []byte) (unpacked, error) {
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return unpacked{}, fmt.Errorf("%w: %w", errEnvelope, err)
	}
	if len(raw) > 0 && raw[0] == envelopeInPayload {
		size, n := binary.Uvarint(raw[1:])
		if n <= 0 || 1+n != len(raw) || size > uint64(len(payload)) {
			return unpacked{}, errEnvelope
		}
		raw, payload = payload[:size], payload[size:]
	}
	attrs, key, err := decodeEnvelope(string(raw))
	return unpacked{attrs: attrs, key: key, data: payload}, err
}

// decodeEnvelope reads version 1. The strings that it returns share env.
func decodeEnvelope(env string) (attrs map[string]string, key string, err error) {
	if env == "" || env[0] != envelopeVersion {
		return nil, "", errEnvelope
	}
	rest := env[1:]
	if key, rest, err = cutString(rest); err != nil {
		return nil, "", err
	}
	count, rest, err := cutUvarint(rest)
	if err != nil {
		return nil, "", err
	}
	// The count comes from outside: it must not choose how much is allocated.
	attrs = make(map[string]string, min(count, maxAttributesGuess, uint64(len(rest))))
	for range count {
		var k, v string
		if k, rest, err = cutString(rest); err != nil {
			return nil, "", err
		}
		if v, rest, err = cutString(rest); err != nil {
			return nil, "", err
		}
		attrs[k] = v
	}
	if rest != "" || uint64(len(attrs)) != count {
		return nil, "", errEnvelope
	}
	return attrs, key, nil
}

func cutString(s string) (head, rest string, err error) {
	n, s, err := cutUvarint(s)
	if err != nil || n > uint64(len(s)) {
		return "", "", errEnvelope
	}
	return s[:n], s[n:], nil
}

func cutUvarint(s string) (v uint64, rest string, err error) {
	var buf [binary.MaxVarintLen64]byte
	v, n := binary.Uvarint(buf[:copy(buf[:], s)])
	if n <= 0 || n > len(s) {
		return 0, "", errEnvelope
	}
	return v, s[n:], nil
}

// plainHeaders shows headers as attributes. Several values of one header are
// joined by commas, as HTTP does. The W3C trace headers keep the lower case in
// which everyone looks for them.
func plainHeaders(header nats.Header) map[string]string {
	attrs := make(map[string]string, len(header))
	for k, values := range header {
		if strings.EqualFold(k, "traceparent") || strings.EqualFold(k, "tracestate") {
			k = strings.ToLower(k)
		}
		attrs[k] = strings.Join(values, ",")
	}
	return attrs
}
