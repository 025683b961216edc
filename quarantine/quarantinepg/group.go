package quarantinepg

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// groupRow is a group as group_list.sql returns it.
type groupRow struct {
	Ref          string    `db:"ref"`
	Fingerprint  string    `db:"fingerprint"`
	Subscription string    `db:"subscription"`
	Title        []byte    `db:"title"`
	Place        []byte    `db:"place"`
	Reason       string    `db:"reason"`
	Basis        []byte    `db:"basis"`
	Builds       []byte    `db:"builds"`
	FirstAt      time.Time `db:"first_at"`
	LastAt       time.Time `db:"last_at"`
	Held         int64     `db:"held"`
	Replaying    int64     `db:"replaying"`
	Replayed     int64     `db:"replayed"`
	Discarded    int64     `db:"discarded"`
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
		First: r.FirstAt.UTC(), Last: r.LastAt.UTC(), Builds: builds, Basis: basis,
		Counts: make(map[quarantine.State]int64),
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
	err = s.read(ctx, "list groups", func(x tx) error {
		groups = nil
		f := newFilter(q.PageSize())
		if err := x.narrow(f, q); err != nil {
			return err
		}
		rows, err := collect[groupRow](x, f.apply(sqlGroupList), f.all()...)
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
