package incident

import (
	"slices"
	"time"
)

// ResolveParams may say how it ended.
type ResolveParams struct {
	Message string
	// Resume goes on with a paused incident first. Any other is resolved as it is.
	Resume bool
}

// Resolve says that it is over. It never blocks: it leads to Documenting where a flow applies or an
// entry is undecided, else to Closed.
func (inc *Incident) Resolve(act Act, p ResolveParams) ([]Event, error) {
	if p.Resume && inc.Status == Paused {
		return inc.resumeAndResolve(act, p)
	}
	flow, applies := act.Rules.flowFor(inc.Severity, inc.Type)
	to := Closed
	if applies || len(inc.Undecided()) > 0 {
		to = Documenting
	}
	if err := inc.mayGo(verbResolve, to); err != nil {
		return nil, err
	}
	message, err := text("message", p.Message, maxMessage)
	if err != nil {
		return nil, err
	}
	r := inc.begin(act)
	inc.Times.Resolved = act.At
	id := r.add(EvResolved, DataResolved{message})
	if message != "" {
		inc.LastUpdate = &Update{Message: message, By: r.act.By, At: act.At, EventID: id}
	}
	if to == Closed {
		r.add(EvClosed, DataReason{})
	}
	r.moveTo(to)
	r.openTasks(flow)
	r.take(inc.endEscalations(r.inner(), Ended, "the incident is resolved"))
	return r.end()
}

// resumeAndResolve is two verbs in one change: nobody sees the incident between them.
func (inc *Incident) resumeAndResolve(act Act, p ResolveParams) ([]Event, error) {
	resumed, err := inc.Resume(act)
	if err != nil {
		return nil, err
	}
	act.Key = "" // it is spent
	p.Resume = false
	resolved, err := inc.Resolve(act, p)
	return append(resumed, resolved...), err
}

// openTasks makes those tasks of a flow that are not there from an earlier round.
func (r *record) openTasks(flow Flow) {
	for _, t := range flow.Tasks {
		if slices.ContainsFunc(r.inc.Tasks, func(old Task) bool { return old.ID == t.ID }) {
			continue
		}
		stage := Documenting
		if t.Stage == Reviewing {
			stage = Reviewing
		}
		r.inc.Tasks = append(r.inc.Tasks, Task{ID: t.ID, Stage: stage, Text: t.Text, State: TaskOpen})
		r.add(EvTaskCreated, DataTask{ID: t.ID, Stage: stage, Text: t.Text})
	}
}

// Advance moves on from Documenting and Reviewing as soon as the gate of the stage is open, both steps
// at once where both are. The Service runs it after every verb; the key of the act is not used.
func (inc *Incident) Advance(act Act) ([]Event, error) {
	act.Key = ""
	r := inc.begin(act)
	r.advance()
	return r.end()
}

func (r *record) advance() {
	if r.inc.Status == Documenting && r.inc.gate(r.act.Rules, Documenting) == nil {
		r.moveTo(Reviewing)
	}
	if r.inc.Status == Reviewing && r.inc.gate(r.act.Rules, Reviewing) == nil {
		r.close("")
	}
}

func (r *record) close(reason string) {
	r.add(EvClosed, DataReason{reason})
	r.moveTo(Closed)
}

// gate returns what is open before the stages may be left, nil for nothing. Entries count in each,
// fields that are required at close before the last.
func (inc *Incident) gate(rules *Settings, stages ...Status) error {
	g := &GateError{Ref: inc.Ref(), Entries: inc.Undecided()}
	for _, t := range inc.Tasks {
		if t.State == TaskOpen && slices.Contains(stages, t.Stage) {
			g.Tasks = append(g.Tasks, t)
		}
	}
	if !slices.Equal(stages, []Status{Documenting}) {
		for _, f := range rules.Fields {
			if f.Required == "close" && len(inc.Fields[f.ID]) == 0 {
				g.Fields = append(g.Fields, f.ID)
			}
		}
	}
	if len(g.Entries)+len(g.Tasks)+len(g.Fields) == 0 {
		return nil
	}
	return g
}

// Close moves a Post-incident one to Closed if its gates are open, else it returns *[GateError] with
// all that is not.
func (inc *Incident) Close(act Act) ([]Event, error) {
	if inc.Status.Stage() != StagePost {
		return nil, inc.wrongStatus(verbClose, Closed)
	}
	if err := inc.gate(act.Rules, Documenting, Reviewing); err != nil {
		return nil, err
	}
	r := inc.begin(act)
	r.advance()
	return r.end()
}

// OptOut skips the open tasks of the time after and closes. It skips neither the gate on entries nor
// fields that are required at close: while one of them is open it returns *[GateError]. Admins only.
func (inc *Incident) OptOut(act Act, reason string) ([]Event, error) {
	if !act.By.Role.Allows(Admin) {
		return nil, ErrNotAllowed
	}
	r, reason, err := inc.beginWithReason(act, verbOptOut, Closed, reason)
	if err != nil {
		return nil, err
	}
	if err := inc.gate(act.Rules); err != nil { // of no stage: no tasks
		return nil, err
	}
	var skipped []string
	for i := range inc.Tasks {
		if t := &inc.Tasks[i]; t.State == TaskOpen {
			t.State, t.Reason, t.Ended = TaskSkipped, reason, act.At
			skipped = append(skipped, t.ID)
		}
	}
	r.add(EvTasksOptedOut, DataOptOut{reason, skipped})
	r.close(reason)
	return r.end()
}

// Reopen goes back to Investigating from Documenting, Reviewing or Closed. Whoever had left is there
// again, and open keys are held again; if one of them is held elsewhere by now, the store says so.
func (inc *Incident) Reopen(act Act, reason string) ([]Event, error) {
	r, reason, err := inc.beginWithReason(act, verbReopen, Investigating, reason)
	if err != nil {
		return nil, err
	}
	inc.Reopens++
	for i := range inc.Participants {
		if p := &inc.Participants[i]; !p.Left.IsZero() {
			p.Left = time.Time{}
			p.Returns++
		}
	}
	inc.Times.Closed = time.Time{}
	r.add(EvReopened, DataReason{reason})
	r.moveTo(Investigating)
	r.promise(0)
	return r.end()
}
