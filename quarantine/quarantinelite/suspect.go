package quarantinelite

import (
	"context"
	"time"

	"github.com/theriac/theriac/handlers"
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
		Seq: r.N, Crash: r.Ref, ReportedAt: timeOf(r.ReportedAt),
		Subscription: string(r.Subscription), MessageID: string(r.MessageID), IDCut: r.IDCut,
		PublishedAt: time.UnixMicro(r.PublishedAt).UTC(),
		Part:        handlers.Part(r.Part), Why: string(r.Why), Deaths: r.Deaths,
		State: quarantine.SuspectState(r.State), SettledAt: timeOf(r.SettledAt),
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
			if _, err := x.exec(sqlMessageSettle, f.Identity[:], f.Subscription, blob(f.MessageID), change); err != nil {
				return err
			}
		}
		return nil
	})
}

// settle ends the waiting of a message, if it waits.
func (x *tx) settle(f quarantine.SuspectFate, change int64) error {
	key := f.Key()
	if n, err := x.exec(sqlMessageClear, key[:], change); err != nil || n == 0 {
		return err
	}
	_, err := x.exec(sqlSuspectSettle, key[:], string(quarantine.SuspectAfter(f.Fate)), micros(x.now), f.Identity[:])
	return err
}

// SuspectList implements [quarantine.CrashStore].
func (s *Store) SuspectList(ctx context.Context, q quarantine.SuspectQuery) (suspects []quarantine.Suspect, err error) {
	err = s.read(ctx, "list suspects", func(x *tx) error {
		f := newFilter(q.PageSize())
		if q.Crash != "" {
			ref, err := x.ref("C-", sqlCrashRefs, q.Crash)
			if err != nil {
				return err
			}
			f.and("c.ref = " + f.arg(ref))
		}
		if q.Subscription != "" {
			f.and("s.subscription = " + f.arg(blob(q.Subscription)))
		}
		if q.MessageID != "" {
			f.and("s.message_id = " + f.arg(blob(q.MessageID)))
		}
		if len(q.States) > 0 {
			in(f, "s.state", q.States)
		}
		if q.After != 0 {
			f.and("s.n > " + f.arg(q.After))
		}
		rows, err := collect[suspectRow](x, f.apply(sqlSuspectList), f.args...)
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
		decided, err = value[bool](x, sqlMessageDecided, identity[:])
		return err
	})
	return decided, err
}
