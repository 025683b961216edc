package quarantineslack

import (
	"context"
	"slices"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

// tellNew tells of a group that nobody was told of: by a message of its own, by taking
// over the message about the death that named it, or, when there were many of late, by
// a digest.
func (n *Notifier) tellNew(ctx context.Context, jobs []*job, now time.Time) (bool, error) {
	var fresh []*job
	for _, j := range jobs {
		if !j.state.posted() {
			fresh = append(fresh, j)
		}
	}
	if len(fresh) == 0 {
		return false, nil
	}
	n.room.Recent = slices.DeleteFunc(n.room.Recent, func(at int64) bool { return since(at, now) >= window })
	budget := max(0, windowMax-len(n.room.Recent))
	if len(fresh) > budget && len(n.room.Recent) > 0 { // the digest says most, so it does not wait for the others
		did, err := n.joinDigest(ctx, fresh[budget:], now)
		if did || err != nil {
			return did, err
		}
	}
	for _, j := range fresh[:min(len(fresh), budget)] {
		if did, err := n.post(ctx, j, now); did || err != nil {
			return did, err
		}
	}
	return false, nil
}

// post tells of a new group by a message of its own.
func (n *Notifier) post(ctx context.Context, j *job, now time.Time) (bool, error) {
	if err := n.readAudit(ctx, j); err != nil {
		return false, err
	}
	f, err := n.facts(ctx, j, now)
	if err != nil {
		return false, err
	}
	if i := n.namingOf(f.entry); i >= 0 {
		return n.adopt(ctx, j, f, i, now)
	}
	n.named(f.entry)
	m := n.render.group(f, now)
	place, err := n.send(ctx, m, f.header())
	if err != nil {
		return true, refusedOne(j, err)
	}
	j.state.place = placeOf(place)
	j.showed(f.phase, m, now)
	n.room.Recent = append(n.room.Recent, now.UnixMilli())
	return true, n.put(ctx, j.done(), n.roomTold())
}

// adopt makes the message about a death the message of the group that it is named by.
func (n *Notifier) adopt(ctx context.Context, j *job, f groupFacts, i int, now time.Time) (bool, error) {
	naming := n.room.Naming[i]
	if naming.posted() && since(naming.Edited, now) < n.cfg.EditEvery {
		return false, nil
	}
	m := n.render.group(f, now)
	taken := naming.place
	if naming.posted() {
		gone, err := n.update(ctx, naming.place, m, f.header())
		if err != nil {
			return true, refusedOne(j, err)
		}
		if gone {
			taken = place{}
		}
	}
	if !taken.posted() {
		made, err := n.send(ctx, m, f.header())
		if err != nil {
			return true, refusedOne(j, err)
		}
		taken = placeOf(made)
	}
	n.named(f.entry)
	n.named(quarantine.Entry{CrashReports: naming.Crashes})
	n.room.Naming = slices.Clone(n.room.Naming)
	n.room.Naming[i].Over, n.room.Naming[i].shown = true, shown{}
	j.state.place = taken
	j.showed(f.phase, m, now)
	return true, n.put(ctx, j.done(), n.roomTold())
}

// showed notes what the message of j shows now.
func (j *job) showed(p phase, m slackkit.Message, now time.Time) {
	j.state.Phase, j.state.Hash, j.state.Edited = p, hashOf(m), now.UnixMilli()
	j.state.Poison, j.state.Died = j.ledger.poison, j.ledger.died
	if j.ledger.pending() { // what is not told is folded again from what was
		j.state.Poison, j.state.Died = j.ledger.poisonBefore, j.ledger.diedBefore
	}
}

// tellKnown edits the message of a group, or writes into its thread.
func (n *Notifier) tellKnown(ctx context.Context, jobs []*job, now time.Time) (bool, error) {
	digests := map[string][]*job{}
	var order []string
	for _, j := range jobs {
		switch {
		case !j.state.posted():
		case j.state.Digest != "":
			if digests[j.state.Digest] == nil {
				order = append(order, j.state.Digest)
			}
			digests[j.state.Digest] = append(digests[j.state.Digest], j)
		default:
			if did, err := n.tellOne(ctx, j, now); did || err != nil {
				return did, err
			}
		}
	}
	for _, key := range order {
		if did, err := n.tellDigest(ctx, key, digests[key], now); did || err != nil {
			return did, err
		}
	}
	return false, nil
}

// tellOne brings the message of one group up to date, then its thread.
func (n *Notifier) tellOne(ctx context.Context, j *job, now time.Time) (bool, error) {
	mayEdit := since(j.state.Edited, now) >= n.cfg.EditEvery
	if !mayEdit && !n.mayReply(j, now) {
		return false, nil
	}
	if err := n.readAudit(ctx, j); err != nil {
		return false, err
	}
	if !mayEdit && !j.ledger.pending() && j.state.Loud == "" {
		return false, nil
	}
	f, err := n.facts(ctx, j, now)
	if err != nil {
		return false, err
	}
	m := n.render.group(f, now)
	same := hashOf(m) == j.state.Hash
	switch {
	case !same && mayEdit:
		return true, n.edit(ctx, j, f, m, now)
	case (j.ledger.pending() || j.state.Loud != "") && n.mayReply(j, now):
		return true, n.reply(ctx, j, f, same, now)
	case same && !j.ledger.pending() && j.state.Loud == "" && !j.forced && !j.alertLeft && !j.again:
		return true, n.put(ctx, j.done()) // nothing that people see has changed
	default:
		return false, nil
	}
}

// mayReply reports whether the thread may be written to: once it was told that replays
// run, rarely until they are over, since they all become one line.
func (n *Notifier) mayReply(j *job, now time.Time) bool {
	every := n.cfg.EditEvery
	if j.state.Phase == phaseReplaying && j.state.Running && len(j.ledger.acts) == 0 {
		every = max(every, replayThread)
	}
	return since(j.state.Replied, now) >= every
}

func (n *Notifier) edit(ctx context.Context, j *job, f groupFacts, m slackkit.Message, now time.Time) error {
	gone, err := n.update(ctx, j.state.place, m, f.header())
	if err != nil {
		return refusedOne(j, err)
	}
	if gone {
		n.log.Warn("quarantineslack: a message is gone, it will be posted anew", "group", j.notice.Group.Ref)
		j.state.shown, j.state.Digest = shown{}, ""
		return n.put(ctx, j.told(j.notice.Told, j.notice.AuditTold, ""))
	}
	loud := loudness(j.state.Phase, f.phase)
	if again := loud == j.state.Heard && since(j.state.HeardAt, now) < window; loud != "" && !again {
		j.state.Loud = loud // a problem that comes and goes is not said aloud each time
	}
	if f.phase == phaseResolved || f.phase == phaseSnoozed {
		j.state.Loud = ""
	}
	j.showed(f.phase, m, now)
	return n.putDone(ctx, j)
}

// putDone puts what was told. What is forced stays as it was, but for the state.
func (n *Notifier) putDone(ctx context.Context, j *job) error {
	n.awake = slices.DeleteFunc(n.awake, func(key string) bool { return key == j.notice.Key && j.state.Loud == "" })
	return n.put(ctx, j.done())
}

// loudness is what the whole channel hears when a message changes: that what was over
// is not, that a replay failed, that a snooze ended.
func loudness(from, to phase) string {
	switch {
	case to == phasePoison && from != phasePoison:
		return loudPoison
	case from == phaseResolved && (to == phaseContained || to == phaseTaken):
		return loudReopened
	case from == phaseSnoozed && (to == phaseContained || to == phaseTaken):
		return loudAwake
	default:
		return ""
	}
}

// reply writes into the thread what happened.
func (n *Notifier) reply(ctx context.Context, j *job, f groupFacts, same bool, now time.Time) error {
	first := f.aloud(j.state.Loud)
	m := n.render.thread(first, ledgers{j.ledger}.events())
	gone, err := n.say(ctx, j.state.place, m, first != "")
	if err != nil {
		return refusedOne(j, err)
	}
	if gone {
		j.state.shown, j.state.Digest = shown{}, ""
		return n.put(ctx, j.told(j.notice.Told, j.notice.AuditTold, ""))
	}
	if j.state.Loud != "" {
		j.state.Heard, j.state.HeardAt = j.state.Loud, now.UnixMilli()
	}
	j.state.Loud, j.state.Replied, j.state.Running = "", now.UnixMilli(), j.state.Phase == phaseReplaying
	j.heard()
	if !same { // the message is still to be edited
		return n.put(ctx, j.told(j.notice.Told, j.ledger.from, ""))
	}
	return n.putDone(ctx, j)
}

// heard notes that everything in the ledger was told.
func (j *job) heard() {
	*j.ledger = *j.ledger.told()
	j.state.Poison, j.state.Died = j.ledger.poison, j.ledger.died
}
