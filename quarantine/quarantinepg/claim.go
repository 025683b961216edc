package quarantinepg

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// Locking clauses.
const (
	lockEntry  = "FOR NO KEY UPDATE OF e"
	lockIfFree = "FOR NO KEY UPDATE OF e SKIP LOCKED"
)

// ClaimReplay implements [quarantine.Store].
func (s *Store) ClaimReplay(ctx context.Context, subscription, incarnation string) (e quarantine.Entry, err error) {
	const doing = "claim a replay"
	// Workers ask every second and mostly in vain, so it is only looked first.
	var registered, waiting bool
	err = s.pool.Call(ctx, doing, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, sqlClaimLook, quarantine.DisplayText(subscription, 1024),
			quarantine.DisplayText(incarnation, 1024)).Scan(&registered, &waiting)
	})
	switch {
	case err != nil:
		return quarantine.Entry{}, err
	case !registered:
		return quarantine.Entry{}, notRegistered(incarnation)
	case !waiting:
		return quarantine.Entry{}, nothingWaits(subscription)
	}
	err = s.write(ctx, doing, func(x tx) error {
		e, err = x.claim(subscription, incarnation)
		return err
	})
	if err != nil {
		return quarantine.Entry{}, err
	}
	return e, nil
}

func notRegistered(incarnation string) error {
	return fmt.Errorf("incarnation %q: %w", incarnation, quarantine.ErrNoWorker)
}

func nothingWaits(subscription string) error {
	return fmt.Errorf("replay of %q: %w", subscription, quarantine.ErrNotFound)
}

func (x tx) claim(subscription, incarnation string) (quarantine.Entry, error) {
	none := quarantine.Entry{}
	// The shared lock makes a reaper wait until the claim is there to be taken back.
	if _, err := value[string](x, sqlWorkerShare, incarnation); pgkit.IsNone(err) {
		return none, notRegistered(incarnation)
	} else if err != nil {
		return none, err
	}
	f := newFilter(1)
	f.lock = lockIfFree
	f.And("e.subscription = " + f.Arg(subscription) + " AND e.state = 'replaying' AND e.claim = ''")
	rows, err := x.entries(f)
	if err != nil {
		return none, err
	}
	if len(rows) == 0 {
		return none, nothingWaits(subscription)
	}
	e, err := rows[0].entry()
	if err != nil {
		return none, err
	}
	e = e.Claimed(incarnation, rows[0].ReadAt.UTC())
	var batch pgx.Batch
	move(&batch, e)
	if err := x.send(&batch); err != nil {
		return none, err
	}
	e.Message.Data, err = x.payload(e.Seq)
	return e, err
}
