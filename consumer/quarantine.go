package consumer

import (
	"context"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Recorder keeps the count of failures over all replicas.
type Recorder interface {
	// RecordAttempt stores one finished attempt of m on subscription sub and
	// returns the totals after it, over all replicas. An attempt with OutcomeOK
	// clears the totals and is recorded only for messages of StandingFailing. An
	// error means that the totals are unknown: the consumer then retries and
	// never quarantines on a count.
	RecordAttempt(ctx context.Context, sub string, m handlers.Message, a handlers.Attempt) (handlers.Totals, error)
}

// Quarantiner takes poison.
type Quarantiner interface {
	// Quarantine holds m durably and returns the reference of its entry. It is
	// idempotent: the same message returns the same reference. On nil the
	// message may be acknowledged; on an error it must not.
	Quarantine(ctx context.Context, sub string, m handlers.Message, ev handlers.Evidence) (ref string, err error)
}

// Knower answers what is known of a message before it runs.
type Knower interface {
	// Standing is called for every delivery and must cost nanoseconds when
	// nothing is recorded: no lock that messages share, no I/O. Where it finds a
	// trace of the message it may ask the store, within a bound of its own of a
	// few seconds; ctx has no deadline. On an error the message waits and the
	// question is asked again. m is not changed and not kept; it is a pointer
	// since a copy for every delivery would not fit a new goroutine's stack.
	Standing(ctx context.Context, sub string, m *handlers.Message) (handlers.Standing, error)
}

// Replayer hands out held entries that people asked to run again.
type Replayer interface {
	// NextReplay waits for an entry of sub to replay and claims it for this
	// worker; nobody else will run it. It returns ctx's error when ctx ends.
	NextReplay(ctx context.Context, sub string) (handlers.Replay, error)
	// FinishReplay records how the run ended. OutcomeOK makes the entry replayed,
	// OutcomeInterrupted gives it back unrun, OutcomeDeferred and every failure
	// hold it again. It returns an error when the claim was lost.
	FinishReplay(ctx context.Context, sub string, r handlers.Replay, a handlers.Attempt) error
}

// Docket keeps deaths, and what became of those who may have caused them, over
// all replicas.
type Docket interface {
	// ReportCrash stores a death. From then on its culprit and suspects stand as
	// handlers.StandingSuspect in every replica, until SettleSuspect says more. A
	// report with an ID that is stored already changes nothing.
	ReportCrash(ctx context.Context, c handlers.Crash) error
	// SettleSuspect says what became of a suspect. FateDone makes redeliveries of m
	// stand as decided; it is durable when nil is returned. A message that is no
	// suspect may be settled too.
	SettleSuspect(ctx context.Context, sub string, m handlers.Message, f handlers.Fate) error
	// Reprieve asks for the replay of every entry of sub that was held as crashed
	// since then and was not decided on by a person, and returns how many: what was
	// convicted before it was known that everything kills. A zero time stands for
	// what the reports say: the minute before each death that looked like a bad
	// deploy, and never for all that was ever held.
	Reprieve(ctx context.Context, sub string, since time.Time, why string) (int, error)
}

// Controller tells what people order: to pause a subscription, to shed load.
type Controller interface {
	// FollowControls calls apply with what is ordered of sub, at once and whenever that
	// changes or an order expires, one call at a time, until ctx ends; it returns ctx's
	// error. While the store is away the last that is known goes on. It never waits
	// before the first call: nothing is pulled until that. When apply has returned the
	// order is obeyed: its answer is what people are told.
	FollowControls(ctx context.Context, sub string, apply func(handlers.Controls) handlers.Obeyed) error
}

// BreakerKeeper is a quarantine that wants to know of breakers, so that people can
// see them. quarantine.Service is one.
type BreakerKeeper interface {
	// BreakerChanged says that the breaker of sub opened or closed in this process.
	// It must return at once.
	BreakerChanged(sub string, b handlers.Breaker)
}

// Quarantine is all that a consumer asks of the room where poison goes.
// quarantine.Service has these methods; the rooms do not import each other.
// Implementations are safe for concurrent use. A panic in one counts as an error.
type Quarantine interface {
	Recorder
	Quarantiner
	Knower
	Replayer
	Docket
	Controller
}
