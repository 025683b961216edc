package quarantinepg

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/quarantine"
)

// HoldEntries implements [quarantine.Store].
func (s *Store) HoldEntries(ctx context.Context, batch []quarantine.NewEntry) ([]quarantine.HoldResult, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	names := make(map[identity]name, len(batch))
	for _, n := range batch {
		if err := n.Validate(); err != nil {
			return nil, err
		}
		names[n.Identity] = name{n.Entry.Subscription, n.Entry.Message.ID}
	}
	results := make([]quarantine.HoldResult, len(batch))
	err := s.write(ctx, "hold entries", func(x tx) error {
		m, err := x.lock(names)
		if err != nil {
			return err
		}
		fresh := m.hold(batch, results)
		if len(fresh) > 0 {
			if err := x.add(fresh, m); err != nil {
				return err
			}
		}
		return x.showHeld(batch, results)
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// hold marks the messages of a batch as held and returns the entries that are
// new, each once.
func (m *messages) hold(batch []quarantine.NewEntry, results []quarantine.HoldResult) []quarantine.NewEntry {
	var fresh []quarantine.NewEntry
	for i, n := range batch {
		row := m.rows[n.Identity]
		results[i].Created = !row.Held
		if row.Held {
			continue
		}
		row.Held = true
		fresh = append(fresh, n)
		if !n.AttemptRecorded {
			m.attempted(n.Identity, n.Attempt)
		}
	}
	return fresh
}

// add stores new entries with their payloads, in their groups, and what
// changed of their messages.
func (x tx) add(fresh []quarantine.NewEntry, m *messages) error {
	groups, err := x.groups(fresh)
	if err != nil {
		return err
	}
	numbers, err := values[int64](x, sqlEntryNext, len(fresh))
	if err != nil {
		return err
	}
	entries, payloads := make([][]any, len(fresh)), make([][]any, len(fresh))
	for i, n := range fresh {
		g := groups[n.Entry.Fingerprint]
		g.added++
		g.builds = quarantine.AddBuild(g.builds, n.Entry.Build)
		if entries[i], err = columns(n, numbers[i], g.seq); err != nil {
			return err
		}
		payloads[i] = []any{numbers[i], blob(n.Entry.Message.Data)}
	}
	if err := x.copy("entry", entryColumns(), entries); err != nil {
		return err
	}
	if err := x.copy("payload", []string{"entry_seq", "data"}, payloads); err != nil {
		return err
	}
	var batch pgx.Batch
	m.store(&batch)
	for _, fp := range slices.Sorted(maps.Keys(groups)) {
		g := groups[fp]
		batch.Queue(sqlGroupHold, g.seq, g.added, quarantine.EncodeTexts(g.builds))
	}
	return x.send(&batch)
}

// copy adds rows to a table. COPY costs a fifth of as many INSERTs.
func (x tx) copy(table string, columns []string, rows [][]any) error {
	_, err := x.CopyFrom(x.ctx, pgx.Identifier{"theriac", table}, columns, pgx.CopyFromRows(rows))
	return err
}

// entryColumns are the columns that columns gives; the others have defaults.
func entryColumns() []string {
	return []string{
		"seq", "id", "ref", "identity", "group_seq", "subscription", "message_id", "ordering_key", "attributes",
		"published_at", "delivery_attempt", "size", "sha256", "degraded", "reason", "confidence", "evidence",
		"build", "place", "search", "failures", "crashes",
	}
}

func columns(n quarantine.NewEntry, seq, group int64) ([]any, error) {
	e := n.Entry
	id, err := parseID(e.ID)
	if err != nil {
		return nil, fmt.Errorf("the id %q is no UUID: %w", e.ID, quarantine.ErrRefusedData)
	}
	return []any{
		seq, id, quarantine.EntryRef(seq), n.Identity[:], group, e.Subscription, blob(e.Message.ID),
		blob(e.Message.OrderingKey), quarantine.EncodeAttributes(e.Message.Attributes),
		e.Message.PublishedAt.UnixMicro(), e.Message.DeliveryAttempt, e.Size, e.SHA256[:], e.Degraded,
		string(e.Reason), string(e.Confidence), quarantine.EncodeEvidence(e), displayBuild(e.Build),
		quarantine.FoldText(e.Where), quarantine.FoldText(quarantine.SearchText(e)),
		e.Totals.Failures, e.Totals.Crashes,
	}, nil
}

// showHeld fills in the entries of a batch as they stand.
func (x tx) showHeld(batch []quarantine.NewEntry, results []quarantine.HoldResult) error {
	keys := make([][]byte, len(batch))
	for i := range batch {
		keys[i] = batch[i].Identity[:]
	}
	f := newFilter(len(batch))
	f.and("e.identity = ANY (" + f.arg(keys) + ")")
	rows, err := x.entries(f)
	if err != nil {
		return err
	}
	held := make(map[identity]quarantine.Entry, len(rows))
	for i := range rows {
		if held[identity(rows[i].Identity)], err = rows[i].entry(); err != nil {
			return err
		}
	}
	for i := range batch {
		results[i].Entry = held[batch[i].Identity]
	}
	return nil
}

// lockedGroup is a group under our lock, with what is to be added to it.
type lockedGroup struct {
	seq    int64
	builds []string
	added  int64
}

// groups locks the groups of new entries, which are made if there are none.
func (x tx) groups(fresh []quarantine.NewEntry) (map[string]*lockedGroup, error) {
	first := make(map[string]quarantine.NewEntry)
	for _, n := range fresh {
		if _, ok := first[n.Entry.Fingerprint]; !ok {
			first[n.Entry.Fingerprint] = n
		}
	}
	fingerprints := slices.Sorted(maps.Keys(first))
	groups, err := x.lockGroups(fingerprints)
	if err != nil || len(groups) == len(first) {
		return groups, err
	}
	missing := slices.DeleteFunc(slices.Clone(fingerprints), func(fp string) bool { return groups[fp] != nil })
	numbers, err := values[int64](x, sqlGroupNext, len(missing))
	if err != nil {
		return nil, err
	}
	var batch pgx.Batch
	for i, fp := range missing {
		e := first[fp].Entry
		batch.Queue(sqlGroupAdd, numbers[i], quarantine.GroupRef(numbers[i]), fp, e.Subscription, blob(e.Title),
			blob(e.Where), string(e.Reason), quarantine.EncodeTexts(first[fp].Basis), quarantine.EncodeTexts(nil))
	}
	if err := x.send(&batch); err != nil {
		return nil, err
	}
	return x.lockGroups(fingerprints) // also those that somebody else made meanwhile
}

func (x tx) lockGroups(fingerprints []string) (map[string]*lockedGroup, error) {
	type row struct {
		Seq         int64  `db:"seq"`
		Fingerprint string `db:"fingerprint"`
		Builds      []byte `db:"builds"`
	}
	rows, err := collect[row](x, sqlGroupLock, fingerprints)
	if err != nil {
		return nil, err
	}
	groups := make(map[string]*lockedGroup, len(rows))
	for _, r := range rows {
		builds, err := quarantine.DecodeTexts(r.Builds)
		if err != nil {
			return nil, err
		}
		groups[r.Fingerprint] = &lockedGroup{seq: r.Seq, builds: builds}
	}
	return groups, nil
}
