package verdict

import "fmt"

// Of returns who is to blame. The package comment is its specification.
func Of(e Evidence) Verdict {
	t := newTable(e.Slots)
	v := judge(e, t)
	v.Alone = v.Tier != TierNobody && !e.HeaderDamaged && t.alone()
	v.Bystanders = t.rest(v)
	v.Damaged = t.damaged
	if e.HeaderDamaged {
		v.note("the header of the in-flight table is damaged; what else ran is not known")
	}
	if n := len(t.damaged); n > 0 {
		v.note("damaged slots in the table: %d; what they ran is not known", n)
	}
	return v
}

func judge(e Evidence, t *table) Verdict {
	if reason := nobody(e, t); reason != "" {
		return excuse(e, t, reason)
	}
	if reason := untraced(e); reason != "" {
		v := Verdict{Tier: TierNoTrace, Reason: reason, Suspects: t.rank(ranking{all: true})}
		if reason == ReasonExitCode {
			v.note("the crash pipe holds a trace, but exit code %d is not the runtime's %d", e.Exit.Code, CodeRuntime)
		}
		return v
	}
	switch e.Ended {
	case EndedMemory:
		return atWork(*e.Trace, t, ReasonMemory)
	case EndedStill:
		return atWork(*e.Trace, t, ReasonStill)
	}
	live := t.live(e.Trace.First.Labels)
	switch {
	case e.HeaderDamaged:
		return Verdict{Tier: TierStale, Reason: ReasonHeaderDamaged,
			Suspects: t.rank(ranking{labelled: live, running: t.running(*e.Trace), all: true})}
	case len(live) == 0:
		return stale(e, t)
	case len(live) == 1 && e.Trace.OwnFault && !e.Trace.FirstCut && !t.anyDamaged(e.Trace.First.Labels):
		return Verdict{Tier: TierCulprit, Reason: ReasonOwnFault, Culprit: live[0]}
	default:
		return detector(*e.Trace, t, live)
	}
}

// nobody returns why no message can be blamed, or "".
func nobody(e Evidence, t *table) Reason {
	switch {
	case e.Clean && e.Exit.Known && e.Exit.Signal == 0 && e.Exit.Code == CodeClean:
		return ReasonClean
	case e.TableFault:
		return ReasonTableFault
	case e.Stopping:
		return ReasonStopping
	case e.Ended == EndedHang:
		return ReasonHung
	case e.Ended == EndedRecycle:
		return ReasonRecycled
	case !e.HeaderDamaged && !e.Ready:
		return ReasonNotReady
	case e.HeaderDamaged && len(t.busy) == 0:
		return ReasonTableDamaged
	case len(t.busy) == 0:
		return ReasonNoMessage
	default:
		return ""
	}
}

func excuse(e Evidence, t *table, reason Reason) Verdict {
	v := Verdict{Tier: TierNobody, Reason: reason}
	if reason == ReasonHung {
		v.TimedOut = t.overdue()
	}
	if reason == ReasonNoMessage && e.Trace != nil {
		v.tellOrigins(e, t)
	}
	if len(t.busy) == 0 {
		return v
	}
	switch reason {
	case ReasonStopping:
		v.note("not charged: shutdown")
	case ReasonRecycled:
		v.note("not charged: the process was replaced")
	case ReasonTableFault:
		v.note("not charged: the fault was in the in-flight table; see that its disk is not full, or keep it in memory")
	}
	return v
}

// untraced returns why the trace, if there is one, is not believed, or "".
func untraced(e Evidence) Reason {
	switch {
	case e.Trace == nil:
		return ReasonNoTrace
	case !e.Trace.Header:
		return ReasonNoHeader
	case e.Exit.Known && e.Exit.Signal == 0 && e.Exit.Code != CodeRuntime:
		return ReasonExitCode
	default:
		return ""
	}
}

// atWork looks for whoever allocates, or at least runs. The first goroutine of the
// dump is one of many here: the guardian's signal hit whichever it did.
func atWork(trace Trace, t *table, reason Reason) Verdict {
	var allocating []Name
	running := t.running(trace)
	for g := range trace.goroutines() {
		if g.Allocating {
			allocating = append(allocating, t.live(g.Labels)...)
		}
	}
	v := Verdict{Tier: TierDetector, Reason: reason}
	nobodyAtWork := len(allocating) == 0 && len(running) == 0
	if nobodyAtWork {
		v.Tier = TierStale
		v.note("nobody in flight was seen at work")
	}
	v.noteCut(trace)
	v.Suspects = t.rank(ranking{labelled: allocating, running: running, all: nobodyAtWork || !trace.Complete})
	return v
}

func detector(trace Trace, t *table, live []Name) Verdict {
	v := Verdict{Tier: TierDetector, Reason: ReasonDetector}
	switch {
	case len(live) > 1:
		v.Reason = ReasonTwoLabels
	case t.anyDamaged(trace.First.Labels):
		v.Reason = ReasonDamagedLabel
	case trace.FirstCut:
		v.Reason = ReasonCut
	}
	v.noteCut(trace)
	v.Suspects = t.rank(ranking{labelled: live, running: t.running(trace), all: !trace.Complete})
	return v
}

func stale(e Evidence, t *table) Verdict {
	v := Verdict{Tier: TierStale, Reason: ReasonNoLabel}
	if len(e.Trace.First.Labels) > 0 {
		v.Reason = ReasonStaleLabel
	}
	v.tellOrigins(e, t)
	v.Suspects = t.rank(ranking{running: t.running(*e.Trace), all: true})
	return v
}

func (v *Verdict) tellOrigins(e Evidence, t *table) {
	for _, label := range e.Trace.First.Labels {
		v.tellOrigin(label, e, t)
	}
}

// tellOrigin notes during which message the goroutine was started that died.
func (v *Verdict) tellOrigin(label Name, e Evidence, t *table) {
	slot, known := t.slots[label.Slot]
	id, remembered := e.History[label]
	switch {
	case known && slot.Name == label && slot.State == Settling:
		v.startedBy(slot.ID)
		v.note("late crash, started by message %q, whose handler was over (%s)", slot.ID, slot.Outcome)
	case remembered:
		v.startedBy(id)
		v.note("late crash, started by message %q", id)
	case t.isDamaged(label.Slot):
		v.note("label %v is of a damaged slot and is not believed", label)
	case label.Generation == 0, known && label.Generation >= slot.Name.Generation:
		v.note("label %v is of no message that was ever begun", label)
	default:
		v.note("background goroutine, started during %v, which ended long ago", label)
	}
}

func (v *Verdict) startedBy(id string) {
	if v.StartedBy == "" {
		v.StartedBy = id
	}
}

func (v *Verdict) noteCut(trace Trace) {
	if !trace.Complete {
		v.note("the dump is not complete, so everything in flight is suspect")
	}
}

func (v *Verdict) note(format string, args ...any) {
	v.Notes = append(v.Notes, fmt.Sprintf(format, args...))
}
