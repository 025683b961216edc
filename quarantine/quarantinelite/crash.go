package quarantinelite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// crashRow is a row of crash_get.sql or crash_list.sql.
type crashRow struct {
	Seq        int64  `db:"seq"`
	Ref        string `db:"ref"`
	ReportedAt int64  `db:"reported_at"`
	Encoded    []byte `db:"encoded"`
}

// countRow is a row of crash_counts.sql.
type countRow struct {
	State string `db:"state"`
	N     int    `db:"n"`
}

// report is what the row stands for, with the counts of its suspects.
func (x *tx) report(r crashRow) (quarantine.CrashReport, error) {
	c, err := quarantine.DecodeCrash(r.Encoded)
	if err != nil {
		return quarantine.CrashReport{}, fmt.Errorf("crash report %s: %w", r.Ref, err)
	}
	report := quarantine.CrashReport{Crash: c, Ref: r.Ref, Seq: r.Seq, ReportedAt: litekit.TimeOf(r.ReportedAt),
		Suspects: make(map[quarantine.SuspectState]int)}
	counts, err := litekit.Collect[countRow](x, sqlCrashCounts, r.Seq)
	for _, n := range counts {
		report.Suspects[quarantine.SuspectState(n.State)] = n.N
	}
	return report, err
}

// AddCrash implements [quarantine.CrashStore].
func (s *Store) AddCrash(ctx context.Context, c handlers.Crash) (report quarantine.CrashReport, err error) {
	if c, err = quarantine.StoredCrash(c); err != nil {
		return quarantine.CrashReport{}, err
	}
	var dead []quarantine.Worker
	err = s.write(ctx, "store a crash report", func(x *tx) error {
		row, err := x.addCrash(c)
		if errors.Is(err, errReported) {
			report, err = x.report(row)
			return err
		}
		if err != nil {
			return err
		}
		if dead, err = s.endDead(x, c); err != nil {
			return err
		}
		report, err = x.report(row)
		return err
	})
	if err != nil {
		return quarantine.CrashReport{}, err
	}
	for _, w := range dead {
		s.forget(w.Incarnation)
	}
	report.Crash = quarantine.CrashSummary(report.Crash)
	return report, nil
}

// errReported: the report is stored already.
var errReported = errors.New("the report is stored already")

// addCrash stores a report with its suspects and returns its row; with
// errReported that of the report that has its id.
func (x *tx) addCrash(c handlers.Crash) (crashRow, error) {
	row, err := litekit.One[crashRow](x, sqlCrashGet, c.ID, "")
	if err == nil {
		return row, errReported
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return crashRow{}, err
	}
	seq, err := x.next("crash", 1)
	if err != nil {
		return crashRow{}, err
	}
	row = crashRow{Seq: seq, Ref: quarantine.CrashRef(seq), ReportedAt: litekit.Micros(x.Now),
		Encoded: quarantine.EncodeCrash(quarantine.CrashSummary(c))}
	_, err = x.Exec(sqlCrashAdd, seq, c.ID, row.Ref, searched(c.Role), searched(c.Host), searched(c.Build),
		searched(c.Kind), searched(c.Tier), litekit.Micros(c.Died), row.ReportedAt, row.Encoded, quarantine.EncodeCrash(c))
	if err != nil {
		return crashRow{}, err
	}
	return row, x.addSuspects(seq, quarantine.SuspectsOf(c))
}

// searched is a text of a report as it is searched: exactly.
func searched(s string) string { return quarantine.DisplayText(s, 256) }

func (x *tx) addSuspects(crash int64, suspects []quarantine.Suspect) error {
	if len(suspects) == 0 {
		return nil
	}
	change, err := x.next("change", 1)
	if err != nil {
		return err
	}
	for _, f := range suspects {
		key := f.Key()
		if _, err := x.Exec(sqlMessageSuspect, key[:], quarantine.SuspectSubscription(f.Subscription), blob(f.MessageID), change); err != nil {
			return err
		}
		_, err := x.Exec(sqlSuspectAdd, crash, key[:], blob(f.Subscription), blob(f.MessageID), f.IDCut,
			f.PublishedAt.UnixMicro(), blob(f.Part), blob(f.Why), f.Deaths)
		if err != nil {
			return err
		}
	}
	return nil
}

