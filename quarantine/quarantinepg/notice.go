package quarantinepg

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// LeadNotices implements [quarantine.NoticeStore].
func (s *Store) LeadNotices(ctx context.Context, holder string, lasts time.Duration) (leads bool, err error) {
	if err := quarantine.CheckHolder(holder); err != nil {
		return false, err
	}
	err = s.pool.Call(ctx, "lead the notices", func(ctx context.Context) error {
		if lasts <= 0 {
			_, err := s.pool.Exec(ctx, sqlNotifierLeave, pgkit.Blob(holder))
			return err
		}
		tag, err := s.pool.Exec(ctx, sqlNotifierLead, pgkit.Blob(holder), lasts)
		leads = tag.RowsAffected() == 1
		return err
	})
	return leads && err == nil, err
}

// noticeRow is a row of notice_get.sql.
type noticeRow struct {
	Key       []byte     `db:"key"`
	Told      int64      `db:"told"`
	AuditTold int64      `db:"audit_told"`
	ToldAt    *time.Time `db:"told_at"`
	State     []byte     `db:"state"`
	Trouble   []byte     `db:"trouble"`
}

// toldOf returns what the rows say, by key.
func toldOf(rows []noticeRow) map[string]quarantine.ToldNotice {
	told := make(map[string]quarantine.ToldNotice, len(rows))
	for _, r := range rows {
		t := quarantine.ToldNotice{Key: string(r.Key), Told: r.Told, AuditTold: r.AuditTold, At: pgkit.TimeOf(r.ToldAt),
			Trouble: string(r.Trouble)}
		if len(r.State) > 0 {
			t.State = r.State
		}
		told[t.Key] = t
	}
	return told
}

