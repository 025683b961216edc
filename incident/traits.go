package incident

import (
	"maps"
	"slices"
)

// kind is what is known of a type of events: how it is read, what it says of its actor, and the form
// of its data.
type kind struct {
	trait  Trait
	phrase string
	data   func(Event) (detailer, error)
}

// detailer is data that can be said in a few words.
type detailer interface{ detail() string }

func says[T detailer](e Event) (detailer, error) { return DataOf[T](e) }

// The ways in which events are read: shown, published, counted as work of their actor.
var (
	traitAll   = Trait{Timeline: true, Published: true, Activity: true}
	traitShown = Trait{Timeline: true, Published: true}
	traitPage  = Trait{Timeline: true}
	traitWork  = Trait{Activity: true}
	traitQuiet = Trait{}
)

// kinds holds every type of events. It is read only.
var kinds = map[EventType]kind{
	EvReported: {traitAll, "reported it", says[DataNew]},
	EvDeclared: {traitAll, "declared it", says[DataNew]},
	EvImported: {traitAll, "wrote it down afterwards", says[DataNew]},
	EvAccepted: {traitAll, "accepted it", says[DataNew]},
	EvDeclined: {traitAll, "declined it", says[DataReason]},
	EvMerged:   {traitAll, "merged it into another", says[DataMerged]},
	EvAbsorbed: {traitAll, "merged another into it", says[DataMerged]},
	EvCanceled: {traitAll, "canceled it", says[DataReason]},
	EvPaused:   {traitAll, "paused it", says[DataReason]},
	EvResumed:  {traitAll, "resumed it", says[DataReason]},
	EvResolved: {traitAll, "resolved it", says[DataResolved]},
	EvClosed:   {traitAll, "closed it", says[DataReason]},
	EvReopened: {traitAll, "reopened it", says[DataReason]},
	EvStatus:   {traitAll, "changed the status", says[DataStatus]},
	EvEdited:   {traitAll, "edited it", says[DataEdited]},
	EvSeverity: {traitAll, "changed the severity", says[DataSeverity]},
	EvPrivate:  {traitAll, "made it private", says[DataReason]},
	EvOverdue:  {traitShown, "notes that an update is overdue", says[DataOverdue]},

	EvAssigned:  {traitAll, "assigned a role", says[DataRole]},
	EvHandedOff: {traitAll, "handed a role over", says[DataRole]},
	EvUnassign:  {traitAll, "took a role back", says[DataRole]},
	EvJoined:    {traitAll, "noted who takes part", says[DataParticipant]},
	EvLeft:      {traitAll, "noted who left", says[DataParticipant]},

	EvUpdate:       {traitAll, "shared an update", says[DataUpdate]},
	EvAskUpdate:    {traitAll, "asked for an update", says[DataParticipant]},
	EvItemAdded:    {traitAll, "noted", says[DataItem]},
	EvItemEdited:   {traitAll, "edited a line", says[DataItem]},
	EvItemRemoved:  {traitAll, "removed a line", says[DataItem]},
	EvPublicDraft:  {traitAll, "drafted a public update", says[DataNote]},
	EvPublicUpdate: {traitAll, "published an update", says[DataNote]},

	EvActionCreated: {traitAll, "added an action", says[DataTodo]},
	EvActionUpdated: {traitAll, "changed an action", says[DataTodo]},
	EvActionDone:    {traitAll, "did an action", says[DataTodo]},
	EvActionDropped: {traitAll, "dropped an action", says[DataTodo]},
	EvFollowCreated: {traitAll, "added a follow-up", says[DataTodo]},
	EvFollowUpdated: {traitAll, "changed a follow-up", says[DataTodo]},
	EvFollowDone:    {traitAll, "did a follow-up", says[DataTodo]},
	EvFollowDropped: {traitAll, "dropped a follow-up", says[DataTodo]},
	EvTaskCreated:   {traitAll, "opened a task", says[DataTask]},
	EvTaskDone:      {traitAll, "did a task", says[DataTask]},
	EvTaskSkipped:   {traitAll, "skipped a task", says[DataTask]},
	EvTasksOptedOut: {traitAll, "opted out of the tasks", says[DataOptOut]},
	EvDebrief:       {traitAll, "scheduled the debrief", says[DataNote]},
	EvPostmortem:    {traitAll, "edited the post-mortem", says[DataNote]},

	EvEscalated:     {traitShown, "started an escalation", says[DataEscalation]},
	EvLevelDue:      {traitShown, "called people", says[DataEscalation]},
	EvLevelNotified: {traitShown, "sent the page", says[DataEscalation]},
	EvAcked:         {traitAll, "answered the call", says[DataEscalation]},
	EvExhausted:     {traitShown, "found nobody to answer", says[DataEscalation]},
	EvEscCancelled:  {traitShown, "ended an escalation", says[DataEscalation]},
	EvEscResolved:   {traitShown, "ended an escalation with the incident", says[DataEscalation]},

	EvAlert:         {traitShown, "sent an alert", says[DataAlert]},
	EvAlertResolved: {traitShown, "says that an alert is over", says[DataAlert]},
	EvEntryAttached: {traitShown, "attached a quarantined message", says[DataEntry]},
	EvEntryDecided:  {traitShown, "noted a decision", says[DataEntry]},
	EvAttached:      {traitShown, "attached a link", says[DataAttachment]},
	EvEffectDone:    {traitShown, "did", says[DataEffect]},
	EvEffectSkipped: {traitShown, "left out", says[DataEffect]},

	EvNudged:         {traitQuiet, "reminded people", says[DataNudge]},
	EvNudgeSnoozed:   {traitWork, "snoozed a reminder", says[DataNudge]},
	EvNudgeStopped:   {traitWork, "stopped a reminder", says[DataNudge]},
	EvActivity:       {traitWork, "was active", says[DataActivity]},
	EvPrivateSeen:    {traitPage, "looked at it as an admin", says[DataNote]},
	EvControlChanged: {traitPage, "changed how work is done", says[DataNote]},
}

// TraitOf returns how events of a type are read; false for a type that this version does not know.
func TraitOf(t EventType) (Trait, bool) {
	k, ok := kinds[t]
	return k.trait, ok
}

// EventTypes returns all types of events that this version knows, in alphabetical order.
func EventTypes() []EventType { return slices.Sorted(maps.Keys(kinds)) }
