package incident

import (
	"fmt"
	"time"
)

// maxPageText bounds reasons, in characters: they are read on a telephone.
const maxPageText = 2000

// Ack answers an escalation (by id, or "" for all that page). The first answer wins and nobody is
// called after it; later ones are noted as "also". With "", when nothing pages any more, it answers
// the latest escalation, so that the second of two who answer at once is not told off.
//
// The same person's second answer changes nothing and returns no events. An escalation that was
// exhausted takes answers as "also": they come too late to stop anything and are still worth knowing.
// One that was cancelled, or ended with its incident, is a *[ConflictError]; without any escalation
// it is an error wrapping [ErrNotFound].
func (inc *Incident) Ack(act Act, escalation string) ([]Event, error) {
	act = tidied(act)
	chosen, err := inc.toAnswer(escalation)
	if err != nil {
		return nil, err
	}
	var evs []Event
	for _, e := range chosen {
		switch {
		case e.State == Cancelled || e.State == Ended:
			return nil, inc.overError(e)
		case e.State == Paging:
			evs = append(evs, inc.ackFirst(act, e))
		case !e.answeredBy(act.By):
			evs = append(evs, inc.ackAlso(act, e))
		}
	}
	return inc.changed(act, evs)
}

// toAnswer returns the escalations that an answer is meant for.
func (inc *Incident) toAnswer(id string) ([]*Escalation, error) {
	if id != "" {
		e, err := inc.escalation(id)
		return []*Escalation{e}, err
	}
	if len(inc.Escalations) == 0 {
		return nil, fmt.Errorf("%s has called nobody: %w", inc.Ref(), ErrNotFound)
	}
	var paging []*Escalation
	for i := range inc.Escalations {
		if e := &inc.Escalations[i]; e.State == Paging {
			paging = append(paging, e)
		}
	}
	if len(paging) == 0 {
		paging = append(paging, &inc.Escalations[len(inc.Escalations)-1])
	}
	return paging, nil
}

// ackFirst stops an escalation.
func (inc *Incident) ackFirst(act Act, e *Escalation) Event {
	by := act.By
	by.Role = "" // it is not stored, so the document in memory does not have it either
	e.State, e.AckedBy, e.Ended, e.DueAt = Acked, &by, act.At, time.Time{}
	ev := inc.event(act, EvAcked, DataEscalation{ID: e.ID, Round: e.Round, Level: e.Level})
	ev.Key = "ack:" + e.ID
	return ev
}

// ackAlso notes that somebody answered too.
func (inc *Incident) ackAlso(act Act, e *Escalation) Event {
	by := act.By
	by.Role = ""
	e.Also = append(e.Also, by)
	return inc.event(act, EvAcked, DataEscalation{ID: e.ID, Round: e.Round, Level: e.Level, Also: true})
}

// answeredBy reports whether an answer of this actor is noted.
func (e *Escalation) answeredBy(by Actor) bool {
	if e.AckedBy != nil && e.AckedBy.same(by) {
		return true
	}
	for _, a := range e.Also {
		if a.same(by) {
			return true
		}
	}
	return false
}

// same reports that both are the same author. Names tell apart only those who have no id.
func (a Actor) same(b Actor) bool {
	return a.Kind == b.Kind && a.ID == b.ID && (a.ID != "" || a.Name == b.Name)
}

// CancelEscalation ends one unanswered. One that pages nobody any more is a *[ConflictError] that says
// why; an id that is not known is an error wrapping [ErrNotFound].
func (inc *Incident) CancelEscalation(act Act, escalation, reason string) ([]Event, error) {
	e, err := inc.escalation(escalation)
	if err != nil {
		return nil, err
	}
	if e.State != Paging {
		return nil, inc.overError(e)
	}
	act = tidied(act)
	evs := []Event{inc.end(act, e, Cancelled, clip(reason, maxPageText))}
	evs[0].Key = act.Key
	return inc.changed(act, evs)
}

// endEscalations ends all that page, because the incident ended (Ended) or lives on in another one
// (Cancelled).
func (inc *Incident) endEscalations(act Act, state EscalationState, why string) []Event {
	var evs []Event
	for i := range inc.Escalations {
		if e := &inc.Escalations[i]; e.State == Paging {
			evs = append(evs, inc.end(act, e, state, why))
		}
	}
	return evs
}

// end makes an escalation final: nothing of it is ever due again.
func (inc *Incident) end(act Act, e *Escalation, state EscalationState, why string) Event {
	types := map[EscalationState]EventType{Exhausted: EvExhausted, Cancelled: EvEscCancelled, Ended: EvEscResolved}
	missed := state == Exhausted && !e.Notified
	e.State, e.Ended, e.DueAt = state, act.At, time.Time{}
	return inc.event(act, types[state], DataEscalation{
		ID: e.ID, Path: e.Path, Round: e.Round, Level: e.Level, Reason: why,
		NotifyOnly: e.NotifyOnly, Missed: missed,
	})
}

// escalation finds one by id.
func (inc *Incident) escalation(id string) (*Escalation, error) {
	for i := range inc.Escalations {
		if inc.Escalations[i].ID == id {
			return &inc.Escalations[i], nil
		}
	}
	return nil, fmt.Errorf("%s has no escalation %.80q: %w", inc.Ref(), id, ErrNotFound)
}

// overError says why an escalation calls nobody any more.
func (inc *Incident) overError(e *Escalation) error {
	what := fmt.Sprintf("the escalation is %s since %s", e.State, e.Ended.UTC().Format("15:04Z"))
	err := &ConflictError{Ref: inc.Ref(), What: what, Version: inc.Version, At: e.Ended}
	if e.AckedBy != nil {
		err.By = *e.AckedBy
	}
	return err
}

// PageDueAt returns when an escalation of it is due next, zero for never.
func (inc *Incident) PageDueAt() time.Time {
	var first time.Time
	for _, e := range inc.Escalations {
		if e.State == Paging && !e.DueAt.IsZero() && (first.IsZero() || e.DueAt.Before(first)) {
			first = e.DueAt
		}
	}
	return first
}

// changed notes when the document changed, if anything happened.
func (inc *Incident) changed(act Act, evs []Event) ([]Event, error) {
	if len(evs) > 0 {
		inc.Times.Updated = act.At
	}
	return evs, nil
}
