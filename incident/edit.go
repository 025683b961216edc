package incident

import "time"

// EditParams changes what is not nil.
type EditParams struct {
	Name, Summary, Type *string
	Severity            *string
	// Fields replaces those it names; an empty value clears one.
	Fields        map[string]FieldValue
	ImpactStarted *time.Time
	Reported      *time.Time
	Resolved      *time.Time
}

// Edit changes what people wrote down. A change of severity among it is an event of its own.
func (inc *Incident) Edit(act Act, p EditParams) ([]Event, error) { panic("to come") }

// ChangeSeverity says how bad it is, and why.
func (inc *Incident) ChangeSeverity(act Act, severity, reason string) ([]Event, error) {
	panic("to come")
}

// MakePrivate hides it from all but its participants and admins. There is no way back.
func (inc *Incident) MakePrivate(act Act, reason string) ([]Event, error) { panic("to come") }

// AssignRole gives a role to a person, in place of nobody: where another holds it, *[ConflictError].
func (inc *Incident) AssignRole(act Act, role, person string) ([]Event, error) { panic("to come") }

// HandOver passes a role on. If from does not hold it any more it returns *[ConflictError].
func (inc *Incident) HandOver(act Act, role, from, to, note string) ([]Event, error) {
	panic("to come")
}

// Unassign takes a role from its holder.
func (inc *Incident) Unassign(act Act, role string) ([]Event, error) { panic("to come") }

// Join adds somebody, or raises how they take part.
func (inc *Incident) Join(act Act, person string, kind ParticipantKind) ([]Event, error) {
	panic("to come")
}

// Leave notes that somebody left. The holder of a role hands over first.
func (inc *Incident) Leave(act Act, person string) ([]Event, error) { panic("to come") }

// Subscribe brings updates to somebody by direct message, or no longer.
func (inc *Incident) Subscribe(act Act, person string, on bool) ([]Event, error) { panic("to come") }

// RequestUpdate asks whoever leads for an update.
func (inc *Incident) RequestUpdate(act Act, person string) ([]Event, error) { panic("to come") }

// SnoozeNudge silences a kind for 30, 60 or 90 minutes; StopNudge for good.
func (inc *Incident) SnoozeNudge(act Act, kind NudgeKind, minutes int) ([]Event, error) {
	panic("to come")
}

// StopNudge silences a kind for good.
func (inc *Incident) StopNudge(act Act, kind NudgeKind) ([]Event, error) { panic("to come") }

// AddItem writes a line into the timeline, at the time that it is about.
func (inc *Incident) AddItem(act Act, text string, occurred time.Time) ([]Event, error) {
	panic("to come")
}

// EditItem and RemoveItem change how a line is shown; the original stays in the list.
func (inc *Incident) EditItem(act Act, seq int64, text string, occurred time.Time) ([]Event, error) {
	panic("to come")
}

// RemoveItem hides a line; the original stays in the list.
func (inc *Incident) RemoveItem(act Act, seq int64) ([]Event, error) { panic("to come") }

// AddAction notes something to do now. It returns its id with the event.
func (inc *Incident) AddAction(act Act, text, owner string) ([]Event, error) { panic("to come") }

// ItemChange changes an action or a follow-up: what is not nil.
type ItemChange struct {
	Text, Owner, Priority, Link *string
	Due                         *time.Time
	State                       ItemState
}

// ChangeAction changes one; with a state that ends it, it is done.
func (inc *Incident) ChangeAction(act Act, id string, c ItemChange) ([]Event, error) {
	panic("to come")
}

// AddFollowUp notes something to do later.
func (inc *Incident) AddFollowUp(act Act, f FollowUp) ([]Event, error) { panic("to come") }

// ChangeFollowUp changes one.
func (inc *Incident) ChangeFollowUp(act Act, id string, c ItemChange) ([]Event, error) {
	panic("to come")
}

// CompleteTask and SkipTask end a task of the time after.
func (inc *Incident) CompleteTask(act Act, id string) ([]Event, error) { panic("to come") }

// SkipTask ends a task undone, with a reason.
func (inc *Incident) SkipTask(act Act, id, reason string) ([]Event, error) { panic("to come") }

// Attach adds a link.
func (inc *Incident) Attach(act Act, a Attachment) ([]Event, error) { panic("to come") }

// AttachAlert notes that an alert of it fired, once more or for the first time; ResolveAlert that it
// is over, which never ends the incident.
func (inc *Incident) AttachAlert(act Act, a Alert) ([]Event, error) { panic("to come") }

// ResolveAlert notes that an alert is over. It never ends the incident.
func (inc *Incident) ResolveAlert(act Act, source, dedup string) ([]Event, error) { panic("to come") }

// AttachEntry adds a quarantined message, or raises the counter of its group.
func (inc *Incident) AttachEntry(act Act, e Entry) ([]Event, error) { panic("to come") }

// EntryDecision is what was decided about an entry, wherever.
type EntryDecision struct {
	Ref     string
	Version int64
	// Decision is "replayed" or "discarded", or "" when it is undecided again.
	Decision, By, Reason string
	At                   time.Time
}

// DecideEntry notes a decision. An older version than the one known changes nothing.
func (inc *Incident) DecideEntry(act Act, d EntryDecision) ([]Event, error) { panic("to come") }

// ChannelMade notes the channel that was made for it; HeadlinePosted its announcement.
func (inc *Incident) ChannelMade(act Act, c Channel) ([]Event, error) { panic("to come") }

// HeadlinePosted notes where its headline is.
func (inc *Incident) HeadlinePosted(act Act, p Post) ([]Event, error) { panic("to come") }

// SkipEffect notes that an effect will not happen, such as a page that would be too late.
func (inc *Incident) SkipEffect(act Act, effect, why string) ([]Event, error) { panic("to come") }

// RecordActivity notes that somebody wrote in the channel; RecordNudge that people were reminded.
func (inc *Incident) RecordActivity(act Act, person, what string, occurred time.Time) ([]Event, error) {
	panic("to come")
}

// RecordNudge notes that people were reminded, for an occasion (see Nudge.For).
func (inc *Incident) RecordNudge(act Act, kind NudgeKind, occasion string) ([]Event, error) {
	panic("to come")
}

// NoteControl writes into the timeline that work was held back, or is no longer.
func (inc *Incident) NoteControl(act Act, text string) ([]Event, error) { panic("to come") }
