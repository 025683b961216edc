package quarantinepg

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// suspectRow is a row of suspect_list.sql.
type suspectRow struct {
	N            int64      `db:"n"`
	Ref          string     `db:"ref"`
	ReportedAt   time.Time  `db:"reported_at"`
	Subscription []byte     `db:"subscription"`
	MessageID    []byte     `db:"message_id"`
	IDCut        bool       `db:"id_cut"`
	PublishedAt  int64      `db:"published_at"`
	Part         []byte     `db:"part"`
	Why          []byte     `db:"why"`
	Deaths       int        `db:"deaths"`
	State        string     `db:"state"`
	SettledAt    *time.Time `db:"settled_at"`
	Identity     []byte     `db:"identity"`
}

func (r *suspectRow) suspect() quarantine.Suspect {
	f := quarantine.Suspect{
		Seq: r.N, Crash: r.Ref, ReportedAt: r.ReportedAt.UTC(),
		Subscription: string(r.Subscription), MessageID: string(r.MessageID), IDCut: r.IDCut,
		PublishedAt: time.UnixMicro(r.PublishedAt).UTC(),
		Part:        handlers.Part(r.Part), Why: string(r.Why), Deaths: r.Deaths,
		State: quarantine.SuspectState(r.State),
	}
	if r.SettledAt != nil {
		f.SettledAt = r.SettledAt.UTC()
	}
	copy(f.Identity[:], r.Identity)
	return f
}

// queueSuspects stores the suspects of a report. The rows that tell of them are
// locked first, in the order in which everybody locks them.
func queueSuspects(b *pgx.Batch, crash int64, all []quarantine.Suspect) {
	key := func(f quarantine.Suspect) []byte {
		k := f.Key()
		return k[:]
	}
	id := func(f quarantine.Suspect) []byte { return pgkit.Blob(f.MessageID) }
	b.Queue(sqlMessageSuspect, pgkit.Column(all, key),
		pgkit.Column(all, func(f quarantine.Suspect) string { return quarantine.SuspectSubscription(f.Subscription) }), pgkit.Column(all, id))
	b.Queue(sqlSuspectAdd, crash, pgkit.Column(all, key),
		pgkit.Column(all, func(f quarantine.Suspect) []byte { return pgkit.Blob(f.Subscription) }), pgkit.Column(all, id),
		pgkit.Column(all, func(f quarantine.Suspect) bool { return f.IDCut }),
		pgkit.Column(all, func(f quarantine.Suspect) int64 { return f.PublishedAt.UnixMicro() }),
		pgkit.Column(all, func(f quarantine.Suspect) []byte { return pgkit.Blob(f.Part) }),
		pgkit.Column(all, func(f quarantine.Suspect) []byte { return pgkit.Blob(f.Why) }),
		pgkit.Column(all, func(f quarantine.Suspect) int64 { return int64(f.Deaths) }))
}

// fates are what became of messages, each once: the first word counts.
type fates struct {
	all  []quarantine.SuspectFate
	keys [][]byte
	done []quarantine.SuspectFate
}

func newFates(batch []quarantine.SuspectFate) *fates {
	f := &fates{}
	seen := make(map[identity]bool, 2*len(batch))
	for _, fate := range batch {
		if key := fate.Key(); !seen[key] {
			seen[key] = true
			f.all, f.keys = append(f.all, fate), append(f.keys, key[:])
		}
		if fate.Fate == handlers.FateDone && !seen[fate.Identity] {
			seen[fate.Identity] = true
			f.done = append(f.done, fate)
		}
	}
	return f
}

// queueLock locks the rows that tell of the suspects, and returns where they will
// stand; none of them means that nobody waits.
func (f *fates) queueLock(b *pgx.Batch) *[][]byte {
	locked := new([][]byte)
	b.Queue(sqlSuspectLock, f.keys).Query(func(rows pgx.Rows) (err error) {
		*locked, err = pgx.CollectRows(rows, pgx.RowTo[[]byte])
		return err
	})
	return locked
}

// queueSettle ends the waiting of all. The rows are locked.
func (f *fates) queueSettle(b *pgx.Batch) {
	b.Queue(sqlSuspectSettle, f.keys,
		pgkit.Column(f.all, func(f quarantine.SuspectFate) string { return string(quarantine.SuspectAfter(f.Fate)) }),
		pgkit.Column(f.all, func(f quarantine.SuspectFate) []byte { return f.Identity[:] }))
	b.Queue(sqlSuspectClear, f.keys)
}

// queueDone settles the messages that succeeded alone.
func (f *fates) queueDone(b *pgx.Batch) {
	if len(f.done) == 0 {
		return
	}
	b.Queue(sqlMessageSettle,
		pgkit.Column(f.done, func(f quarantine.SuspectFate) []byte { return f.Identity[:] }),
		pgkit.Column(f.done, func(f quarantine.SuspectFate) string { return f.Subscription }),
		pgkit.Column(f.done, func(f quarantine.SuspectFate) []byte { return pgkit.Blob(f.MessageID) }))
}

// SettleSuspects implements [quarantine.CrashStore]. It costs one round trip.
func (s *Store) SettleSuspects(ctx context.Context, batch []quarantine.SuspectFate) error {
	if err := quarantine.CheckFates(batch); err != nil || len(batch) == 0 {
		return err
	}
	f := newFates(batch)
	return s.pool.Call(ctx, "settle suspects", func(ctx context.Context) error {
		var b pgx.Batch // the server runs a batch as one transaction
		f.queueDone(&b)
		f.queueLock(&b)
		f.queueSettle(&b)
		return s.pool.SendBatch(ctx, &b).Close()
	})
}

// SuspectList implements [quarantine.CrashStore].
func (s *Store) SuspectList(ctx context.Context, q quarantine.SuspectQuery) (suspects []quarantine.Suspect, err error) {
	err = s.read(ctx, "list suspects", func(x tx) error {
		suspects = nil
		f := newFilter(q.PageSize())
		if q.Crash != "" {
			ref, err := x.ref("C-", sqlCrashRefs, q.Crash)
			if err != nil {
				return err
			}
			f.And("c.ref = " + f.Arg(ref))
		}
		if q.Subscription != "" {
			f.And("s.subscription = " + f.Arg(pgkit.Blob(q.Subscription)))
		}
		if q.MessageID != "" {
			f.And("s.message_id = " + f.Arg(pgkit.Blob(q.MessageID)))
		}
		if len(q.States) > 0 {
			pgkit.In(f.Filter, "s.state", q.States)
		}
		if q.After != 0 {
			f.And("s.n > " + f.Arg(q.After))
		}
		rows, err := collect[suspectRow](x, f.apply(sqlSuspectList), f.All()...)
		for i := range rows {
			suspects = append(suspects, rows[i].suspect())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return suspects, nil
}

// Decided implements [quarantine.CrashStore].
func (s *Store) Decided(ctx context.Context, identity [32]byte) (decided bool, err error) {
	err = s.pool.Call(ctx, "look whether a message is decided", func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, sqlMessageDecided, identity[:]).Scan(&decided)
	})
	return decided, err
}
