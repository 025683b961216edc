package quarantinelite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// LeadNotices implements [quarantine.NoticeStore].
func (s *Store) LeadNotices(ctx context.Context, holder string, lasts time.Duration) (leads bool, err error) {
	if err := quarantine.CheckHolder(holder); err != nil {
		return false, err
	}
	err = s.write(ctx, "lead the notices", func(x *tx) error {
		if lasts <= 0 {
			_, err := x.Exec(sqlNotifierLeave, blob(holder), litekit.Micros(x.Now))
			return err
		}
		n, err := x.Exec(sqlNotifierLead, blob(holder), litekit.Micros(x.Now), litekit.Micros(x.Now.Add(lasts)))
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
	r, err := litekit.One[noticeRow](x, sqlNoticeGet, blob(key))
	if errors.Is(err, sql.ErrNoRows) {
		return t, false, nil
	}
	t.Told, t.AuditTold, t.At, t.Trouble = r.Told, r.AuditTold, litekit.TimeOf(r.ToldAt), string(r.Trouble)
	if len(r.State) > 0 {
		t.State = r.State
	}
	return t, true, err
}

// NoticesDue implements [quarantine.NoticeStore].
func (s *Store) NoticesDue(ctx context.Context, limit int) (due []quarantine.Notice, err error) {
	err = s.read(ctx, "list notices", func(x *tx) error {
		seqs, err := litekit.Values[int64](x, sqlNoticeDue, quarantine.NoticeLimit(limit))
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
		n := quarantine.Notice{Key: quarantine.GroupNotice(row.Fingerprint), Waiting: litekit.TimeOf(row.UntoldSince), Latest: latest[seq]}
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
	f := litekit.NewFilter(len(seqs))
	f.And("g.seq IN (" + litekit.List(f, seqs) + ")")
	rows, err := litekit.Collect[groupRow](x, f.Apply(sqlGroupList), f.Args()...)
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
		if numbers[i], err = litekit.Value[int64](x, sqlEntryNewest, seq); err != nil {
			return nil, err
		}
	}
	f := litekit.NewFilter(len(numbers))
	f.And("e.seq IN (" + litekit.List(f, numbers) + ")")
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
	g, err := litekit.One[foundGroup](x, sqlGroupGet, fingerprint)
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
		leads, err := litekit.Value[int](x, sqlNotifierLeads, blob(holder), litekit.Micros(x.Now))
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
		trouble = litekit.Micros(x.Now)
	}
	t = t.After(before, x.Now)
	_, err = x.Exec(sqlNoticePut, blob(t.Key), t.Told, t.AuditTold, litekit.Micros(t.At), blob(t.State), blob(t.Trouble), trouble)
	return err
}

// wait writes since when a group waits, after t was put in the place of before.
func (x *tx) wait(seq int64, t, before quarantine.ToldNotice) error {
	groups, err := x.groupsBySeq([]int64{seq})
	if err != nil {
		return err
	}
	since, err := t.WaitingAfter(before, groups[seq].Changes, litekit.TimeOf(groups[seq].UntoldSince), x.Now)
	if err != nil {
		return err
	}
	_, err = x.Exec(sqlGroupTold, seq, litekit.Micros(since))
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
		r, err := litekit.One[statsRow](x, sqlNoticeStats, litekit.Micros(x.Now))
		if err != nil {
			return err
		}
		troubles, err := litekit.Values[[]byte](x, sqlNoticeTrouble)
		if err != nil {
			return err
		}
		stats = quarantine.NoticeStats{Due: r.Due, Oldest: litekit.TimeOf(r.Oldest), Holder: string(r.Holder), Led: litekit.TimeOf(r.LedAt),
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
		if after, err = a.Apply(before, x.Now); err != nil {
			return err
		}
		taken, acted := after.Taken, after.Acted
		_, err = x.Exec(sqlGroupAct, seq, after.Version, litekit.Micros(x.Now), litekit.Micros(after.SnoozedUntil),
			blob(taken.Actor.Name), taken.Actor.Via, taken.Actor.Claimed, litekit.Micros(taken.At), blob(taken.Reason),
			blob(acted.Actor.Name), acted.Actor.Via, acted.Actor.Claimed, litekit.Micros(acted.At), blob(acted.Reason))
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
	n, err := litekit.Value[int](x, sqlAuditRequest, blob(request))
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
		f := litekit.NewFilter(quarantine.NoticeLimit(limit))
		f.And("group_seq = " + f.Arg(seq) + " AND n > " + f.Arg(after))
		audit, err = x.auditRows(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return audit, nil
}
