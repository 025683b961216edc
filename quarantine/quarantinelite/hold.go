package quarantinelite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// HoldEntries implements [quarantine.Store].
func (s *Store) HoldEntries(ctx context.Context, batch []quarantine.NewEntry) ([]quarantine.HoldResult, error) {
	for _, n := range batch {
		if err := n.Validate(); err != nil {
			return nil, err
		}
	}
	if len(batch) == 0 {
		return nil, nil
	}
	var results []quarantine.HoldResult
	err := s.write(ctx, "hold entries", func(x *tx) (err error) {
		results, err = x.hold(batch)
		return err
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

func (x *tx) hold(batch []quarantine.NewEntry) ([]quarantine.HoldResult, error) {
	results := make([]quarantine.HoldResult, len(batch))
	fresh, err := x.markHeld(batch, results)
	if err != nil {
		return nil, err
	}
	added, err := x.add(fresh)
	if err != nil {
		return nil, err
	}
	for i, n := range batch {
		e, ok := added[n.Identity]
		if !ok {
			row, err := x.find(quarantine.EntryKey{Identity: n.Identity})
			if err != nil {
				return nil, err
			}
			if e, err = row.entry(); err != nil {
				return nil, err
			}
		}
		results[i].Entry = e
	}
	return results, nil
}

// markHeld marks the messages of a batch as held, stores their attempts, and
// returns the entries that are new, each once.
func (x *tx) markHeld(batch []quarantine.NewEntry, results []quarantine.HoldResult) ([]quarantine.NewEntry, error) {
	change, err := x.next("change", 1)
	if err != nil {
		return nil, err
	}
	var fresh []quarantine.NewEntry
	for i, n := range batch {
		m, err := x.message(n.Identity, n.Entry.Subscription, n.Entry.Message.ID)
		if err != nil {
			return nil, fmt.Errorf("message %q: %w", n.Entry.Message.ID, err)
		}
		results[i].Created = !m.Held
		if err := x.settle(heldFate(n), change); err != nil {
			return nil, err
		}
		if m.Held {
			continue
		}
		m.Held = true
		fresh = append(fresh, n)
		if !n.AttemptRecorded {
			m.Attempts++
			if err := x.addAttempt(n.Identity, m.Attempts, n.Attempt); err != nil {
				return nil, err
			}
		}
		if err := x.setMessage(n.Identity, m, change); err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

// heldFate is what becomes of the suspects under the message of an entry.
func heldFate(n quarantine.NewEntry) quarantine.SuspectFate {
	return quarantine.SuspectFate{Subscription: n.Entry.Subscription, MessageID: n.Entry.Message.ID,
		PublishedAt: n.Entry.Message.PublishedAt, Identity: n.Identity, Fate: handlers.FateHeld}
}

// add stores new entries with their payloads, in their groups, and returns them
// as they stand.
func (x *tx) add(fresh []quarantine.NewEntry) (map[[32]byte]quarantine.Entry, error) {
	if len(fresh) == 0 {
		return nil, nil
	}
	last, err := x.next("entry", len(fresh))
	if err != nil {
		return nil, err
	}
	first := last - int64(len(fresh)) + 1
	groups := make(map[string]*joinedGroup)
	for i, n := range fresh {
		group, err := x.join(groups, n)
		if err != nil {
			return nil, fmt.Errorf("the group of message %q: %w", n.Entry.Message.ID, err)
		}
		if err := x.addEntry(n, first+int64(i), group); err != nil {
			return nil, fmt.Errorf("message %q: %w", n.Entry.Message.ID, err)
		}
	}
	for _, g := range groups {
		if _, err := x.Exec(sqlGroupHold, g.seq, g.added, quarantine.EncodeTexts(g.builds), litekit.Micros(x.Now)); err != nil {
			return nil, err
		}
	}
	f := litekit.NewFilter(len(fresh))
	f.And("e.seq >= " + f.Arg(first))
	rows, err := x.entries(f)
	added := make(map[[32]byte]quarantine.Entry, len(rows))
	for i := range rows {
		if added[[32]byte(rows[i].Identity)], err = rows[i].entry(); err != nil {
			return nil, err
		}
	}
	return added, err
}

func (x *tx) addEntry(n quarantine.NewEntry, seq, group int64) error {
	e := n.Entry
	_, err := x.Exec(sqlEntryAdd, seq, e.ID, quarantine.EntryRef(seq), n.Identity[:], group, e.Subscription,
		blob(e.Message.ID), blob(e.Message.OrderingKey), quarantine.EncodeAttributes(e.Message.Attributes),
		e.Message.PublishedAt.UnixMicro(), e.Message.DeliveryAttempt, e.Size, e.SHA256[:], e.Degraded,
		string(e.Reason), string(e.Confidence), quarantine.EncodeEvidence(e), displayBuild(e.Build),
		quarantine.FoldText(e.Where), quarantine.FoldText(quarantine.SearchText(e)),
		e.Totals.Failures, e.Totals.Crashes, litekit.Micros(x.Now))
	if err != nil {
		return err
	}
	_, err = x.Exec(sqlPayloadAdd, seq, blob(e.Message.Data))
	return err
}

// joinedGroup is a group with what a batch adds to it.
type joinedGroup struct {
	seq    int64
	builds []string
	added  int
}

// join counts a new entry into its group, which is made if there is none.
func (x *tx) join(groups map[string]*joinedGroup, n quarantine.NewEntry) (int64, error) {
	g := groups[n.Entry.Fingerprint]
	if g == nil {
		var err error
		if g, err = x.groupOf(n); err != nil {
			return 0, err
		}
		groups[n.Entry.Fingerprint] = g
	}
	g.added++
	g.builds = quarantine.AddBuild(g.builds, n.Entry.Build)
	return g.seq, nil
}

// foundGroup is the row of group_get.sql.
type foundGroup struct {
	Seq    int64  `db:"seq"`
	Builds []byte `db:"builds"`
}

func (x *tx) groupOf(n quarantine.NewEntry) (*joinedGroup, error) {
	e := n.Entry
	found, err := litekit.One[foundGroup](x, sqlGroupGet, e.Fingerprint)
	if err == nil {
		builds, err := quarantine.DecodeTexts(found.Builds)
		return &joinedGroup{seq: found.Seq, builds: builds}, err
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	seq, err := x.next("group", 1)
	if err != nil {
		return nil, err
	}
	_, err = x.Exec(sqlGroupAdd, seq, quarantine.GroupRef(seq), e.Fingerprint, e.Subscription, blob(e.Title),
		blob(e.Where), string(e.Reason), quarantine.EncodeTexts(n.Basis), litekit.Micros(x.Now))
	return &joinedGroup{seq: seq}, err
}
