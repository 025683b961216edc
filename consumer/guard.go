package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/handlers"
)

// ErrNoWard is returned by [Guard.RunAlone] where there is no ward: without a
// guardian. The message then runs in this process.
var ErrNoWard = errors.New("there is no ward")

// Guard is what a guardian does for the consumers of one worker process. Package
// ward implements it. It is safe for concurrent use.
type Guard interface {
	// InFlight is the table in which the guardian finds what ran when this process
	// died. Consumers share it: each takes MaxRunning of its slots, for good.
	InFlight() *inflight.Mapping

	// RunAlone runs m alone in a ward process and returns what came of it. It waits
	// for a free ward. An error means that nothing ran, or that nobody knows: the
	// ward cannot start, or ctx ended.
	RunAlone(ctx context.Context, run AloneRun) (AloneResult, error)

	// Suspects returns the messages of a subscription that must run alone because
	// of earlier deaths in this worker's care, in the order in which they should.
	// It is called once, before the first message is pulled.
	Suspects(sub string) Suspects

	// Recycle asks the guardian to replace this process after an orderly stop.
	Recycle(why string)
}

// AloneRun is one run of a message in a ward.
type AloneRun struct {
	Subscription string
	Message      handlers.Message
	// Replay is set when the run is the replay of an entry.
	Replay *handlers.Replay
	// Fresh asks for a ward process that ran nothing before, as the run that
	// convicts must have.
	Fresh bool
	// Limit is how long it may take before the ward is ended: the deadline and the
	// grace of the subscription.
	Limit time.Duration
}

// AloneResult is what came of a run in a ward.
type AloneResult struct {
	// Attempt is the run. Its outcome is OutcomeCrashed if the ward died of the
	// message, and OutcomeInterrupted if it died of something else.
	Attempt handlers.Attempt
	// Fresh: the process had run nothing before.
	Fresh bool
	// Delay is what the handler named, for classes that name one.
	Delay time.Duration
	// Reported, if not nil, is closed when the ward's death was reported to the
	// quarantine, or could not be: what becomes of the message is told after that.
	Reported <-chan struct{}
}

// Suspects is what earlier deaths left to a consumer.
type Suspects struct {
	// Messages must run alone.
	Messages []Suspect
	// Bystanders are lease tokens of messages that were merely in flight. They can
	// be handed back at once, if the source can do that for another process.
	Bystanders []string
	// Culprits are those that the guardian counted of late, oldest first, none
	// succeeding between: enough of them are a bad deploy.
	Culprits []Culprit
}

// Culprit is a message that killed a process.
type Culprit struct {
	ID string
	At time.Time
}

// Suspect is one message that must run alone.
type Suspect struct {
	// Message is the copy of the message. Without one (HasCopy false) only ID and
	// PublishedAt are known, and it runs alone when it is delivered again.
	Message handlers.Message
	HasCopy bool
	// Named is the attempt that killed a production process and names this message,
	// to be counted; nil for those who are merely suspect.
	Named *handlers.Attempt
	// Began is when the attempt began during which the process died, and Died when it
	// died.
	Began, Died time.Time
	// Token is the lease token of the dead process's delivery, or "".
	Token string
	// Reported is closed when the death was reported to the quarantine, or could not
	// be: what became of the message is told after that.
	Reported <-chan struct{}
	// Settled must be called once the message is decided, or cleared. Until then the
	// crash record is kept, and the next worker would have the message run again.
	Settled func()
}
