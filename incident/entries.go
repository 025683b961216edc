package incident

import (
	"fmt"
	"slices"
	"time"
)

// maxEntries is how many entries a document lists. It leaves room within MaxDocument.
const maxEntries = 500

// AttachEntry adds a quarantined message. The same one again changes nothing. The first of a group
// that says where it died proposes a follow-up. What it says is cut, never refused.
//
// A full list gives up its oldest decided entry; while all are undecided, further ones are counted
// (EntriesMore) and stand in the events only.
func (inc *Incident) AttachEntry(act Act, e Entry) ([]Event, error) {
	if inc.Status == Closed || inc.Status.Final() {
		return nil, inc.wrongStatus("attach an entry", "")
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	r := inc.begin(act)
	r.attachEntry(e)
	return r.end()
}

func (e Entry) check() error {
	if err := needID("entry", e.Ref); err != nil {
		return err
	}
	return checkDecision(e.Decision)
}

func (r *record) attachEntry(e Entry) {
	e.Group, e.Subscription = clip(e.Group, maxID), clip(e.Subscription, maxID)
	e.Title, e.Where = clip(e.Title, maxName), clip(e.Where, maxName)
	e.Crash, e.Trouble = clip(e.Crash, maxID), clip(e.Trouble, maxID)
	e.By, e.Reason = clip(e.By, maxID), clip(e.Reason, maxTitle)
	if checkTime("", e.At) != nil || e.At.IsZero() {
		e.At = r.act.At
	}
	if e.Decision != "" && e.Decided.IsZero() {
		e.Decided = r.act.At
	}
	if r.inc.entry(e.Ref) >= 0 {
		return
	}
	first := !slices.ContainsFunc(r.inc.Entries, func(o Entry) bool { return o.Group == e.Group })
	data := DataEntry{
		Ref: e.Ref, Group: e.Group, Subscription: e.Subscription, Title: e.Title, Where: e.Where,
		Version: e.Version, Decision: e.Decision, By: e.By, Reason: e.Reason,
	}
	data.Unlisted = !r.inc.putEntry(e)
	r.add(EvEntryAttached, data)
	if first && e.Where != "" {
		r.proposeFix(e)
	}
}

// proposeFix adds the follow-up that a new group asks for, once.
func (r *record) proposeFix(e Entry) {
	f := FollowUp{State: Outstanding, Created: r.act.At, Text: "fix the cause at " + e.Where}
	if slices.ContainsFunc(r.inc.FollowUps, func(o FollowUp) bool { return o.Text == f.Text }) {
		return
	}
	f.ID = r.act.NewID()
	r.inc.FollowUps = append(r.inc.FollowUps, f)
	r.add(EvFollowCreated, f.data())
}

// putEntry lists an entry, or counts it where the list is full of undecided ones.
func (inc *Incident) putEntry(e Entry) (listed bool) {
	if inc.entry(e.Ref) >= 0 {
		return true
	}
	if len(inc.Entries) >= maxEntries {
		oldest := slices.IndexFunc(inc.Entries, func(o Entry) bool { return o.Decision != "" })
		inc.EntriesMore++
		if oldest < 0 {
			return false
		}
		inc.Entries = slices.Delete(slices.Clone(inc.Entries), oldest, oldest+1)
	}
	inc.Entries = append(inc.Entries, e)
	return true
}

func (inc *Incident) entry(ref string) int {
	return slices.IndexFunc(inc.Entries, func(e Entry) bool { return e.Ref == ref })
}

// EntryDecision is what was decided about an entry, wherever.
type EntryDecision struct {
	Ref     string
	Version int64
	// Decision is "replayed" or "discarded", or "" when it is undecided again.
	Decision, By, Reason string
	At                   time.Time
}

// The decisions about an entry.
const (
	EntryReplayed  = "replayed"
	EntryDiscarded = "discarded"
)

func checkDecision(decision string) error {
	if decision == "" {
		return nil
	}
	return knownID("decision", decision, []string{EntryReplayed, EntryDiscarded})
}

// DecideEntry notes a decision. An older version than the one known changes nothing. One that is
// undecided again after the close reopens nothing by itself; it stands there undecided, and a nudge
// follows. An entry that is not listed is ErrNotFound.
func (inc *Incident) DecideEntry(act Act, d EntryDecision) ([]Event, error) {
	if err := checkDecision(d.Decision); err != nil {
		return nil, err
	}
	if err := checkTime("at", d.At); err != nil {
		return nil, err
	}
	i := inc.entry(d.Ref)
	if i < 0 {
		return nil, fmt.Errorf("%w: %s has no entry %.60q", ErrNotFound, inc.Ref(), d.Ref)
	}
	e := &inc.Entries[i]
	if d.Version < e.Version || d.Version == e.Version && d.Decision == e.Decision {
		return nil, nil
	}
	e.Version, e.Decision = d.Version, d.Decision
	e.By, e.Reason, e.Decided = clip(d.By, maxID), clip(d.Reason, maxTitle), d.At
	if d.At.IsZero() {
		e.Decided = act.At
	}
	if d.Decision == "" {
		e.Decided = time.Time{}
	}
	return inc.note(act, EvEntryDecided, DataEntry{
		Ref: e.Ref, Group: e.Group, Subscription: e.Subscription, Title: e.Title,
		Version: e.Version, Decision: e.Decision, By: e.By, Reason: e.Reason,
	})
}
