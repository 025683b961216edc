package quarantinepg

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// noRefusal is the condition that an audit row is of a change.
const noRefusal = "verb NOT LIKE 'denied:%'"

// AuditRefusal implements [quarantine.NoticeStore]. Those that come at the same moment do not
// see each other, so a few more than the most may be kept.
func (s *Store) AuditRefusal(ctx context.Context, r quarantine.Refusal) error {
	err := s.write(ctx, "audit a refusal", func(x tx) error {
		now, err := value[time.Time](x, sqlClock)
		if err != nil {
			return err
		}
		row, request, err := r.Audit(now.UTC())
		if err != nil {
			return err
		}
		first, end := quarantine.RefusalRequests(now)
		today, err := value[int](x, sqlAuditRefusals, pgkit.Blob(first), pgkit.Blob(end))
		if err != nil || today >= quarantine.RefusalsMax {
			return err
		}
		if err := x.once(request); err != nil {
			return err
		}
		var b pgx.Batch
		queueAudit(&b, row, 0, request)
		return x.send(&b)
	})
	if errors.Is(err, quarantine.ErrDuplicate) {
		return nil
	}
	return err
}

// Refusals implements [quarantine.NoticeStore].
func (s *Store) Refusals(ctx context.Context, limit int) (refusals []quarantine.AuditRow, err error) {
	err = s.read(ctx, "read refusals", func(x tx) error {
		first, end := quarantine.RefusalRequests(time.Time{})
		f := newFilter(quarantine.NoticeLimit(limit))
		f.And("request >= " + f.Arg(pgkit.Blob(first)) + " AND request < " + f.Arg(pgkit.Blob(end)) + " AND request <> ''")
		f.desc = true
		refusals, err = x.auditRows(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return refusals, nil
}
