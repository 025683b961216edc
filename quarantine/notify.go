package quarantine

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

const (
	noticeKeyMax   = 200     // bytes of a notice's key, and of a holder
	noticeStateMax = 8 << 10 // bytes of ToldNotice.State
	troubleMax     = 1000    // bytes of ToldNotice.Trouble that are kept
)

// The rules of notices that all stores share.

// CheckHolder refuses the name of a notifier that is empty or too long.
func CheckHolder(holder string) error {
	if holder == "" || len(holder) > noticeKeyMax {
		return said(ErrInvalid, "a notifier's name has %d bytes, want 1 to %d", len(holder), noticeKeyMax)
	}
	return nil
}

// CheckTold returns what a notifier puts in the form that every store keeps, or an
// error that wraps [ErrInvalid].
func CheckTold(told []ToldNotice) ([]ToldNotice, error) {
	kept := make([]ToldNotice, 0, len(told))
	seen := make(map[string]bool, len(told))
	for _, t := range told {
		name := clean(t.Key, 64)
		switch {
		case t.Key == "" || len(t.Key) > noticeKeyMax:
			return nil, said(ErrInvalid, "the key of notice %q has %d bytes, want 1 to %d", name, len(t.Key), noticeKeyMax)
		case seen[t.Key]:
			return nil, said(ErrInvalid, "notice %q is put twice", name)
		case len(t.State) > noticeStateMax:
			return nil, said(ErrInvalid, "the state of notice %q has %d bytes, want at most %d", name, len(t.State), noticeStateMax)
		case t.Told < 0 || t.AuditTold < 0:
			return nil, said(ErrInvalid, "notice %q: told %d, audit told %d, want at least 0", name, t.Told, t.AuditTold)
		}
		seen[t.Key] = true
		t.Trouble = t.Trouble[:min(len(t.Trouble), troubleMax)]
		kept = append(kept, t)
	}
	return kept, nil
}

// After returns t as it stands when it was put in the place of before. now is the
// store's clock.
func (t ToldNotice) After(before ToldNotice, now time.Time) ToldNotice {
	t.At = before.At
	if t.Told != before.Told || !bytes.Equal(t.State, before.State) {
		t.At = now
	}
	if t.State = bytes.Clone(t.State); len(t.State) == 0 {
		t.State = nil
	}
	return t
}

// WaitingAfter returns since when a group with so many changes waits to be told,
// when t was put in the place of before and it waited since the given time, zero
// meaning that it does not. To have told more than there is is an error that wraps
// [ErrInvalid]: a later change would be taken for told.
func (t ToldNotice) WaitingAfter(before ToldNotice, changes int64, since, now time.Time) (time.Time, error) {
	switch {
	case t.Told > changes:
		return since, said(ErrInvalid, "notice %q: told %d of %d changes", clean(t.Key, 64), t.Told, changes)
	case t.Told == changes:
		return time.Time{}, nil
	case t.Told > before.Told || since.IsZero():
		return now, nil
	default:
		return since, nil
	}
}

// NoticeLimit is the limit of a list of notices or of a group's audit: the default
// where none is asked for, and never above 1000.
func NoticeLimit(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, 1000)
}

// LeadNotices makes holder the one notifier for the given time, or renews that; see
// [NoticeStore].
func (s *Service) LeadNotices(ctx context.Context, holder string, lasts time.Duration) (bool, error) {
	leads, err := s.store.LeadNotices(ctx, holder, lasts)
	if err != nil {
		return false, fmt.Errorf("lead the notices: %w", err)
	}
	return leads, nil
}

// NoticesDue returns the notices of groups of which something was not told, oldest
// first.
func (s *Service) NoticesDue(ctx context.Context, limit int) ([]Notice, error) {
	return s.store.NoticesDue(ctx, limit)
}

// NoticeGet returns the notice of one key; of a group in any case. It returns an
// error wrapping [ErrNotFound].
func (s *Service) NoticeGet(ctx context.Context, key string) (Notice, error) {
	return s.store.NoticeGet(ctx, key)
}

// PutNotices stores what the notifier did, all or none. It returns an error wrapping
// [ErrClaimLost] when holder is not the notifier any more.
func (s *Service) PutNotices(ctx context.Context, holder string, told []ToldNotice) error {
	return s.store.PutNotices(ctx, holder, told)
}

// NoticeStats says how far telling is behind.
func (s *Service) NoticeStats(ctx context.Context) (NoticeStats, error) {
	return s.store.NoticeStats(ctx)
}

// GroupAudit returns the changes of a group and of its entries with a number above
// after, oldest first.
func (s *Service) GroupAudit(ctx context.Context, group string, after int64, limit int) ([]AuditRow, error) {
	return s.store.GroupAudit(ctx, group, after, limit)
}
