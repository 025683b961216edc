package quarantinetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/quarantine"
)

// notice is what a notifier put.
type notice struct {
	quarantine.ToldNotice
	troubled time.Time // when the trouble was put
}

// notifier is the lead of the one that tells.
type notifier struct {
	holder     string
	led, until time.Time
}

// changed notes a change that people are to be told.
func (g *group) changed(now time.Time) {
	g.Changes++
	if g.untold.IsZero() {
		g.untold = now
	}
}

// auditLocked numbers a row and keeps it.
func (s *Store) auditLocked(row quarantine.AuditRow) {
	row.N = int64(len(s.audit) + 1)
	s.audit = append(s.audit, row)
}

// onceLocked refuses a request that is wrong or was carried out before.
func (s *Store) onceLocked(request string) error {
	if err := quarantine.CheckRequest(request); err != nil {
		return err
	}
	if request != "" && s.requests[request] {
		return fmt.Errorf("request %q: %w", request, quarantine.ErrDuplicate)
	}
	return nil
}

// GroupAct implements [quarantine.NoticeStore].
func (s *Store) GroupAct(ctx context.Context, a quarantine.GroupAct) (quarantine.Group, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.Group{}, err
	}
	defer s.mu.Unlock()
	g, err := s.groupNamedLocked(a.Group)
	if err != nil {
		return quarantine.Group{}, err
	}
	if err := s.onceLocked(a.Request); err != nil {
		return quarantine.Group{}, err
	}
	now := s.now()
	after, err := a.Apply(g.shown(), now)
	if err != nil {
		return quarantine.Group{}, err
	}
	s.requests[a.Request] = true
	g.changed(now)
	g.Version, g.Taken, g.SnoozedUntil, g.Acted = after.Version, after.Taken, after.SnoozedUntil, after.Acted
	s.auditLocked(a.Audit(after))
	return g.shown(), nil
}

func (s *Store) groupNamedLocked(name string) (*group, error) {
	ref, err := s.groupRefLocked(name)
	if err != nil {
		return nil, err
	}
	return s.groups[slices.IndexFunc(s.groups, func(g *group) bool { return g.Ref == ref })], nil
}

// GroupAudit implements [quarantine.NoticeStore].
func (s *Store) GroupAudit(ctx context.Context, name string, after int64, limit int) ([]quarantine.AuditRow, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	g, err := s.groupNamedLocked(name)
	if err != nil {
		return nil, err
	}
	of := make(map[string]bool)
	for _, r := range s.entries {
		if r.Group == g.Ref {
			of[r.ID] = true
		}
	}
	var rows []quarantine.AuditRow
	for _, a := range s.audit {
		if a.N > after && (of[a.EntryID] || a.EntryID == "" && a.Control == "" && a.Denied == "" && a.Ref == g.Ref) {
			rows = append(rows, a)
		}
	}
	return rows[:min(len(rows), quarantine.NoticeLimit(limit))], nil
}

// AuditRefusal implements [quarantine.NoticeStore].
func (s *Store) AuditRefusal(ctx context.Context, r quarantine.Refusal) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	row, request, err := r.Audit(s.now())
	if err != nil {
		return err
	}
	first, end := quarantine.RefusalRequests(s.now())
	today := 0
	for known := range s.requests {
		if known >= first && known < end {
			today++
		}
	}
	if s.requests[request] || today >= quarantine.RefusalsMax {
		return nil
	}
	s.requests[request] = true
	s.auditLocked(row)
	return nil
}

// Refusals implements [quarantine.NoticeStore].
func (s *Store) Refusals(ctx context.Context, limit int) ([]quarantine.AuditRow, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	rows := slices.DeleteFunc(slices.Clone(s.audit), func(r quarantine.AuditRow) bool { return r.Denied == "" })
	slices.Reverse(rows)
	return rows[:min(len(rows), quarantine.NoticeLimit(limit))], nil
}

// LeadNotices implements [quarantine.NoticeStore].
func (s *Store) LeadNotices(ctx context.Context, holder string, lasts time.Duration) (bool, error) {
	if err := s.lock(ctx); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	if err := quarantine.CheckHolder(holder); err != nil {
		return false, err
	}
	now := s.now()
	if s.notifier.holder != holder && s.notifier.until.After(now) {
		return false, nil
	}
	if lasts <= 0 {
		if s.notifier.holder == holder {
			s.notifier.until = now
		}
		return false, nil
	}
	s.notifier = notifier{holder, now, now.Add(lasts)}
	return true, nil
}

