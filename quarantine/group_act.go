package quarantine

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Limits of acts on groups and of what a notifier puts.
const (
	// SnoozeMax is how far ahead a snooze may end.
	SnoozeMax = 366 * 24 * time.Hour
	// RequestMax is how many bytes a request key may have.
	RequestMax = 200
)

// CheckRequest refuses a request key that is too long, with an error that wraps
// [ErrInvalid]. Stores call it before they look for the key.
func CheckRequest(request string) error {
	if len(request) > RequestMax {
		return said(ErrInvalid, "the request key has %d bytes, want at most %d", len(request), RequestMax)
	}
	return nil
}

// Apply returns g as it stands after the act, or the error that
// [NoticeStore.GroupAct] promises. now is the store's clock.
func (a GroupAct) Apply(g Group, now time.Time) (Group, error) {
	if err := a.validate(now); err != nil {
		return Group{}, fmt.Errorf("group %s: %w", g.Ref, err)
	}
	if g.Version != a.Version {
		return Group{}, &GroupConflictError{Group: g}
	}
	if a.Verb == GroupRelease && !g.IsTaken() && !g.IsSnoozed(now) {
		return Group{}, said(ErrRefused, "nobody has group %s: there is nothing to release", g.Ref)
	}
	g.Acted = a.Decision
	g.Acted.At = now
	switch {
	case a.Verb == GroupRelease:
		g.Taken, g.SnoozedUntil = Decision{}, time.Time{}
	case a.Verb == GroupTake || !g.IsTaken():
		g.Taken = g.Acted
	}
	if a.Verb == GroupSnooze {
		g.SnoozedUntil = a.until()
	}
	g.Version++
	g.Changes++
	return g, nil
}

// Audit returns the row of an act that made g.
func (a GroupAct) Audit(g Group) AuditRow {
	row := AuditRow{Ref: g.Ref, Version: g.Version, Decision: g.Acted, Verb: a.Verb}
	if a.Verb == GroupSnooze {
		row.Until = g.SnoozedUntil
	}
	return row
}

// until is the end of a snooze in the form that every store keeps.
func (a GroupAct) until() time.Time { return a.Until.UTC().Truncate(time.Microsecond) }

func (a GroupAct) validate(now time.Time) error {
	switch {
	case a.Verb != GroupTake && a.Verb != GroupRelease && a.Verb != GroupSnooze:
		return said(ErrInvalid, "%q is no act on a group", clean(string(a.Verb), 64))
	case strings.TrimSpace(a.Decision.Actor.Name) == "":
		return said(ErrInvalid, "say who decides")
	case a.Verb == GroupSnooze && !a.until().After(now):
		return said(ErrInvalid, "a snooze ends in the future")
	case a.Verb == GroupSnooze && a.until().After(now.Add(SnoozeMax)):
		return said(ErrInvalid, "a snooze ends at most %d days ahead", SnoozeMax/(24*time.Hour))
	}
	return CheckRequest(a.Request)
}

// GroupAct lets a person take a group, give it back or quiet it, and returns it as
// it then stands. It returns *[GroupConflictError] when somebody acted since the
// caller read the group, an error wrapping [ErrDuplicate] for a request that was
// carried out before, and one wrapping [ErrRefused] for the release of a group that
// nobody has. A reason is optional.
func (s *Service) GroupAct(ctx context.Context, a GroupAct) (Group, error) {
	if err := checkDecision(a.Decision, false); err != nil {
		return Group{}, fmt.Errorf("%s group %s: %w", clean(string(a.Verb), 64), clean(a.Group, 64), err)
	}
	return s.store.GroupAct(ctx, a)
}

// GroupTake says that the actor of d looks after g, whoever did before. See
// [Service.GroupAct], which takes a request key too.
func (s *Service) GroupTake(ctx context.Context, g Group, d Decision) (Group, error) {
	return s.GroupAct(ctx, GroupAct{Group: g.Fingerprint, Version: g.Version, Verb: GroupTake, Decision: d})
}

// GroupRelease says that nobody looks after g any more, and ends its snooze. See
// [Service.GroupAct].
func (s *Service) GroupRelease(ctx context.Context, g Group, d Decision) (Group, error) {
	return s.GroupAct(ctx, GroupAct{Group: g.Fingerprint, Version: g.Version, Verb: GroupRelease, Decision: d})
}

// GroupSnooze quiets g until the given time, at most [SnoozeMax] ahead, and takes it
// if nobody has it. See [Service.GroupAct].
func (s *Service) GroupSnooze(ctx context.Context, g Group, until time.Time, d Decision) (Group, error) {
	return s.GroupAct(ctx, GroupAct{Group: g.Fingerprint, Version: g.Version, Verb: GroupSnooze, Until: until, Decision: d})
}
