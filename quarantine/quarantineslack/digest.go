package quarantineslack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

// joinDigest tells of new groups in one message for all.
func (n *Notifier) joinDigest(ctx context.Context, fresh []*job, now time.Time) (bool, error) {
	key := n.room.Digest
	if key == "" || since(n.room.Joined, now) >= window {
		key = fmt.Sprintf("%s%d", digestPrefix, now.UnixNano())
		n.digests[key] = &digestState{}
	}
	was, err := n.loadDigest(ctx, key)
	if err != nil {
		return false, err
	}
	if was.posted() && since(was.Edited, now) < n.cfg.EditEvery {
		return false, nil
	}
	d := *was
	d.Groups = slices.Clone(d.Groups)
	for _, j := range fresh {
		if err := n.readAudit(ctx, j); err != nil {
			return false, err
		}
		switch {
		case slices.Contains(d.Groups, j.notice.Group.Ref):
		case len(d.Groups) < digestMax:
			d.Groups = append(d.Groups, j.notice.Group.Ref)
		default:
			d.More++
		}
	}
	m, err := n.digestMessage(ctx, &d, fresh, now)
	if err != nil {
		return false, err
	}
	if err := n.showDigest(ctx, &d, m, now); err != nil {
		return true, err
	}
	n.room.Digest, n.room.Joined = key, now.UnixMilli()
	if !d.posted() { // it is gone; the next round makes a new one
		n.room.Digest = ""
		return true, n.put(ctx, n.roomTold())
	}
	told := []quarantine.ToldNotice{n.digestTold(key, &d), n.roomTold()}
	for _, j := range fresh {
		j.state.place, j.state.Digest = d.place, key
		j.state.Phase = phaseOf(j.notice.Group, j.ledger.poison, now)
		told = append(told, j.done())
	}
	n.digests[key] = &d
	return true, n.put(ctx, told...)
}

// showDigest posts or edits a digest. One that is gone has no place afterwards.
func (n *Notifier) showDigest(ctx context.Context, d *digestState, m slackkit.Message, now time.Time) error {
	if d.posted() {
		gone, err := n.update(ctx, d.place, m, "More groups are held; see theriac groups")
		if err != nil {
			return err
		}
		if gone {
			d.shown = shown{}
			return nil
		}
	} else {
		place, err := n.send(ctx, m, "More groups are held; see theriac groups")
		if err != nil {
			return err
		}
		d.place = placeOf(place)
	}
	d.Hash, d.Edited = hashOf(m), now.UnixMilli()
	return nil
}

// loadDigest is the memory of a digest.
func (n *Notifier) loadDigest(ctx context.Context, key string) (*digestState, error) {
	if d := n.digests[key]; d != nil {
		return d, nil
	}
	notice, err := n.cfg.Service.NoticeGet(ctx, key)
	if err != nil && !errors.Is(err, quarantine.ErrNotFound) {
		return nil, err
	}
	d := &digestState{}
	if err := decodeState(notice.State, d); err != nil {
		n.log.Warn("quarantineslack: the memory of a digest is not used", "error", err)
		d = &digestState{}
	}
	n.digests[key] = d
	return d, nil
}

func (n *Notifier) digestTold(key string, d *digestState) quarantine.ToldNotice {
	d.V = stateVersion
	b, err := encodeState(d)
	if err != nil {
		b = nil
	}
	return quarantine.ToldNotice{Key: key, State: b}
}

// digestMessage lays out a digest: its newest groups as they stand now.
func (n *Notifier) digestMessage(ctx context.Context, d *digestState, jobs []*job, now time.Time) (slackkit.Message, error) {
	here := map[string]quarantine.Group{}
	for _, j := range jobs {
		here[j.notice.Group.Ref] = j.notice.Group
	}
	var lines []digestLine
	for _, r := range d.Groups[max(0, len(d.Groups)-digestLines):] {
		g, ok := here[r]
		var err error
		if !ok {
			g, err = n.cfg.Service.GroupGet(ctx, r)
		}
		if err != nil && !errors.Is(err, quarantine.ErrNotFound) {
			return slackkit.Message{}, err
		}
		lines = append(lines, digestLine{ref: r, group: g, gone: err != nil})
	}
	return n.render.digest(lines, len(d.Groups)+d.More, now), nil
}

// tellDigest brings a digest up to date, then its thread. Groups of it that are over
// and come again get a message of their own.
func (n *Notifier) tellDigest(ctx context.Context, key string, jobs []*job, now time.Time) (bool, error) {
	d, err := n.loadDigest(ctx, key)
	if err != nil {
		return false, err
	}
	var again []quarantine.ToldNotice
	for _, j := range jobs {
		if err := n.readAudit(ctx, j); err != nil {
			return false, err
		}
		if reopened := j.state.Phase == phaseResolved && j.notice.Group.Counts[quarantine.StateHeld] > 0; reopened || !d.posted() {
			j.state.shown, j.state.Digest, j.state.Phase = shown{}, "", ""
			again = append(again, j.told(j.notice.Told, j.notice.AuditTold, ""))
		}
	}
	if len(again) > 0 {
		return true, n.put(ctx, again...)
	}
	m, err := n.digestMessage(ctx, d, jobs, now)
	if err != nil {
		return false, err
	}
	same := hashOf(m) == d.Hash
	if !same && since(d.Edited, now) >= n.cfg.EditEvery {
		return true, n.editDigest(ctx, key, *d, m, jobs, now)
	}
	all := ledgersOf(jobs)
	if all.pending() && since(d.Replied, now) >= n.cfg.EditEvery {
		return true, n.replyDigest(ctx, key, *d, same, jobs, now)
	}
	if same && !all.pending() {
		return true, n.put(ctx, doneAll(jobs, now)...)
	}
	return false, nil
}

func (n *Notifier) editDigest(ctx context.Context, key string, d digestState, m slackkit.Message, jobs []*job, now time.Time) error {
	if err := n.showDigest(ctx, &d, m, now); err != nil {
		return err
	}
	n.digests[key] = &d
	told := []quarantine.ToldNotice{n.digestTold(key, &d)}
	if d.posted() { // else its groups are told anew
		told = append(told, doneAll(jobs, now)...)
	}
	return n.put(ctx, told...)
}

func (n *Notifier) replyDigest(ctx context.Context, key string, d digestState, same bool, jobs []*job, now time.Time) error {
	gone, err := n.say(ctx, d.place, n.render.thread("", ledgersOf(jobs).events()), false)
	if err != nil {
		return err
	}
	if gone {
		d.shown = shown{}
	}
	d.Replied = now.UnixMilli()
	n.digests[key] = &d
	told := []quarantine.ToldNotice{n.digestTold(key, &d)}
	for _, j := range jobs {
		switch {
		case gone:
		case same:
			j.heard()
			told = append(told, doneAll([]*job{j}, now)...)
		default:
			j.heard()
			told = append(told, j.told(j.notice.Told, j.ledger.from, ""))
		}
	}
	return n.put(ctx, told...)
}

// doneAll is what is put of the groups of a digest.
func doneAll(jobs []*job, now time.Time) []quarantine.ToldNotice {
	var told []quarantine.ToldNotice
	for _, j := range jobs {
		j.state.Phase, j.state.Loud = phaseOf(j.notice.Group, j.ledger.poison, now), ""
		told = append(told, j.done())
	}
	return told
}

func ledgersOf(jobs []*job) ledgers {
	var all ledgers
	for _, j := range jobs {
		all = append(all, j.ledger)
	}
	return all
}
