package handlers

import "context"

// Handler processes messages. Handle may be called concurrently. Its context
// ends at the handler's deadline and when a shutdown ran out of patience; a
// handler should return soon after. The returned error is the only answer, see
// [Class].
type Handler interface {
	Handle(ctx context.Context, m Message) error
}

// HandlerFunc makes a function a [Handler].
type HandlerFunc func(ctx context.Context, m Message) error

// Handle calls f.
func (f HandlerFunc) Handle(ctx context.Context, m Message) error { return f(ctx, m) }

// Middleware wraps a handler. It runs inside the consumer's stages, after the
// attempt has begun and before its outcome is judged, so it can observe or
// change an answer but never settle a message.
type Middleware func(Handler) Handler

// Chain wraps h in the given middleware; the first one is the outermost.
func Chain(h Handler, mw ...Middleware) Handler {
	for i := len(mw) - 1; i >= 0; i-- {
		h = mw[i](h)
	}
	return h
}
