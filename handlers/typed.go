package handlers

import (
	"context"
	"encoding/json"
	"fmt"
)

// DecodeFunc turns a payload into a value.
type DecodeFunc[T any] func(data []byte) (T, error)

// Typed makes a handler of a function that wants a decoded value. The payload
// is decoded with encoding/json into a T; a failure to decode is permanent
// ([Undecodable]) and the entry keeps the raw bytes. fn also gets the message
// for its id, attributes and bytes.
func Typed[T any](fn func(ctx context.Context, v T, m Message) error) Handler {
	return TypedWith(decodeJSON[T], fn)
}

// TypedWith is [Typed] with a decoder of the caller's.
func TypedWith[T any](decode DecodeFunc[T], fn func(ctx context.Context, v T, m Message) error) Handler {
	return HandlerFunc(func(ctx context.Context, m Message) error {
		v, err := decode(m.Data)
		if err != nil {
			return Undecodable(fmt.Errorf("decode %T: %w", v, err))
		}
		return fn(ctx, v, m)
	})
}

func decodeJSON[T any](data []byte) (T, error) {
	var v T
	err := json.Unmarshal(data, &v)
	return v, err
}
