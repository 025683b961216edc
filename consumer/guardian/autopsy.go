//go:build unix

package guardian

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/theriac/theriac/consumer/guardian/crashrecord"
	"github.com/theriac/theriac/consumer/guardian/crashtrace"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// readCrash reads what the runtime writes when the child dies, until nobody holds the pipe.
func (p *parent) readCrash(c *child) {
	trace, err := crashtrace.Read(hearing{c.crash, &c.spoke}, crashtrace.Limits{}, func(crashtrace.Trace) {
		p.tell(event{kind: eventDying, child: c})
	})
	if err == nil && trace.Truncated {
		// A process whose pipe is full never ends.
		_, _ = io.Copy(io.Discard, c.crash)
	}
	p.tell(event{kind: eventTrace, child: c, trace: &trace})
}

// conclude judges a death once the child is buried and all that it wrote has come, keeps what must
// be kept, and plans the next start. That is the only wait before it.
func (p *parent) conclude(c *child) {
	r := c.role
	if !c.exited || !c.heard || c.trace == nil || r.child != c {
		return
	}
	r.child = nil
	c.close()
	a := p.examine(c)
	switch {
	case a.clean():
		p.log.Info("role ended", "role", r.cfg.Name, "pid", c.pid, "by", a.how, "lived", a.lived)
		p.diedAlone(a, "") // a ward may be told to end while it runs something
		p.keepSpans(a)
		c.discard()
	case c.retired:
		p.keepSpans(a)
		c.discard()
	default:
		r.remember(a)
		p.report(a)
		p.diedAlone(a, p.keep(a))
	}
	p.afterDeath(r, c.ready, a.how)
	if c.ready && r.owner == nil {
		p.pauseIfFutile(r, a)
	}
}

// pauseIfFutile delays the next start of a role that does nothing but die.
func (p *parent) pauseIfFutile(r *role, a autopsy) {
	byItself := !a.clean() && !(a.status.Signaled() && a.status.Signal() == syscall.SIGKILL)
	pause := r.restarts.futileDeath(a.lived, byItself && a.Reason == verdict.ReasonNoMessage)
	if pause == 0 {
		return
	}
	p.log.Error("role dies as soon as it is ready, again and again; it is started after a pause", "role", r.cfg.Name, "pause", pause)
	r.startAt = r.startAt.Add(pause)
}

// autopsy is all that is known of one death.
type autopsy struct {
	*child
	died  time.Time
	lived time.Duration
	how   string
	table inflight.Snapshot
	verdict.Verdict
}

func (p *parent) examine(c *child) autopsy {
	a := autopsy{child: c, died: time.Now(), how: describeExit(c.status)}
	a.lived = a.died.Sub(c.started).Round(time.Millisecond)
	if c.evidence.table != nil {
		a.table = c.evidence.table.Read()
	}
	a.Verdict = verdict.Of(a.evidenceOf(p.stopping))
	a.Notes = append(a.Notes, p.watch.remove(c)...)
	if c.broke != "" {
		a.Notes = append(a.Notes, "the guardian killed it: "+c.broke)
	}
	return a
}

// clean reports whether there is nothing to keep: it ended in order, by itself or as it was told.
func (a autopsy) clean() bool {
	code := a.status.ExitStatus()
	return a.status.Exited() && (code == CleanExit || code == failedExit) && (a.evidence.table == nil || !a.table.Status.Clean.IsZero())
}

// evidenceOf puts what was found into the words of the verdict.
func (a autopsy) evidenceOf(stopping bool) verdict.Evidence {
	e := verdict.Evidence{
		History:       make(map[verdict.Name]string),
		Trace:         a.traceEvidence(),
		Exit:          verdict.Exit{Known: true, Code: a.status.ExitStatus()},
		Clean:         !a.table.Status.Clean.IsZero(),
		Stopping:      stopping || !a.table.Status.Stopping.IsZero(),
		Ready:         a.ready || !a.table.Status.Ready.IsZero(),
		HeaderDamaged: a.table.Damage != "",
		Ended:         a.endedBy(),
	}
	if a.status.Signaled() {
		e.Exit.Signal = int(a.status.Signal())
	}
	if address, ok := a.trace.FaultAddress(); ok {
		e.TableFault = a.table.Status.Contains(address)
	}
	for _, s := range a.table.Slots {
		e.Slots = append(e.Slots, verdict.Slot{
			Name: verdict.Name(s.Name), State: verdict.State(s.State), ID: s.ID,
			Started: s.Started, InWard: s.Flags&inflight.InWard != 0, Damaged: s.Damage != "",
			Overdue: !s.Deadline.IsZero() && a.died.After(s.Deadline),
		})
	}
	for _, past := range a.table.Past {
		e.History[verdict.Name(past.Name)] = past.ID
	}
	return e
}

