package quarantinelite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/theriac/theriac/internal/sqlrows"
	"github.com/theriac/theriac/quarantine"
)

// LeadNotices implements [quarantine.NoticeStore].
func (s *Store) LeadNotices(ctx context.Context, holder string, lasts time.Duration) (leads bool, err error) {
	if err := quarantine.CheckHolder(holder); err != nil {
		return false, err
	}
	err = s.write(ctx, "lead the notices", func(x *tx) error {
		if lasts <= 0 {
			_, err := x.exec(sqlNotifierLeave, blob(holder), micros(x.now))
			return err
		}
		n, err := x.exec(sqlNotifierLead, blob(holder), micros(x.now), micros(x.now.Add(lasts)))
		leads = n == 1
		return err
	})
	return leads && err == nil, err
}

// noticeRow is the row of notice_get.sql.
type noticeRow struct {
	Told      int64  `db:"told"`
	AuditTold int64  `db:"audit_told"`
	ToldAt    int64  `db:"told_at"`
	State     []byte `db:"state"`
	Trouble   []byte `db:"trouble"`
}

// told returns what was put last under a key, and whether anything was.
func (x *tx) told(key string) (quarantine.ToldNotice, bool, error) {
	t := quarantine.ToldNotice{Key: key}
	r, err := sqlrows.One[noticeRow](x.rows(sqlNoticeGet, blob(key)))
	if errors.Is(err, sql.ErrNoRows) {
		return t, false, nil
	}
	t.Told, t.AuditTold, t.At, t.Trouble = r.Told, r.AuditTold, timeOf(r.ToldAt), string(r.Trouble)
	if len(r.State) > 0 {
		t.State = r.State
	}
	return t, true, err
}

// NoticesDue implements [quarantine.NoticeStore].
func (s *Store) NoticesDue(ctx context.Context, limit int) (due []quarantine.Notice, err error) {
	err = s.read(ctx, "list notices", func(x *tx) error {
		seqs, err := values[int64](x, sqlNoticeDue, quarantine.NoticeLimit(limit))
		if err != nil {
			return err
		}
		due, err = x.notices(seqs)
		return err
	})
	if err != nil {
		return nil, err
	}
	return due, nil
}

// notices returns the notices of groups, in the same order.
func (x *tx) notices(seqs []int64) ([]quarantine.Notice, error) {
	groups, err := x.groupsBySeq(seqs)
	if err != nil {
		return nil, err
	}
	latest, err := x.newest(seqs)
	if err != nil {
		return nil, err
	}
	var notices []quarantine.Notice
	for _, seq := range seqs {
		row := groups[seq]
		n := quarantine.Notice{Key: quarantine.GroupNotice(row.Fingerprint), Waiting: timeOf(row.UntoldSince), Latest: latest[seq]}
		if n.Group, err = row.group(); err != nil {
			return nil, err
		}
		if n.ToldNotice, _, err = x.told(n.Key); err != nil {
			return nil, err
		}
		notices = append(notices, n)
	}
	return notices, nil
}

// groupsBySeq returns groups by their numbers.
func (x *tx) groupsBySeq(seqs []int64) (map[int64]*groupRow, error) {
	groups := make(map[int64]*groupRow, len(seqs))
	if len(seqs) == 0 {
		return groups, nil
	}
	f := newFilter(len(seqs))
	f.and("g.seq IN (" + f.numbers(seqs) + ")")
	rows, err := collect[groupRow](x, f.apply(sqlGroupList), f.args...)
	for i := range rows {
		groups[rows[i].Seq] = &rows[i]
	}
	return groups, err
}

// newest returns the newest entry of each group.
func (x *tx) newest(seqs []int64) (map[int64]quarantine.Entry, error) {
	latest := make(map[int64]quarantine.Entry, len(seqs))
	if len(seqs) == 0 {
		return latest, nil
	}
	numbers := make([]int64, len(seqs))
	for i, seq := range seqs {
		var err error
		if numbers[i], err = value[int64](x, sqlEntryNewest, seq); err != nil {
			return nil, err
		}
	}
	f := newFilter(len(numbers))
	f.and("e.seq IN (" + f.numbers(numbers) + ")")
	rows, err := x.entries(f)
	for i := range rows {
		if latest[rows[i].GroupSeq], err = rows[i].entry(); err != nil {
			return nil, err
		}
	}
	return latest, err
}

// NoticeGet implements [quarantine.NoticeStore].
func (s *Store) NoticeGet(ctx context.Context, key string) (n quarantine.Notice, err error) {
	err = s.read(ctx, "get a notice", func(x *tx) error {
		seq, err := x.groupOfKey(key)
		if err != nil {
			return err
		}
		if seq != 0 {
			all, err := x.notices([]int64{seq})
			if err == nil {
				n = all[0]
			}
			return err
		}
		told, found, err := x.told(key)
		if err == nil && !found {
			return fmt.Errorf("notice %q: %w", key, quarantine.ErrNotFound)
		}
		n = quarantine.Notice{Key: key, ToldNotice: told}
		return err
	})
	if err != nil {
		return quarantine.Notice{}, err
	}
	return n, nil
}

// groupOfKey returns the number of the group that a key names, 0 for none.
func (x *tx) groupOfKey(key string) (int64, error) {
	fingerprint, ok := strings.CutPrefix(key, quarantine.GroupNotice(""))
	if !ok {
		return 0, nil
	}
	g, err := sqlrows.One[foundGroup](x.rows(sqlGroupGet, fingerprint))
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return g.Seq, err
}

