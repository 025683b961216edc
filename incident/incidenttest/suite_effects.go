package incidenttest

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/incident"
)

func effectPromises() []promise {
	return []promise{
		{"ClaimFinish_DoneForEver", effectDone},
		{"Failed_ForEver", effectFailed},
		{"LiveClaim_Wait", effectWait},
		{"ExpiredLease_MineAndInDoubt", effectExpired},
		{"RenewedClaim_StaysMine", effectRenewed},
		{"Release_AnotherMayBegin", effectReleased},
		{"ReleaseWithDelay_Wait", effectDelayed},
		{"ReleaseInDoubt_ProbeFirst", effectDoubt},
		{"LostClaim_Conflict", effectLost},
		{"SaidTwice_IsNoError", effectSaidTwice},
		{"Unknown_NotFound", effectUnknown},
		{"OneOfManyClaims", effectRace},
		{"ListedOldestFirst", effectList},
		{"DefaultLeaseIsThirtySeconds", effectLease},
	}
}

func (b *bundle) claim(key string, event ...string) incident.ClaimResult {
	b.Helper()
	c := incident.Claim{Key: key, IncidentID: "i-1", EventID: "e-1", Lease: 10 * time.Second}
	if len(event) > 0 {
		c.EventID = event[0]
	}
	r, err := b.Store.Claim(b.ctx, c)
	b.must(err)
	n := 0
	for _, is := range []bool{r.Mine, r.Done, r.Failed, r.Wait > 0} {
		if is {
			n++
		}
	}
	if n != 1 {
		b.Errorf("a claim is exactly one of them: %+v", r)
	}
	return r
}

func (b *bundle) effect(key string) incident.Effect {
	b.Helper()
	e, err := b.Store.Effect(b.ctx, key)
	b.must(err)
	return e
}

func effectDone(b *bundle) {
	r := b.claim("channel:i-1")
	e := r.Effect
	if !r.Mine || e.Attempt != 1 || e.InDoubt || e.State != incident.EffectClaimed || e.Claimed.Before(b.now) ||
		!e.LeaseUntil.Equal(e.Claimed.Add(10*time.Second)) || !e.Finished.IsZero() {
		b.Errorf("claim %+v", r)
	}
	b.wantEqual(e, b.effect("channel:i-1"), "stored")
	b.must(b.Store.Finish(b.ctx, "channel:i-1", 1, incident.EffectEnd{ExternalID: "C1", Result: "#inc-1"}))
	b.advance(24 * time.Hour)
	r = b.claim("channel:i-1")
	want := incident.Effect{Key: "channel:i-1", IncidentID: "i-1", EventID: "e-1", State: incident.EffectDone, Attempt: 1,
		ExternalID: "C1", Result: "#inc-1", Claimed: r.Effect.Claimed, Finished: r.Effect.Finished}
	if !r.Done || r.Effect.Finished.IsZero() {
		b.Errorf("claimed again: %+v", r)
	}
	b.wantEqual(want, r.Effect, "effect")
	b.wantEqual(want, b.effect("channel:i-1"), "stored")
}

// effectRenewed: whoever is at it keeps it, and whoever lost it hears of that.
func effectRenewed(b *bundle) {
	b.claim("k")
	for range 3 {
		b.advance(8 * time.Second)
		b.must(b.Store.Renew(b.ctx, "k", 1, 10*time.Second))
		if r := b.claim("k"); r.Mine || r.Wait > 10*time.Second || r.Wait < 9*time.Second {
			b.Errorf("claimed beside its owner: %+v", r)
		}
	}
	b.wantErr(b.Store.Renew(b.ctx, "k", 2, time.Second), incident.ErrConflict, "of another attempt")
	b.wantErr(b.Store.Renew(b.ctx, "none", 1, time.Second), incident.ErrNotFound, "of nobody's effect")
	b.advance(11 * time.Second)
	if r := b.claim("k"); !r.Mine || !r.Effect.InDoubt || r.Effect.Attempt != 2 {
		b.Errorf("claimed after its owner died: %+v", r)
	}
	b.wantErr(b.Store.Renew(b.ctx, "k", 1, time.Second), incident.ErrConflict, "of the old owner")
	b.must(b.Store.Finish(b.ctx, "k", 2, incident.EffectEnd{}))
	b.wantErr(b.Store.Renew(b.ctx, "k", 2, time.Second), incident.ErrConflict, "of what is done")
}

