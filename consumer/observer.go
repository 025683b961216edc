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
