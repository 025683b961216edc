package consumer

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
)

// TestDecide walks every cell of outcome × class × count × what is known × the
// breaker, and says what must follow in words, apart from the code.
func TestDecide(t *testing.T) {
	t.Parallel()
	policy := Policy{MaxFailures: 3, MaxCrashes: 2, Backoff: Backoff{Initial: time.Second, Max: 10 * time.Second, Multiplier: 2}}
	classes := []handlers.ErrorClass{
		handlers.ClassFailed, handlers.ClassRetryAfter, handlers.ClassPermanent, handlers.ClassUndecodable,
	}
	const named = 7 * time.Second
	cells := 0
	for _, outcome := range handlers.Outcomes() {
		for _, class := range classes {
			for failures := range 5 {
				for crashes := range 4 {
					for flags := range 8 {
						v := verdict{outcome: outcome, class: class, known: flags&1 != 0, open: flags&2 != 0, fresh: flags&4 != 0,
							totals: handlers.Totals{Failures: failures, Crashes: crashes}}
						if class == handlers.ClassRetryAfter || outcome == handlers.OutcomeDeferred {
							v.delay = named
						}
						cells++
						name := fmt.Sprintf("%s/%s/%d failures/%d crashes/known %t/open %t/fresh %t",
							outcome, class, failures, crashes, v.known, v.open, v.fresh)
						if diff := cmp.Diff(wanted(v), decide(v, policy)); diff != "" {
							t.Errorf("%s (-want +got):\n%s", name, diff)
						}
					}
				}
			}
		}
	}
	if cells != 8*4*5*4*8 {
		t.Errorf("walked %d cells", cells)
	}
}

// wanted is the design's table, written out once more: first what never fails,
// then who is convicted, then how long the others wait.
func wanted(v verdict) Decision {
	waits := []time.Duration{1, 1, 2, 4, 8, 10, 10, 10}
	retry := Decision{Verb: VerbRetry, Delay: waits[v.totals.Failures+v.totals.Crashes] * time.Second, Jitter: true}
	if v.class == handlers.ClassRetryAfter {
		retry = Decision{Verb: VerbRetry, Delay: 7 * time.Second}
	}
	held := func(r handlers.Reason) Decision { return Decision{Verb: VerbQuarantine, Reason: r} }
	switch v.outcome {
	case handlers.OutcomeOK:
		return Decision{Verb: VerbAck}
	case handlers.OutcomeDeferred:
		return Decision{Verb: VerbRetry, Delay: 7 * time.Second}
	case handlers.OutcomeInterrupted:
		return Decision{Verb: VerbRetry}
	}
	if v.open {
		return retry
	}
	if v.class == handlers.ClassPermanent {
		return held(handlers.ReasonPermanent)
	}
	if v.class == handlers.ClassUndecodable {
		return held(handlers.ReasonUndecodable)
	}
	if !v.known {
		return retry
	}
	if v.outcome == handlers.OutcomeCrashed {
		if v.totals.Crashes >= 2 && v.fresh {
			return held(handlers.ReasonCrashed)
		}
		return Decision{Verb: VerbRetry}
	}
	if v.totals.Failures < 3 {
		return retry
	}
	if v.outcome == handlers.OutcomeTimedOut {
		return held(handlers.ReasonHung)
	}
	return held(handlers.ReasonFailed)
}

func TestInterval_NeverOverflows(t *testing.T) {
	t.Parallel()
	b := Backoff{Initial: time.Second, Max: time.Hour, Multiplier: 10}
	for n := range 2000 {
		if d := interval(n, b); d < time.Second || d > time.Hour {
			t.Fatalf("interval after %d failures is %v", n, d)
		}
	}
}

func TestJitter_StaysWithinHalf(t *testing.T) {
	t.Parallel()
	const d = time.Second
	low, high := d, d
	for range 10_000 {
		got := jitter(d)
		low, high = min(low, got), max(high, got)
	}
	if low < d/2 || high > d+d/2+1 {
		t.Errorf("jitter of %v spread over %v to %v, want within ±50 %%", d, low, high)
	}
	if low > 6*d/10 || high < 14*d/10 {
		t.Errorf("jitter of %v spread only over %v to %v", d, low, high)
	}
	if jitter(0) != 0 {
		t.Error("jitter of 0 is not 0")
	}
}
