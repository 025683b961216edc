package quarantinetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// Store is a [quarantine.Store] in memory. It keeps every promise of the
// interface within one process and forgets everything with it. Its clock is
// [time.Now], so in a synctest bubble it keeps the bubble's time.
type Store struct {
	mu      sync.Mutex
	failure error

	entries    []*row   // by number - 1
	groups     []*group // by number - 1
	messages   map[[32]byte]*message
	audit      []quarantine.AuditRow
	workers    []*member
	crashes    []*crash   // by number - 1
	suspects   []*suspect // by number - 1
	lastChange int64      // from 1: the cursor 0 asks for the beginning
	requests   map[string]bool
	notices    map[string]*notice
	notifier   notifier
	controls   quarantine.Controls // those that have expired may be among them
}

// row is a stored entry, its message with payload and attributes.
type row struct {
	quarantine.Entry
	identity [32]byte
}

// message is what is known of one message, held or not.
type message struct {
	subscription, id string
	totals           handlers.Totals
	attempts         [][]byte // encoded, oldest first
	held             *row
	settled, suspect bool
	changed          int64
}

// group is a group with everything but the counts, which are kept by state.
type group struct {
	quarantine.Group
	untold time.Time // when the oldest change that was not told happened, zero if all was
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{messages: make(map[[32]byte]*message), lastChange: 1,
		requests: make(map[string]bool), notices: make(map[string]*notice)}
}

var _ quarantine.Store = (*Store)(nil)

// Fail makes every later call return an error that wraps [quarantine.ErrUnavailable]
// and err, as a store does that cannot be reached; nil mends it.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// lock takes the mutex unless the store is to fail or ctx is over.
func (s *Store) lock(ctx context.Context) error {
	s.mu.Lock()
	err := s.failure
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		s.mu.Unlock()
		return fmt.Errorf("%w: %w", quarantine.ErrUnavailable, err)
	}
	return nil
}

// now is the store's clock in the resolution that every store keeps.
func (s *Store) now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (s *Store) messageLocked(identity [32]byte, sub, id string) *message {
	m := s.messages[identity]
	if m == nil {
		m = &message{subscription: sub, id: id}
		s.messages[identity] = m
	}
	return m
}

// touchLocked marks m as changed, for Changes.
func (s *Store) touchLocked(m *message) {
	s.lastChange++
	m.changed = s.lastChange
}

func (m *message) add(a handlers.Attempt) {
	m.attempts = append(m.attempts, quarantine.EncodeAttempt(a))
	m.attempts = m.attempts[max(0, len(m.attempts)-quarantine.AttemptsKept):]
}

// knows reports whether a death is stored already.
func (m *message) knows(a handlers.Attempt) bool {
	return a.Outcome == handlers.OutcomeCrashed && slices.ContainsFunc(m.attempts, func(b []byte) bool {
		old, err := quarantine.DecodeAttempt(b)
		return err == nil && old.Outcome == a.Outcome && old.Started.Equal(a.Started)
	})
}

// RecordAttempts implements [quarantine.Store].
func (s *Store) RecordAttempts(ctx context.Context, batch []quarantine.AttemptRecord) ([]handlers.Totals, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	totals := make([]handlers.Totals, len(batch))
	for i, r := range batch {
		m := s.messageLocked(r.Identity, r.Subscription, r.MessageID)
		if !m.knows(r.Attempt) {
			m.totals = quarantine.Count(m.totals, r.Attempt.Outcome)
			m.add(r.Attempt)
			s.touchLocked(m)
		}
		totals[i] = m.totals
	}
	return totals, nil
}

// HoldEntries implements [quarantine.Store].
func (s *Store) HoldEntries(ctx context.Context, batch []quarantine.NewEntry) ([]quarantine.HoldResult, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if err := s.checkNewLocked(batch); err != nil {
		return nil, err
	}
	results := make([]quarantine.HoldResult, len(batch))
	for i, n := range batch {
		m := s.messageLocked(n.Identity, n.Entry.Subscription, n.Entry.Message.ID)
		created := m.held == nil
		if created {
			m.held = s.holdLocked(n)
			if !n.AttemptRecorded {
				m.add(n.Attempt)
			}
			s.touchLocked(m)
		}
		s.settleLocked(quarantine.SuspectFate{Subscription: n.Entry.Subscription, MessageID: n.Entry.Message.ID,
			PublishedAt: n.Entry.Message.PublishedAt, Identity: n.Identity, Fate: handlers.FateHeld})
		results[i] = quarantine.HoldResult{Entry: m.held.shown(false), Created: created}
	}
	return results, nil
}

// checkNewLocked refuses a batch as a whole, before anything of it is kept.
func (s *Store) checkNewLocked(batch []quarantine.NewEntry) error {
	identities := make(map[string][32]byte)
	for _, r := range s.entries {
		identities[r.ID] = r.identity
	}
	for _, n := range batch {
		if err := n.Validate(); err != nil {
			return err
		}
		if old, ok := identities[n.Entry.ID]; ok && old != n.Identity {
			return fmt.Errorf("the id %s belongs to another entry: %w", n.Entry.ID, quarantine.ErrRefusedData)
		}
		identities[n.Entry.ID] = n.Identity
	}
	return nil
}

