package incident

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Folded is what a list of events says about an incident, without its document. It is compared with
// what the document says (FoldOf).
type Folded struct {
	Status     Status
	Severity   string
	Name       string
	Visibility Visibility
	MergedInto string
	Reopens    int
	Roles      map[string]string
	Tasks      map[string]TaskState
	Todos      map[string]ItemState
	Entries    map[string]bool
	Present    map[string]ParticipantKind
	Gone       map[string]ParticipantKind
	Calls      map[string]FoldedCall
}

// FoldedCall is where an escalation stands.
type FoldedCall struct {
	State        EscalationState
	Round, Level int
	Notified     bool
	Also         int
}

func newFolded() Folded {
	return Folded{
		Roles: map[string]string{}, Tasks: map[string]TaskState{}, Todos: map[string]ItemState{},
		Entries: map[string]bool{}, Present: map[string]ParticipantKind{}, Gone: map[string]ParticipantKind{},
		Calls: map[string]FoldedCall{},
	}
}

// FoldOf says the same of a document.
func FoldOf(inc *Incident) Folded {
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
func Fold(evs []Event) (Folded, error) {
	f := newFolded()
	for i, e := range evs {
		if i == 0 {
			f.Visibility = e.Visibility
		}
		for _, part := range []func(Event) error{f.life, f.people, f.things, f.calls} {
			if err := part(e); err != nil {
				return f, fmt.Errorf("event %d, %s: %w", i, e.Type, err)
			}
		}
	}
	return f, nil
}

func (f *Folded) life(e Event) error {
	switch e.Type {
	case EvReported, EvDeclared, EvImported:
		return readData(e, func(d DataNew) error { f.Name, f.Severity = d.Name, d.Severity; return nil })
	case EvAccepted:
		return readData(e, func(d DataNew) error { f.Name = d.Name; return nil })
	case EvEdited:
		return readData(e, func(d DataEdited) error { return f.edited(d) })
	case EvStatus:
		return readData(e, func(d DataStatus) error {
			if d.From != f.Status {
				return fmt.Errorf("it leaves %q, and it is %q", d.From, f.Status)
			}
			f.Status = d.To
			return nil
		})
	case EvSeverity:
		return readData(e, func(d DataSeverity) error {
			if d.From != f.Severity {
				return fmt.Errorf("it leaves %q, and it is %q", d.From, f.Severity)
			}
			f.Severity = d.To
			return nil
		})
	case EvPrivate:
		f.Visibility = Private
	case EvMerged:
		return readData(e, func(d DataMerged) error {
			f.MergedInto = d.IncidentID
			clear(f.Entries)
			return nil
		})
	case EvAbsorbed:
		return readData(e, func(d DataMerged) error {
			for _, ref := range d.Entries {
				f.Entries[ref] = true
			}
			return nil
		})
	}
	return nil
}

func (f *Folded) edited(d DataEdited) error {
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

func (f *Folded) people(e Event) error {
	switch e.Type {
	case EvAssigned, EvHandedOff, EvUnassign:
		return readData(e, func(d DataRole) error {
			if f.Roles[d.Role] != d.From {
				return fmt.Errorf("%s leaves %q, and it is %q", d.Role, d.From, f.Roles[d.Role])
			}
			f.Roles[d.Role] = d.Person
			if d.Person == "" {
				delete(f.Roles, d.Role)
			}
			return nil
		})
	case EvJoined:
		return readData(e, func(d DataParticipant) error {
			delete(f.Gone, d.Person)
			f.Present[d.Person] = d.Kind
			return nil
		})
	case EvLeft:
		return readData(e, func(d DataParticipant) error {
			delete(f.Present, d.Person)
			f.Gone[d.Person] = d.Kind
			return nil
		})
	case EvReopened:
		f.Reopens++
		for person, kind := range f.Gone {
			f.Present[person] = kind
		}
		clear(f.Gone)
	}
	return nil
}

func (f *Folded) things(e Event) error {
	tasks := map[EventType]TaskState{
		EvTaskCreated: TaskOpen, EvTaskDone: TaskDone, EvTaskSkipped: TaskSkipped,
	}
	todos := []EventType{
		EvActionCreated, EvActionUpdated, EvActionDone, EvActionDropped,
		EvFollowCreated, EvFollowUpdated, EvFollowDone, EvFollowDropped,
	}
	switch {
	case tasks[e.Type] != "":
		return readData(e, func(d DataTask) error { f.Tasks[d.ID] = tasks[e.Type]; return nil })
	case slices.Contains(todos, e.Type):
		return readData(e, func(d DataTodo) error { f.Todos[d.ID] = d.State; return nil })
	case e.Type == EvTasksOptedOut:
		return readData(e, func(d DataOptOut) error {
			for _, id := range d.Tasks {
				f.Tasks[id] = TaskSkipped
			}
			return nil
		})
	case e.Type == EvEntryAttached:
		return readData(e, func(d DataEntry) error { f.Entries[d.Ref] = true; return nil })
	}
	return nil
}

func (f *Folded) calls(e Event) error {
	ends := map[EventType]EscalationState{
		EvExhausted: Exhausted, EvEscCancelled: Cancelled, EvEscResolved: Ended,
	}
	steps := []EventType{EvEscalated, EvLevelDue, EvLevelNotified, EvAcked}
	if ends[e.Type] == "" && !slices.Contains(steps, e.Type) {
		return nil
	}
	return readData(e, func(d DataEscalation) error {
		c := f.Calls[d.ID]
		switch {
		case e.Type == EvEscalated:
			c = FoldedCall{State: Paging}
		case e.Type == EvLevelDue:
			c.Round, c.Level, c.Notified = d.Round, d.Level, false
		case e.Type == EvLevelNotified:
			c.Notified = c.Notified || !d.Late
		case e.Type == EvAcked && d.Also:
			c.Also++
		case e.Type == EvAcked:
			c.State = Acked
		default:
			c.State = ends[e.Type]
		}
		f.Calls[d.ID] = c
		return nil
	})
}

func readData[T any](e Event, then func(T) error) error {
	var d T
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return err
	}
	return then(d)
}
