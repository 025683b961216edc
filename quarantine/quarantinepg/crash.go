package quarantinepg

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// crashRow is a row of crash_get.sql or crash_list.sql.
type crashRow struct {
	Seq        int64     `db:"seq"`
	Ref        string    `db:"ref"`
	ReportedAt time.Time `db:"reported_at"`
	Encoded    []byte    `db:"encoded"`
}

// countRow is a row of crash_counts.sql.
type countRow struct {
	CrashSeq int64  `db:"crash_seq"`
	State    string `db:"state"`
	N        int    `db:"n"`
}

// reports returns what the rows stand for, with the counts of their suspects.
func (x tx) reports(rows []crashRow) ([]quarantine.CrashReport, error) {
	counts, err := collect[countRow](x, sqlCrashCounts, pgkit.Column(rows, func(r crashRow) int64 { return r.Seq }))
	if err != nil {
		return nil, err
	}
	bySeq := make(map[int64]map[quarantine.SuspectState]int)
	for _, r := range rows {
		bySeq[r.Seq] = make(map[quarantine.SuspectState]int)
	}
	for _, n := range counts {
		bySeq[n.CrashSeq][quarantine.SuspectState(n.State)] = n.N
	}
	var reports []quarantine.CrashReport
	for _, r := range rows {
		c, err := quarantine.DecodeCrash(r.Encoded)
		if err != nil {
			return nil, fmt.Errorf("crash report %s: %w", r.Ref, err)
		}
		reports = append(reports, quarantine.CrashReport{
			Crash: c, Ref: r.Ref, Seq: r.Seq, ReportedAt: r.ReportedAt.UTC(), Suspects: bySeq[r.Seq]})
	}
	return reports, nil
}

// AddCrash implements [quarantine.CrashStore].
func (s *Store) AddCrash(ctx context.Context, c handlers.Crash) (report quarantine.CrashReport, err error) {
	if c, err = quarantine.StoredCrash(c); err != nil {
		return quarantine.CrashReport{}, err
	}
	err = s.write(ctx, "store a crash report", func(x tx) error {
		if err := x.report(c); err != nil {
			return err
		}
		report, err = x.crash(quarantine.CrashKey{ID: c.ID})
		return err
	})
	if err != nil {
		return quarantine.CrashReport{}, err
	}
	report.Crash = quarantine.CrashSummary(report.Crash)
	return report, nil
}

// report stores a report that is not stored yet, and marks its process dead. A
// worker's row is locked before all others, as a reaper does.
func (x tx) report(c handlers.Crash) error {
	id, err := parseID(c.ID)
	if err != nil {
		return err
	}
	if told, err := value[bool](x, sqlCrashFind, id); err != nil || told {
		return err
	}
	all, err := x.dead()
	if err != nil {
		return err
	}
	var dead []quarantine.Worker
	for _, w := range all {
		if !quarantine.DiedWith(w, c) {
			continue
		}
		if _, found, err := x.take(w); err != nil {
			return err
		} else if found {
			dead = append(dead, w)
		}
	}
	if added, err := x.addCrash(c); err != nil || !added {
		return err
	}
	for _, w := range dead {
		if err := x.end(w, "dead", quarantine.DeathTransition); err != nil {
			return err
		}
	}
	return nil
}

// addCrash stores a report with its suspects, unless there is one with its id.
func (x tx) addCrash(c handlers.Crash) (added bool, err error) {
	numbers, err := collect[numberRow](x, sqlSequenceNext, "theriac.crash_seq", 1)
	if err != nil {
		return false, err
	}
	id, err := parseID(c.ID)
	if err != nil {
		return false, err
	}
	seq := numbers[0].Number
	n, err := x.exec(sqlCrashAdd, seq, id, quarantine.CrashRef(seq), searched(c.Role), searched(c.Host), c.PID,
		searched(c.Build), searched(c.Kind), searched(c.Tier), c.Died.UnixMicro(),
		quarantine.EncodeCrash(quarantine.CrashSummary(c)), quarantine.EncodeCrash(c))
	if err != nil || n == 0 {
		return false, err
	}
	suspects := quarantine.SuspectsOf(c)
	if len(suspects) == 0 {
		return true, nil
	}
	var b pgx.Batch
	queueSuspects(&b, seq, suspects)
	return true, x.send(&b)
}