// traceEvidence is what the trace says, nil if there is none.
func (a autopsy) traceEvidence() *verdict.Trace {
	t := a.trace
	if t.Bytes == 0 {
		return nil
	}
	v := &verdict.Trace{
		Header: t.First.ID != 0, FirstCut: t.BlockCut, OwnFault: t.Kind.OwnFault(), Complete: t.Complete && !t.Truncated,
		First: goroutineEvidence(t.First),
	}
	for _, g := range t.Goroutines {
		v.Others = append(v.Others, goroutineEvidence(g))
	}
	return v
}

func goroutineEvidence(g crashtrace.Goroutine) verdict.Goroutine {
	v := verdict.Goroutine{Running: g.Running, Allocating: g.Allocating}
	for _, l := range g.Labels {
		v.Labels = append(v.Labels, verdict.Name(l))
	}
	return v
}

// said is what logs tell of the last words of a child.
func (p *parent) said(words string) string {
	if p.cfg.RawStderr {
		return words
	}
	return p.cfg.Redact.Death(words)
}

// report tells people of a death.
func (p *parent) report(a autopsy) {
	attrs := []any{"role", a.role.cfg.Name, "pid", a.pid, "by", a.how, "lived", a.lived, "ready", a.ready,
		"verdict", string(a.Reason)}
	if a.role.owner != nil {
		attrs = append(attrs, "ward", a.role.number)
	}
	if a.trace.Reason != "" {
		attrs = append(attrs, "trace", p.said(a.trace.Reason))
	}
	if s, ok := a.slot(a.Culprit); ok {
		attrs = append(attrs, "culprit", strconv.Quote(s.ID), "subscription", s.Subscription)
	}
	if n := len(a.Suspects); n > 0 {
		attrs = append(attrs, "suspects", n)
	}
	if a.role.cfg.Slots > 0 {
		attrs = append(attrs, "bystanders", len(a.Bystanders))
	}
	if a.table.Damage != "" {
		attrs = append(attrs, "table", a.table.Damage)
	}
	if n := len(a.Damaged); n > 0 {
		attrs = append(attrs, "damaged_slots", n)
	}
	p.log.Error("role died", attrs...)
	if hint := a.role.hint(a.died); hint != "" {
		p.log.Error("this looks like a problem of the deployment, not of a message", "role", a.role.cfg.Name, "because", hint)
	}
}

// slot returns the slot that a name stands for.
func (a autopsy) slot(n verdict.Name) (inflight.Slot, bool) {
	for _, s := range a.table.Slots {
		if n != (verdict.Name{}) && s.Name == inflight.Name(n) {
			return s, true
		}
	}
	return inflight.Slot{}, false
}

// text is what the runtime said first, or on standard error where its trace lacks that line.
func (a autopsy) text() string {
	if a.trace.Reason != "" {
		return a.trace.Reason
	}
	return a.tail.Fatal()
}

// stackOf is the trace of the goroutine that died, or for a hang that of the goroutine that runs the
// message.
func (a autopsy) stackOf() string {
	const most = 64 << 10
	stack := a.trace.Block
	if a.ended == verdict.EndedHang {
		stack = labelledBlock(a.trace.Dump, a.table.Slots)
	}
	return stack[:min(len(stack), most)]
}

// labelledBlock finds the first goroutine in a dump that carries the label of a slot.
func labelledBlock(dump []byte, slots []inflight.Slot) string {
	for block := range bytes.SplitSeq(dump, []byte("\n\n")) {
		header, _, _ := strings.Cut(string(block), "\n")
		for _, s := range slots {
			if s.Name.Generation > 0 && strings.Contains(header, `"`+s.Name.String()+`"`) {
				return string(block)
			}
		}
	}
	return ""
}

// keep makes the crash record durable. Where that fails the table stays: the next guardian on this
// folder looks into it.
func (p *parent) keep(a autopsy) (record string) {
	if p.state == nil {
		return ""
	}
	p.untrimmed++
	r := a.record(p.cfg.Build)
	written, err := crashrecord.Directory{Path: p.state.deaths()}.Write(r)
	if err != nil && written.Path == "" {
		p.log.Error("cannot keep a crash record; the table of what was in flight is left in its place",
			"table", a.folder, "error", err)
		return ""
	}
	p.log.Info("crash record kept", "record", written.Path, "left_out", written.LeftOut, "error", err)
	a.discard()
	return r.ID
}

// keepSpans keeps what is needed to end the spans that were open in a process that did not die but was
// ended. There are none as a rule.
func (p *parent) keepSpans(a autopsy) {
	if p.state == nil {
		return
	}
	var open []crashrecord.Attempt
	for _, s := range a.table.Slots {
		if s.TraceID != ([16]byte{}) && s.Damage == "" && (s.State == inflight.Busy || s.State == inflight.Settling) {
			open = append(open, attemptOf(s))
		}
	}
	if len(open) == 0 {
		return
	}
	p.untrimmed++
	r := a.record(p.cfg.Build)
	r.Culprit, r.Suspects, r.TimedOut, r.Settling, r.Bystanders = nil, nil, nil, nil, open
	r.Ended, r.Messages, r.Dump, r.FirstBlock, r.StderrTail = true, nil, nil, nil, nil
	if _, err := (crashrecord.Directory{Path: p.state.deaths()}).Write(r); err != nil {
		p.log.Warn("cannot keep which spans were open in a process that was ended", "pid", a.pid, "error", err)
	}
}

