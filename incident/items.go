package incident

import (
	"fmt"
	"slices"
	"time"
)

// AddAction notes something to do now. Its event says the id it got.
func (inc *Incident) AddAction(act Act, line, owner string) ([]Event, error) {
	line, err := needText("text", line, maxReason)
	if err != nil {
		return nil, err
	}
	if err := needID("owner", owner); owner != "" && err != nil {
		return nil, err
	}
	a := Action{ID: act.NewID(), Text: line, Owner: owner, State: Outstanding, Created: act.At}
	inc.Actions = append(inc.Actions, a)
	return inc.note(act, EvActionCreated, DataTodo{ID: a.ID, Text: a.Text, Owner: a.Owner, State: a.State})
}

// ItemChange changes an action or a follow-up: what is not nil. An action has no priority, link or due
// time.
type ItemChange struct {
	Text, Owner, Priority, Link *string
	Due                         *time.Time
	State                       ItemState // "" leaves it
}

// ChangeAction changes one; with a state that ends it, it is done. One that was deleted is not found.
func (inc *Incident) ChangeAction(act Act, id string, c ItemChange) ([]Event, error) {
	i := slices.IndexFunc(inc.Actions, func(a Action) bool { return a.ID == id && a.State != Deleted })
	if i < 0 {
		return nil, fmt.Errorf("%w: %s has no action %.60q", ErrNotFound, inc.Ref(), id)
	}
	if c.Priority != nil || c.Link != nil || c.Due != nil {
		return nil, &FieldError{"action", "has no priority, link or due time: make it a follow-up"}
	}
	a := &inc.Actions[i]
	before := *a
	todo := FollowUp{ID: a.ID, Text: a.Text, Owner: a.Owner, State: a.State, Ended: a.Ended}
	if err := todo.change(act, c); err != nil {
		return nil, err
	}
	a.Text, a.Owner, a.State, a.Ended = todo.Text, todo.Owner, todo.State, todo.Ended
	if *a == before {
		return nil, nil
	}
	t := todoEvent(c.State, before.State, EvActionUpdated, EvActionDone, EvActionDropped)
	return inc.note(act, t, todo.data())
}

// AddFollowUp notes something to do later. Its id, state and times are given here.
func (inc *Incident) AddFollowUp(act Act, f FollowUp) ([]Event, error) {
	added := FollowUp{ID: act.NewID(), State: Outstanding, Created: act.At}
	c := ItemChange{Text: &f.Text, Owner: &f.Owner, Priority: &f.Priority, Link: &f.Link, Due: &f.Due}
	if err := added.change(act, c); err != nil {
		return nil, err
	}
	inc.FollowUps = append(inc.FollowUps, added)
	return inc.note(act, EvFollowCreated, added.data())
}

// ChangeFollowUp changes one. One that was deleted is not found.
func (inc *Incident) ChangeFollowUp(act Act, id string, c ItemChange) ([]Event, error) {
	i := slices.IndexFunc(inc.FollowUps, func(f FollowUp) bool { return f.ID == id && f.State != Deleted })
	if i < 0 {
		return nil, fmt.Errorf("%w: %s has no follow-up %.60q", ErrNotFound, inc.Ref(), id)
	}
	f := &inc.FollowUps[i]
	before := *f
	if err := f.change(act, c); err != nil {
		return nil, err
	}
	if *f == before {
		return nil, nil
	}
	t := todoEvent(c.State, before.State, EvFollowUpdated, EvFollowDone, EvFollowDropped)
	return inc.note(act, t, f.data())
}

// todoEvent chooses the type that says what became of it.
func todoEvent(to, from ItemState, updated, done, dropped EventType) EventType {
	switch {
	case to == Done && from != Done:
		return done
	case to == NotDoing && from != NotDoing:
		return dropped
	default:
		return updated
	}
}

func (f *FollowUp) data() DataTodo {
	return DataTodo{f.ID, f.Text, f.Owner, f.Priority, f.Due, f.Link, f.State}
}

// change applies what is not nil.
func (f *FollowUp) change(act Act, c ItemChange) (err error) {
	if c.Text != nil {
		if f.Text, err = needText("text", *c.Text, maxReason); err != nil {
			return err
		}
	}
	if c.Owner != nil {
		if err := needID("owner", *c.Owner); *c.Owner != "" && err != nil {
			return err
		}
		f.Owner = *c.Owner
	}
	if c.Priority != nil {
		if f.Priority, err = text("priority", *c.Priority, maxID); err != nil {
			return err
		}
	}
	if c.Link != nil {
		if err := checkLink("link", *c.Link); *c.Link != "" && err != nil {
			return err
		}
		f.Link = *c.Link
	}
	if c.Due != nil {
		if err := checkTime("due", *c.Due); err != nil {
			return err
		}
		f.Due = *c.Due
	}
	return f.enter(act, c.State)
}

// enter sets the state, and when it ended.
func (f *FollowUp) enter(act Act, to ItemState) error {
	if to == "" || to == f.State {
		return nil
	}
	states := []string{string(Outstanding), string(Done), string(NotDoing), string(Deleted)}
	if err := knownID("state", string(to), states); err != nil {
		return err
	}
	f.State, f.Ended = to, act.At
	if to == Outstanding {
		f.Ended = time.Time{}
	}
	return nil
}
