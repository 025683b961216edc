package incident

import (
	"fmt"
	"time"
)

// usualClaim is how long the owner of an effect may take who does not say.
const usualClaim = 30 * time.Second

// Take claims the effect, if nobody has it, and says what became of that. The zero Effect with its key
// is one that nobody claimed before. Stores call it; see [Effects].
func (e *Effect) Take(c Claim, now time.Time) ClaimResult {
	var r ClaimResult
	switch {
	case e.State == EffectDone:
		r.Done = true
	case e.State == EffectFailed:
		r.Failed = true
	case e.State == EffectClaimed && e.LeaseUntil.After(now):
		r.Wait = e.LeaseUntil.Sub(now)
	case e.State == EffectWaiting && e.NotBefore.After(now):
		r.Wait = e.NotBefore.Sub(now)
	default:
		r.Mine = true
		e.take(c, now)
	}
	r.Effect = *e
	return r
}

func (e *Effect) take(c Claim, now time.Time) {
	if e.Attempt == 0 {
		e.IncidentID = c.IncidentID
	}
	if c.EventID != "" {
		e.EventID = c.EventID
	}
	if c.Lease <= 0 {
		c.Lease = usualClaim
	}
	e.InDoubt = e.InDoubt || e.State == EffectClaimed // its owner died
	e.State, e.Claimed, e.LeaseUntil, e.NotBefore = EffectClaimed, now, now.Add(c.Lease), time.Time{}
	e.Attempt++
}

// Finish ends a claim for good and reports whether that changed anything.
func (e *Effect) Finish(attempt int, end EffectEnd, now time.Time) (changed bool, err error) {
	to := EffectDone
	if end.Failed {
		to = EffectFailed
	}
	if changed, err = e.leave(attempt, to); changed {
		e.ExternalID, e.Result, e.Finished, e.InDoubt = end.ExternalID, end.Result, now, false
	}
	return changed, err
}

// Renew prolongs a claim that is held still. Stores call it; see [Effects].
func (e *Effect) Renew(attempt int, lease time.Duration, now time.Time) error {
	if e.Attempt != attempt || e.State != EffectClaimed {
		return fmt.Errorf("effect %.80q is %s in attempt %d, and this is attempt %d: %w",
			e.Key, e.State, e.Attempt, attempt, ErrConflict)
	}
	if lease <= 0 {
		lease = usualClaim
	}
	e.LeaseUntil = now.Add(lease)
	return nil
}

// Release gives a claim back and reports whether that changed anything.
func (e *Effect) Release(attempt int, r EffectRelease, now time.Time) (changed bool, err error) {
	if changed, err = e.leave(attempt, EffectWaiting); changed {
		e.InDoubt, e.Result = r.InDoubt, r.Result
		if r.NotBefore > 0 {
			e.NotBefore = now.Add(r.NotBefore)
		}
	}
	return changed, err
}

// leave ends a claim. What its attempt said before it may say again.
func (e *Effect) leave(attempt int, to EffectState) (bool, error) {
	switch {
	case e.Attempt == attempt && e.State == to:
		return false, nil
	case e.Attempt != attempt || e.State != EffectClaimed:
		return false, fmt.Errorf("effect %.80q is %s in attempt %d, and this is attempt %d: %w",
			e.Key, e.State, e.Attempt, attempt, ErrConflict)
	}
	e.State, e.LeaseUntil = to, time.Time{}
	return true, nil
}
