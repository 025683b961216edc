package quarantinepg

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// groupSeqRow is a row of group_find.sql.
type groupSeqRow struct {
	Seq         int64  `db:"seq"`
	Fingerprint string `db:"fingerprint"`
}

// groupLockRow is a row of group_lock.sql.
type groupLockRow struct {
	Seq    int64  `db:"seq"`
	Builds []byte `db:"builds"`
}

func byFingerprint(rows []groupSeqRow) map[string]int64 {
	groups := make(map[string]int64, len(rows))
	for _, r := range rows {
		groups[r.Fingerprint] = r.Seq
	}
	return groups
}

// fingerprints returns each fingerprint once, in order.
func fingerprints(all []*candidate) []string {
	texts := pgkit.Column(all, func(c *candidate) string { return c.Entry.Fingerprint })
	slices.Sort(texts)
	return slices.Compact(texts)
}

// addGroups makes the groups of new entries that are not there and adds their
// numbers to groups. Where another transaction makes one of them first, it is
// waited for and its number is taken.
func (x tx) addGroups(created []*candidate, groups map[string]int64) error {
	makers := make(map[string]*candidate)
	for _, c := range slices.Backward(created) { // the first entry makes the group
		if _, ok := groups[c.Entry.Fingerprint]; !ok {
			makers[c.Entry.Fingerprint] = c
		}
	}
	if len(makers) == 0 {
		return nil
	}
	missing := slices.Sorted(maps.Keys(makers)) // locked in one order by all
	all := pgkit.Column(missing, func(fp string) *candidate { return makers[fp] })
	numbers, err := collect[numberRow](x, sqlSequenceNext, "theriac.group_seq", len(all))
	if err != nil {
		return err
	}
	blobs := func(of func(c *candidate) string) [][]byte {
		return pgkit.Column(all, func(c *candidate) []byte { return pgkit.Blob(of(c)) })
	}
	_, err = x.exec(sqlGroupAdd,
		pgkit.Column(numbers, func(n numberRow) int64 { return n.Number }),
		pgkit.Column(numbers, func(n numberRow) string { return quarantine.GroupRef(n.Number) }),
		missing,
		pgkit.Column(all, func(c *candidate) string { return c.Entry.Subscription }),
		blobs(func(c *candidate) string { return c.Entry.Title }),
		blobs(func(c *candidate) string { return c.Entry.Where }),
		pgkit.Column(all, func(c *candidate) string { return string(c.Entry.Reason) }),
		pgkit.Column(all, func(c *candidate) []byte { return quarantine.EncodeTexts(c.Basis) }),
		pgkit.Column(all, func(*candidate) []byte { return quarantine.EncodeTexts(nil) }))
	if err != nil {
		return err
	}
	rows, err := collect[groupSeqRow](x, sqlGroupFind, missing)
	maps.Copy(groups, byFingerprint(rows))
	return err
}

// groupChange is what a transaction changes in a group.
type groupChange struct {
	counts map[quarantine.State]int64
	builds []byte // encoded; nil if no entry came
	seen   int64  // how many changes people see
}

// changesOf is what new entries change in their groups, which are locked.
func changesOf(created []*candidate, locked []groupLockRow) (map[int64]groupChange, error) {
	held := make(map[int64]int64, len(locked))
	builds := make(map[int64][]string, len(locked))
	for _, g := range locked {
		texts, err := quarantine.DecodeTexts(g.Builds)
		if err != nil {
			return nil, fmt.Errorf("group %s: %w", quarantine.GroupRef(g.Seq), err)
		}
		builds[g.Seq] = texts
	}
	for _, c := range created {
		held[c.groupSeq]++
		builds[c.groupSeq] = quarantine.AddBuild(builds[c.groupSeq], c.Entry.Build)
	}
	changes := make(map[int64]groupChange, len(held))
	for seq, n := range held {
		changes[seq] = groupChange{map[quarantine.State]int64{quarantine.StateHeld: n}, quarantine.EncodeTexts(builds[seq]), n}
	}
	return changes, nil
}

