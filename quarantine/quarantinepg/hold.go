package quarantinepg

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// candidate is one message of a batch, however often it stands there.
type candidate struct {
	quarantine.NewEntry
	id       pgtype.UUID
	seq      int64
	groupSeq int64
	created  bool
	entry    quarantine.Entry // as it stands
}

// HoldEntries implements [quarantine.Store].
func (s *Store) HoldEntries(ctx context.Context, batch []quarantine.NewEntry) ([]quarantine.HoldResult, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	const doing = "hold entries"
	byIdentity := make(map[identity]*candidate, len(batch))
	var all []*candidate
	for _, n := range batch {
		if err := n.Validate(); err != nil {
			return nil, classify(doing, err)
		}
		id, err := parseID(n.Entry.ID)
		if err != nil {
			return nil, fmt.Errorf("%s: the id %q is no UUID: %w", doing, n.Entry.ID, quarantine.ErrRefusedData)
		}
		if byIdentity[n.Identity] == nil {
			byIdentity[n.Identity] = &candidate{NewEntry: n, id: id}
			all = append(all, byIdentity[n.Identity])
		}
	}
	if err := s.write(ctx, doing, func(x tx) error { return x.hold(all) }); err != nil {
		return nil, err
	}
	results := make([]quarantine.HoldResult, len(batch))
	for i, n := range batch {
		c := byIdentity[n.Identity]
		results[i] = quarantine.HoldResult{Entry: c.entry, Created: c.created}
		c.created = false // another of its identity in the batch is a twin
	}
	return results, nil
}

// hold stores those that are not held and reads the others. The groups are
// locked last, since all writers of a group wait for its lock.
func (x tx) hold(all []*candidate) error {
	groups, at, err := x.reserve(all)
	if err != nil {
		return err
	}
	var created, held []*candidate
	for _, c := range all {
		if c.created {
			created = append(created, c)
		} else {
			held = append(held, c)
		}
	}
	if err := x.readHeld(held); err != nil || len(created) == 0 {
		return err
	}
	if err := x.addGroups(created, groups); err != nil {
		return err
	}
	for _, c := range created {
		c.groupSeq = groups[c.Entry.Fingerprint]
		if c.entry, err = c.asStored(at); err != nil {
			return err
		}
	}
	locked, err := x.insert(created)
	if err != nil {
		return err
	}
	changes, err := changesOf(created, locked)
	if err != nil {
		return err
	}
	var b pgx.Batch
	queueCounts(&b, changes)
	return x.send(&b)
}

// reserve locks the messages, marks as created those that were not held, and
// numbers them in the order of the batch. It returns the groups that are there,
// by fingerprint, and the time of the transaction.
func (x tx) reserve(all []*candidate) (map[string]int64, time.Time, error) {
	var fresh [][]byte
	var numbers []numberRow
	var groups []groupSeqRow
	var b pgx.Batch
	b.Queue(sqlMessageHold, pgkit.Column(all, (*candidate).key),
		pgkit.Column(all, func(c *candidate) string { return c.Entry.Subscription }),
		pgkit.Column(all, func(c *candidate) []byte { return pgkit.Blob(c.Entry.Message.ID) }),
	).Query(func(rows pgx.Rows) (err error) {
		fresh, err = pgx.CollectRows(rows, pgx.RowTo[[]byte])
		return err
	})
	b.Queue(sqlSequenceNext, "theriac.entry_seq", len(all)).Query(pgkit.Into(&numbers))
	b.Queue(sqlGroupFind, fingerprints(all)).Query(pgkit.Into(&groups))
	fates := newFates(pgkit.Column(all, (*candidate).fate))
	suspects := fates.queueLock(&b)
	if err := x.send(&b); err != nil {
		return nil, time.Time{}, err
	}
	if len(*suspects) > 0 { // hardly ever
		var b pgx.Batch
		fates.queueSettle(&b)
		if err := x.send(&b); err != nil {
			return nil, time.Time{}, err
		}
	}
	isFresh := make(map[identity]bool, len(fresh))
	for _, key := range fresh {
		isFresh[identity(key)] = true
	}
	for i, c := range all {
		c.created, c.seq = isFresh[c.Identity], numbers[i].Number
	}
	return byFingerprint(groups), numbers[0].At.UTC(), nil
}

// numberRow is a row of sequence_next.sql.
type numberRow struct {
	Number int64     `db:"number"`
	At     time.Time `db:"at"`
}

func (c *candidate) key() []byte { return c.Identity[:] }

// fate is what becomes of the suspects under its message.
func (c *candidate) fate() quarantine.SuspectFate {
	return quarantine.SuspectFate{Subscription: c.Entry.Subscription, MessageID: c.Entry.Message.ID,
		PublishedAt: c.Entry.Message.PublishedAt, Identity: c.Identity, Fate: handlers.FateHeld}
}

