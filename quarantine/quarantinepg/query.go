package quarantinepg

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// EntryGet implements [quarantine.Store].
func (s *Store) EntryGet(ctx context.Context, key quarantine.EntryKey, opt quarantine.GetOptions) (e quarantine.Entry, err error) {
	err = s.read(ctx, "get an entry", func(x tx) error {
		row, err := x.find(key, "")
		if err != nil {
			return err
		}
		if e, err = row.entry(); err != nil {
			return err
		}
		if opt.Payload {
			if e.Message.Data, err = x.payload(row.Seq); err != nil {
				return err
			}
		}
		bodies, err := values[[]byte](x, sqlAttemptList, row.Identity, quarantine.AttemptsKept)
		for _, b := range bodies {
			a, err := quarantine.DecodeAttempt(b)
			if err != nil {
				return fmt.Errorf("entry %s: %w", e.Ref, err)
			}
			e.Attempts = append(e.Attempts, a)
		}
		if err != nil {
			return err
		}
		key := quarantine.SuspectKey(e.Subscription, e.Message.ID, e.Message.PublishedAt)
		e.CrashReports, err = values[string](x, sqlCrashOf, key[:], quarantine.CrashesShown)
		return err
	})
	if err != nil {
		return quarantine.Entry{}, err
	}
	return e, nil
}

// payload is never nil: an empty payload was loaded, too.
func (x tx) payload(seq int64) ([]byte, error) {
	data, err := value[[]byte](x, sqlPayloadGet, seq)
	if err != nil {
		return nil, fmt.Errorf("the payload of entry %d: %w", seq, err)
	}
	return append([]byte{}, data...), nil
}

// find returns the only entry that a key names, under a locking clause or "".
func (x tx) find(key quarantine.EntryKey, lock string) (entryRow, error) {
	f, name := newFilter(11), ""
	f.lock = lock
	switch {
	case key.ID != "":
		name = key.ID
		id, err := parseID(key.ID)
		if err != nil {
			return entryRow{}, err
		}
		f.And("e.id = " + f.Arg(id))
	case key.Ref != "":
		ref, err := x.ref("Q-", sqlEntryRefs, key.Ref)
		if err != nil {
			return entryRow{}, err
		}
		name = ref
		f.And("e.ref = " + f.Arg(ref))
	case key.Identity != [32]byte{}:
		name = "with this identity"
		f.And("e.identity = " + f.Arg(key.Identity[:]))
	case key.MessageID != "":
		name = key.MessageID
		f.And("e.message_id = " + f.Arg(pgkit.Blob(key.MessageID)))
	default:
		return entryRow{}, fmt.Errorf("an entry must be named by something: %w", quarantine.ErrInvalid)
	}
	rows, err := x.entries(f)
	switch {
	case err != nil:
		return entryRow{}, err
	case len(rows) == 0:
		return entryRow{}, fmt.Errorf("entry %q: %w", name, quarantine.ErrNotFound)
	case len(rows) == 1:
		return rows[0], nil
	}
	ambiguous := &quarantine.AmbiguousError{Prefix: name}
	for _, r := range rows[:min(len(rows), 10)] {
		ambiguous.Matches = append(ambiguous.Matches, r.Ref)
	}
	return entryRow{}, ambiguous
}

// ref resolves a typed reference of an entry ("Q-"), group ("G-") or crash report
// ("C-") with the statement that lists what begins like it.
func (x tx) ref(kind, statement, typed string) (string, error) {
	prefix, ok := quarantine.NormalizeRef(kind, typed)
	if !ok {
		return "", fmt.Errorf("%q is no reference: %w", typed, quarantine.ErrNotFound)
	}
	matches, err := values[string](x, statement, prefix)
	if err != nil {
		return "", err
	}
	return quarantine.PickRef(prefix, matches)
}