// NoticesDue implements [quarantine.NoticeStore].
func (s *Store) NoticesDue(ctx context.Context, limit int) (due []quarantine.Notice, err error) {
	err = s.read(ctx, "list notices", func(x tx) error {
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
func (x tx) notices(seqs []int64) ([]quarantine.Notice, error) {
	if len(seqs) == 0 {
		return nil, nil
	}
	groups, err := x.groupsBySeq(seqs)
	if err != nil {
		return nil, err
	}
	latest, err := x.newest(seqs)
	if err != nil {
		return nil, err
	}
	keys := pgkit.Column(seqs, func(seq int64) []byte { return pgkit.Blob(quarantine.GroupNotice(groups[seq].Fingerprint)) })
	rows, err := collect[noticeRow](x, sqlNoticeGet, keys)
	if err != nil {
		return nil, err
	}
	told := toldOf(rows)
	notices := make([]quarantine.Notice, len(seqs))
	for i, seq := range seqs {
		row, key := groups[seq], string(keys[i])
		notices[i] = quarantine.Notice{Key: key, Waiting: pgkit.TimeOf(row.UntoldSince), Latest: latest[seq], ToldNotice: told[key]}
		notices[i].ToldNotice.Key = key
		if notices[i].Group, err = row.group(); err != nil {
			return nil, err
		}
	}
	return notices, nil
}

// groupsBySeq returns groups by their numbers.
func (x tx) groupsBySeq(seqs []int64) (map[int64]*groupRow, error) {
	f := newFilter(len(seqs))
	f.And("g.seq = ANY (" + f.Arg(seqs) + ")")
	rows, err := collect[groupRow](x, f.apply(sqlGroupList), f.All()...)
	groups := make(map[int64]*groupRow, len(rows))
	for i := range rows {
		groups[rows[i].Seq] = &rows[i]
	}
	for _, seq := range seqs {
		if err == nil && groups[seq] == nil {
			err = fmt.Errorf("group %s: %w", quarantine.GroupRef(seq), quarantine.ErrNotFound)
		}
	}
	return groups, err
}

// newest returns the newest entry of each group.
func (x tx) newest(seqs []int64) (map[int64]quarantine.Entry, error) {
	numbers, err := values[int64](x, sqlEntryNewest, seqs)
	if err != nil {
		return nil, err
	}
	f := newFilter(len(numbers))
	f.And("e.seq = ANY (" + f.Arg(numbers) + ")")
	rows, err := x.entries(f)
	if err != nil {
		return nil, err
	}
	latest := make(map[int64]quarantine.Entry, len(rows))
	for i := range rows {
		if latest[rows[i].GroupSeq], err = rows[i].entry(); err != nil {
			return nil, err
		}
	}
	return latest, nil
}

// fingerprintOf returns the fingerprint in the key of a group's notice.
func fingerprintOf(key string) (string, bool) {
	fingerprint, ok := strings.CutPrefix(key, quarantine.GroupNotice(""))
	// What the server's texts cannot hold is no fingerprint.
	return fingerprint, ok && fingerprint == quarantine.DisplayText(fingerprint, len(fingerprint))
}

// NoticeGet implements [quarantine.NoticeStore].
func (s *Store) NoticeGet(ctx context.Context, key string) (n quarantine.Notice, err error) {
	err = s.read(ctx, "get a notice", func(x tx) error {
		if fingerprint, ok := fingerprintOf(key); ok {
			groups, err := collect[groupSeqRow](x, sqlGroupFind, []string{fingerprint})
			if err != nil {
				return err
			}
			if len(groups) > 0 {
				all, err := x.notices([]int64{groups[0].Seq})
				if err == nil {
					n = all[0]
				}
				return err
			}
		}
		rows, err := collect[noticeRow](x, sqlNoticeGet, [][]byte{pgkit.Blob(key)})
		if err == nil && len(rows) == 0 {
			return fmt.Errorf("notice %q: %w", key, quarantine.ErrNotFound)
		}
		n = quarantine.Notice{Key: key, ToldNotice: toldOf(rows)[key]}
		return err
	})
	if err != nil {
		return quarantine.Notice{}, err
	}
	return n, nil
}

// PutNotices implements [quarantine.NoticeStore].
func (s *Store) PutNotices(ctx context.Context, holder string, told []quarantine.ToldNotice) error {
	told, err := quarantine.CheckTold(told)
	if err != nil {
		return err
	}
	return s.write(ctx, "put notices", func(x tx) error { return x.put(holder, told) })
}

// notifierRow is the row of notifier_lock.sql.
type notifierRow struct {
	Holder []byte    `db:"holder"`
	Leads  bool      `db:"leads"`
	At     time.Time `db:"at"`
}

// toldGroupRow is a row of notice_lock.sql.
type toldGroupRow struct {
	Seq         int64      `db:"seq"`
	Fingerprint string     `db:"fingerprint"`
	Changes     int64      `db:"changes"`
	UntoldSince *time.Time `db:"untold_since"`
}

// put stores notices. The notifier's row is locked first, so that nobody else leads
// before the end, then the groups, in the order in which all lock them.
func (x tx) put(holder string, told []quarantine.ToldNotice) error {
	keys := pgkit.Column(told, func(t quarantine.ToldNotice) []byte { return pgkit.Blob(t.Key) })
	var fingerprints []string
	for _, t := range told {
		if fingerprint, ok := fingerprintOf(t.Key); ok {
			fingerprints = append(fingerprints, fingerprint)
		}
	}
	var notifier []notifierRow
	var groups []toldGroupRow
	var before []noticeRow
	var b pgx.Batch
	b.Queue(sqlNotifierLock).Query(pgkit.Into(&notifier))
	b.Queue(sqlNoticeLock, fingerprints).Query(pgkit.Into(&groups))
	b.Queue(sqlNoticeGet, keys).Query(pgkit.Into(&before))
	if err := x.send(&b); err != nil {
		return err
	}
	if len(notifier) != 1 || !notifier[0].Leads || !bytes.Equal(notifier[0].Holder, []byte(holder)) {
		return fmt.Errorf("%q does not lead: %w", holder, quarantine.ErrClaimLost)
	}
	if len(told) == 0 {
		return nil
	}
	return x.putLocked(told, toldOf(before), groups, notifier[0].At.UTC())
}

// putLocked stores notices whose groups are locked.
func (x tx) putLocked(told []quarantine.ToldNotice, before map[string]quarantine.ToldNotice, groups []toldGroupRow, now time.Time) error {
	byKey := make(map[string]quarantine.ToldNotice, len(told))
	for _, t := range told {
		byKey[t.Key] = t
	}
	since := make([]*time.Time, len(groups))
	for i, g := range groups {
		t := byKey[quarantine.GroupNotice(g.Fingerprint)]
		at, err := t.WaitingAfter(before[t.Key], g.Changes, pgkit.TimeOf(g.UntoldSince), now)
		if err != nil {
			return err
		}
		since[i] = timestamp(at)
	}
	blobs := func(of func(t quarantine.ToldNotice) []byte) [][]byte { return pgkit.Column(told, of) }
	times := func(of func(t quarantine.ToldNotice) time.Time) []*time.Time {
		return pgkit.Column(told, func(t quarantine.ToldNotice) *time.Time { return timestamp(of(t)) })
	}
	var b pgx.Batch
	b.Queue(sqlNoticePut,
		blobs(func(t quarantine.ToldNotice) []byte { return pgkit.Blob(t.Key) }),
		pgkit.Column(told, func(t quarantine.ToldNotice) int64 { return t.Told }),
		pgkit.Column(told, func(t quarantine.ToldNotice) int64 { return t.AuditTold }),
		times(func(t quarantine.ToldNotice) time.Time { return t.After(before[t.Key], now).At }),
		blobs(func(t quarantine.ToldNotice) []byte { return pgkit.Blob(t.State) }),
		blobs(func(t quarantine.ToldNotice) []byte { return pgkit.Blob(t.Trouble) }),
		times(func(t quarantine.ToldNotice) time.Time {
			if t.Trouble == "" {
				return time.Time{}
			}
			return now
		}))
	b.Queue(sqlGroupTold, pgkit.Column(groups, func(g toldGroupRow) int64 { return g.Seq }), since)
	return x.send(&b)
}

// statsRow is the row of notice_stats.sql.
type statsRow struct {
	Due      int        `db:"due"`
	Oldest   *time.Time `db:"oldest"`
	Holder   []byte     `db:"holder"`
	LedAt    *time.Time `db:"led_at"`
	Troubled int        `db:"troubled"`
	Trouble  []byte     `db:"trouble"`
}

// NoticeStats implements [quarantine.NoticeStore].
func (s *Store) NoticeStats(ctx context.Context) (stats quarantine.NoticeStats, err error) {
	err = s.read(ctx, "look at the notices", func(x tx) error {
		rows, err := collect[statsRow](x, sqlNoticeStats)
		for _, r := range rows { // one
			stats = quarantine.NoticeStats{Due: r.Due, Oldest: pgkit.TimeOf(r.Oldest), Holder: string(r.Holder),
				Led: pgkit.TimeOf(r.LedAt), Troubled: r.Troubled, Trouble: string(r.Trouble)}
		}
		return err
	})
	if err != nil {
		return quarantine.NoticeStats{}, err
	}
	return stats, nil
}

// timestamp is the inverse of pgkit.TimeOf.
func timestamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