func effectFailed(b *bundle) {
	b.claim("k")
	b.must(b.Store.Finish(b.ctx, "k", 1, incident.EffectEnd{Failed: true, Result: "no such user"}))
	b.advance(24 * time.Hour)
	if r := b.claim("k"); !r.Failed || r.Effect.State != incident.EffectFailed || r.Effect.Result != "no such user" {
		b.Errorf("claimed again: %+v", r)
	}
}

func effectWait(b *bundle) {
	b.claim("k")
	b.advance(4 * time.Second)
	if r := b.claim("k"); r.Wait <= 0 || r.Wait > 7*time.Second || r.Effect.Attempt != 1 {
		b.Errorf("claimed again: %+v", r)
	}
}

func effectExpired(b *bundle) {
	b.claim("k")
	b.advance(11 * time.Second)
	r := b.claim("k", "e-2")
	if !r.Mine || !r.Effect.InDoubt || r.Effect.Attempt != 2 || r.Effect.EventID != "e-2" {
		b.Errorf("after its owner died: %+v", r)
	}
	b.must(b.Store.Finish(b.ctx, "k", 2, incident.EffectEnd{Result: "found"}))
	if e := b.effect("k"); e.InDoubt || e.State != incident.EffectDone {
		b.Errorf("then %+v", e)
	}
}

func effectReleased(b *bundle) {
	b.claim("k")
	b.must(b.Store.Release(b.ctx, "k", 1, incident.EffectRelease{Result: "429"}))
	if e := b.effect("k"); e.State != incident.EffectWaiting || e.Result != "429" {
		b.Errorf("released: %+v", e)
	}
	if r := b.claim("k"); !r.Mine || r.Effect.InDoubt || r.Effect.Attempt != 2 {
		b.Errorf("claimed again: %+v", r)
	}
}

func effectDelayed(b *bundle) {
	b.claim("k")
	b.must(b.Store.Release(b.ctx, "k", 1, incident.EffectRelease{NotBefore: time.Minute}))
	if r := b.claim("k"); r.Wait <= 0 || r.Wait > time.Minute || r.Effect.State != incident.EffectWaiting || r.Effect.NotBefore.IsZero() {
		b.Errorf("at once: %+v", r)
	}
	b.advance(61 * time.Second)
	if r := b.claim("k"); !r.Mine || r.Effect.Attempt != 2 || !r.Effect.NotBefore.IsZero() {
		b.Errorf("a minute later: %+v", r)
	}
}

func effectDoubt(b *bundle) {
	b.claim("k")
	b.must(b.Store.Release(b.ctx, "k", 1, incident.EffectRelease{InDoubt: true, Result: "timeout"}))
	if r := b.claim("k"); !r.Mine || !r.Effect.InDoubt {
		b.Errorf("after a timeout: %+v", r)
	}
	b.must(b.Store.Release(b.ctx, "k", 2, incident.EffectRelease{Result: "it had not happened"}))
	if r := b.claim("k"); !r.Mine || r.Effect.InDoubt || r.Effect.Attempt != 3 {
		b.Errorf("after the doubt was settled: %+v", r)
	}
}