// queueCounts applies changes to groups, which are locked.
func queueCounts(b *pgx.Batch, changes map[int64]groupChange) {
	var seqs []int64
	var builds [][]byte
	var seen []int64
	counts := make(map[quarantine.State][]int64)
	for seq, change := range changes {
		seqs, builds, seen = append(seqs, seq), append(builds, change.builds), append(seen, change.seen)
		for _, state := range quarantine.States() {
			counts[state] = append(counts[state], change.counts[state])
		}
	}
	b.Queue(sqlGroupCount, seqs, counts[quarantine.StateHeld], counts[quarantine.StateReplaying],
		counts[quarantine.StateReplayed], counts[quarantine.StateDiscarded], builds, seen)
}

// groupRow is a group as group_list.sql returns it.
type groupRow struct {
	Seq          int64      `db:"seq"`
	Ref          string     `db:"ref"`
	Fingerprint  string     `db:"fingerprint"`
	Subscription string     `db:"subscription"`
	Title        []byte     `db:"title"`
	Place        []byte     `db:"place"`
	Reason       string     `db:"reason"`
	Basis        []byte     `db:"basis"`
	Builds       []byte     `db:"builds"`
	FirstAt      time.Time  `db:"first_at"`
	LastAt       time.Time  `db:"last_at"`
	Held         int64      `db:"held"`
	Replaying    int64      `db:"replaying"`
	Replayed     int64      `db:"replayed"`
	Discarded    int64      `db:"discarded"`
	Changes      int64      `db:"changes"`
	UntoldSince  *time.Time `db:"untold_since"`
	Version      int64      `db:"version"`
	TakenBy      []byte     `db:"taken_by"`
	TakenVia     string     `db:"taken_via"`
	TakenClaimed bool       `db:"taken_claimed"`
	TakenAt      *time.Time `db:"taken_at"`
	TakenReason  []byte     `db:"taken_reason"`
	SnoozedUntil *time.Time `db:"snoozed_until"`
	ActedBy      []byte     `db:"acted_by"`
	ActedVia     string     `db:"acted_via"`
	ActedClaimed bool       `db:"acted_claimed"`
	ActedAt      *time.Time `db:"acted_at"`
	ActedReason  []byte     `db:"acted_reason"`
	// ReadAt is the time by the server's clock.
	ReadAt time.Time `db:"read_at"`
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
		Counts:  make(map[quarantine.State]int64),
		Changes: r.Changes, Version: r.Version, SnoozedUntil: pgkit.TimeOf(r.SnoozedUntil),
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
	err = s.read(ctx, "list groups", func(x tx) error {
		groups = nil
		f, err := x.groupFilter(q)
		if err != nil {
			return err
		}
		rows, err := collect[groupRow](x, f.apply(sqlGroupList), f.All()...)
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

// groupFilter selects the groups that have a matching entry. Which states a
// group has is told by its counts; entries are looked at for other questions only.
func (x tx) groupFilter(q quarantine.Query) (*filter, error) {
	f := newFilter(q.PageSize())
	if !onlyStates(q) {
		f.Put(" AND EXISTS (SELECT 1 FROM theriac.entry e WHERE e.group_seq = g.seq")
		err := x.narrow(f, q)
		f.Put(")")
		return f, err
	}
	if q.Group != "" {
		seq, err := x.group(q.Group)
		if err != nil {
			return nil, err
		}
		f.And("g.seq = " + f.Arg(seq))
	}
	if len(q.States) > 0 {
		has := []string{"false"}
		for _, state := range quarantine.States() {
			if slices.Contains(q.States, state) {
				has = append(has, "g."+string(state)+" > 0") // the column is named after the state
			}
		}
		f.And("(" + strings.Join(has, " OR ") + ")")
	}
	return f, nil
}

// onlyStates reports whether a query asks for nothing but groups and states.
func onlyStates(q quarantine.Query) bool {
	return q.Subscription == "" && len(q.Reasons) == 0 && q.Where == "" && q.Text == "" && q.Build == "" &&
		q.Since.IsZero() && q.Until.IsZero() && q.LargerThan <= 0 && q.MinReplays <= 0
}
