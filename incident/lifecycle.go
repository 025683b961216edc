package incident

import "time"

// NewParams say what a new incident is.
type NewParams struct {
	Name, Summary  string
	Severity, Type string
	Mode           Mode       // default ModeStandard
	Visibility     Visibility // default Public, or what the type says
	GameDay        bool
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
	// Lead and Reporter take their roles at once.
	Lead string
	// Quiet starts no escalation, whatever the severity says.
	Quiet bool
}

// Declare makes an Active incident (Investigating), and starts the escalation that its severity asks
// for. At least one key that is not open is required.
func Declare(act Act, p NewParams) (Incident, []Event, error) { panic("to come") }

// Report makes an incident in Triage.
func Report(act Act, p NewParams) (Incident, []Event, error) { panic("to come") }

// ImportParams are those of an incident that is over.
type ImportParams struct {
	NewParams
	Times Times
}

// Import makes a retrospective incident, Closed from the start. No effect ever fires.
func Import(act Act, p ImportParams) (Incident, []Event, error) { panic("to come") }

// AcceptParams may say more than that it is real.
type AcceptParams struct {
	Name, Severity, Type string
	Quiet                bool
}

// Accept moves from Triage to Investigating.
func (inc *Incident) Accept(act Act, p AcceptParams) ([]Event, error) { panic("to come") }

// Decline ends a Triage that was nothing.
func (inc *Incident) Decline(act Act, reason string) ([]Event, error) { panic("to come") }

// MergeInto ends inc in favour of target and moves keys, participants and entries there. Both documents
// are to be saved together. It returns the events of each.
func (inc *Incident) MergeInto(act Act, target *Incident, reason string) (source, into []Event, err error) {
	panic("to come")
}

// UpdateParams are what is shared.
type UpdateParams struct {
	Message  string
	Status   Status // "" leaves it
	Severity string // "" leaves it
	// NextIn is when the next update is promised for; 0 takes the severity's, below 0 promises none.
	NextIn time.Duration
}

// ShareUpdate tells people how it stands.
func (inc *Incident) ShareUpdate(act Act, p UpdateParams) ([]Event, error) { panic("to come") }

// Pause rests an Active incident.
func (inc *Incident) Pause(act Act, reason string) ([]Event, error) { panic("to come") }

// Resume goes back to the status that was paused.
func (inc *Incident) Resume(act Act) ([]Event, error) { panic("to come") }

// Cancel ends an Active incident that was none.
func (inc *Incident) Cancel(act Act, reason string) ([]Event, error) { panic("to come") }

// ResolveParams may say how it ended.
type ResolveParams struct{ Message string }

// Resolve says that it is over. It never blocks: it leads to Documenting where a flow applies or an
// entry is undecided, else to Closed.
func (inc *Incident) Resolve(act Act, p ResolveParams) ([]Event, error) { panic("to come") }

// Advance moves on from Documenting and Reviewing as soon as the gate of the stage is open. The
// Service runs it after every verb.
func (inc *Incident) Advance(act Act) ([]Event, error) { panic("to come") }

// Close moves a Post-incident one to Closed if its gates are open, else it returns *[GateError] with
// all that is not.
func (inc *Incident) Close(act Act) ([]Event, error) { panic("to come") }

// OptOut skips the open tasks of the time after, never the gate on entries. Admins only.
func (inc *Incident) OptOut(act Act, reason string) ([]Event, error) { panic("to come") }

// Reopen goes back to Investigating from Documenting, Reviewing or Closed.
func (inc *Incident) Reopen(act Act, reason string) ([]Event, error) { panic("to come") }
