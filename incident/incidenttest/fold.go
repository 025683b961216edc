package incidenttest

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/theriac/theriac/incident"
)

// Folded is what a list of events says about an incident, without its document. It is compared with
// what the document says (FoldOf).
type Folded struct {
	Status     incident.Status
	Severity   string
	Name       string
	Visibility incident.Visibility
	MergedInto string
	Reopens    int
	Roles      map[string]string
	Tasks      map[string]incident.TaskState
	Todos      map[string]incident.ItemState
	Entries    map[string]bool
	Present    map[string]incident.ParticipantKind
	Gone       map[string]incident.ParticipantKind
	Calls      map[string]FoldedCall
}

// FoldedCall is where an escalation stands.
type FoldedCall struct {
	State        incident.EscalationState
	Round, Level int
	Notified     bool
	Also         int
}

func newFolded() Folded {
	return Folded{
		Roles: map[string]string{}, Tasks: map[string]incident.TaskState{}, Todos: map[string]incident.ItemState{},
		Entries: map[string]bool{}, Present: map[string]incident.ParticipantKind{}, Gone: map[string]incident.ParticipantKind{},
		Calls: map[string]FoldedCall{},
	}
}

// FoldOf says the same of a document.
func FoldOf(inc *incident.Incident) Folded {
	f := newFolded()
	f.Status, f.Severity, f.Name, f.Visibility = inc.Status, inc.Severity, inc.Name, inc.Visibility
	f.MergedInto, f.Reopens = inc.MergedInto, inc.Reopens
	for _, a := range inc.Assignments {
		f.Roles[a.Role] = a.Person
	}
	for _, t := range inc.Tasks {
		f.Tasks[t.ID] = t.State
	}
	for _, a := range inc.Actions {
		f.Todos[a.ID] = a.State
	}
	for _, u := range inc.FollowUps {
		f.Todos[u.ID] = u.State
	}
	for _, e := range inc.Entries {
		f.Entries[e.Ref] = true
	}
	for _, e := range inc.Escalations {
		f.Calls[e.ID] = FoldedCall{e.State, e.Round, e.Level, e.Notified, len(e.Also)}
	}
	for _, p := range inc.Participants {
		if p.Left.IsZero() {
			f.Present[p.Person] = p.Kind
		} else {
			f.Gone[p.Person] = p.Kind
		}
	}
	return f
}

// Fold reads all events of an incident one after the other. An event that does not fit what came before
// is an error.
func Fold(evs []incident.Event) (Folded, error) {
	f := newFolded()
	for i, e := range evs {
		if i == 0 {
			f.Visibility = e.Visibility
		}
		for _, part := range []func(incident.Event) error{f.life, f.people, f.things, f.calls} {
			if err := part(e); err != nil {
				return f, fmt.Errorf("event %d, %s: %w", i, e.Type, err)
			}
		}
	}
	return f, nil
}

func (f *Folded) life(e incident.Event) error {
	switch e.Type {
	case incident.EvReported, incident.EvDeclared, incident.EvImported:
		return readData(e, func(d incident.DataNew) error { f.Name, f.Severity = d.Name, d.Severity; return nil })
	case incident.EvAccepted:
		return readData(e, func(d incident.DataNew) error { f.Name = d.Name; return nil })
	case incident.EvEdited:
		return readData(e, func(d incident.DataEdited) error { return f.edited(d) })
	case incident.EvStatus:
		return readData(e, func(d incident.DataStatus) error {
			if d.From != f.Status {
				return fmt.Errorf("it leaves %q, and it is %q", d.From, f.Status)
			}
			f.Status = d.To
			return nil
		})
	case incident.EvSeverity:
		return readData(e, func(d incident.DataSeverity) error {
			if d.From != f.Severity {
				return fmt.Errorf("it leaves %q, and it is %q", d.From, f.Severity)
			}
			f.Severity = d.To
			return nil
		})
	case incident.EvPrivate:
		f.Visibility = incident.Private
	case incident.EvMerged:
		return readData(e, func(d incident.DataMerged) error {
			f.MergedInto = d.IncidentID
			clear(f.Entries)
			return nil
		})
	case incident.EvAbsorbed:
		return readData(e, func(d incident.DataMerged) error {
			for _, ref := range d.Entries {
				f.Entries[ref] = true
			}
			return nil
		})
	}
	return nil
}

