package incident

import (
	"fmt"
	"time"
)

// AdvanceEscalations does what is due by act.At: the next level, the next round, or exhausted. Its
// events have the keys level:{escalation}:{round}:{level}. It returns no events when nothing is due.
//
// It moves each escalation by one step at most, however late it is called. The limits of a step run
// from the moment at which it was put out in fact, so an outage of the clock delays the steps after it
// and neither skips one nor sends two at once: people who were not called during the outage are called
// after it, each level with its own time to answer. What counts as missed is only a step that was put
// out and that nobody could hand over within [PageMaxAge]; the next is due at once then, and the
// missed one comes again in the next round. A step is never put out before the wait of the one before
// it has passed.
func (inc *Incident) AdvanceEscalations(act Act) ([]Event, error) {
	var evs []Event
	for i := range inc.Escalations {
		e := &inc.Escalations[i]
		if e.State == Paging && !e.DueAt.IsZero() && !act.At.Before(e.DueAt) {
			evs = append(evs, inc.step(tidied(act), e))
		}
	}
	return inc.changed(act, evs)
}

// step puts out what comes after the present step: a level, or the end.
func (inc *Incident) step(act Act, e *Escalation) Event {
	round, level := e.after()
	if round == 0 {
		return inc.end(act, e, Exhausted, e.Reason)
	}
	data := DataEscalation{
		ID: e.ID, Path: e.Path, Round: round, Level: level, Targets: e.Levels[level-1].Targets,
		Reason: e.Reason, NotifyOnly: e.NotifyOnly, Due: e.DueAt, Missed: e.Round > 0 && !e.Notified,
	}
	e.Round, e.Level, e.Notified = round, level, false
	e.LastDue, e.DueAt = act.At, act.At.Add(PageMaxAge)
	ev := inc.event(act, EvLevelDue, data)
	ev.Key, ev.NotAfter = stepKey("level", e.ID, round, level), e.DueAt
	return ev
}

// after returns the step that follows the present one, 0 and 0 when it was the last.
func (e *Escalation) after() (round, level int) {
	switch {
	case e.Round == 0:
		round, level = 1, 1
	case e.Level < len(e.Levels):
		round, level = e.Round, e.Level+1
	default:
		round, level = e.Round+1, 1
	}
	if round > max(e.Repeat, 1) || level > len(e.Levels) {
		return 0, 0
	}
	return round, level
}

// LevelNotified notes that a level was handed over to those who call people; the wait runs from now.
// An escalation that only tells people waits for nobody: it stays as it is until somebody answers or
// the incident ends.
//
// If the escalation has moved on, or is over, the fact is noted and changes nothing. A step that was
// noted already returns no events, or one whose key the store knows; one that was never due is a
// *[FieldError].
func (inc *Incident) LevelNotified(act Act, escalation string, round, level int, how []string) ([]Event, error) {
	e, err := inc.escalation(escalation)
	if err != nil {
		return nil, err
	}
	if !e.wasDue(round, level) {
		return nil, &FieldError{"level", fmt.Sprintf("round %d, level %d was not due yet", round, level)}
	}
	present := round == e.Round && level == e.Level
	if present && e.Notified {
		return nil, nil
	}
	data := DataEscalation{ID: e.ID, Round: round, Level: level}
	for _, h := range how[:min(len(how), maxCalled)] {
		data.How = append(data.How, clip(h, maxPageText))
	}
	switch {
	case !present || e.State != Paging:
		data.Late = true
	case e.NotifyOnly:
		e.Notified, e.DueAt = true, time.Time{}
	default:
		e.Notified, e.DueAt = true, later(act.At, e.LastDue).Add(e.Levels[level-1].Wait.Std())
		data.Next = e.DueAt
	}
	ev := inc.event(tidied(act), EvLevelNotified, data)
	ev.Key = stepKey("notified", e.ID, round, level)
	return inc.changed(act, []Event{ev})
}

// wasDue reports that a step is the present one or came before it.
func (e *Escalation) wasDue(round, level int) bool {
	if round < 1 || level < 1 || level > len(e.Levels) {
		return false
	}
	return round < e.Round || round == e.Round && level <= e.Level
}

// stepKey names one step of one escalation within its incident.
func stepKey(what, escalation string, round, level int) string {
	return fmt.Sprintf("%s:%s:%d:%d", what, escalation, round, level)
}

// later returns the later of two moments: clocks of two machines differ a little, and no wait may
// become shorter by that.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
