package incident

import (
	"slices"
	"time"
)

// AcceptParams may say more than that it is real.
type AcceptParams struct {
	Name, Severity, Type string
	Quiet                bool
}

// Accept moves from Triage to Investigating, and starts the escalation that its severity asks for.
func (inc *Incident) Accept(act Act, p AcceptParams) ([]Event, error) {
	if err := inc.mayGo(verbAccept, Investigating); err != nil {
		return nil, err
	}
	r := inc.begin(act)
	if p.Name != "" {
		if err := r.setName(p.Name); err != nil {
			return nil, err
		}
	}
	if p.Type != "" {
		if err := act.Rules.checkType(p.Type); err != nil {
			return nil, err
		}
		inc.Type = p.Type
		r.followType()
	}
	inc.Times.Accepted = act.At
	data := r.asNew()
	data.Severity = oneOf(p.Severity, inc.Severity)
	r.add(EvAccepted, data)
	r.moveTo(Investigating)
	if p.Severity != "" {
		if err := r.setSeverity(p.Severity, ""); err != nil {
			return nil, err
		}
	}
	r.promise(0)
	// Whoever answered a call in triage has it: to accept what they answered for calls nobody again.
	r.take(inc.startEscalation(r.inner(), p.Quiet || inc.answered()))
	return r.end()
}

// answered reports that somebody answered a call of the incident.
func (inc *Incident) answered() bool {
	return slices.ContainsFunc(inc.Escalations, func(e Escalation) bool { return e.State == Acked && !e.NotifyOnly })
}

// Decline ends a Triage that was nothing.
func (inc *Incident) Decline(act Act, reason string) ([]Event, error) {
	return inc.dismiss(act, verbDecline, EvDeclined, Declined, reason)
}

// Cancel ends an Active incident that was none.
func (inc *Incident) Cancel(act Act, reason string) ([]Event, error) {
	return inc.dismiss(act, verbCancel, EvCanceled, Canceled, reason)
}

// dismiss ends what was nothing, with a reason.
func (inc *Incident) dismiss(act Act, verb string, t EventType, to Status, reason string) ([]Event, error) {
	r, reason, err := inc.beginWithReason(act, verb, to, reason)
	if err != nil {
		return nil, err
	}
	r.add(t, DataReason{reason})
	r.moveTo(to)
	r.take(inc.endEscalations(r.inner(), Cancelled, "the incident is "+string(to)))
	return r.end()
}

// beginWithReason begins a verb that changes the status and takes a reason.
func (inc *Incident) beginWithReason(act Act, verb string, to Status, reason string) (*record, string, error) {
	if err := inc.mayGo(verb, to); err != nil {
		return nil, "", err
	}
	reason, err := needText("reason", reason, maxReason)
	if err != nil {
		return nil, "", err
	}
	return inc.begin(act), reason, nil
}

// Pause rests an Active incident: nudges rest, paging does not.
func (inc *Incident) Pause(act Act, reason string) ([]Event, error) {
	r, reason, err := inc.beginWithReason(act, verbPause, Paused, reason)
	if err != nil {
		return nil, err
	}
	inc.Resumes = inc.Status
	r.add(EvPaused, DataReason{reason})
	r.moveTo(Paused)
	return r.end()
}

// Resume goes back to the status that was paused.
func (inc *Incident) Resume(act Act) ([]Event, error) {
	to := inc.Resumes
	if to == "" {
		to = Investigating
	}
	if err := inc.mayGo(verbResume, to); err != nil {
		return nil, err
	}
	r := inc.begin(act)
	r.add(EvResumed, DataReason{})
	r.moveTo(to)
	inc.Resumes = ""
	if inc.NextUpdateDue.Before(act.At) {
		r.promise(0) // what fell due in the meantime rested
	}
	return r.end()
}

// UpdateParams are what is shared.
type UpdateParams struct {
	Message  string
	Status   Status // one of the three Active ones; "" leaves it
	Severity string // "" leaves it
	// NextIn is when the next update is promised for, at most 30 days; 0 takes the severity's, below 0
	// promises none.
	NextIn time.Duration
}

const maxPromise = 30 * 24 * time.Hour

// ShareUpdate tells people how it stands.
func (inc *Incident) ShareUpdate(act Act, p UpdateParams) ([]Event, error) {
	if err := inc.mayGo(verbUpdate, ""); err != nil {
		return nil, err
	}
	if p.Status != "" && !p.Status.Valid() {
		return nil, knownID("status", string(p.Status), []string{string(Investigating), string(Fixing), string(Monitoring)})
	}
	if p.Status != "" && p.Status != inc.Status {
		if err := inc.mayGo(verbUpdate, p.Status); err != nil {
			return nil, err
		}
	}
	message, err := needText("message", p.Message, maxMessage)
	if err != nil {
		return nil, err
	}
	if p.NextIn > maxPromise {
		return nil, &FieldError{"next_update_in", "is more than 30 days"}
	}
	r := inc.begin(act)
	return r.share(message, p)
}

// share notes the update first, and then what changed with it.
func (r *record) share(message string, p UpdateParams) ([]Event, error) {
	inc := r.inc
	data := DataUpdate{Message: message}
	if p.Status != "" && p.Status != inc.Status {
		data.From, data.To = inc.Status, p.Status
	}
	severity := oneOf(p.Severity, inc.Severity)
	if severity != inc.Severity {
		data.Severity = severity
	}
	data.NextDue = r.dueAfter(p.NextIn, severity)
	id := r.add(EvUpdate, data)
	inc.LastUpdate = &Update{Message: message, By: r.act.By, At: r.act.At, EventID: id}
	if data.Severity != "" {
		if err := r.raiseSeverity(severity, ""); err != nil {
			return nil, err
		}
	}
	inc.NextUpdateDue = data.NextDue // what was promised, whatever the severity asks for
	if data.To != "" {
		r.moveTo(data.To)
	}
	return r.end()
}

// promise sets when the next update is due: after a while, 0 for what the severity asks for.
func (r *record) promise(in time.Duration) { r.inc.NextUpdateDue = r.dueAfter(in, r.inc.Severity) }

func (r *record) dueAfter(in time.Duration, severity string) time.Time {
	if in == 0 {
		rule, _ := r.act.Rules.findSeverity(severity)
		in = rule.UpdateEvery.Std()
	}
	if in <= 0 {
		return time.Time{}
	}
	return r.act.At.Add(in)
}