// readHeld reads the entries of messages that were held before.
func (x tx) readHeld(held []*candidate) error {
	if len(held) == 0 {
		return nil
	}
	f := newFilter(len(held))
	f.And("e.identity = ANY (" + f.Arg(pgkit.Column(held, (*candidate).key)) + ")")
	rows, err := x.entries(f)
	if err != nil {
		return err
	}
	for _, c := range held {
		i := slices.IndexFunc(rows, func(r entryRow) bool { return identity(r.Identity) == c.Identity })
		if i < 0 {
			return fmt.Errorf("message %x is held and has no entry", c.Identity)
		}
		if c.entry, err = rows[i].entry(); err != nil {
			return err
		}
	}
	return nil
}

// asStored is the new entry as it will be read, in the form that encoding and
// decoding give it.
func (c *candidate) asStored(at time.Time) (quarantine.Entry, error) {
	e := c.Entry
	e.ID, e.Seq, e.Ref, e.Group = c.id.String(), c.seq, quarantine.EntryRef(c.seq), quarantine.GroupRef(c.groupSeq)
	e.HeldAt, e.ChangedAt = at, at
	e.State, e.Version = quarantine.StateHeld, 1
	e.Decided, e.Replays, e.Claim, e.Attempts = quarantine.Decision{}, 0, "", nil
	e.Message.Data = nil
	e.Message.PublishedAt = time.UnixMicro(e.Message.PublishedAt.UnixMicro()).UTC()
	var err error
	if e.Message.Attributes, err = quarantine.DecodeAttributes(quarantine.EncodeAttributes(e.Message.Attributes)); err != nil {
		return e, err
	}
	return e, quarantine.DecodeEvidence(quarantine.EncodeEvidence(e), &e)
}

// insert stores the entries and locks their groups, in this order.
func (x tx) insert(created []*candidate) (locked []groupLockRow, err error) {
	var b pgx.Batch
	b.Queue(sqlEntryAdd, entryColumns(created)...)
	b.Queue(sqlPayloadAdd, pgkit.Column(created, func(c *candidate) int64 { return c.seq }),
		pgkit.Column(created, func(c *candidate) []byte { return pgkit.Blob(c.Entry.Message.Data) }))
	var attempts attemptColumns
	for _, c := range created {
		if !c.AttemptRecorded {
			attempts.add(c.key(), c.Attempt)
		}
	}
	queueAttempts(&b, attempts)
	b.Queue(sqlGroupLock, pgkit.Column(created, func(c *candidate) int64 { return c.groupSeq })).Query(pgkit.Into(&locked))
	return locked, x.send(&b)
}

// entryColumns are the arguments of entry_add.sql.
func entryColumns(created []*candidate) []any {
	texts := func(of func(e quarantine.Entry) string) []string {
		return pgkit.Column(created, func(c *candidate) string { return of(c.Entry) })
	}
	blobs := func(of func(e quarantine.Entry) []byte) [][]byte {
		return pgkit.Column(created, func(c *candidate) []byte { return of(c.Entry) })
	}
	numbers := func(of func(c *candidate) int64) []int64 { return pgkit.Column(created, of) }
	return []any{
		numbers(func(c *candidate) int64 { return c.seq }),
		pgkit.Column(created, func(c *candidate) pgtype.UUID { return c.id }),
		pgkit.Column(created, func(c *candidate) string { return quarantine.EntryRef(c.seq) }),
		pgkit.Column(created, (*candidate).key),
		numbers(func(c *candidate) int64 { return c.groupSeq }),
		texts(func(e quarantine.Entry) string { return e.Subscription }),
		blobs(func(e quarantine.Entry) []byte { return pgkit.Blob(e.Message.ID) }),
		blobs(func(e quarantine.Entry) []byte { return pgkit.Blob(e.Message.OrderingKey) }),
		blobs(func(e quarantine.Entry) []byte { return quarantine.EncodeAttributes(e.Message.Attributes) }),
		numbers(func(c *candidate) int64 { return c.Entry.Message.PublishedAt.UnixMicro() }),
		numbers(func(c *candidate) int64 { return int64(c.Entry.Message.DeliveryAttempt) }),
		numbers(func(c *candidate) int64 { return c.Entry.Size }),
		blobs(func(e quarantine.Entry) []byte { return e.SHA256[:] }),
		pgkit.Column(created, func(c *candidate) bool { return c.Entry.Degraded }),
		texts(func(e quarantine.Entry) string { return string(e.Reason) }),
		texts(func(e quarantine.Entry) string { return string(e.Confidence) }),
		blobs(quarantine.EncodeEvidence),
		texts(func(e quarantine.Entry) string { return displayBuild(e.Build) }),
		texts(func(e quarantine.Entry) string { return quarantine.FoldText(e.Where) }),
		texts(func(e quarantine.Entry) string { return quarantine.FoldText(quarantine.SearchText(e)) }),
		numbers(func(c *candidate) int64 { return int64(c.Entry.Totals.Failures) }),
		numbers(func(c *candidate) int64 { return int64(c.Entry.Totals.Crashes) }),
	}
}