// NoticesDue implements [quarantine.NoticeStore].
func (s *Store) NoticesDue(ctx context.Context, limit int) ([]quarantine.Notice, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	due := s.dueLocked()
	var notices []quarantine.Notice
	for _, g := range due[:min(len(due), quarantine.NoticeLimit(limit))] {
		notices = append(notices, s.noticeLocked(quarantine.GroupNotice(g.Fingerprint), g))
	}
	return notices, nil
}

// dueLocked returns the groups of which something was not told, in order.
func (s *Store) dueLocked() []*group {
	due := slices.DeleteFunc(slices.Clone(s.groups), func(g *group) bool { return g.untold.IsZero() })
	slices.SortStableFunc(due, func(a, b *group) int { return a.untold.Compare(b.untold) })
	return due
}

// noticeLocked is the notice of a key; g is its group, nil if it names none.
func (s *Store) noticeLocked(key string, g *group) quarantine.Notice {
	n := quarantine.Notice{Key: key, ToldNotice: s.toldLocked(key)}
	n.State = slices.Clone(n.State)
	if g == nil {
		return n
	}
	n.Group, n.Waiting = g.shown(), g.untold
	for _, r := range slices.Backward(s.entries) {
		if r.Group == g.Ref {
			n.Latest = r.shown(false)
			break
		}
	}
	return n
}

// NoticeGet implements [quarantine.NoticeStore].
func (s *Store) NoticeGet(ctx context.Context, key string) (quarantine.Notice, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.Notice{}, err
	}
	defer s.mu.Unlock()
	g := s.groupOfKeyLocked(key)
	if g == nil && s.notices[key] == nil {
		return quarantine.Notice{}, fmt.Errorf("notice %q: %w", key, quarantine.ErrNotFound)
	}
	return s.noticeLocked(key, g), nil
}

// groupOfKeyLocked returns the group that a key names, nil for none.
func (s *Store) groupOfKeyLocked(key string) *group {
	fingerprint, ok := strings.CutPrefix(key, quarantine.GroupNotice(""))
	i := slices.IndexFunc(s.groups, func(g *group) bool { return ok && g.Fingerprint == fingerprint })
	if i < 0 {
		return nil
	}
	return s.groups[i]
}

// PutNotices implements [quarantine.NoticeStore].
func (s *Store) PutNotices(ctx context.Context, holder string, told []quarantine.ToldNotice) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	told, err := quarantine.CheckTold(told)
	if err != nil {
		return err
	}
	now := s.now()
	if s.notifier.holder != holder || !s.notifier.until.After(now) {
		return fmt.Errorf("put notices: %q does not lead: %w", holder, quarantine.ErrClaimLost)
	}
	waiting := make([]time.Time, len(told))
	for i, t := range told {
		if g := s.groupOfKeyLocked(t.Key); g != nil {
			if waiting[i], err = t.WaitingAfter(s.toldLocked(t.Key), g.Changes, g.untold, now); err != nil {
				return err
			}
		}
	}
	for i, t := range told {
		if g := s.groupOfKeyLocked(t.Key); g != nil {
			g.untold = waiting[i]
		}
		n := &notice{ToldNotice: t.After(s.toldLocked(t.Key), now)}
		if t.Trouble != "" {
			n.troubled = now
		}
		s.notices[t.Key] = n
	}
	return nil
}

// toldLocked is what was put last under a key.
func (s *Store) toldLocked(key string) quarantine.ToldNotice {
	if n := s.notices[key]; n != nil {
		return n.ToldNotice
	}
	return quarantine.ToldNotice{Key: key}
}

// NoticeStats implements [quarantine.NoticeStore].
func (s *Store) NoticeStats(ctx context.Context) (quarantine.NoticeStats, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.NoticeStats{}, err
	}
	defer s.mu.Unlock()
	due := s.dueLocked()
	stats := quarantine.NoticeStats{Due: len(due), Led: s.notifier.led}
	if s.notifier.until.After(s.now()) {
		stats.Holder = s.notifier.holder
	}
	if len(due) > 0 {
		stats.Oldest = due[0].untold
	}
	newest := time.Time{}
	for _, g := range due {
		n := s.notices[quarantine.GroupNotice(g.Fingerprint)]
		if n == nil || n.Trouble == "" {
			continue
		}
		stats.Troubled++
		if n.troubled.After(newest) {
			newest, stats.Trouble = n.troubled, n.Trouble
		}
	}
	return stats, nil
}
