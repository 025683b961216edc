package quarantinetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/theriac/theriac/quarantine"
)

func registryPromises() []promise {
	return []promise{
		{"AJoinedWorkerIsAlive", func(b *bundle) {
			m := b.joined("w-1")
			workers := b.workers()
			if len(workers) != 1 {
				b.Fatalf("%d workers, want 1", len(workers))
			}
			w := workers[0]
			if time.Since(w.Started).Abs() > time.Minute || w.Heard.Before(w.Started) {
				b.Errorf("started %s, heard %s", w.Started, w.Heard)
			}
			w.Started, w.Heard = time.Time{}, time.Time{}
			b.wantEqual(quarantine.Worker{Incarnation: m.Incarnation(), Name: "w-1", Host: "h-1", Build: "v1.2.3",
				PID: 42, Subscriptions: []string{"billing", "mail"}, Alive: true}, w, "worker")
		}},
		{"EachRegistrationHasItsOwnIncarnation", func(b *bundle) {
			if one, two := b.joined("w"), b.joined("w"); one.Incarnation() == two.Incarnation() || one.Incarnation() == "" {
				b.Errorf("%q and %q", one.Incarnation(), two.Incarnation())
			}
		}},
		{"AHeartbeatIsHeard", func(b *bundle) {
			m := b.joined("w-1")
			before := b.workers()[0].Heard
			b.must(m.Heartbeat(b.ctx))
			if after := b.workers()[0].Heard; after.Before(before) {
				b.Errorf("heard %s, then %s", before, after)
			}
		}},
		{"ATombstoneIsNotADeath", func(b *bundle) {
			m := b.join("w-1")
			b.must(m.Leave(b.ctx))
			b.wantEqual(0, len(b.workers()), "workers")
			b.wantEqual(0, len(b.reap()), "dead")
			select {
			case <-m.Lost():
				b.Error("a worker that left was told that it lost its lock")
			default:
			}
			b.wantErr(m.Heartbeat(b.ctx), quarantine.ErrNoWorker, "a heartbeat after leaving")
			b.must(m.Leave(b.ctx))
		}},
		{"ADeathIsSeenByEverybodyAndReportedOnce", func(b *bundle) {
			alive, m := b.joined("alive"), b.join("dead")
			b.Kill(b.TB, m)
			for _, s := range []quarantine.Store{b.Store, b.Other} {
				workers, err := s.Workers(b.ctx)
				b.must(err)
				for _, w := range workers {
					if want := w.Incarnation == alive.Incarnation(); w.Alive != want {
						b.Errorf("%s: alive %v, want %v", w.Name, w.Alive, want)
					}
				}
			}
			dead, err := b.Other.ReapWorkers(b.ctx)
			b.must(err)
			if len(dead) != 1 || dead[0].Name != "dead" || dead[0].Alive {
				b.Errorf("reaped %+v, want the dead one", dead)
			}
			b.wantEqual(0, len(b.reap()), "dead at the second look")
		}},
		{"LivingWorkersAreNeverReaped", func(b *bundle) {
			b.joined("w-1")
			m := b.joined("w-2")
			b.move(b.holdOne(), quarantine.StateReplaying)
			e := b.claim(m)
			b.together(6, func(_ int, s quarantine.Store) {
				for range 5 {
					if dead, err := s.ReapWorkers(b.ctx); err != nil || len(dead) != 0 {
						b.Errorf("reaped %v, %v", dead, err)
					}
				}
			})
			b.wantEqual(m.Incarnation(), b.get(e.ID).Claim, "the claim")
		}},
		{"ManyReapersReportADeathOnce", func(b *bundle) {
			m := b.join("w-1")
			b.move(b.holdOne(), quarantine.StateReplaying)
			e := b.claim(m)
			b.Kill(b.TB, m)
			var mu sync.Mutex
			reported := 0
			b.together(6, func(_ int, s quarantine.Store) {
				dead, err := s.ReapWorkers(b.ctx)
				if err != nil {
					b.Error(err)
				}
				mu.Lock()
				reported += len(dead)
				mu.Unlock()
			})
			b.wantEqual(1, reported, "reports")
			b.wantEqual(e.Version+1, b.get(e.ID).Version, "the entry moved once")
		}},
	}
}

