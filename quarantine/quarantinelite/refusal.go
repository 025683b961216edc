package quarantinelite

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// noRefusal is the condition that an audit row is of a change.
const noRefusal = "verb NOT LIKE 'denied:%'"

// AuditRefusal implements [quarantine.NoticeStore].
func (s *Store) AuditRefusal(ctx context.Context, r quarantine.Refusal) error {
	return s.write(ctx, "audit a refusal", func(x *tx) error {
		row, request, err := r.Audit(x.Now)
		if err != nil {
			return err
		}
		first, end := quarantine.RefusalRequests(x.Now)
		today, err := litekit.Value[int](x, sqlAuditRefusals, blob(first), blob(end))
		if err != nil || today >= quarantine.RefusalsMax {
			return err
		}
		switch err := x.once(request); {
		case errors.Is(err, quarantine.ErrDuplicate):
			return nil
		case err != nil:
			return err
		}
		return x.audit(row, 0, request)
	})
}

// Refusals implements [quarantine.NoticeStore].
func (s *Store) Refusals(ctx context.Context, limit int) (refusals []quarantine.AuditRow, err error) {
	err = s.read(ctx, "read refusals", func(x *tx) error {
		first, end := quarantine.RefusalRequests(time.Time{})
		f := litekit.NewFilter(quarantine.NoticeLimit(limit))
		f.And("request >= " + f.Arg(blob(first)) + " AND request < " + f.Arg(blob(end)) + " AND request <> x''")
		f.Order = newest
		refusals, err = x.auditRows(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return refusals, nil
}
