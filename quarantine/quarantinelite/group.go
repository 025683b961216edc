package quarantinelite

import (
	"context"
	"fmt"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// groupRow is a group as group_list.sql returns it.
type groupRow struct {
	Seq          int64  `db:"seq"`
	Ref          string `db:"ref"`
	Fingerprint  string `db:"fingerprint"`
	Subscription string `db:"subscription"`
	Title        []byte `db:"title"`
	Place        []byte `db:"place"`
	Reason       string `db:"reason"`
	Basis        []byte `db:"basis"`
	Builds       []byte `db:"builds"`
	FirstAt      int64  `db:"first_at"`
	LastAt       int64  `db:"last_at"`
	Held         int64  `db:"held"`
	Replaying    int64  `db:"replaying"`
	Replayed     int64  `db:"replayed"`
	Discarded    int64  `db:"discarded"`
	Changes      int64  `db:"changes"`
	UntoldSince  int64  `db:"untold_since"`
	Version      int64  `db:"version"`
	TakenBy      []byte `db:"taken_by"`
	TakenVia     string `db:"taken_via"`
	TakenClaimed bool   `db:"taken_claimed"`
	TakenAt      int64  `db:"taken_at"`
	TakenReason  []byte `db:"taken_reason"`
	SnoozedUntil int64  `db:"snoozed_until"`
	ActedBy      []byte `db:"acted_by"`
	ActedVia     string `db:"acted_via"`
	ActedClaimed bool   `db:"acted_claimed"`
	ActedAt      int64  `db:"acted_at"`
	ActedReason  []byte `db:"acted_reason"`
}

func (r *groupRow) group() (quarantine.Group, error) {
	builds, err := quarantine.DecodeTexts(r.Builds)
	if err != nil {
		return quarantine.Group{}, fmt.Errorf("group %s: %w", r.Ref, err)
	}
	basis, err := quarantine.DecodeTexts(r.Basis)
	if err != nil {
		return quarantine.Group{}, fmt.Errorf("group %s: %w", r.Ref, err)
	}
	g := quarantine.Group{
		Ref: r.Ref, Fingerprint: r.Fingerprint, Subscription: r.Subscription,
		Title: string(r.Title), Where: string(r.Place), Reason: handlers.Reason(r.Reason),
		First: litekit.TimeOf(r.FirstAt), Last: litekit.TimeOf(r.LastAt), Builds: builds, Basis: basis,
		Counts:  make(map[quarantine.State]int64),
		Changes: r.Changes, Version: r.Version, SnoozedUntil: litekit.TimeOf(r.SnoozedUntil),
		Taken: decision(r.TakenBy, r.TakenVia, r.TakenClaimed, r.TakenAt, r.TakenReason),
		Acted: decision(r.ActedBy, r.ActedVia, r.ActedClaimed, r.ActedAt, r.ActedReason),
	}
	for state, n := range map[quarantine.State]int64{
		quarantine.StateHeld: r.Held, quarantine.StateReplaying: r.Replaying,
		quarantine.StateReplayed: r.Replayed, quarantine.StateDiscarded: r.Discarded,
	} {
		if n > 0 {
			g.Counts[state] = n
		}
	}
	return g, nil
}

// GroupList implements [quarantine.Store].
func (s *Store) GroupList(ctx context.Context, q quarantine.Query) (groups []quarantine.Group, err error) {
	err = s.read(ctx, "list groups", func(x *tx) error {
		f := litekit.NewFilter(q.PageSize())
		f.Put(" AND EXISTS (SELECT 1 FROM entry e WHERE e.group_seq = g.seq")
		if err := x.narrow(f, q); err != nil {
			return err
		}
		f.Put(")")
		rows, err := litekit.Collect[groupRow](x, f.Apply(sqlGroupList), f.Args()...)
		if err != nil {
			return err
		}
		for i := range rows {
			g, err := rows[i].group()
			if err != nil {
				return err
			}
			groups = append(groups, g)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return groups, nil
}
