package incident

import (
	"fmt"
	"slices"
)

// defaultRounds is how many rounds an escalation makes where its path does not say.
const defaultRounds = 2

// maxCalled bounds how many people one call for help may name.
const maxCalled = 50

// EscalateParams say who is called and why: a path of the settings, or people.
type EscalateParams struct {
	Path   string
	People []string
	Reason string
}

// Escalate starts an escalation; its first level is due at once, at any hour: somebody asked for it.
// People who are named are called together, in two rounds. In a test only the one who asks is called.
//
// What is wrong with p is a *[FieldError]; an incident that is not open is a *[TransitionError], a
// retrospective one an error wrapping [ErrRefused].
func (inc *Incident) Escalate(act Act, p EscalateParams) ([]Event, error) {
	if inc.Mode == ModeRetrospective {
		return nil, fmt.Errorf("%s was over when it was written down, so it calls nobody: %w", inc.Ref(), ErrRefused)
	}
	if !inc.Status.Open() {
		return nil, &TransitionError{Ref: inc.Ref(), Verb: "escalate", From: inc.Status, Allowed: AllowedVerbs(inc.Status)}
	}
	e, err := p.escalation(act.Rules)
	if err != nil {
		return nil, err
	}
	if !inc.onlyAsker(act, &e) {
		return nil, fmt.Errorf("%s is a test, which calls only the person who asks, and no person did: %w", inc.Ref(), ErrRefused)
	}
	act = tidied(act)
	evs := inc.call(act, e)
	evs[0].Key = act.Key
	return inc.changed(act, evs)
}

// escalation makes what was asked for, not yet started.
func (p EscalateParams) escalation(rules *Settings) (Escalation, error) {
	switch {
	case p.Path != "" && len(p.People) > 0:
		return Escalation{}, &FieldError{"path", "name a path or people, not both"}
	case p.Path != "":
		path, ok := rules.findPath(p.Path)
		if !ok || len(path.Levels) == 0 {
			return Escalation{}, &FieldError{"path", fmt.Sprintf("there is no path %.40q", p.Path)}
		}
		return path.escalation(clip(p.Reason, maxPageText)), nil
	case len(p.People) == 0:
		return Escalation{}, &FieldError{"people", "name a path or people to call"}
	case len(p.People) > maxCalled:
		return Escalation{}, &FieldError{"people", fmt.Sprintf("at most %d can be called at once", maxCalled)}
	}
	var level Level
	for _, person := range p.People {
		if problem := badID(person); problem != "" {
			return Escalation{}, &FieldError{"people", problem}
		}
		if t := (Target{Kind: ToPerson, ID: person}); !slices.Contains(level.Targets, t) {
			level.Targets = append(level.Targets, t)
		}
	}
	return Escalation{Levels: []Level{level}, Repeat: defaultRounds, Reason: clip(p.Reason, maxPageText)}, nil
}

// startEscalation starts what the severity asks for: its path, as a page or, out of hours and for
// severities that never page, as a note to the path's first level. It starts nothing for who asked for
// quiet, for an incident that was over from the start, and where the same path calls already.
func (inc *Incident) startEscalation(act Act, quiet bool) []Event {
	severity, ok := act.Rules.findSeverity(inc.Severity)
	if quiet || !ok || inc.Mode == ModeRetrospective || !inc.Status.Open() {
		return nil
	}
	path, ok := act.Rules.findPath(severity.Path)
	if !ok || len(path.Levels) == 0 {
		return nil
	}
	e := path.escalation("severity " + severity.ID)
	pages := severity.Page == PageAlways || severity.Page == PageHours && act.Rules.Hours.Contains(act.At)
	if !pages {
		e.NotifyOnly, e.Levels, e.Repeat = true, e.Levels[:1], 1
	}
	if inc.calls(e) || !inc.onlyAsker(act, &e) {
		return nil
	}
	return inc.call(act, e)
}

// calls reports that an escalation of the same path runs, and no less urgently.
func (inc *Incident) calls(e Escalation) bool {
	return slices.ContainsFunc(inc.Escalations, func(old Escalation) bool {
		return old.State == Paging && old.Path == e.Path && (e.NotifyOnly || !old.NotifyOnly)
	})
}

// onlyAsker puts the one who asks in place of all targets, if the incident is a test. It reports
// whether anybody is left to call.
func (inc *Incident) onlyAsker(act Act, e *Escalation) bool {
	if inc.Mode != ModeTest {
		return true
	}
	if act.By.Kind != ByPerson || badID(act.By.ID) != "" {
		return false
	}
	for i := range e.Levels {
		e.Levels[i].Targets = []Target{{Kind: ToPerson, ID: act.By.ID}}
	}
	return true
}

// call adds an escalation to the incident and puts out its first step.
func (inc *Incident) call(act Act, e Escalation) []Event {
	e.ID, e.State, e.Started = act.NewID(), Paging, act.At
	for i := range e.Levels {
		if e.Levels[i].Wait <= 0 {
			e.Levels[i].Wait = Duration(DefaultWait)
		}
	}
	created := inc.event(act, EvEscalated, DataEscalation{
		ID: e.ID, Path: e.Path, Levels: e.Levels, Repeat: e.Repeat, Reason: e.Reason, NotifyOnly: e.NotifyOnly,
	})
	e.DueAt = act.At
	inc.Escalations = append(inc.Escalations, e)
	inc.Keys = addKey(inc.Keys, EscalationKey(e.ID))
	return []Event{created, inc.step(act, &inc.Escalations[len(inc.Escalations)-1])}
}

// escalation copies a path, so that a change of the settings changes nothing that runs.
func (p Path) escalation(reason string) Escalation {
	levels := slices.Clone(p.Levels)
	for i := range levels {
		levels[i].Targets = slices.Clone(levels[i].Targets)
	}
	rounds := p.Repeat
	if rounds <= 0 {
		rounds = defaultRounds
	}
	return Escalation{Path: p.ID, Levels: levels, Repeat: rounds, Reason: reason}
}

// EscalationKey is the key by which the incident of an escalation is found.
func EscalationKey(id string) Key { return NewKey("escalation:"+id, false) }
