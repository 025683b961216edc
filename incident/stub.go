package incident

import "time"

// Columns returns what a store keeps beside the document.
func (inc *Incident) Columns() Columns {
	c := Columns{
		ID: inc.ID, Name: inc.Name, Severity: inc.Severity, Type: inc.Type, MergedInto: inc.MergedInto,
		Number: inc.Number, Version: inc.Version, Status: inc.Status, Stage: inc.Status.Stage(), Mode: inc.Mode,
		Visibility: inc.Visibility, Created: inc.Times.Created, Updated: inc.Times.Updated, NudgeDueAt: inc.NudgeAt,
		HasChannel: inc.Channel != nil,
	}
	for _, e := range inc.Escalations {
		if e.State == Paging && !e.DueAt.IsZero() && (c.PageDueAt.IsZero() || e.DueAt.Before(c.PageDueAt)) {
			c.PageDueAt = e.DueAt
		}
	}
	if !inc.Status.Open() {
		for _, at := range []time.Time{inc.Times.Updated, inc.Times.Closed, inc.Times.Resolved} {
			if !at.IsZero() {
				c.Ended = at
			}
		}
	}
	seen := map[string]bool{}
	add := func(person string) {
		if person != "" && !seen[person] {
			seen[person] = true
			c.People = append(c.People, person)
		}
	}
	for _, p := range inc.Participants {
		if p.Left.IsZero() {
			add(p.Person)
		}
	}
	for _, a := range inc.Assignments {
		add(a.Person)
	}
	return c
}

// TraitOf returns how events of a type are read; false for a type that this version does not know.
func TraitOf(t EventType) (Trait, bool) {
	switch t {
	case EvNudged, EvNudgeSnoozed, EvNudgeStopped, EvActivity, EvPrivateSeen:
		return Trait{}, true
	case EvReported, EvDeclared, EvAccepted, EvDeclined, EvMerged, EvAbsorbed, EvCanceled, EvPaused, EvResumed, EvResolved, EvClosed, EvReopened, EvImported, EvStatus, EvEdited, EvSeverity, EvPrivate, EvOverdue, EvAssigned, EvHandedOff, EvUnassign, EvJoined, EvLeft, EvUpdate, EvAskUpdate, EvItemAdded, EvItemEdited, EvItemRemoved, EvActionCreated, EvActionUpdated, EvActionDone, EvActionDropped, EvFollowCreated, EvFollowUpdated, EvFollowDone, EvFollowDropped, EvTaskCreated, EvTaskDone, EvTaskSkipped, EvTasksOptedOut, EvDebrief, EvPostmortem, EvPublicDraft, EvPublicUpdate, EvEscalated, EvLevelDue, EvLevelNotified, EvAcked, EvExhausted, EvEscCancelled, EvEscResolved, EvAlert, EvAlertResolved, EvEntryAttached, EvEntryDecided, EvAttached, EvEffectDone, EvEffectSkipped, EvControlChanged:
		return Trait{Published: true}, true
	default:
		return Trait{}, false
	}
}

// DefaultSettings are those of an organisation that has decided nothing yet.
func DefaultSettings() Settings {
	return Settings{Severities: []Severity{{ID: "critical", Name: "Critical", Rank: 3, Page: PageAlways}}}
}