// group resolves Query.Group to the group's number.
func (x tx) group(name string) (int64, error) {
	rows, err := collect[groupSeqRow](x, sqlGroupFind, []string{quarantine.DisplayText(name, 1024)})
	if err != nil {
		return 0, err
	}
	if len(rows) > 0 {
		return rows[0].Seq, nil
	}
	ref, err := x.ref("G-", sqlGroupRefs, name)
	if err != nil {
		return 0, err
	}
	return value[int64](x, sqlGroupByRef, ref)
}

// displayBuild is a version as it is searched: exactly.
func displayBuild(build string) string { return quarantine.DisplayText(build, 256) }

// narrow adds the conditions of a query, but those of its page.
func (x tx) narrow(f *filter, q quarantine.Query) error {
	if q.Group != "" {
		seq, err := x.group(q.Group)
		if err != nil {
			return err
		}
		f.And("e.group_seq = " + f.Arg(seq))
	}
	if q.Subscription != "" {
		f.And("e.subscription = " + f.Arg(quarantine.DisplayText(q.Subscription, 1024)))
	}
	if len(q.States) > 0 {
		pgkit.In(f.Filter, "e.state", q.States)
	}
	if len(q.Reasons) > 0 {
		pgkit.In(f.Filter, "e.reason", q.Reasons)
	}
	if q.Where != "" {
		f.And("strpos(e.place, " + f.Arg(quarantine.FoldText(q.Where)) + ") > 0")
	}
	if q.Text != "" {
		f.And("strpos(e.search, " + f.Arg(quarantine.FoldText(q.Text)) + ") > 0")
	}
	if q.Build != "" {
		f.And("e.build = " + f.Arg(displayBuild(q.Build)))
	}
	if !q.Since.IsZero() {
		f.And("e.held_at >= " + f.Arg(bounded(q.Since)))
	}
	if !q.Until.IsZero() {
		f.And("e.held_at < " + f.Arg(bounded(q.Until)))
	}
	if q.LargerThan > 0 {
		f.And("e.size > " + f.Arg(q.LargerThan))
	}
	if q.MinReplays > 0 {
		f.And("e.replays >= " + f.Arg(q.MinReplays))
	}
	return nil
}

// EntryList implements [quarantine.Store].
func (s *Store) EntryList(ctx context.Context, q quarantine.Query) (page quarantine.EntryPage, err error) {
	err = s.read(ctx, "list entries", func(x tx) error {
		count := newFilter(quarantine.CountCap + 1)
		if err := x.narrow(count, q); err != nil {
			return err
		}
		total, err := value[int](x, count.apply(sqlEntryCount), count.All()...)
		if err != nil {
			return err
		}
		rows, err := x.page(q)
		if err != nil {
			return err
		}
		page.Total, page.TotalCapped = min(total, quarantine.CountCap), total > quarantine.CountCap
		if size := q.PageSize(); len(rows) > size {
			page.Next, rows = rows[size-1].Seq, rows[:size]
		}
		page.Entries, err = shown(rows)
		return err
	})
	if err != nil {
		return quarantine.EntryPage{}, err
	}
	return page, nil
}

// page returns a page and, if there are more, the entry after it.
func (x tx) page(q quarantine.Query) ([]entryRow, error) {
	f := newFilter(q.PageSize() + 1)
	f.desc = !q.OldestFirst
	if err := x.narrow(f, q); err != nil {
		return nil, err
	}
	switch {
	case q.After != 0 && q.OldestFirst:
		f.And("e.seq > " + f.Arg(q.After))
	case q.After != 0:
		f.And("e.seq < " + f.Arg(q.After))
	}
	return x.entries(f)
}

// bounded keeps a bound inside what the server's timestamps can hold.
func bounded(t time.Time) time.Time {
	first, last := time.Date(-4000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(290_000, 1, 1, 0, 0, 0, 0, time.UTC)
	switch {
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t
}

// parseID reads the id of an entry or a crash report; what is none belongs to nothing.
func parseID(id string) (pgtype.UUID, error) {
	var u pgtype.UUID
	if err := u.Scan(id); err != nil {
		return u, fmt.Errorf("id %q: %w", id, quarantine.ErrNotFound)
	}
	return u, nil
}
