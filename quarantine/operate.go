package quarantine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// ReplaysFree is how often an entry is replayed without Force.
	ReplaysFree = 3
	// noWorkerGrace is how long a subscription may be without a living worker
	// before a wait for a replay gives up: a worker restarts in less.
	noWorkerGrace = 3 * time.Second
	reasonMax     = 2000 // bytes of a Decision.Reason
)

// ReplayParams is who asks for a replay.
type ReplayParams struct {
	// Decision is who asks and why. Its Reason is optional for one entry and
	// required for a group.
	Decision Decision
	// Force replays entries that ran [ReplaysFree] times after they were held.
	Force bool
	// Alone runs an entry alone in a ward where there is one. Entries that crashed
	// or hung, and the first of a group, run so in any case.
	Alone bool
	// Request, if not empty, is unique to this act on one entry: asked again with the
	// same, EntryReplay returns an error wrapping [ErrDuplicate]. At most 200 bytes.
	// GroupReplay takes none.
	Request string
}

// EntryGet returns one entry with its attempts, and its payload if asked. It
// returns an error wrapping [ErrNotFound] or *[AmbiguousError].
func (s *Service) EntryGet(ctx context.Context, key EntryKey, opt GetOptions) (Entry, error) {
	return s.store.EntryGet(ctx, key, opt)
}

// EntryList returns the entries that match, newest first, without payload and
// attempts.
func (s *Service) EntryList(ctx context.Context, q Query) (EntryPage, error) {
	return s.store.EntryList(ctx, q)
}

// GroupList returns the groups that have a matching entry, those with held
// entries first.
func (s *Service) GroupList(ctx context.Context, q Query) ([]Group, error) {
	return s.store.GroupList(ctx, q)
}

// GroupGet returns the group with the given reference, unique prefix of one, or
// fingerprint. It returns an error wrapping [ErrNotFound] or *[AmbiguousError].
func (s *Service) GroupGet(ctx context.Context, ref string) (Group, error) {
	groups, err := s.store.GroupList(ctx, Query{Group: ref, Limit: 10})
	if err != nil {
		return Group{}, err
	}
	want := ref
	if norm, ok := NormalizeRef("G-", ref); ok {
		want = norm
	}
	var matches []string
	for _, g := range groups {
		if g.Ref == want || g.Fingerprint == ref {
			return g, nil
		}
		matches = append(matches, g.Ref)
	}
	switch len(groups) {
	case 0:
		return Group{}, fmt.Errorf("group %s: %w", clean(ref, 64), ErrNotFound)
	case 1:
		return groups[0], nil
	default:
		return Group{}, &AmbiguousError{Prefix: clean(ref, 64), Matches: matches}
	}
}

// Audit returns the changes of one entry or, with an empty id, of all, newest
// first, at most limit.
func (s *Service) Audit(ctx context.Context, entryID string, limit int) ([]AuditRow, error) {
	return s.store.Audit(ctx, entryID, limit)
}

// EntryReplay asks the workers of the entry's subscription to run it again: it
// goes from held to replaying and is returned as it then stands. It returns
// *[ConflictError] when somebody acted since e was read, *[StateError] when it
// is not held, an error wrapping [ErrNoWorker] when no living worker serves the
// subscription, and one wrapping [ErrRefused] for a fourth replay without
// Force.
func (s *Service) EntryReplay(ctx context.Context, e Entry, p ReplayParams) (Entry, error) {
	if err := checkDecision(p.Decision, false); err != nil {
		return Entry{}, fmt.Errorf("replay %s: %w", e.Ref, err)
	}
	if e.State != StateHeld && p.Request == "" {
		return Entry{}, &StateError{Ref: e.Ref, From: e.State, To: StateReplaying, Decided: e.Decided}
	}
	if e.State == StateHeld { // else the store says whether this very request made it so
		if err := s.mayReplay(ctx, e, p); err != nil {
			return Entry{}, err
		}
	}
	now, err := s.store.Transition(ctx, Transition{
		EntryID: e.ID, Version: e.Version, To: StateReplaying, Alone: p.Alone, Decision: p.Decision,
		Request: p.Request,
	})
	if err == nil {
		s.bells.ring(e.Subscription)
	}
	return now, err
}

// mayReplay refuses a replay that ran too often, or that nobody would run.
func (s *Service) mayReplay(ctx context.Context, e Entry, p ReplayParams) error {
	if e.Replays >= ReplaysFree && !p.Force {
		return fmt.Errorf("replay %s: it ran %d times already and was held again each time; use force to run it once more: %w",
			e.Ref, e.Replays, ErrRefused)
	}
	serves, err := s.Served(ctx, e.Subscription)
	if err != nil {
		return fmt.Errorf("replay %s: %w", e.Ref, err)
	}
	if !serves {
		return noWorker(e)
	}
	return nil
}

func noWorker(e Entry) error {
	return said(ErrNoWorker, "replay %s: no living worker serves %s; start one, then replay again",
		e.Ref, clean(e.Subscription, 128))
}

