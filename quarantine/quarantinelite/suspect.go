package quarantinelite

import (
	"context"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// suspectRow is a row of suspect_list.sql.
type suspectRow struct {
	N            int64  `db:"n"`
	Ref          string `db:"ref"`
	ReportedAt   int64  `db:"reported_at"`
	Subscription []byte `db:"subscription"`
	MessageID    []byte `db:"message_id"`
	IDCut        bool   `db:"id_cut"`
	PublishedAt  int64  `db:"published_at"`
	Part         []byte `db:"part"`
	Why          []byte `db:"why"`
	Deaths       int    `db:"deaths"`
	State        string `db:"state"`
	SettledAt    int64  `db:"settled_at"`
	Identity     []byte `db:"identity"`
}

func (r suspectRow) suspect() quarantine.Suspect {
	f := quarantine.Suspect{
		Seq: r.N, Crash: r.Ref, ReportedAt: litekit.TimeOf(r.ReportedAt),
		Subscription: string(r.Subscription), MessageID: string(r.MessageID), IDCut: r.IDCut,
		PublishedAt: time.UnixMicro(r.PublishedAt).UTC(),
		Part:        handlers.Part(r.Part), Why: string(r.Why), Deaths: r.Deaths,
		State: quarantine.SuspectState(r.State), SettledAt: litekit.TimeOf(r.SettledAt),
	}
	copy(f.Identity[:], r.Identity)
	return f
}

// SettleSuspects implements [quarantine.CrashStore].
func (s *Store) SettleSuspects(ctx context.Context, batch []quarantine.SuspectFate) error {
	if err := quarantine.CheckFates(batch); err != nil || len(batch) == 0 {
		return err
	}
	return s.write(ctx, "settle suspects", func(x *tx) error {
		change, err := x.next("change", 1)
		if err != nil {
			return err
		}
		for _, f := range batch {
			if err := x.settle(f, change); err != nil {
				return err
			}
			if f.Fate != handlers.FateDone {
				continue
			}
			if _, err := x.Exec(sqlMessageSettle, f.Identity[:], f.Subscription, blob(f.MessageID), change); err != nil {
				return err
			}
		}
		return nil
	})
}

// settle ends the waiting of a message, if it waits.
func (x *tx) settle(f quarantine.SuspectFate, change int64) error {
	key := f.Key()
	if n, err := x.Exec(sqlMessageClear, key[:], change); err != nil || n == 0 {
		return err
	}
	_, err := x.Exec(sqlSuspectSettle, key[:], string(quarantine.SuspectAfter(f.Fate)), litekit.Micros(x.Now), f.Identity[:])
	return err
}

// SuspectList implements [quarantine.CrashStore].
func (s *Store) SuspectList(ctx context.Context, q quarantine.SuspectQuery) (suspects []quarantine.Suspect, err error) {
	err = s.read(ctx, "list suspects", func(x *tx) error {
		f := litekit.NewFilter(q.PageSize())
		if q.Crash != "" {
			ref, err := x.ref("C-", sqlCrashRefs, q.Crash)
			if err != nil {
				return err
			}
			f.And("c.ref = " + f.Arg(ref))
		}
		if q.Subscription != "" {
			f.And("s.subscription = " + f.Arg(blob(q.Subscription)))
		}
		if q.MessageID != "" {
			f.And("s.message_id = " + f.Arg(blob(q.MessageID)))
		}
		if len(q.States) > 0 {
			litekit.In(f, "s.state", q.States)
		}
		if q.After != 0 {
			f.And("s.n > " + f.Arg(q.After))
		}
		rows, err := litekit.Collect[suspectRow](x, f.Apply(sqlSuspectList), f.Args()...)
		for _, r := range rows {
			suspects = append(suspects, r.suspect())
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
	err = s.read(ctx, "look whether a message is decided", func(x *tx) error {
		decided, err = litekit.Value[bool](x, sqlMessageDecided, identity[:])
		return err
	})
	return decided, err
}
