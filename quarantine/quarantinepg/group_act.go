package quarantinepg

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// nobody stands in audit rows that are of no entry.
const nobody = "00000000-0000-0000-0000-000000000000"

// GroupAct implements [quarantine.NoticeStore].
func (s *Store) GroupAct(ctx context.Context, a quarantine.GroupAct) (after quarantine.Group, err error) {
	if err := quarantine.CheckRequest(a.Request); err != nil {
		return quarantine.Group{}, err
	}
	err = s.write(ctx, "act on a group", func(x tx) error {
		seq, err := x.group(a.Group)
		if err != nil {
			return err
		}
		after, err = x.act(seq, a)
		return err
	})
	if err != nil {
		return quarantine.Group{}, err
	}
	return after, nil
}

// act locks a group, asks whether the act may be, and makes it.
func (x tx) act(seq int64, a quarantine.GroupAct) (quarantine.Group, error) {
	none := quarantine.Group{}
	if _, err := x.exec(sqlGroupLock, []int64{seq}); err != nil {
		return none, err
	}
	if err := x.once(a.Request); err != nil {
		return none, err
	}
	groups, err := x.groupsBySeq([]int64{seq})
	if err != nil {
		return none, err
	}
	before, err := groups[seq].group()
	if err != nil {
		return none, err
	}
	after, err := a.Apply(before, groups[seq].ReadAt.UTC())
	if err != nil {
		return none, err
	}
	taken, acted := after.Taken, after.Acted
	var b pgx.Batch
	b.Queue(sqlGroupAct, seq, after.Version, acted.At, timestamp(after.SnoozedUntil),
		pgkit.Blob(taken.Actor.Name), taken.Actor.Via, taken.Actor.Claimed, timestamp(taken.At), pgkit.Blob(taken.Reason),
		pgkit.Blob(acted.Actor.Name), acted.Actor.Via, acted.Actor.Claimed, pgkit.Blob(acted.Reason))
	queueAudit(&b, a.Audit(after), seq, a.Request)
	return after, x.send(&b)
}

// once refuses a request that is wrong or was carried out before. Of two at the
// same moment the second fails at the index; see kindOf.
func (x tx) once(request string) error {
	if err := quarantine.CheckRequest(request); err != nil || request == "" {
		return err
	}
	done, err := value[bool](x, sqlAuditRequest, pgkit.Blob(request))
	if err == nil && done {
		return fmt.Errorf("request %q: %w", request, quarantine.ErrDuplicate)
	}
	return err
}

// queueAudit queues what stores that an entry of a group, the group, or what is in
// force was changed. The group, or the version of what is in force, is locked, so that its rows are numbered in the order in which
// they can be seen.
func queueAudit(b *pgx.Batch, row quarantine.AuditRow, group int64, request string) {
	d, id := row.Decision, row.EntryID
	if id == "" {
		id = nobody
	}
	b.Queue(sqlAuditAdd, id, row.Ref, string(row.From), string(row.To), row.Version,
		pgkit.Blob(d.Actor.Name), d.Actor.Via, d.Actor.Claimed, pgkit.Blob(d.Reason), d.At,
		group, row.VerbText(), timestamp(row.Until), pgkit.Blob(request))
}

// GroupAudit implements [quarantine.NoticeStore].
func (s *Store) GroupAudit(ctx context.Context, group string, after int64, limit int) (audit []quarantine.AuditRow, err error) {
	err = s.read(ctx, "read the audit of a group", func(x tx) error {
		seq, err := x.group(group)
		if err != nil {
			return err
		}
		f := newFilter(quarantine.NoticeLimit(limit))
		f.And("group_seq = " + f.Arg(seq) + " AND n > " + f.Arg(after))
		audit, err = x.auditRows(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return audit, nil
}
