package incident

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// nudgeStages says in which stages a kind of nudge can be answered: those in which it comes.
var nudgeStages = map[NudgeKind][]Stage{
	NudgeTriage:   {StageTriage},
	NudgeLead:     {StageActive},
	NudgeSeverity: {StageActive},
	NudgeUpdate:   {StageActive},
	NudgeRegroup:  {StageActive},
	NudgeRest:     {StageActive},
	NudgeOpen:     {StageActive},
	NudgePublic:   {StageActive},
	NudgeEntry:    {StageTriage, StageActive, StagePost, StageClosed},
	NudgeTasks:    {StagePost},
	NudgeFollowUp: {StagePost, StageClosed},
}

func (inc *Incident) mayAnswer(kind NudgeKind, verb string) error {
	stages, ok := nudgeStages[kind]
	if !ok {
		known := slices.Sorted(maps.Keys(nudgeStages))
		return knownID("kind", string(kind), ids(known, func(k NudgeKind) string { return string(k) }))
	}
	if !slices.Contains(stages, inc.Status.Stage()) {
		return inc.wrongStatus(verb, "")
	}
	return nil
}

// SnoozeNudge silences a kind for 30, 60 or 90 minutes.
func (inc *Incident) SnoozeNudge(act Act, kind NudgeKind, minutes int) ([]Event, error) {
	if err := inc.mayAnswer(kind, "snooze a nudge"); err != nil {
		return nil, err
	}
	if !slices.Contains([]int{30, 60, 90}, minutes) {
		return nil, &FieldError{"minutes", fmt.Sprintf("%d is none of 30, 60, 90", minutes)}
	}
	until := act.At.Add(time.Duration(minutes) * time.Minute)
	inc.changeNudge(kind, func(n *Nudge) { n.Snoozed = until })
	return inc.note(act, EvNudgeSnoozed, DataNudge{Kind: kind, Until: until})
}

// StopNudge silences a kind for good.
func (inc *Incident) StopNudge(act Act, kind NudgeKind) ([]Event, error) {
	if err := inc.mayAnswer(kind, "stop a nudge"); err != nil {
		return nil, err
	}
	if inc.Nudges[kind].Stopped {
		return nil, nil
	}
	inc.changeNudge(kind, func(n *Nudge) { n.Stopped = true })
	return inc.note(act, EvNudgeStopped, DataNudge{Kind: kind})
}

// RecordNudge notes that people were reminded, for an occasion (see Nudge.For). The first reminder of
// an update that is due also notes that it is overdue.
func (inc *Incident) RecordNudge(act Act, kind NudgeKind, occasion string) ([]Event, error) {
	if _, ok := nudgeStages[kind]; !ok {
		return nil, &FieldError{"kind", fmt.Sprintf("%.40q is not known", kind)}
	}
	occasion = clip(occasion, maxKey)
	inc.changeNudge(kind, func(n *Nudge) { *n = n.sent(occasion, act.At) })
	n := inc.Nudges[kind]
	r := inc.begin(act)
	r.add(EvNudged, DataNudge{Kind: kind, Occasion: occasion, N: n.Sent})
	if kind == NudgeUpdate && n.Sent == 1 {
		r.add(EvOverdue, DataOverdue{Due: inc.NextUpdateDue})
	}
	return r.end()
}

// changeNudge changes a copy, since a copy of the incident shares the map.
func (inc *Incident) changeNudge(kind NudgeKind, change func(*Nudge)) {
	nudges := maps.Clone(inc.Nudges)
	if nudges == nil {
		nudges = map[NudgeKind]Nudge{}
	}
	n := nudges[kind]
	change(&n)
	nudges[kind] = n
	inc.Nudges = nudges
}