func (b *bundle) workers() []quarantine.Worker {
	b.Helper()
	workers, err := b.Store.Workers(b.ctx)
	b.must(err)
	return workers
}

func (b *bundle) reap() []quarantine.Worker {
	b.Helper()
	dead, err := b.Store.ReapWorkers(b.ctx)
	b.must(err)
	return dead
}

func claimPromises() []promise {
	return []promise{
		{"AClaimBringsTheMessageAndCountsTheRun", func(b *bundle) {
			n := b.entry(b.message())
			e := b.move(b.hold(n)[0], quarantine.StateReplaying)
			m := b.joined("w-1")
			got := b.claim(m)
			b.wantEqual(n.Entry.Message, got.Message, "the message")
			if got.Replays != 1 || got.Claim != m.Incarnation() || got.Version != e.Version+1 ||
				got.State != quarantine.StateReplaying || got.Decided != e.Decided {
				b.Errorf("claimed %+v", got)
			}
			b.wantEqual(without(got), without(b.get(e.ID)), "as stored")
		}},
		{"TheOldestOfTheSubscriptionComesFirst", func(b *bundle) {
			mail := b.entry(b.message())
			mail.Entry.Subscription = "mail"
			b.move(b.hold(mail)[0], quarantine.StateReplaying)
			first, second := b.holdOne(), b.holdOne()
			b.move(second, quarantine.StateReplaying)
			b.move(first, quarantine.StateReplaying)
			m := b.joined("w-1")
			b.wantEqual([]string{first.Ref, second.Ref}, []string{b.claim(m).Ref, b.claim(m).Ref}, "order")
			_, err := b.Store.ClaimReplay(b.ctx, "billing", m.Incarnation())
			b.wantErr(err, quarantine.ErrNotFound, "no more")
		}},
		{"ExactlyOneOfManyGetsIt", exactlyOneClaim},
		{"OnlyARegisteredIncarnationMayClaim", func(b *bundle) {
			b.move(b.holdOne(), quarantine.StateReplaying)
			left := b.join("left")
			b.must(left.Leave(b.ctx))
			dead := b.join("dead")
			b.Kill(b.TB, dead)
			b.reap()
			for name, incarnation := range map[string]string{
				"unknown": "no such", "empty": "", "left": left.Incarnation(), "dead": dead.Incarnation()} {
				_, err := b.Store.ClaimReplay(b.ctx, "billing", incarnation)
				b.wantErr(err, quarantine.ErrNoWorker, name)
			}
		}},
		{"AClaimGivenBackIsClaimedAgain", func(b *bundle) {
			b.move(b.holdOne(), quarantine.StateReplaying)
			one, two := b.joined("w-1"), b.joined("w-2")
			e := b.claim(one)
			tr := transition(e, quarantine.StateReplaying)
			tr.Unclaim, tr.Claim = true, one.Incarnation()
			back, err := b.Store.Transition(b.ctx, tr)
			b.must(err)
			if back.Claim != "" || back.Replays != 0 || back.Version != e.Version+1 {
				b.Errorf("given back: %+v", back)
			}
			again := b.claim(two)
			b.wantEqual([]any{e.ID, 1, two.Incarnation()}, []any{again.ID, again.Replays, again.Claim}, "claimed again")
		}},
		{"UnclaimOfWhatNobodyClaimsIsRefused", func(b *bundle) {
			e := b.holdOne()
			for _, e := range []quarantine.Entry{e, b.move(e, quarantine.StateReplaying)} {
				tr := transition(e, quarantine.StateReplaying)
				tr.Unclaim = true
				if _, err := b.Store.Transition(b.ctx, tr); err == nil {
					b.Errorf("a %s entry without a claim was unclaimed", e.State)
				}
			}
		}},
		{"ADeadWorkersReplaysAreHeldAgainAndTheAuditSaysSo", deadWorkersReplays},
		{"ALateResultOfADeadIncarnationIsRefused", func(b *bundle) {
			b.move(b.holdOne(), quarantine.StateReplaying)
			dead, next := b.join("dead"), b.joined("next")
			e := b.claim(dead)
			b.Kill(b.TB, dead)
			b.reap()
			b.move(b.get(e.ID), quarantine.StateReplaying)
			now := b.claim(next)

			late := transition(e, quarantine.StateReplayed)
			late.Claim = dead.Incarnation()
			_, err := b.Store.Transition(b.ctx, late)
			if _, ok := errors.AsType[*quarantine.ConflictError](err); !ok {
				b.Errorf("error %v, want a *ConflictError", err)
			}
			late.Version = now.Version // even with the right version by chance
			if _, err = b.Store.Transition(b.ctx, late); err == nil {
				b.Error("a stranger's result was taken")
			}
			b.wantEqual(without(now), without(b.get(e.ID)), "the entry")
		}},
		{"LeavingGivesClaimsBack", func(b *bundle) {
			b.move(b.holdOne(), quarantine.StateReplaying)
			m := b.join("w-1")
			e := b.claim(m)
			b.must(m.Leave(b.ctx))
			got := b.get(e.ID)
			b.wantEqual([]any{quarantine.StateReplaying, "", 0}, []any{got.State, got.Claim, got.Replays}, "the entry")
			b.wantEqual(e.ID, b.claim(b.joined("w-2")).ID, "the next claim")
		}},
	}
}

