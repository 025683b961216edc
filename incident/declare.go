package incident

import (
	"fmt"
	"slices"
	"time"
)

// NewParams say what a new incident is.
type NewParams struct {
	Name, Summary  string
	Severity, Type string
	Mode           Mode       // ModeStandard (the default) or ModeTest
	Visibility     Visibility // default Public; an incident of a private type is Private whatever it says
	GameDay        bool       // of a test only
	Fields         map[string]FieldValue
	// Keys it takes; see Key.
	Keys []Key
	// ImpactStarted is when it began to hurt, if anybody knows.
	ImpactStarted time.Time
	// Alert, Entry and Attachments come along.
	Alert       *Alert
	Entry       *Entry
	Attachments []Attachment
	Related     []string
	// Lead takes that role at once. A person who declares or reports takes the role of the reporter,
	// where the settings have one.
	Lead string
	// Quiet starts no escalation, whatever the severity says.
	Quiet bool
}

// reporterRole is held by who made the incident, where the settings have it.
const reporterRole = "reporter"

// Declare makes an Active incident (Investigating), and starts the escalation that its severity asks
// for. At least one key that is not open is required.
func Declare(act Act, p NewParams) (Incident, []Event, error) {
	if !hasKey(p.Keys, false) {
		return Incident{}, nil, &FieldError{"keys", "declaring takes a key that is held for ever, so that it happens once"}
	}
	r, err := newRecord(act, p)
	if err != nil {
		return Incident{}, nil, err
	}
	r.inc.Times.Declared = act.At
	r.add(EvDeclared, r.asNew())
	r.moveTo(Investigating)
	r.promise(0)
	if err := r.bringAlong(p); err != nil {
		return Incident{}, nil, err
	}
	r.take(r.inc.startEscalation(r.inner(), p.Quiet))
	return r.made()
}

// Report makes an incident in Triage. At least one key is required; a source (an alert, a
// quarantined message) names an open one.
func Report(act Act, p NewParams) (Incident, []Event, error) {
	fromSource := act.By.Kind == ByAlert || act.By.Kind == ByQuarantine
	if len(p.Keys) == 0 || fromSource && !hasKey(p.Keys, true) {
		return Incident{}, nil, &FieldError{"keys", "reporting takes a key, and from a source one that is held while the incident is open"}
	}
	r, err := newRecord(act, p)
	if err != nil {
		return Incident{}, nil, err
	}
	r.inc.Times.Reported = act.At
	r.add(EvReported, r.asNew())
	r.moveTo(Triage)
	if err := r.bringAlong(p); err != nil {
		return Incident{}, nil, err
	}
	return r.made()
}

// ImportParams are those of an incident that is over. When it was reported and resolved is required;
// when it was closed is when it was resolved, unless it says so.
type ImportParams struct {
	NewParams
	Times Times
}

// Import makes a retrospective incident, Closed from the start. No effect ever fires.
func Import(act Act, p ImportParams) (Incident, []Event, error) {
	if err := p.check(); err != nil {
		return Incident{}, nil, err
	}
	p.Mode = ModeStandard // newRecord knows those of living incidents
	r, err := newRecord(act, p.NewParams)
	if err != nil {
		return Incident{}, nil, err
	}
	r.inc.Mode = ModeRetrospective
	r.add(EvImported, r.asNew())
	r.moveTo(Closed)
	r.inc.Times = p.Times
	r.inc.Times.Created = act.At
	r.inc.Times.MonitoringSince, r.inc.Times.PausedSince = time.Time{}, time.Time{}
	if r.inc.Times.Closed.IsZero() {
		r.inc.Times.Closed = p.Times.Resolved
	}
	if err := r.bringAlong(p.NewParams); err != nil {
		return Incident{}, nil, err
	}
	return r.made()
}

func (p *ImportParams) check() error {
	if p.Mode != "" && p.Mode != ModeRetrospective {
		return &FieldError{"mode", "an imported incident is retrospective"}
	}
	if p.Entry != nil && p.Entry.Decision == "" {
		return &FieldError{"entry", "an incident that is over takes no undecided entry"}
	}
	needed := map[string]time.Time{"times.reported": p.Times.Reported, "times.resolved": p.Times.Resolved}
	for _, field := range []string{"times.reported", "times.resolved"} {
		if needed[field].IsZero() {
			return &FieldError{field, "must be given"}
		}
	}
	if p.Times.ImpactStarted.IsZero() {
		p.Times.ImpactStarted = p.ImpactStarted
	}
	for field, t := range map[string]time.Time{
		"times.impact_started": p.Times.ImpactStarted, "times.reported": p.Times.Reported,
		"times.declared": p.Times.Declared, "times.accepted": p.Times.Accepted, "times.fixed": p.Times.Fixed,
		"times.resolved": p.Times.Resolved, "times.closed": p.Times.Closed,
	} {
		if err := checkTime(field, t); err != nil {
			return err
		}
	}
	return nil
}

