package verdict

import (
	"cmp"
	"iter"
	"slices"
)

// table is the slots that can be believed, and what is asked of them.
type table struct {
	slots   map[int]Slot
	busy    []Slot // oldest first
	damaged []int  // ascending
}

func newTable(slots []Slot) *table {
	t := &table{slots: make(map[int]Slot, len(slots))}
	for _, s := range slots {
		_, twice := t.slots[s.Name.Slot]
		neverBegun := s.Name.Generation == 0 && s.State != Free
		if twice || neverBegun || s.Damaged || s.State > Settling {
			t.damaged = append(t.damaged, s.Name.Slot)
		}
		t.slots[s.Name.Slot] = s
	}
	slices.Sort(t.damaged)
	t.damaged = slices.Compact(t.damaged)
	for _, index := range t.damaged {
		delete(t.slots, index)
	}
	for _, s := range t.slots {
		if s.State == Busy {
			t.busy = append(t.busy, s)
		}
	}
	slices.SortFunc(t.busy, func(a, b Slot) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Name.Slot, b.Name.Slot))
	})
	return t
}

func (t *table) isDamaged(slot int) bool {
	_, found := slices.BinarySearch(t.damaged, slot)
	return found
}

func (t *table) anyDamaged(labels []Name) bool {
	return slices.ContainsFunc(labels, func(n Name) bool { return t.isDamaged(n.Slot) })
}

// alone reports whether the process was a ward with one message in it. Beside a
// damaged slot nobody is known to be alone.
func (t *table) alone() bool {
	return len(t.busy) == 1 && t.busy[0].InWard && len(t.damaged) == 0
}

func (t *table) isLive(n Name) bool {
	s, known := t.slots[n.Slot]
	return known && s.State == Busy && s.Name == n
}

// live returns the live ones of labels, each once, in their order.
func (t *table) live(labels []Name) []Name {
	var live []Name
	for _, n := range labels {
		if t.isLive(n) && !slices.Contains(live, n) {
			live = append(live, n)
		}
	}
	return live
}

// running returns who has a goroutine that runs or could; duplicates may occur.
func (t *table) running(trace Trace) []Name {
	var names []Name
	for g := range trace.goroutines() {
		if g.Running {
			names = append(names, t.live(g.Labels)...)
		}
	}
	return names
}

func (t *table) overdue() []Name {
	var names []Name
	for _, s := range t.busy {
		if s.Overdue {
			names = append(names, s.Name)
		}
	}
	return names
}

// ranking says who is suspect, and why.
type ranking struct {
	labelled, running []Name
	all               bool // everybody else too
}

// rank returns the suspects: the labelled, the running, the others, each youngest
// first: what kills mostly kills soon, and who has run for long has shown that it
// need not.
func (t *table) rank(r ranking) []Suspect {
	why := make(map[Name]Why, len(t.busy))
	for _, n := range r.running {
		why[n] = WhyRunning
	}
	for _, n := range r.labelled {
		why[n] = WhyLabelled
	}
	var labelled, running, others []Suspect
	for _, s := range slices.Backward(t.busy) {
		switch why[s.Name] {
		case WhyLabelled:
			labelled = append(labelled, Suspect{s.Name, WhyLabelled})
		case WhyRunning:
			running = append(running, Suspect{s.Name, WhyRunning})
		default:
			others = append(others, Suspect{s.Name, WhyInFlight})
		}
	}
	if !r.all {
		others = nil
	}
	return slices.Concat(labelled, running, others)
}

// rest returns who is in flight and not in the verdict.
func (t *table) rest(v Verdict) []Name {
	named := map[Name]bool{v.Culprit: true}
	for _, s := range v.Suspects {
		named[s.Name] = true
	}
	for _, n := range v.TimedOut {
		named[n] = true
	}
	var names []Name
	for _, s := range t.busy {
		if !named[s.Name] {
			names = append(names, s.Name)
		}
	}
	return names
}

// goroutines yields the first goroutine and the others.
func (tr Trace) goroutines() iter.Seq[Goroutine] {
	return func(yield func(Goroutine) bool) {
		if !yield(tr.First) {
			return
		}
		for _, g := range tr.Others {
			if !yield(g) {
				return
			}
		}
	}
}
