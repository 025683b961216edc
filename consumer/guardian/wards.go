//go:build unix

package guardian

import (
	"encoding/json"
	"time"

	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// wardPool is the wards of one role: children of it that run one message at a time, alone. They are
// started when messages wait for them; one that ran nothing yet is kept warm.
type wardPool struct {
	owner *role
	wards []*role
	queue []*aloneRun // in the order of asking
}

// aloneRun is one message that is to run alone.
type aloneRun struct {
	from *child // the worker that asked
	run  uint32 // its number there
	head runHead
	// message is what the ward is given. It counts towards what is held for the worker.
	message lineFrame
}

const (
	// wardSlack is how much longer than its limit a message may take in a ward before the guardian
	// ends it: the ward itself sees the limit first, and its answer says more.
	wardSlack = 2 * time.Second
	// wardIdle is how long a ward that ran something, or one more than the warm one, waits for more.
	wardIdle = time.Second
	// wardStarts is how many wards in a row may die before they are ready until those who wait are told.
	wardStarts = 2
	defaultRun = time.Minute
)

func newWardPool(owner *role) *wardPool {
	pool := &wardPool{owner: owner}
	for number := range owner.cfg.Wards {
		cfg := owner.cfg
		cfg.Slots, cfg.Wards = wardSlots, 0
		pool.wards = append(pool.wards, &role{cfg: cfg, owner: owner, number: number + 1, restarts: owner.restarts})
	}
	return pool
}

// wardSlots is the number of slots in a ward's table: each subscription of which it runs a message
// takes one for good, and they cost nothing until then.
const wardSlots = 128

// tend gives waiting messages to wards and plans which wards are to live. It returns when to look
// again, zero for not by itself.
func (p *parent) tend(pool *wardPool, now time.Time) (next time.Time) {
	if pool == nil {
		return time.Time{}
	}
	if !pool.owner.serving() {
		p.abandon(pool)
	}
	waiting, coming := pool.queue, pool.coming()
	pool.queue = nil
	for _, run := range waiting {
		switch w := pool.free(run.head.Fresh); {
		case w != nil:
			p.assign(w, run, now)
			continue
		case coming > 0:
			coming--
		case run.head.Fresh:
			// Whoever may be convicted does not wait until all others have run: a used ward
			// that is free makes room for a fresh one.
			if used := pool.free(false); used != nil {
				used.retire()
			}
		}
		pool.queue = append(pool.queue, run)
	}
	pool.plan(p.stopping)
	return pool.retireIdle(now)
}

// abandon forgets what a worker asked for that is gone: the next one asks again.
func (p *parent) abandon(pool *wardPool) {
	alive := pool.owner.child
	kept := pool.queue[:0]
	for _, run := range pool.queue {
		if run.from == alive {
			kept = append(kept, run)
		} else {
			run.message.release()
		}
	}
	pool.queue = kept
	for _, w := range pool.wards {
		c := w.child
		if c != nil && (c.run != nil && c.run.from != alive || p.stopping && alive == nil) {
			c.retire()
		}
	}
}

// free returns a ward that can run a message now: a used one before a fresh one, unless it must be
// fresh.
func (pool *wardPool) free(fresh bool) (best *child) {
	for _, w := range pool.wards {
		if c := w.child; c.idle() && (!fresh || c.ran == 0) && (best == nil || c.ran > best.ran) {
			best = c
		}
	}
	return best
}

// plan says which wards are to be started.
func (pool *wardPool) plan(stopping bool) {
	coming := pool.coming()
	missing := len(pool.queue) - coming
	if coming == 0 && pool.free(true) == nil && pool.owner.serving() {
		missing = max(missing, 1) // the warm one
	}
	if stopping && len(pool.queue) == 0 {
		missing = 0
	}
	for _, w := range pool.wards {
		w.wanted = false
		if w.child == nil && missing > 0 {
			w.wanted = true
			missing--
		}
	}
}

// coming is how many wards were started and are not ready yet.
func (pool *wardPool) coming() (n int) {
	for _, w := range pool.wards {
		if c := w.child; c != nil && !c.ready && !c.retired && !c.exited {
			n++
		}
	}
	return n
}

// retireIdle ends wards that nobody needs.
func (pool *wardPool) retireIdle(now time.Time) (next time.Time) {
	kept := false
	for _, w := range pool.wards {
		c := w.child
		if !c.idle() || len(pool.queue) > 0 {
			continue
		}
		if c.ran == 0 && !kept {
			kept = true
			continue
		}
		until := c.idleSince.Add(wardIdle)
		if !now.Before(until) {
			c.retire()
			continue
		}
		if next.IsZero() || until.Before(next) {
			next = until
		}
	}
	return next
}

// idle reports whether a ward can take a message.
func (c *child) idle() bool {
	return c != nil && c.ready && !c.exited && !c.retired && c.run == nil && c.killAt.IsZero()
}

// assign gives a message to a ward.
func (p *parent) assign(c *child, run *aloneRun, now time.Time) {
	limit := run.head.Limit
	if limit <= 0 {
		limit = defaultRun
	}
	c.run, c.due = run, now.Add(limit+wardSlack)
	message := run.message
	run.message = lineFrame{}
	p.send(c, message)
}

// retire ends a ward that is no longer needed. What it may be running is charged to nobody.
func (c *child) retire() {
	if !c.retired {
		c.retired = true
		c.kill()
	}
}

// asked takes what a worker wants to have run alone.
func (p *parent) asked(c *child, f lineFrame) {
	run := &aloneRun{from: c, run: f.run, message: f}
	if json.Unmarshal(f.head, &run.head) != nil {
		p.refuse(run, "the guardian does not understand")
		return
	}
	c.role.pool.queue = append(c.role.pool.queue, run)
}

// answered passes on what a ward that survived says.
func (p *parent) answered(c *child, f lineFrame) {
	var head answerHead
	if json.Unmarshal(f.head, &head) != nil {
		head = answerHead{Spent: true}
	}
	head.Fresh = c.ran == 0
	run := c.run
	c.run, c.ran, c.idleSince = nil, c.ran+1, time.Now()
	if head.OK {
		c.role.owner.survived(run.head.Subscription)
	}
	if answer, err := newLineFrame(lineAnswer, run.run, head, f.body); err == nil {
		p.reply(run, answer)
	}
	if head.Spent {
		c.retire()
	}
}

// diedAlone tells a worker that the ward died that ran its message.
func (p *parent) diedAlone(a autopsy, record string) {
	c := a.child
	if c.run == nil {
		return
	}
	d := diedHead{Fresh: c.ran == 0, AloneDeath: AloneDeath{
		Record: record, Hung: a.Reason == verdict.ReasonHung, Died: a.died,
		Exit: a.how, Kind: a.trace.Kind.String(), Tier: string(a.Tier), Reason: string(a.Reason),
		Text: a.text(), Stack: a.stackOf(),
	}}
	for _, s := range a.table.Slots {
		if n := verdict.Name(s.Name); a.Charge(n) > 0 {
			d.Charged = true
		}
		d.Started = s.Started
	}
	if answer, err := newLineFrame(lineDied, c.run.run, d, nil); err == nil {
		p.reply(c.run, answer)
	}
	c.run = nil
}

// reply is the one word that a worker gets of a run. Until it was written the run counts for the worker.
func (p *parent) reply(run *aloneRun, f lineFrame) {
	f.ends = run.from.held
	p.send(run.from, f)
}

// refuse tells a worker that its message did not run.
func (p *parent) refuse(run *aloneRun, why string) {
	run.message.release()
	if f, err := newLineFrame(lineRefused, run.run, refusedHead{why}, nil); err == nil {
		p.reply(run, f)
	}
}

// wardFailed notes that a ward died before it was ready. When none can be had, those who wait are
// told; the next that asks has it tried again.
func (p *parent) wardFailed(pool *wardPool, how string) {
	failing := 0
	for _, w := range pool.wards {
		if w.child != nil && w.child.ready && !w.child.exited {
			return
		}
		failing = max(failing, w.restarts.unready)
	}
	if failing < wardStarts {
		return
	}
	if len(pool.queue) > 0 {
		p.log.Error("no ward can be started; what must run alone waits", "role", pool.owner.cfg.Name, "last", how)
	}
	for _, run := range pool.queue {
		p.refuse(run, "wards die before they are ready: "+how)
	}
	pool.queue = nil
}