// newRecord begins a new incident: all that its params say, and no status.
func newRecord(act Act, p NewParams) (*record, error) {
	inc := &Incident{ID: act.NewID(), Mode: p.Mode, GameDay: p.GameDay, Visibility: p.Visibility}
	r := inc.begin(act)
	inc.Origin, inc.Keys = r.act.By, cleanKeys(p.Keys)
	inc.Times = Times{ImpactStarted: p.ImpactStarted, Created: act.At, Updated: act.At}
	if err := inc.checkManner(); err != nil {
		return nil, err
	}
	if err := checkTime("impact_started", p.ImpactStarted); err != nil {
		return nil, err
	}
	if err := r.describe(p); err != nil {
		return nil, err
	}
	if act.Rules.isPrivateType(inc.Type) {
		inc.Visibility = Private
	}
	return r, nil
}

// checkManner fills and checks mode and visibility.
func (inc *Incident) checkManner() error {
	inc.Mode = Mode(oneOf(string(inc.Mode), string(ModeStandard)))
	inc.Visibility = Visibility(oneOf(string(inc.Visibility), string(Public)))
	switch {
	case inc.Mode != ModeStandard && inc.Mode != ModeTest:
		return &FieldError{"mode", fmt.Sprintf("%.40q is not known; known: standard, test", inc.Mode)}
	case inc.Visibility != Public && inc.Visibility != Private:
		return &FieldError{"visibility", fmt.Sprintf("%.40q is not known; known: public, private", inc.Visibility)}
	case inc.GameDay && inc.Mode != ModeTest:
		return &FieldError{"game_day", "a game day is a test"}
	}
	return nil
}

// describe takes over what people, or machines, say that it is.
func (r *record) describe(p NewParams) (err error) {
	if r.byMachine() {
		if p.Name = clip(p.Name, maxName); Blank(p.Name) {
			p.Name = "without a name"
		}
		p.Summary = cutText(p.Summary, maxMessage)
	}
	if err := r.setName(p.Name); err != nil {
		return err
	}
	if r.inc.Summary, err = text("summary", p.Summary, maxMessage); err != nil {
		return err
	}
	if p.Severity != "" {
		if err := r.act.Rules.checkSeverity(p.Severity); err != nil {
			return err
		}
		r.inc.Severity = p.Severity
	}
	if p.Type != "" {
		if err := r.act.Rules.checkType(p.Type); err != nil {
			return err
		}
		r.inc.Type = p.Type
	}
	for _, id := range p.Related {
		if err := needID("related", id); err != nil {
			return err
		}
		r.relate(id)
	}
	_, err = r.setFields(p.Fields)
	return err
}

// setName sets the one line by which people know it.
func (r *record) setName(name string) error {
	name, err := needText("name", name, maxName)
	if err != nil {
		return err
	}
	r.inc.Name = cleanLine(name)
	return nil
}

func (r *record) relate(id string) {
	if id != r.inc.ID && !slices.Contains(r.inc.Related, id) {
		r.inc.Related = append(r.inc.Related, id)
	}
}

// byMachine reports an actor who cannot be asked to write it shorter, or to say more.
func (r *record) byMachine() bool {
	return slices.Contains([]ActorKind{ByAlert, ByQuarantine, ByWorkflow, ByClock}, r.act.By.Kind)
}

func (r *record) asNew() DataNew {
	inc := r.inc
	return DataNew{Name: inc.Name, Severity: inc.Severity, Type: inc.Type, GameDay: inc.GameDay, Related: inc.Related}
}

// bringAlong adds the people and things that a new incident comes with.
func (r *record) bringAlong(p NewParams) error {
	if p.Lead != "" {
		if err := needID("lead", p.Lead); err != nil {
			return err
		}
		r.assign(LeadRole, p.Lead)
	}
	if by := r.act.By; by.Kind == ByPerson && needID("", by.ID) == nil {
		r.join(by.ID, Collaborator)
		if r.act.Rules.knowsRole(reporterRole) {
			r.assign(reporterRole, by.ID)
		}
	}
	if p.Alert != nil {
		if err := p.Alert.check(); err != nil {
			return err
		}
		r.attachAlert(*p.Alert)
	}
	if p.Entry != nil {
		if err := p.Entry.check(); err != nil {
			return err
		}
		r.attachEntry(*p.Entry)
	}
	for _, a := range p.Attachments {
		if err := r.attach(a); err != nil {
			return err
		}
	}
	return nil
}

// made returns a new incident and what happened.
func (r *record) made() (Incident, []Event, error) {
	evs, err := r.end()
	if err != nil {
		return Incident{}, nil, err
	}
	return *r.inc, evs, nil
}
