package incident

import (
	"strings"
	"time"
)

// EditParams changes what is not nil.
type EditParams struct {
	Name, Summary, Type *string
	Severity            *string
	// Fields replaces those it names; an empty value clears one.
	Fields map[string]FieldValue
	// Times that people say. A zero time clears one; they need be in no order.
	ImpactStarted *time.Time
	Reported      *time.Time
	Resolved      *time.Time
}

// mayEdit refuses what lives on elsewhere, or never was.
func (inc *Incident) mayEdit(verb string) error {
	if inc.Status == Merged || inc.Status == Declined {
		return inc.wrongStatus(verb, "")
	}
	return nil
}

// Edit changes what people wrote down. A change of severity among it is an event of its own; where
// nothing changes there is none.
func (inc *Incident) Edit(act Act, p EditParams) ([]Event, error) {
	if err := inc.mayEdit("edit"); err != nil {
		return nil, err
	}
	r := inc.begin(act)
	changes, err := r.edit(p)
	if err != nil {
		return nil, err
	}
	if p.Type != nil {
		r.followType() // first, so that what changed is told to those only who may see it
	}
	if len(changes) > 0 {
		r.add(EvEdited, DataEdited{changes})
	}
	if p.Severity != nil {
		if err := r.raiseSeverity(*p.Severity, ""); err != nil {
			return nil, err
		}
	}
	return r.end()
}

func (r *record) edit(p EditParams) ([]FieldChange, error) {
	var changes []FieldChange
	for _, part := range []func(EditParams) ([]FieldChange, error){r.editTexts, r.editTimes} {
		more, err := part(p)
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	more, err := r.setFields(p.Fields)
	return append(changes, more...), err
}

func (r *record) editTexts(p EditParams) (changes []FieldChange, err error) {
	inc := r.inc
	if p.Name != nil {
		old := inc.Name
		if err := r.setName(*p.Name); err != nil {
			return nil, err
		}
		changes = changed(changes, "name", old, inc.Name)
	}
	if p.Summary != nil {
		old := inc.Summary
		if inc.Summary, err = text("summary", *p.Summary, maxMessage); err != nil {
			return nil, err
		}
		changes = changed(changes, "summary", old, inc.Summary)
	}
	if p.Type != nil {
		if err := r.act.Rules.checkType(*p.Type); *p.Type != "" && err != nil {
			return nil, err
		}
		changes = changed(changes, "type", inc.Type, *p.Type)
		inc.Type = *p.Type
	}
	return changes, nil
}

func (r *record) editTimes(p EditParams) (changes []FieldChange, err error) {
	times := &r.inc.Times
	for _, one := range []struct {
		field string
		to    *time.Time
		at    *time.Time
	}{
		{"impact_started", p.ImpactStarted, &times.ImpactStarted},
		{"reported", p.Reported, &times.Reported},
		{"resolved", p.Resolved, &times.Resolved},
	} {
		if one.to == nil {
			continue
		}
		if err := checkTime(one.field, *one.to); err != nil {
			return nil, err
		}
		if !one.at.Equal(*one.to) {
			changes = append(changes, FieldChange{one.field, stamp(*one.at), stamp(*one.to)})
		}
		*one.at = *one.to
	}
	return changes, nil
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func changed(changes []FieldChange, field, from, to string) []FieldChange {
	if from == to {
		return changes
	}
	return append(changes, FieldChange{field, from, to})
}

// setFields sets custom fields, in the order of the settings.
func (r *record) setFields(values map[string]FieldValue) ([]FieldChange, error) {
	for id := range values {
		if _, err := r.act.Rules.cleanField(id, values[id]); err != nil {
			return nil, err
		}
	}
	var changes []FieldChange
	fields := make(map[string]FieldValue, len(r.inc.Fields)+len(values))
	for id, v := range r.inc.Fields {
		fields[id] = v
	}
	for _, f := range r.act.Rules.Fields {
		value, named := values[f.ID]
		if !named {
			continue
		}
		value, err := r.act.Rules.cleanField(f.ID, value)
		if err != nil {
			return nil, err
		}
		changes = changed(changes, "fields."+f.ID, strings.Join(fields[f.ID], ", "), strings.Join(value, ", "))
		fields[f.ID] = value
		if len(value) == 0 {
			delete(fields, f.ID)
		}
	}
	r.inc.Fields = nil
	if len(fields) > 0 {
		r.inc.Fields = fields
	}
	return changes, nil
}

// ChangeSeverity says how bad it is, and why. It starts no escalation and moves no role.
func (inc *Incident) ChangeSeverity(act Act, severity, reason string) ([]Event, error) {
	if err := inc.mayEdit("change the severity"); err != nil {
		return nil, err
	}
	reason, err := text("reason", reason, maxReason)
	if err != nil {
		return nil, err
	}
	r := inc.begin(act)
	if err := r.raiseSeverity(severity, reason); err != nil {
		return nil, err
	}
	return r.end()
}

// setSeverity notes another severity; the present one changes nothing. A next update that would come
// later than the new one asks for comes earlier.
func (r *record) setSeverity(severity, reason string) error {
	if err := r.act.Rules.checkSeverity(severity); err != nil {
		return err
	}
	if severity == r.inc.Severity {
		return nil
	}
	r.add(EvSeverity, DataSeverity{r.inc.Severity, severity, reason})
	r.inc.Severity = severity
	due := r.dueAfter(0, severity)
	if now := r.inc.NextUpdateDue; r.inc.Status.Live() && !due.IsZero() && (now.IsZero() || due.Before(now)) {
		r.inc.NextUpdateDue = due
	}
	return nil
}

// MakePrivate hides it from all but its participants and admins. There is no way back. The person who
// does it takes part from then on; one that is private already stays as it is.
func (inc *Incident) MakePrivate(act Act, reason string) ([]Event, error) {
	reason, err := text("reason", reason, maxReason)
	if err != nil {
		return nil, err
	}
	r := inc.begin(act)
	r.hide(reason)
	return r.end()
}

// followType makes an incident private that turned out to be of a private type.
func (r *record) followType() {
	if r.act.Rules.isPrivateType(r.inc.Type) {
		r.hide("of the type " + r.inc.Type)
	}
}

func (r *record) hide(reason string) {
	if r.inc.Visibility == Private {
		return
	}
	r.inc.Visibility = Private
	r.add(EvPrivate, DataReason{reason})
	if by := r.act.By; by.Kind == ByPerson && needID("", by.ID) == nil {
		r.join(by.ID, Collaborator)
	}
}

// raiseSeverity is setSeverity while people work on it: one that is worse calls those it calls, for it
// is worse than those knew who were called before.
func (r *record) raiseSeverity(severity, reason string) error {
	was, _ := r.act.Rules.findSeverity(r.inc.Severity)
	if err := r.setSeverity(severity, reason); err != nil {
		return err
	}
	is, _ := r.act.Rules.findSeverity(severity)
	if r.inc.Status.Live() && is.Rank > was.Rank {
		r.take(r.inc.startEscalation(r.inner(), false))
	}
	return nil
}
