package consumer

import (
	"math"
	"time"

	"github.com/theriac/theriac/handlers"
)

// minDeferral keeps a handler that answers Again(0) from spinning.
const minDeferral = time.Millisecond

// verdict is everything that a decision rests on.
type verdict struct {
	outcome handlers.Outcome
	class   handlers.ErrorClass
	// delay is what the handler named, for classes that name one.
	delay time.Duration
	// totals include this attempt. known is false when they could not be read:
	// then nothing is quarantined on a count.
	totals handlers.Totals
	known  bool
	// open: the breaker is open, so quarantining stops.
	open bool
	// fresh: the attempt ran alone, in a process that had run nothing before.
	fresh bool
}

// decide says what follows from an outcome. It is a pure function: the loop
// only obeys.
func decide(v verdict, p Policy) Decision {
	switch v.outcome {
	case handlers.OutcomeOK:
		return Decision{Verb: VerbAck}
	case handlers.OutcomeDeferred:
		return Decision{Verb: VerbRetry, Delay: max(v.delay, minDeferral)}
	case handlers.OutcomeInterrupted:
		return Decision{Verb: VerbRetry}
	}
	if !v.open {
		if reason, convicted := convict(v, p); convicted {
			return Decision{Verb: VerbQuarantine, Reason: reason}
		}
	}
	if v.outcome == handlers.OutcomeCrashed && v.known && !v.open {
		return Decision{Verb: VerbRetry} // alone again, and at once: it costs nobody else
	}
	if v.class == handlers.ClassRetryAfter {
		return Decision{Verb: VerbRetry, Delay: v.delay}
	}
	return Decision{Verb: VerbRetry, Delay: interval(v.totals.Failures+v.totals.Crashes, p.Backoff), Jitter: true}
}

// convict says whether a failed or crashed message is quarantined, and why.
func convict(v verdict, p Policy) (handlers.Reason, bool) {
	switch {
	case v.class == handlers.ClassUndecodable:
		return handlers.ReasonUndecodable, true
	case v.class == handlers.ClassPermanent:
		return handlers.ReasonPermanent, true
	case !v.known:
		return "", false
	case v.outcome == handlers.OutcomeCrashed:
		// What ran there before may have left the killer behind.
		return handlers.ReasonCrashed, v.fresh && v.totals.Crashes >= p.MaxCrashes
	case v.totals.Failures < p.MaxFailures:
		return "", false
	case v.outcome == handlers.OutcomeTimedOut:
		return handlers.ReasonHung, true
	default:
		return handlers.ReasonFailed, true
	}
}

// interval is the backoff after n failures, before jitter.
func interval(n int, b Backoff) time.Duration {
	grown := float64(b.Initial) * math.Pow(b.Multiplier, float64(max(n, 1)-1))
	return time.Duration(min(grown, float64(b.Max)))
}