// searched is a text of a report as it is searched: exactly.
func searched(s string) string { return quarantine.DisplayText(s, 256) }

// crash returns one report, whole.
func (x tx) crash(key quarantine.CrashKey) (quarantine.CrashReport, error) {
	var id pgtype.UUID
	var ref string
	var err error
	if key.ID != "" {
		id, err = parseID(quarantine.CanonicalID(key.ID))
	} else {
		ref, err = x.ref("C-", sqlCrashRefs, key.Ref)
	}
	if err != nil {
		return quarantine.CrashReport{}, err
	}
	rows, err := collect[crashRow](x, sqlCrashGet, id, ref)
	if err != nil {
		return quarantine.CrashReport{}, err
	}
	if len(rows) == 0 {
		return quarantine.CrashReport{}, fmt.Errorf("crash report %q: %w", key.ID, quarantine.ErrNotFound)
	}
	reports, err := x.reports(rows)
	if err != nil {
		return quarantine.CrashReport{}, err
	}
	return reports[0], nil
}

// CrashGet implements [quarantine.CrashStore].
func (s *Store) CrashGet(ctx context.Context, key quarantine.CrashKey) (report quarantine.CrashReport, err error) {
	if key == (quarantine.CrashKey{}) {
		return report, fmt.Errorf("a crash report must be named by something: %w", quarantine.ErrInvalid)
	}
	err = s.read(ctx, "get a crash report", func(x tx) error {
		report, err = x.crash(key)
		return err
	})
	if err != nil {
		return quarantine.CrashReport{}, err
	}
	return report, nil
}

// CrashList implements [quarantine.CrashStore].
func (s *Store) CrashList(ctx context.Context, q quarantine.CrashQuery) (page quarantine.CrashPage, err error) {
	err = s.read(ctx, "list crash reports", func(x tx) error {
		f := newFilter(q.PageSize() + 1)
		narrowCrashes(f, q)
		rows, err := collect[crashRow](x, f.apply(sqlCrashList), f.All()...)
		if err != nil {
			return err
		}
		page = quarantine.CrashPage{}
		if size := q.PageSize(); len(rows) > size {
			page.Next, rows = rows[size-1].Seq, rows[:size]
		}
		page.Reports, err = x.reports(rows)
		return err
	})
	if err != nil {
		return quarantine.CrashPage{}, err
	}
	return page, nil
}

// narrowCrashes adds the conditions of a query.
func narrowCrashes(f *filter, q quarantine.CrashQuery) {
	for _, c := range [][2]string{{"c.role", q.Role}, {"c.host", q.Host}, {"c.build", q.Build}} {
		if c[1] != "" {
			f.And(c[0] + " = " + f.Arg(searched(c[1])))
		}
	}
	if !q.Since.IsZero() {
		f.And("c.reported_at >= " + f.Arg(bounded(q.Since)))
	}
	if !q.Until.IsZero() {
		f.And("c.reported_at < " + f.Arg(bounded(q.Until)))
	}
	if q.After != 0 {
		f.And("c.seq < " + f.Arg(q.After))
	}
	of := ""
	if q.Subscription != "" {
		of += " AND s.subscription = " + f.Arg(pgkit.Blob(q.Subscription))
	}
	if q.MessageID != "" {
		of += " AND s.message_id = " + f.Arg(pgkit.Blob(q.MessageID))
	}
	if of != "" {
		f.And("EXISTS (SELECT 1 FROM theriac.suspect s WHERE s.crash_seq = c.seq" + of + ")")
	}
}