// PutNotices implements [quarantine.NoticeStore].
func (s *Store) PutNotices(ctx context.Context, holder string, told []quarantine.ToldNotice) error {
	told, err := quarantine.CheckTold(told)
	if err != nil {
		return err
	}
	return s.write(ctx, "put notices", func(x *tx) error {
		leads, err := value[int](x, sqlNotifierLeads, blob(holder), micros(x.now))
		if err != nil {
			return err
		}
		if leads == 0 {
			return fmt.Errorf("%q does not lead: %w", holder, quarantine.ErrClaimLost)
		}
		for _, t := range told {
			if err := x.put(t); err != nil {
				return err
			}
		}
		return nil
	})
}

// put stores one notice. Nobody changes its group meanwhile.
func (x *tx) put(t quarantine.ToldNotice) error {
	before, _, err := x.told(t.Key)
	if err != nil {
		return err
	}
	seq, err := x.groupOfKey(t.Key)
	if err != nil {
		return err
	}
	if seq != 0 {
		if err := x.wait(seq, t, before); err != nil {
			return err
		}
	}
	trouble := int64(0)
	if t.Trouble != "" {
		trouble = micros(x.now)
	}
	t = t.After(before, x.now)
	_, err = x.exec(sqlNoticePut, blob(t.Key), t.Told, t.AuditTold, micros(t.At), blob(t.State), blob(t.Trouble), trouble)
	return err
}

// wait writes since when a group waits, after t was put in the place of before.
func (x *tx) wait(seq int64, t, before quarantine.ToldNotice) error {
	groups, err := x.groupsBySeq([]int64{seq})
	if err != nil {
		return err
	}
	since, err := t.WaitingAfter(before, groups[seq].Changes, timeOf(groups[seq].UntoldSince), x.now)
	if err != nil {
		return err
	}
	_, err = x.exec(sqlGroupTold, seq, micros(since))
	return err
}

// statsRow is the row of notice_stats.sql.
type statsRow struct {
	Due    int    `db:"due"`
	Oldest int64  `db:"oldest"`
	Holder []byte `db:"holder"`
	LedAt  int64  `db:"led_at"`
}

// NoticeStats implements [quarantine.NoticeStore].
func (s *Store) NoticeStats(ctx context.Context) (stats quarantine.NoticeStats, err error) {
	err = s.read(ctx, "look at the notices", func(x *tx) error {
		r, err := sqlrows.One[statsRow](x.rows(sqlNoticeStats, micros(x.now)))
		if err != nil {
			return err
		}
		troubles, err := values[[]byte](x, sqlNoticeTrouble)
		if err != nil {
			return err
		}
		stats = quarantine.NoticeStats{Due: r.Due, Oldest: timeOf(r.Oldest), Holder: string(r.Holder), Led: timeOf(r.LedAt),
			Troubled: len(troubles)}
		if len(troubles) > 0 {
			stats.Trouble = string(troubles[0])
		}
		return nil
	})
	if err != nil {
		return quarantine.NoticeStats{}, err
	}
	return stats, nil
}

// GroupAct implements [quarantine.NoticeStore].
func (s *Store) GroupAct(ctx context.Context, a quarantine.GroupAct) (after quarantine.Group, err error) {
	err = s.write(ctx, "act on a group", func(x *tx) error {
		seq, err := x.group(a.Group)
		if err != nil {
			return err
		}
		if err := x.once(a.Request); err != nil {
			return err
		}
		groups, err := x.groupsBySeq([]int64{seq})
		if err != nil {
			return err
		}
		before, err := groups[seq].group()
		if err != nil {
			return err
		}
		if after, err = a.Apply(before, x.now); err != nil {
			return err
		}
		taken, acted := after.Taken, after.Acted
		_, err = x.exec(sqlGroupAct, seq, after.Version, micros(x.now), micros(after.SnoozedUntil),
			blob(taken.Actor.Name), taken.Actor.Via, taken.Actor.Claimed, micros(taken.At), blob(taken.Reason),
			blob(acted.Actor.Name), acted.Actor.Via, acted.Actor.Claimed, micros(acted.At), blob(acted.Reason))
		if err != nil {
			return err
		}
		return x.audit(a.Audit(after), seq, a.Request)
	})
	if err != nil {
		return quarantine.Group{}, err
	}
	return after, nil
}

// once refuses a request that is wrong or was carried out before.
func (x *tx) once(request string) error {
	if err := quarantine.CheckRequest(request); err != nil || request == "" {
		return err
	}
	n, err := value[int](x, sqlAuditRequest, blob(request))
	if err == nil && n > 0 {
		return fmt.Errorf("request %q: %w", request, quarantine.ErrDuplicate)
	}
	return err
}

// GroupAudit implements [quarantine.NoticeStore].
func (s *Store) GroupAudit(ctx context.Context, group string, after int64, limit int) (audit []quarantine.AuditRow, err error) {
	err = s.read(ctx, "read the audit of a group", func(x *tx) error {
		seq, err := x.group(group)
		if err != nil {
			return err
		}
		f := newFilter(quarantine.NoticeLimit(limit))
		f.and("group_seq = " + f.arg(seq) + " AND n > " + f.arg(after))
		audit, err = x.auditRows(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return audit, nil
}
