package quarantinetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// crash is a stored report.
type crash struct {
	id, ref  string
	seq      int64
	body     []byte // encoded
	at       time.Time
	searched handlers.Crash // role, host and build as they are searched
}

// suspect is a stored suspect.
type suspect struct {
	quarantine.Suspect
	key   [32]byte
	crash *crash
}

// AddCrash implements [quarantine.CrashStore].
func (s *Store) AddCrash(ctx context.Context, c handlers.Crash) (quarantine.CrashReport, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.CrashReport{}, err
	}
	defer s.mu.Unlock()
	r, err := s.addCrashLocked(c)
	if err != nil {
		return quarantine.CrashReport{}, err
	}
	return s.reportLocked(r, false)
}

func (s *Store) addCrashLocked(c handlers.Crash) (*crash, error) {
	c, err := quarantine.StoredCrash(c)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(s.crashes, func(r *crash) bool { return r.id == c.ID }); i >= 0 {
		return s.crashes[i], nil
	}
	seq := int64(len(s.crashes) + 1)
	r := &crash{id: c.ID, ref: quarantine.CrashRef(seq), seq: seq, body: quarantine.EncodeCrash(c), at: s.now(),
		searched: handlers.Crash{Role: searched(c.Role), Host: searched(c.Host), Build: searched(c.Build)}}
	s.crashes = append(s.crashes, r)
	for _, f := range quarantine.SuspectsOf(c) {
		f.Seq = int64(len(s.suspects) + 1)
		f.Crash, f.ReportedAt = r.ref, r.at
		key := f.Key()
		s.suspects = append(s.suspects, &suspect{Suspect: f, key: key, crash: r})
		m := s.messageLocked(key, quarantine.SuspectSubscription(f.Subscription), f.MessageID)
		m.suspect = true
		s.touchLocked(m)
	}
	for _, m := range s.workers {
		if m.ended == nil && !m.worker.Alive && quarantine.DiedWith(m.worker, c) {
			m.endLocked(true, quarantine.DeathTransition)
		}
	}
	return r, nil
}

// searched is a text of a report as it is searched: exactly.
func searched(s string) string { return quarantine.DisplayText(s, 256) }

func (s *Store) reportLocked(r *crash, whole bool) (quarantine.CrashReport, error) {
	c, err := quarantine.DecodeCrash(r.body)
	if err != nil {
		return quarantine.CrashReport{}, fmt.Errorf("crash report %s: %w", r.ref, err)
	}
	if !whole {
		c = quarantine.CrashSummary(c)
	}
	report := quarantine.CrashReport{Crash: c, Ref: r.ref, Seq: r.seq, ReportedAt: r.at,
		Suspects: make(map[quarantine.SuspectState]int)}
	for _, f := range s.suspects {
		if f.crash == r {
			report.Suspects[f.State]++
		}
	}
	return report, nil
}

// CrashGet implements [quarantine.CrashStore].
func (s *Store) CrashGet(ctx context.Context, key quarantine.CrashKey) (quarantine.CrashReport, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.CrashReport{}, err
	}
	defer s.mu.Unlock()
	fits := func(r *crash) bool { return r.id == quarantine.CanonicalID(key.ID) }
	switch {
	case key.ID != "":
	case key.Ref != "":
		ref, err := s.refLocked("C-", key.Ref)
		if err != nil {
			return quarantine.CrashReport{}, err
		}
		fits = func(r *crash) bool { return r.ref == ref }
	default:
		return quarantine.CrashReport{}, fmt.Errorf("a crash report must be named by something: %w", quarantine.ErrInvalid)
	}
	i := slices.IndexFunc(s.crashes, fits)
	if i < 0 {
		return quarantine.CrashReport{}, fmt.Errorf("crash report %q: %w", key.ID, quarantine.ErrNotFound)
	}
	return s.reportLocked(s.crashes[i], true)
}