// Served reports whether a living worker serves the subscription, proven as by
// [Registry].Workers.
func (s *Service) Served(ctx context.Context, sub string) (bool, error) {
	workers, err := s.store.Workers(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(workers, func(w Worker) bool {
		return w.Alive && slices.Contains(w.Subscriptions, sub)
	}), nil
}

// EntryReplayWait waits until the entry is not replaying any more and returns
// it, asking every poll (0 means 200 ms). When the workers of its subscription
// are gone it is held again and an error wrapping [ErrNoWorker] is returned. A
// store that cannot be reached in between is asked again until ctx ends.
func (s *Service) EntryReplayWait(ctx context.Context, e Entry, poll time.Duration) (Entry, error) {
	if poll <= 0 {
		poll = 200 * time.Millisecond
	}
	alone := time.Time{} // since when there is no living worker
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		now, err := s.store.EntryGet(ctx, EntryKey{ID: e.ID}, GetOptions{})
		switch {
		case err == nil && now.State != StateReplaying:
			return now, nil
		case err == nil:
			e = now
			if alone, err = s.aloneSince(ctx, e.Subscription, alone); err == nil && !alone.IsZero() && time.Since(alone) >= noWorkerGrace {
				return s.giveUp(ctx, e)
			}
		case !errors.Is(err, ErrUnavailable):
			return e, err
		}
		select {
		case <-ctx.Done():
			return e, ctx.Err()
		case <-ticker.C:
		}
	}
}

// aloneSince returns since when a subscription has been without a living
// worker, zero if it has one.
func (s *Service) aloneSince(ctx context.Context, sub string, before time.Time) (time.Time, error) {
	serves, err := s.Served(ctx, sub)
	switch {
	case err != nil:
		return before, err
	case serves:
		return time.Time{}, nil
	case before.IsZero():
		return time.Now(), nil
	default:
		return before, nil
	}
}

// giveUp holds an entry again that nobody will run. One that a dead worker had
// claimed is held again by its reaping, which proves the death first.
func (s *Service) giveUp(ctx context.Context, e Entry) (Entry, error) {
	if e.Claim != "" {
		if _, err := s.store.ReapWorkers(ctx); err != nil {
			return e, fmt.Errorf("replay %s: %w", e.Ref, err)
		}
		now, err := s.store.EntryGet(ctx, EntryKey{ID: e.ID}, GetOptions{})
		if err != nil {
			return e, fmt.Errorf("replay %s: %w", e.Ref, err)
		}
		return now, noWorker(e)
	}
	now, err := s.store.Transition(ctx, Transition{
		EntryID: e.ID, Version: e.Version, To: StateHeld,
		Decision: Decision{Actor: s.systemActor(), Reason: "no living worker serves the subscription"},
	})
	if err != nil {
		return e, fmt.Errorf("replay %s: %w", e.Ref, err)
	}
	return now, noWorker(e)
}

// EntryDiscard decides that a held entry will never run. A reason is required.
// It can be undone with EntryRestore until retention ends.
func (s *Service) EntryDiscard(ctx context.Context, e Entry, d Decision) (Entry, error) {
	return s.EntryDiscardOnce(ctx, e, d, "")
}

// EntryDiscardOnce is EntryDiscard for a caller that may be told the same thing
// twice: a second call with the same request, if that is not empty, changes nothing
// and returns an error wrapping [ErrDuplicate].
func (s *Service) EntryDiscardOnce(ctx context.Context, e Entry, d Decision, request string) (Entry, error) {
	return s.decide(ctx, "discard", e, d, StateDiscarded, request)
}

// EntryRestore takes a discard back: the entry is held again.
func (s *Service) EntryRestore(ctx context.Context, e Entry, d Decision) (Entry, error) {
	return s.EntryRestoreOnce(ctx, e, d, "")
}

// EntryRestoreOnce is EntryRestore with a request; see [Service.EntryDiscardOnce].
func (s *Service) EntryRestoreOnce(ctx context.Context, e Entry, d Decision, request string) (Entry, error) {
	if e.State != StateDiscarded && (e.State != StateHeld || request == "") { // replaying can become held, and not by this
		return Entry{}, &StateError{Ref: e.Ref, From: e.State, To: StateHeld, Decided: e.Decided}
	}
	return s.decide(ctx, "restore", e, d, StateHeld, request)
}

// decide moves an entry. With a request the state is left for the store to judge,
// which alone knows whether the same request brought the entry there.
func (s *Service) decide(ctx context.Context, verb string, e Entry, d Decision, to State, request string) (Entry, error) {
	if err := checkDecision(d, to == StateDiscarded); err != nil {
		return Entry{}, fmt.Errorf("%s %s: %w", verb, e.Ref, err)
	}
	if !e.State.CanBecome(to) && request == "" {
		return Entry{}, &StateError{Ref: e.Ref, From: e.State, To: to, Decided: e.Decided}
	}
	return s.store.Transition(ctx, Transition{EntryID: e.ID, Version: e.Version, To: to, Decision: d, Request: request})
}

// checkDecision refuses a decision without an author, or without a reason where
// one is needed.
func checkDecision(d Decision, needReason bool) error {
	switch {
	case strings.TrimSpace(d.Actor.Name) == "":
		return said(ErrInvalid, "say who decides")
	case needReason && strings.TrimSpace(d.Reason) == "":
		return said(ErrInvalid, "a reason is required")
	case len(d.Reason) > reasonMax:
		return said(ErrInvalid, "the reason has %d bytes, at most %d are kept", len(d.Reason), reasonMax)
	}
	return nil
}
