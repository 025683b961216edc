package quarantinetest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// copyEntry returns a copy that shares no memory with e, in the form that every
// store keeps: times in UTC and microseconds, no payload unless asked for.
func copyEntry(e quarantine.Entry, payload bool) quarantine.Entry {
	e.Message.Attributes = maps.Clone(e.Message.Attributes)
	e.Message.PublishedAt = e.Message.PublishedAt.UTC().Truncate(time.Microsecond)
	e.Errors = slices.Clone(e.Errors)
	if payload {
		e.Message.Data = append([]byte{}, e.Message.Data...)
	} else {
		e.Message.Data = nil
	}
	return e
}

func (r *row) shown(payload bool) quarantine.Entry { return copyEntry(r.Entry, payload) }

func (r *row) unclaimed() bool { return r.State == quarantine.StateReplaying && r.Claim == "" }

// EntryGet implements [quarantine.Store].
func (s *Store) EntryGet(ctx context.Context, key quarantine.EntryKey, opt quarantine.GetOptions) (quarantine.Entry, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.Entry{}, err
	}
	defer s.mu.Unlock()
	r, err := s.findLocked(key)
	if err != nil {
		return quarantine.Entry{}, err
	}
	e := r.shown(opt.Payload)
	for _, b := range slices.Backward(s.messages[r.identity].attempts) {
		a, err := quarantine.DecodeAttempt(b)
		if err != nil {
			return quarantine.Entry{}, fmt.Errorf("entry %s: %w", e.Ref, err)
		}
		e.Attempts = append(e.Attempts, a)
	}
	e.CrashReports = s.crashesOfLocked(e)
	return e, nil
}

func (s *Store) findLocked(key quarantine.EntryKey) (*row, error) {
	switch {
	case key.ID != "":
		return s.onlyLocked(key.ID, func(r *row) bool { return r.ID == key.ID })
	case key.Ref != "":
		ref, err := s.refLocked("Q-", key.Ref)
		if err != nil {
			return nil, err
		}
		return s.onlyLocked(ref, func(r *row) bool { return r.Ref == ref })
	case key.Identity != [32]byte{}:
		return s.onlyLocked("with this identity", func(r *row) bool { return r.identity == key.Identity })
	case key.MessageID != "":
		return s.onlyLocked(key.MessageID, func(r *row) bool { return r.Message.ID == key.MessageID })
	default:
		return nil, fmt.Errorf("an entry must be named by something: %w", quarantine.ErrInvalid)
	}
}

// onlyLocked returns the only entry that fits.
func (s *Store) onlyLocked(name string, fits func(*row) bool) (*row, error) {
	var found []*row
	for _, r := range s.entries {
		if fits(r) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("entry %q: %w", name, quarantine.ErrNotFound)
	case 1:
		return found[0], nil
	}
	ambiguous := &quarantine.AmbiguousError{Prefix: name}
	for _, r := range found[:min(len(found), 10)] {
		ambiguous.Matches = append(ambiguous.Matches, r.Ref)
	}
	return nil, ambiguous
}

// refLocked resolves a typed reference of an entry ("Q-"), group ("G-") or crash
// report ("C-").
func (s *Store) refLocked(kind, typed string) (string, error) {
	prefix, ok := quarantine.NormalizeRef(kind, typed)
	if !ok {
		return "", fmt.Errorf("%q is no reference: %w", typed, quarantine.ErrNotFound)
	}
	var matches []string
	switch kind {
	case "Q-":
		for _, r := range s.entries {
			matches = append(matches, r.Ref)
		}
	case "G-":
		for _, g := range s.groups {
			matches = append(matches, g.Ref)
		}
	default:
		for _, c := range s.crashes {
			matches = append(matches, c.ref)
		}
	}
	matches = slices.DeleteFunc(matches, func(ref string) bool { return !strings.HasPrefix(ref, prefix) })
	slices.Sort(matches)
	return quarantine.PickRef(prefix, matches)
}

// groupRefLocked resolves Query.Group.
func (s *Store) groupRefLocked(name string) (string, error) {
	for _, g := range s.groups {
		if g.Fingerprint == name {
			return g.Ref, nil
		}
	}
	return s.refLocked("G-", name)
}