// CrashList implements [quarantine.CrashStore].
func (s *Store) CrashList(ctx context.Context, q quarantine.CrashQuery) (quarantine.CrashPage, error) {
	if err := s.lock(ctx); err != nil {
		return quarantine.CrashPage{}, err
	}
	defer s.mu.Unlock()
	var page quarantine.CrashPage
	for _, r := range slices.Backward(s.crashes) {
		if !s.crashMatchesLocked(q, r) {
			continue
		}
		if len(page.Reports) == q.PageSize() {
			page.Next = page.Reports[len(page.Reports)-1].Seq
			break
		}
		report, err := s.reportLocked(r, false)
		if err != nil {
			return quarantine.CrashPage{}, err
		}
		page.Reports = append(page.Reports, report)
	}
	return page, nil
}

func (s *Store) crashMatchesLocked(q quarantine.CrashQuery, r *crash) bool {
	return (q.After == 0 || r.seq < q.After) &&
		(q.Role == "" || searched(q.Role) == r.searched.Role) &&
		(q.Host == "" || searched(q.Host) == r.searched.Host) &&
		(q.Build == "" || searched(q.Build) == r.searched.Build) &&
		(q.Since.IsZero() || !r.at.Before(q.Since)) &&
		(q.Until.IsZero() || r.at.Before(q.Until)) &&
		(q.Subscription == "" && q.MessageID == "" || slices.ContainsFunc(s.suspects, func(f *suspect) bool {
			return f.crash == r && (q.Subscription == "" || q.Subscription == f.Subscription) &&
				(q.MessageID == "" || q.MessageID == f.MessageID)
		}))
}

// crashesOfLocked returns the references of the reports of an entry's message.
func (s *Store) crashesOfLocked(e quarantine.Entry) []string {
	key := quarantine.SuspectKey(e.Subscription, e.Message.ID, e.Message.PublishedAt)
	var refs []string
	for _, f := range slices.Backward(s.suspects) {
		if f.key == key && len(refs) < quarantine.CrashesShown {
			refs = append(refs, f.Crash)
		}
	}
	return refs
}

// SettleSuspects implements [quarantine.CrashStore].
func (s *Store) SettleSuspects(ctx context.Context, batch []quarantine.SuspectFate) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if err := quarantine.CheckFates(batch); err != nil {
		return err
	}
	for _, f := range batch {
		s.settleLocked(f)
		if f.Fate == handlers.FateDone {
			m := s.messageLocked(f.Identity, f.Subscription, f.MessageID)
			m.settled = true
			s.touchLocked(m)
		}
	}
	return nil
}

// settleLocked ends the waiting of a message.
func (s *Store) settleLocked(fate quarantine.SuspectFate) {
	key := fate.Key()
	for _, f := range s.suspects {
		if f.key == key && f.State == quarantine.SuspectWaiting {
			f.State, f.SettledAt, f.Identity = quarantine.SuspectAfter(fate.Fate), s.now(), fate.Identity
		}
	}
	if m := s.messages[key]; m != nil && m.suspect {
		m.suspect = false
		s.touchLocked(m)
	}
}

// SuspectList implements [quarantine.CrashStore].
func (s *Store) SuspectList(ctx context.Context, q quarantine.SuspectQuery) ([]quarantine.Suspect, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if q.Crash != "" {
		ref, err := s.refLocked("C-", q.Crash)
		if err != nil {
			return nil, err
		}
		q.Crash = ref
	}
	var all []quarantine.Suspect
	for _, f := range s.suspects {
		if len(all) < q.PageSize() && f.Seq > q.After &&
			(q.Crash == "" || q.Crash == f.Crash) &&
			(q.Subscription == "" || q.Subscription == f.Subscription) &&
			(q.MessageID == "" || q.MessageID == f.MessageID) &&
			(len(q.States) == 0 || slices.Contains(q.States, f.State)) {
			all = append(all, f.Suspect)
		}
	}
	return all, nil
}

// Decided implements [quarantine.CrashStore].
func (s *Store) Decided(ctx context.Context, identity [32]byte) (bool, error) {
	if err := s.lock(ctx); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	m := s.messages[identity]
	return m != nil && (m.held != nil || m.settled), nil
}