func effectLost(b *bundle) {
	b.claim("k")
	b.advance(11 * time.Second)
	b.claim("k") // another owner
	b.wantErr(b.Store.Finish(b.ctx, "k", 1, incident.EffectEnd{Result: "late"}), incident.ErrConflict, "finish by the first")
	b.wantErr(b.Store.Release(b.ctx, "k", 1, incident.EffectRelease{}), incident.ErrConflict, "release by the first")
	if e := b.effect("k"); e.State != incident.EffectClaimed || e.Attempt != 2 || e.Result != "" {
		b.Errorf("the claim of the second is %+v", e)
	}
	b.must(b.Store.Finish(b.ctx, "k", 2, incident.EffectEnd{}))
	b.wantErr(b.Store.Release(b.ctx, "k", 2, incident.EffectRelease{}), incident.ErrConflict, "release what is done")
	b.wantErr(b.Store.Finish(b.ctx, "k", 2, incident.EffectEnd{Failed: true}), incident.ErrConflict, "fail what is done")

	b.claim("late")
	b.advance(11 * time.Second)
	b.must(b.Store.Finish(b.ctx, "late", 1, incident.EffectEnd{})) // nobody else took it
}

func effectSaidTwice(b *bundle) {
	b.claim("k")
	for _, result := range []string{"first", "second"} {
		b.must(b.Store.Finish(b.ctx, "k", 1, incident.EffectEnd{Result: result}))
	}
	b.wantEqual("first", b.effect("k").Result, "what the first said")
}

func effectUnknown(b *bundle) {
	_, err := b.Store.Effect(b.ctx, "nobody")
	b.wantErr(err, incident.ErrNotFound, "get")
	b.wantErr(b.Store.Finish(b.ctx, "nobody", 1, incident.EffectEnd{}), incident.ErrNotFound, "finish")
	b.wantErr(b.Store.Release(b.ctx, "nobody", 1, incident.EffectRelease{}), incident.ErrNotFound, "release")
	_, err = b.Store.Claim(b.ctx, incident.Claim{IncidentID: "i-1"})
	b.wantErr(err, incident.ErrInvalid, "claim nothing")
}

func effectRace(b *bundle) {
	for round := range 3 {
		var mine, waits atomic.Int64
		b.together(12, func(_ int, s incident.Stores) {
			r, err := s.Claim(b.ctx, incident.Claim{Key: "k", IncidentID: "i-1", Lease: 10 * time.Second})
			switch {
			case err != nil:
				b.Error(err)
			case r.Mine:
				mine.Add(1)
			case r.Wait > 0:
				waits.Add(1)
			}
		})
		if mine.Load() != 1 || waits.Load() != 11 {
			b.Errorf("round %d: %d have it and %d wait", round, mine.Load(), waits.Load())
		}
		b.advance(11 * time.Second)
	}
	var won atomic.Int64
	b.claim("k")
	b.together(6, func(i int, s incident.Stores) {
		err := s.Finish(b.ctx, "k", 4, incident.EffectEnd{Failed: i%2 == 0})
		if err == nil {
			won.Add(1)
		} else if !errors.Is(err, incident.ErrConflict) {
			b.Error(err)
		}
	})
	if won.Load() != 3 {
		b.Errorf("%d say the same, want 3", won.Load())
	}
}

func effectList(b *bundle) {
	for _, key := range []string{"z", "a", "m"} {
		b.claim(key)
	}
	_, err := b.Store.Claim(b.ctx, incident.Claim{Key: "other", IncidentID: "i-2"})
	b.must(err)
	b.must(b.Store.Finish(b.ctx, "z", 1, incident.EffectEnd{}))
	all, err := b.Store.EffectList(b.ctx, "i-1")
	b.must(err)
	var got []string
	for _, e := range all {
		got = append(got, e.Key)
		b.wantEqual(b.effect(e.Key), e, e.Key)
	}
	b.wantEqual([]string{"z", "a", "m"}, got, "effects")
	none, err := b.Store.EffectList(b.ctx, "nobody")
	b.must(err)
	b.wantEqual(0, len(none), "effects of nobody")
}

func effectLease(b *bundle) {
	for _, l := range []time.Duration{0, -time.Second} {
		r, err := b.Store.Claim(b.ctx, incident.Claim{Key: l.String(), Lease: l})
		b.must(err)
		b.wantEqual(30*time.Second, r.Effect.LeaseUntil.Sub(r.Effect.Claimed), "lease")
	}
}
