package handlers

import "context"

type replayKey struct{}

// WithReplay returns a context that carries the provenance of a replay. The
// consumer calls it; tests of handlers may.
func WithReplay(ctx context.Context, r Replay) context.Context {
	return context.WithValue(ctx, replayKey{}, r)
}

// ReplayFrom returns the replay that the handler's run belongs to, and false
// for a run on a broker's delivery. Use it to tell people that an effect is a
// repetition.
func ReplayFrom(ctx context.Context) (Replay, bool) {
	r, ok := ctx.Value(replayKey{}).(Replay)
	return r, ok
}
