package consumer

import (
	"context"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Observer is told what happens to messages. Its methods are called on the hot
// path by many goroutines at once and must be quick; a panic in one is the
// observer's own bug and is treated like one of the handler's.
type Observer interface {
	// AttemptStarted is called before the handler; the context it returns is the
	// handler's, so it may carry a span. It must derive from ctx; nil stands for
	// ctx itself.
	AttemptStarted(ctx context.Context, sub string, m handlers.Message) context.Context
	// AttemptSettled is called once for every attempt, after its decision was
	// carried out, with the context that AttemptStarted returned.
	AttemptSettled(ctx context.Context, s Settled)
}

// AttemptEnder is an [Observer] that is told of failures before anything follows
// from them: evidence that must be out of this process before the message can go
// to the next one, and kill that, is sent here.
type AttemptEnder interface {
	// AttemptEnded is called once for every attempt that did not succeed, after its
	// handler is over and before anything is stored or settled, which wait for it. In
	// a ward, where nothing is settled, it is called for those that succeeded, too.
	// The context is the one that AttemptStarted returned, and has ended. A panic is
	// logged and changes nothing for the message.
	AttemptEnded(ctx context.Context, sub string, m handlers.Message, a handlers.Attempt)
}

// SpanNamer is an [Observer] whose attempts have spans. Their names are in
// handlers.Attempt.TraceID and in the table of what is in flight, so that spans
// that a death left open can be ended.
type SpanNamer interface {
	// SpanName returns the ids of the attempt's span from the context that
	// AttemptStarted returned, all zero if it has none. It is called after
	// AttemptStarted and after the handler.
	SpanName(ctx context.Context) (traceID [16]byte, spanID [8]byte)
}

// Settled is an attempt and what followed from it.
type Settled struct {
	Subscription string
	Message      handlers.Message
	Attempt      handlers.Attempt
	// Decision is what was carried out, which differs from what was decided when
	// a store or the broker failed.
	Decision Decision
	// Ref is the entry's reference after a quarantine.
	Ref string
	// Alone: it ran in a ward.
	Alone bool
	// Blamed is what an earlier death says against the message, nil if nothing does
	// that this process knows of.
	Blamed *Blamed
}

// Blamed is what the death of a process says against a message that was in it.
type Blamed struct {
	// Began is when the attempt began during which the process died, and Died when it
	// died, by the clock of whoever found it dead.
	Began, Died time.Time
	// Named: the death's trace names this message. Else it is merely suspect.
	Named bool
}

// Verb is what follows from an outcome.
type Verb uint8

// The verbs.
const (
	// VerbAck: the message is done for this subscription.
	VerbAck Verb = iota
	// VerbRetry: it will run again.
	VerbRetry
	// VerbQuarantine: it is held for a person.
	VerbQuarantine
)

var verbNames = [...]string{"ack", "retry", "quarantine"}

// String returns the verb in lower case.
func (v Verb) String() string { return verbNames[v] }

// Decision is what follows from an outcome: a verb and its details.
type Decision struct {
	Verb Verb
	// Delay is the wait of a retry. Jitter says that it is a backoff interval,
	// to be randomised; a delay that the handler named is kept as it is.
	Delay  time.Duration
	Jitter bool
	// Reason is why a message is quarantined.
	Reason handlers.Reason
}