// trimAfter is after how many records they are trimmed although no worker became ready since: one that
// cannot start, or a role without handlers that dies again and again, would fill the disk with them.
const trimAfter = 100

// trim keeps the crash records within bounds, in case nobody takes them in. It must not run beside keep:
// it removes what was never finished.
func (p *parent) trim() {
	if p.untrimmed == 0 {
		return
	}
	p.untrimmed = 0
	trimmed, err := crashrecord.Directory{Path: p.state.deaths()}.Trim()
	switch n := len(trimmed.WithoutDump) + len(trimmed.WithoutMessages) + len(trimmed.Removed) + trimmed.Unfinished; {
	case err != nil:
		p.log.Error("cannot keep the crash records within bounds", "folder", p.state.deaths(), "error", err)
	case n > 0:
		p.log.Warn("crash records were removed or cut: nobody takes them in, and they are too many",
			"removed", len(trimmed.Removed), "without_dump", len(trimmed.WithoutDump),
			"without_messages", len(trimmed.WithoutMessages), "unfinished", trimmed.Unfinished)
	}
}

// record is the death as it is kept.
func (a autopsy) record(build string) crashrecord.Record {
	host, _ := os.Hostname()
	r := crashrecord.Record{
		Metadata: crashrecord.Metadata{
			ID: crashrecord.NewID(a.died), Incarnation: crashrecord.Text(a.incarnation), Role: crashrecord.Text(a.role.cfg.Name),
			Host: crashrecord.Text(host), Build: crashrecord.Text(build), PID: a.pid,
			Started: a.started, Died: a.died, Exit: crashrecord.Text(a.how), Kind: crashrecord.Text(a.trace.Kind.String()),
			Tier: crashrecord.Text(a.Tier), Reason: crashrecord.Text(a.Reason),
			TimedOut: a.attempts(a.TimedOut), Bystanders: a.attempts(a.Bystanders), Settling: a.settling(),
			BreakerHint: crashrecord.Text(a.role.hint(a.died)),
			Alone:       a.Alone, StartedBy: crashrecord.Text(a.StartedBy), DamagedSlots: len(a.Damaged),
		},
		FirstBlock: []byte(a.trace.Block), Dump: a.trace.Dump, StderrTail: a.tail.Bytes(),
	}
	for _, n := range a.Notes {
		r.Notes = append(r.Notes, crashrecord.Text(n))
	}
	if s, ok := a.slot(a.Culprit); ok {
		culprit := attemptOf(s)
		culprit.Deaths = a.Charge(a.Culprit)
		r.Culprit = &culprit
	}
	for _, suspect := range a.Suspects {
		if s, ok := a.slot(suspect.Name); ok {
			attempt := attemptOf(s)
			attempt.Why, attempt.Deaths = crashrecord.Text(suspect.Why), a.Charge(suspect.Name)
			r.Suspects = append(r.Suspects, attempt)
		}
	}
	for _, s := range a.table.Slots {
		if s.State == inflight.Busy && s.Damage == "" {
			r.Messages = append(r.Messages, messageOf(s))
		}
	}
	return r
}

func (a autopsy) attempts(names []verdict.Name) (attempts []crashrecord.Attempt) {
	for _, n := range names {
		if s, ok := a.slot(n); ok {
			attempts = append(attempts, attemptOf(s))
		}
	}
	return attempts
}

func (a autopsy) settling() (attempts []crashrecord.Attempt) {
	for _, s := range a.table.Slots {
		if s.State == inflight.Settling && s.Damage == "" {
			attempts = append(attempts, attemptOf(s))
		}
	}
	return attempts
}

func attemptOf(s inflight.Slot) crashrecord.Attempt {
	a := crashrecord.Attempt{
		Slot: crashrecord.Text(s.Name.String()), Subscription: crashrecord.Text(s.Subscription), ID: crashrecord.Text(s.ID),
		Handler: crashrecord.Text(s.Handler),
		IDCut:   s.IDCut, Attempt: s.Attempt, Started: s.Started, Published: s.Published,
	}
	if s.TraceID != ([16]byte{}) {
		a.TraceID, a.SpanID = crashrecord.Text(hex.EncodeToString(s.TraceID[:])), crashrecord.Text(hex.EncodeToString(s.SpanID[:]))
	}
	return a
}

func messageOf(s inflight.Slot) crashrecord.Message {
	m := crashrecord.Message{
		Slot: s.Name.String(), Flags: uint32(s.Flags),
		ID: []byte(s.ID), OrderingKey: []byte(s.OrderingKey), AckToken: []byte(s.AckToken),
	}
	if s.Message != nil {
		m.Flags |= crashrecord.FlagWhole
		m.Data, m.Attributes = s.Message.Data, crashrecord.PackAttributes(s.Message.Attributes)
	}
	return m
}
