package quarantine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// GroupResult is how an operation on a group went.
type GroupResult struct {
	// Group is the group as it stood when its entries were frozen.
	Group Group
	// Selected entries were held at that moment and taken into the operation.
	Selected int
	// Done of them reached the wanted state.
	Done int
	// Skipped were changed by somebody else meanwhile and left as they are.
	Skipped int
	// LeftOut were held but not selected: replayed [ReplaysFree] times already.
	LeftOut int
	// Stopped is the entry whose replay failed and ended the operation; its ID is
	// empty if all went well.
	Stopped Entry
}

// Left is how many selected entries were not touched.
func (r GroupResult) Left() int {
	left := r.Selected - r.Done - r.Skipped
	if r.Stopped.ID != "" {
		left--
	}
	return left
}

// GroupReplay replays the entries of a group that are held now; those held
// later are not included. They run one after another, oldest first: the first
// is the canary, which runs alone in a ward where there is one, and the first that is held again ends the operation with
// Stopped set and a nil error. progress, if not nil, is told of each entry as
// it ends, with the error that kept it from running. An error means that the
// operation could not go on; the result says how far it came.
func (s *Service) GroupReplay(ctx context.Context, group string, p ReplayParams, progress func(Entry, error)) (GroupResult, error) {
	if err := checkDecision(p.Decision, true); err != nil {
		return GroupResult{}, fmt.Errorf("replay group %s: %w", clean(group, 64), err)
	}
	canary := false // the canary was asked to run
	return s.eachHeld(ctx, group, progress, func(e Entry) bool { return p.Force || e.Replays < ReplaysFree },
		func(e Entry) (Entry, error) {
			q := p
			q.Alone, q.Request = p.Alone || !canary, ""
			e, err := s.EntryReplay(ctx, e, q)
			if err != nil {
				return e, err
			}
			canary = true
			return s.EntryReplayWait(ctx, e, 50*time.Millisecond)
		}, StateReplayed)
}

// GroupDiscard discards the entries of a group that are held now. A reason is
// required. See [Service.GroupReplay] for progress and the result.
func (s *Service) GroupDiscard(ctx context.Context, group string, d Decision, progress func(Entry, error)) (GroupResult, error) {
	if err := checkDecision(d, true); err != nil {
		return GroupResult{}, fmt.Errorf("discard group %s: %w", clean(group, 64), err)
	}
	return s.eachHeld(ctx, group, progress, func(Entry) bool { return true },
		func(e Entry) (Entry, error) { return s.EntryDiscard(ctx, e, d) }, StateDiscarded)
}

// eachHeld freezes the held entries of a group that are selected and does act
// to each, oldest first, until one does not reach want.
func (s *Service) eachHeld(ctx context.Context, group string, progress func(Entry, error),
	selected func(Entry) bool, act func(Entry) (Entry, error), want State,
) (GroupResult, error) {
	if progress == nil {
		progress = func(Entry, error) {}
	}
	res, frozen, err := s.freeze(ctx, group, selected)
	if err != nil {
		return res, err
	}
	for _, e := range frozen {
		if err := ctx.Err(); err != nil {
			return res, err
		}
		after, err := act(e)
		switch {
		case lostRace(err):
			res.Skipped++
			progress(e, err)
		case err != nil:
			progress(e, err)
			return res, err
		case after.State != want:
			res.Stopped = after
			progress(after, nil)
			return res, nil
		default:
			res.Done++
			progress(after, nil)
		}
	}
	return res, nil
}

// freeze reads the held entries of a group, oldest first.
func (s *Service) freeze(ctx context.Context, group string, selected func(Entry) bool) (GroupResult, []Entry, error) {
	g, err := s.GroupGet(ctx, group)
	if err != nil {
		return GroupResult{}, nil, err
	}
	res := GroupResult{Group: g}
	var frozen []Entry
	q := Query{Group: g.Fingerprint, States: []State{StateHeld}, OldestFirst: true, Limit: 1000}
	for {
		page, err := s.store.EntryList(ctx, q)
		if err != nil {
			return res, nil, err
		}
		for _, e := range page.Entries {
			if !selected(e) {
				res.LeftOut++
				continue
			}
			res.Selected++
			frozen = append(frozen, frozenEntry(e))
		}
		if page.Next == 0 {
			return res, frozen, nil
		}
		q.After = page.Next
	}
}

// frozenEntry keeps what an operation needs, so that a million entries fit.
func frozenEntry(e Entry) Entry {
	return Entry{
		ID: e.ID, Ref: e.Ref, Seq: e.Seq, Subscription: e.Subscription, Title: e.Title,
		Group: e.Group, State: e.State, Version: e.Version, Replays: e.Replays,
	}
}

// lostRace reports whether somebody else acted on the entry first.
func lostRace(err error) bool {
	_, conflict := errors.AsType[*ConflictError](err)
	_, state := errors.AsType[*StateError](err)
	return conflict || state || errors.Is(err, ErrNotFound)
}
