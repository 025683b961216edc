package quarantinelite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/theriac/theriac/internal/sqlrows"
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
	results := make([]quarantine.HoldResult, len(batch))
	err := s.write(ctx, "hold entries", func(x *tx) error {
		change, err := x.next("change")
		if err != nil {
			return err
		}
		for i, n := range batch {
			if results[i], err = x.hold(n, change); err != nil {
				return fmt.Errorf("message %q: %w", n.Entry.Message.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

func (x *tx) hold(n quarantine.NewEntry, change int64) (quarantine.HoldResult, error) {
	m, err := x.message(n.Identity, n.Entry.Subscription, n.Entry.Message.ID)
	if err != nil {
		return quarantine.HoldResult{}, err
	}
	created := !m.Held
	if created {
		if err := x.add(n); err != nil {
			return quarantine.HoldResult{}, err
		}
		if !n.AttemptRecorded {
			m.Attempts++
			if err := x.addAttempt(n.Identity, m.Attempts, n.Attempt); err != nil {
				return quarantine.HoldResult{}, err
			}
		}
		m.Held = true
		if err := x.setMessage(n.Identity, m, change); err != nil {
			return quarantine.HoldResult{}, err
		}
	}
	e, err := x.find(quarantine.EntryKey{Identity: n.Identity})
	if err != nil {
		return quarantine.HoldResult{}, err
	}
	shown, err := e.entry()
	return quarantine.HoldResult{Entry: shown, Created: created}, err
}

// add stores a new entry with its payload, in its group.
func (x *tx) add(n quarantine.NewEntry) error {
	group, err := x.join(n)
	if err != nil {
		return fmt.Errorf("its group: %w", err)
	}
	seq, err := x.next("entry")
	if err != nil {
		return err
	}
	e, now := n.Entry, micros(x.now)
	_, err = x.exec(sqlEntryAdd, seq, e.ID, quarantine.EntryRef(seq), n.Identity[:], group, e.Subscription,
		blob(e.Message.ID), blob(e.Message.OrderingKey), quarantine.EncodeAttributes(e.Message.Attributes),
		e.Message.PublishedAt.UnixMicro(), e.Message.DeliveryAttempt, e.Size, e.SHA256[:], e.Degraded,
		string(e.Reason), string(e.Confidence), quarantine.EncodeEvidence(e), displayBuild(e.Build),
		quarantine.FoldText(e.Where), quarantine.FoldText(quarantine.SearchText(e)),
		e.Totals.Failures, e.Totals.Crashes, now)
	if err != nil {
		return err
	}
	_, err = x.exec(sqlPayloadAdd, seq, blob(e.Message.Data))
	return err
}

// join returns the group of a new entry, which is made if there is none, and
// counts the entry in.
func (x *tx) join(n quarantine.NewEntry) (int64, error) {
	type groupRow struct {
		Seq    int64  `db:"seq"`
		Ref    string `db:"ref"`
		Builds []byte `db:"builds"`
	}
	e, now := n.Entry, micros(x.now)
	g, err := sqlrows.One[groupRow](x.rows(sqlGroupGet, e.Fingerprint))
	if errors.Is(err, sql.ErrNoRows) {
		if g.Seq, err = x.next("group"); err != nil {
			return 0, err
		}
		g.Builds = quarantine.EncodeTexts(nil)
		_, err = x.exec(sqlGroupAdd, g.Seq, quarantine.GroupRef(g.Seq), e.Fingerprint, e.Subscription,
			blob(e.Title), blob(e.Where), string(e.Reason), quarantine.EncodeTexts(n.Basis), now)
	}
	if err != nil {
		return 0, err
	}
	builds, err := quarantine.DecodeTexts(g.Builds)
	if err != nil {
		return 0, err
	}
	_, err = x.exec(sqlGroupHold, g.Seq, quarantine.EncodeTexts(quarantine.AddBuild(builds, e.Build)), now)
	return g.Seq, err
}
