package incident

import (
	"fmt"
	"slices"
)

// MergeInto ends inc in favour of target: its open keys, its entries and its alerts move there, whoever
// takes part takes part there too, and its escalations are cancelled. Timelines are linked, not mixed.
// Both documents are to be saved together, so that no circle can form. It returns the events of each.
func (inc *Incident) MergeInto(act Act, target *Incident, reason string) (source, into []Event, err error) {
	if err := inc.mayMergeInto(target); err != nil {
		return nil, nil, err
	}
	if reason, err = text("reason", reason, maxReason); err != nil {
		return nil, nil, err
	}
	from, to := inc.begin(act), target.begin(act)
	people, entries := inc.present(), entryRefs(inc.Entries)
	from.add(EvMerged, DataMerged{target.ID, target.Ref(), reason, people, entries})
	to.add(EvAbsorbed, DataMerged{inc.ID, inc.Ref(), reason, people, entries})
	from.moveTo(Merged)
	inc.MergedInto = target.ID
	to.relate(inc.ID)
	to.adopt(inc)
	from.take(inc.endEscalations(from.inner(), Cancelled, "merged into "+target.Ref()))
	if source, err = from.end(); err != nil {
		return nil, nil, err
	}
	into, err = to.end()
	return source, into, err
}

func (inc *Incident) mayMergeInto(target *Incident) error {
	if err := inc.mayGo(verbMerge, Merged); err != nil {
		return err
	}
	switch {
	case target.ID == inc.ID:
		return &FieldError{"into", "an incident cannot be merged into itself"}
	case target.Status.Final():
		return target.wrongStatus("take in "+inc.Ref(), "")
	case target.Status == Closed && len(inc.Undecided()) > 0:
		return target.wrongStatus("take in the undecided entries of "+inc.Ref(), "")
	case inc.Visibility == Private && target.Visibility != Private:
		return fmt.Errorf("%w: %s is private and merges only into a private incident", ErrRefused, inc.Ref())
	}
	return nil
}

// adopt moves keys, entries and alerts from another incident, and brings its people along. The source
// keeps who took part in it, which decides who may see it.
func (r *record) adopt(source *Incident) {
	r.inc.Keys = slices.Clone(r.inc.Keys)
	for _, k := range source.Keys {
		if k.Open {
			r.inc.Keys = addKey(r.inc.Keys, k)
		}
	}
	source.Keys = slices.DeleteFunc(slices.Clone(source.Keys), func(k Key) bool { return k.Open })
	for _, p := range source.Participants {
		if p.Left.IsZero() {
			r.join(p.Person, p.Kind)
			here := &r.inc.Participants[r.inc.participant(p.Person)]
			here.Subscribed = here.Subscribed || p.Subscribed // who waits for news hears it from now on here
		}
	}
	for _, e := range source.Entries {
		r.inc.putEntry(e)
	}
	for _, a := range source.Alerts {
		r.inc.putAlert(a)
	}
	r.inc.EntriesMore += source.EntriesMore
	source.Entries, source.Alerts, source.EntriesMore = nil, nil, 0
}

// present returns who takes part and has not left.
func (inc *Incident) present() []string {
	var people []string
	for _, p := range inc.Participants {
		if p.Left.IsZero() {
			people = append(people, p.Person)
		}
	}
	return people
}

func entryRefs(entries []Entry) []string {
	var refs []string
	for _, e := range entries {
		refs = append(refs, e.Ref)
	}
	return refs
}