func (s *Store) holdLocked(n quarantine.NewEntry) *row {
	now := s.now()
	r := &row{Entry: copyEntry(n.Entry, true), identity: n.Identity}
	r.Seq = int64(len(s.entries) + 1)
	r.Ref = quarantine.EntryRef(r.Seq)
	r.HeldAt, r.ChangedAt = now, now
	r.State, r.Version = quarantine.StateHeld, 1
	r.Decided, r.Replays, r.Claim, r.Attempts = quarantine.Decision{}, 0, "", nil

	g := s.groupLocked(n, now)
	g.Counts[quarantine.StateHeld]++
	g.Last = now
	g.Builds = quarantine.AddBuild(g.Builds, r.Build)
	g.changed(now)
	r.Group = g.Ref
	s.entries = append(s.entries, r)
	return r
}

func (s *Store) groupLocked(n quarantine.NewEntry, now time.Time) *group {
	for _, g := range s.groups {
		if g.Fingerprint == n.Entry.Fingerprint {
			return g
		}
	}
	e := n.Entry
	g := &group{Group: quarantine.Group{
		Ref: quarantine.GroupRef(int64(len(s.groups) + 1)), Fingerprint: e.Fingerprint,
		Subscription: e.Subscription, Title: e.Title, Where: e.Where, Reason: e.Reason,
		Counts: make(map[quarantine.State]int64), First: now, Basis: slices.Clone(n.Basis),
	}}
	s.groups = append(s.groups, g)
	return g
}

// Transition implements [quarantine.Store].
func (s *Store) Transition(ctx context.Context, t quarantine.Transition) (quarantine.Entry, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.Entry{}, err
	}
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.entries, func(r *row) bool { return r.ID == t.EntryID })
	if i < 0 {
		return quarantine.Entry{}, fmt.Errorf("entry %s: %w", t.EntryID, quarantine.ErrNotFound)
	}
	return s.transitionLocked(s.entries[i], t)
}

func (s *Store) transitionLocked(r *row, t quarantine.Transition) (quarantine.Entry, error) {
	if err := s.onceLocked(t.Request); err != nil {
		return quarantine.Entry{}, err
	}
	now := s.now()
	before := r.shown(false)
	after, err := t.Apply(before, now)
	if err != nil {
		return quarantine.Entry{}, err
	}
	s.requests[t.Request] = true
	data := r.Message.Data
	r.Entry = after
	r.Message.Data = data
	g := s.groupOfLocked(r)
	g.Counts[before.State]--
	g.Counts[after.State]++
	if after.State != before.State {
		g.changed(now)
	}
	decision := t.Decision
	decision.At = now
	s.auditLocked(quarantine.AuditRow{EntryID: r.ID, Ref: r.Ref,
		From: before.State, To: after.State, Version: after.Version, Decision: decision})
	if t.Attempt != nil {
		s.messages[r.identity].add(*t.Attempt)
	}
	return r.shown(false), nil
}

func (s *Store) groupOfLocked(r *row) *group {
	return s.groups[slices.IndexFunc(s.groups, func(g *group) bool { return g.Ref == r.Group })]
}

// Audit implements [quarantine.Store].
func (s *Store) Audit(ctx context.Context, entryID string, limit int) ([]quarantine.AuditRow, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var rows []quarantine.AuditRow
	for _, a := range slices.Backward(s.audit) {
		if len(rows) < limit && a.Denied == "" && (entryID == "" || a.EntryID == entryID) {
			rows = append(rows, a)
		}
	}
	return rows, nil
}

// Changes implements [quarantine.Store].
func (s *Store) Changes(ctx context.Context, since int64) (quarantine.Changes, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.Changes{}, err
	}
	defer s.mu.Unlock()
	changes := quarantine.Changes{Cursor: s.lastChange}
	marks := make(map[[2]string]quarantine.Mark)
	for _, m := range s.messages {
		key := [2]string{m.subscription, m.id}
		mark := marks[key]
		mark.Subscription, mark.MessageID = m.subscription, m.id
		mark.Standing, mark.Suspect = max(mark.Standing, m.standing()), mark.Suspect || m.suspect
		marks[key] = mark
	}
	for _, m := range s.messages {
		key := [2]string{m.subscription, m.id}
		mark, left := marks[key]
		if m.changed <= since || !left || (since == 0 && mark.Standing == handlers.StandingNew && !mark.Suspect) {
			continue
		}
		delete(marks, key)
		changes.Marks = append(changes.Marks, mark)
	}
	for _, r := range s.entries {
		if r.unclaimed() && !slices.Contains(changes.Replays, r.Subscription) {
			changes.Replays = append(changes.Replays, r.Subscription)
		}
	}
	return changes, nil
}

func (m *message) standing() handlers.Standing {
	switch {
	case m.held != nil || m.settled:
		return handlers.StandingDecided
	case m.totals != handlers.Totals{}:
		return handlers.StandingFailing
	default:
		return handlers.StandingNew
	}
}