// matchesLocked returns the entries that match, by ascending number.
func (s *Store) matchesLocked(q quarantine.Query) ([]*row, error) {
	var err error
	if q.Group != "" {
		if q.Group, err = s.groupRefLocked(q.Group); err != nil {
			return nil, err
		}
	}
	var rows []*row
	for _, r := range s.entries {
		if matches(q, r) {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func matches(q quarantine.Query, r *row) bool {
	contains := func(text, words string) bool {
		return strings.Contains(quarantine.FoldText(text), quarantine.FoldText(words))
	}
	return (q.Subscription == "" || q.Subscription == r.Subscription) &&
		(q.Group == "" || q.Group == r.Group) &&
		(len(q.States) == 0 || slices.Contains(q.States, r.State)) &&
		(len(q.Reasons) == 0 || slices.Contains(q.Reasons, r.Reason)) &&
		contains(r.Where, q.Where) &&
		strings.Contains(quarantine.FoldText(quarantine.SearchText(r.Entry)), quarantine.FoldText(q.Text)) &&
		(q.Build == "" || q.Build == r.Build) &&
		(q.Since.IsZero() || !r.HeldAt.Before(q.Since)) &&
		(q.Until.IsZero() || r.HeldAt.Before(q.Until)) &&
		(q.LargerThan == 0 || r.Size > q.LargerThan) &&
		r.Replays >= q.MinReplays
}

// EntryList implements [quarantine.Store].
func (s *Store) EntryList(ctx context.Context, q quarantine.Query) (quarantine.EntryPage, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.EntryPage{}, err
	}
	defer s.mu.Unlock()
	rows, err := s.matchesLocked(q)
	if err != nil {
		return quarantine.EntryPage{}, err
	}
	page := quarantine.EntryPage{
		Total: min(len(rows), quarantine.CountCap), TotalCapped: len(rows) > quarantine.CountCap}
	if !q.OldestFirst {
		slices.Reverse(rows)
	}
	rows = slices.DeleteFunc(rows, func(r *row) bool {
		return q.After != 0 && (q.OldestFirst && r.Seq <= q.After || !q.OldestFirst && r.Seq >= q.After)
	})
	size := q.PageSize()
	for _, r := range rows[:min(len(rows), size)] {
		page.Entries = append(page.Entries, r.shown(false))
	}
	if len(rows) > size {
		page.Next = rows[size-1].Seq
	}
	return page, nil
}

// GroupList implements [quarantine.Store].
func (s *Store) GroupList(ctx context.Context, q quarantine.Query) ([]quarantine.Group, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	rows, err := s.matchesLocked(q)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool)
	for _, r := range rows {
		wanted[r.Group] = true
	}
	var groups []quarantine.Group
	for _, g := range s.groups {
		if wanted[g.Ref] {
			groups = append(groups, g.shown())
		}
	}
	slices.Reverse(groups) // where times are equal, the newest group first
	slices.SortStableFunc(groups, func(a, b quarantine.Group) int {
		return cmp.Or(
			cmp.Compare(min(b.Counts[quarantine.StateHeld], 1), min(a.Counts[quarantine.StateHeld], 1)),
			b.Last.Compare(a.Last))
	})
	return groups[:min(len(groups), q.PageSize())], nil
}

func (g *group) shown() quarantine.Group {
	out := g.Group
	out.Counts = maps.Clone(g.Counts)
	maps.DeleteFunc(out.Counts, func(_ quarantine.State, n int64) bool { return n == 0 })
	out.Builds, out.Basis = slices.Clone(g.Builds), slices.Clone(g.Basis)
	return out
}

// ClaimReplay implements [quarantine.Store].
func (s *Store) ClaimReplay(ctx context.Context, subscription, incarnation string) (quarantine.Entry, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.Entry{}, err
	}
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.workers, func(m *member) bool { return m.worker.Incarnation == incarnation })
	if i < 0 || s.workers[i].ended != nil {
		return quarantine.Entry{}, fmt.Errorf("incarnation %q: %w", incarnation, quarantine.ErrNoWorker)
	}
	for _, r := range s.entries {
		if r.Subscription == subscription && r.unclaimed() {
			r.Entry = r.Claimed(incarnation, s.now())
			return r.shown(true), nil
		}
	}
	return quarantine.Entry{}, fmt.Errorf("replay of %q: %w", subscription, quarantine.ErrNotFound)
}

// Attempts returns how many attempts are stored for a message, for tests that
// count what was written.
func (s *Store) Attempts(subscription string, id handlers.Identity) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.messages[quarantine.Identity(subscription, id)]; m != nil && bytes.Equal([]byte(m.id), []byte(id.ID)) {
		return len(m.attempts)
	}
	return 0
}