func (f *Folded) edited(d incident.DataEdited) error {
	for _, c := range d.Changes {
		if c.Field == "name" {
			if c.From != f.Name {
				return fmt.Errorf("it was %q, and it is %q", c.From, f.Name)
			}
			f.Name = c.To
		}
	}
	return nil
}

func (f *Folded) people(e incident.Event) error {
	switch e.Type {
	case incident.EvAssigned, incident.EvHandedOff, incident.EvUnassign:
		return readData(e, func(d incident.DataRole) error {
			if f.Roles[d.Role] != d.From {
				return fmt.Errorf("%s leaves %q, and it is %q", d.Role, d.From, f.Roles[d.Role])
			}
			f.Roles[d.Role] = d.Person
			if d.Person == "" {
				delete(f.Roles, d.Role)
			}
			return nil
		})
	case incident.EvJoined:
		return readData(e, func(d incident.DataParticipant) error {
			delete(f.Gone, d.Person)
			f.Present[d.Person] = d.Kind
			return nil
		})
	case incident.EvLeft:
		return readData(e, func(d incident.DataParticipant) error {
			delete(f.Present, d.Person)
			f.Gone[d.Person] = d.Kind
			return nil
		})
	case incident.EvReopened:
		f.Reopens++
		for person, kind := range f.Gone {
			f.Present[person] = kind
		}
		clear(f.Gone)
	}
	return nil
}

func (f *Folded) things(e incident.Event) error {
	tasks := map[incident.EventType]incident.TaskState{
		incident.EvTaskCreated: incident.TaskOpen, incident.EvTaskDone: incident.TaskDone, incident.EvTaskSkipped: incident.TaskSkipped,
	}
	todos := []incident.EventType{
		incident.EvActionCreated, incident.EvActionUpdated, incident.EvActionDone, incident.EvActionDropped,
		incident.EvFollowCreated, incident.EvFollowUpdated, incident.EvFollowDone, incident.EvFollowDropped,
	}
	switch {
	case tasks[e.Type] != "":
		return readData(e, func(d incident.DataTask) error { f.Tasks[d.ID] = tasks[e.Type]; return nil })
	case slices.Contains(todos, e.Type):
		return readData(e, func(d incident.DataTodo) error { f.Todos[d.ID] = d.State; return nil })
	case e.Type == incident.EvTasksOptedOut:
		return readData(e, func(d incident.DataOptOut) error {
			for _, id := range d.Tasks {
				f.Tasks[id] = incident.TaskSkipped
			}
			return nil
		})
	case e.Type == incident.EvEntryAttached:
		return readData(e, func(d incident.DataEntry) error { f.Entries[d.Ref] = true; return nil })
	}
	return nil
}

func (f *Folded) calls(e incident.Event) error {
	ends := map[incident.EventType]incident.EscalationState{
		incident.EvExhausted: incident.Exhausted, incident.EvEscCancelled: incident.Cancelled, incident.EvEscResolved: incident.Ended,
	}
	steps := []incident.EventType{incident.EvEscalated, incident.EvLevelDue, incident.EvLevelNotified, incident.EvAcked}
	if ends[e.Type] == "" && !slices.Contains(steps, e.Type) {
		return nil
	}
	return readData(e, func(d incident.DataEscalation) error {
		c := f.Calls[d.ID]
		switch {
		case e.Type == incident.EvEscalated:
			c = FoldedCall{State: incident.Paging}
		case e.Type == incident.EvLevelDue:
			c.Round, c.Level, c.Notified = d.Round, d.Level, false
		case e.Type == incident.EvLevelNotified:
			c.Notified = c.Notified || !d.Late
		case e.Type == incident.EvAcked && d.Also:
			c.Also++
		case e.Type == incident.EvAcked:
			c.State = incident.Acked
		default:
			c.State = ends[e.Type]
		}
		f.Calls[d.ID] = c
		return nil
	})
}

func readData[T any](e incident.Event, then func(T) error) error {
	var d T
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return err
	}
	return then(d)
}