func exactlyOneClaim(b *bundle) {
	const entries, workers = 20, 6
	for _, e := range b.holdMany(entries) {
		b.move(e, quarantine.StateReplaying)
	}
	var members []quarantine.Membership
	for i := range workers {
		members = append(members, b.joined(fmt.Sprint("w-", i)))
	}
	var mu sync.Mutex
	var claimed []string
	b.together(workers, func(i int, s quarantine.Store) {
		for {
			e, err := s.ClaimReplay(b.ctx, "billing", members[i].Incarnation())
			if errors.Is(err, quarantine.ErrNotFound) {
				return
			}
			if err != nil {
				b.Error(err)
				return
			}
			mu.Lock()
			claimed = append(claimed, e.ID)
			mu.Unlock()
		}
	})
	slices.Sort(claimed)
	if n := len(slices.Compact(slices.Clone(claimed))); n != entries || len(claimed) != entries {
		b.Errorf("%d entries were claimed %d times, %d of them different", entries, len(claimed), n)
	}
}

func deadWorkersReplays(b *bundle) {
	for _, e := range b.holdMany(3) {
		b.move(e, quarantine.StateReplaying)
	}
	dead, alive := b.join("dead"), b.joined("alive")
	one, two, other := b.claim(dead), b.claim(dead), b.claim(alive)
	b.Kill(b.TB, dead)
	b.wantEqual("dead", b.reap()[0].Name, "reaped")
	for _, e := range []quarantine.Entry{one, two} {
		got := b.get(e.ID)
		b.wantEqual([]any{quarantine.StateHeld, "", 1, e.Version + 1},
			[]any{got.State, got.Claim, got.Replays, got.Version}, "an entry of the dead")
		rows, err := b.Store.Audit(b.ctx, e.ID, 1)
		b.must(err)
		want := quarantine.DeathTransition(e, quarantine.Worker{Name: "dead", Host: "h-1", PID: 42}).Decision
		want.At = got.Decided.At
		b.wantEqual(want, rows[0].Decision, "the audit row")
		b.wantEqual(want, got.Decided, "the decision on the entry")
	}
	b.wantEqual(alive.Incarnation(), b.get(other.ID).Claim, "the claim of the living")
}