// endDead marks the workers dead that a report is about.
func (s *Store) endDead(x *tx, c handlers.Crash) (dead []quarantine.Worker, err error) {
	workers, reaped, err := s.workers(x)
	if err != nil {
		return nil, err
	}
	for i, w := range workers {
		if w.Alive || reaped[i] || !quarantine.DiedWith(w, c) {
			continue
		}
		if err := x.end(w, "dead", quarantine.DeathTransition); err != nil {
			return nil, err
		}
		dead = append(dead, w)
	}
	return dead, nil
}

// CrashGet implements [quarantine.CrashStore].
func (s *Store) CrashGet(ctx context.Context, key quarantine.CrashKey) (report quarantine.CrashReport, err error) {
	if key == (quarantine.CrashKey{}) {
		return report, fmt.Errorf("a crash report must be named by something: %w", quarantine.ErrInvalid)
	}
	err = s.read(ctx, "get a crash report", func(x *tx) error {
		id, ref := quarantine.CanonicalID(key.ID), ""
		if id == "" {
			if ref, err = x.ref("C-", sqlCrashRefs, key.Ref); err != nil {
				return err
			}
		}
		row, err := litekit.One[crashRow](x, sqlCrashGet, id, ref)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("crash report %q: %w", key.ID, quarantine.ErrNotFound)
		}
		if err != nil {
			return err
		}
		report, err = x.report(row)
		return err
	})
	if err != nil {
		return quarantine.CrashReport{}, err
	}
	return report, nil
}

// CrashList implements [quarantine.CrashStore].
func (s *Store) CrashList(ctx context.Context, q quarantine.CrashQuery) (page quarantine.CrashPage, err error) {
	f := litekit.NewFilter(q.PageSize() + 1)
	narrowCrashes(f, q)
	err = s.read(ctx, "list crash reports", func(x *tx) error {
		rows, err := litekit.Collect[crashRow](x, f.Apply(sqlCrashList), f.Args()...)
		if err != nil {
			return err
		}
		if size := q.PageSize(); len(rows) > size {
			page.Next, rows = rows[size-1].Seq, rows[:size]
		}
		for _, r := range rows {
			report, err := x.report(r)
			if err != nil {
				return err
			}
			page.Reports = append(page.Reports, report)
		}
		return nil
	})
	if err != nil {
		return quarantine.CrashPage{}, err
	}
	return page, nil
}

// narrowCrashes adds the conditions of a query.
func narrowCrashes(f *litekit.Filter, q quarantine.CrashQuery) {
	for _, c := range [][2]string{{"c.role", q.Role}, {"c.host", q.Host}, {"c.build", q.Build}} {
		if c[1] != "" {
			f.And(c[0] + " = " + f.Arg(searched(c[1])))
		}
	}
	if !q.Since.IsZero() {
		f.And("c.reported_at >= " + f.Arg(q.Since.UnixMicro()))
	}
	if !q.Until.IsZero() {
		f.And("c.reported_at < " + f.Arg(q.Until.UnixMicro()))
	}
	if q.After != 0 {
		f.And("c.seq < " + f.Arg(q.After))
	}
	of := ""
	if q.Subscription != "" {
		of += " AND s.subscription = " + f.Arg(blob(q.Subscription))
	}
	if q.MessageID != "" {
		of += " AND s.message_id = " + f.Arg(blob(q.MessageID))
	}
	if of != "" {
		f.And("EXISTS (SELECT 1 FROM suspect s WHERE s.crash_seq = c.seq" + of + ")")
	}
}
