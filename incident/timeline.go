package incident

import (
	"fmt"
	"time"
)

// AddItem writes a line into the timeline, at the time that it is about; zero is now.
func (inc *Incident) AddItem(act Act, line string, occurred time.Time) ([]Event, error) {
	line, err := needText("text", line, maxMessage)
	if err != nil {
		return nil, err
	}
	if err := checkTime("occurred_at", occurred); err != nil {
		return nil, err
	}
	r := inc.begin(act)
	r.add(EvItemAdded, DataItem{Text: line})
	if !occurred.IsZero() {
		r.evs[0].OccurredAt = occurred
	}
	return r.end()
}

// EditItem changes how an event of the timeline is shown; the original stays in the list. A line that
// somebody wrote may get another text and another time, any other event another time only; what is
// empty stays. Its author, the scribe, the lead and admins may do it. The caller loads the event.
func (inc *Incident) EditItem(act Act, item Event, line string, occurred time.Time) ([]Event, error) {
	if err := inc.mayEditItem(act, item); err != nil {
		return nil, err
	}
	line, err := text("text", line, maxMessage)
	if err != nil {
		return nil, err
	}
	if err := checkTime("occurred_at", occurred); err != nil {
		return nil, err
	}
	if line != "" && item.Type != EvItemAdded {
		return nil, &FieldError{"text", "only a line that somebody wrote has a text that can be edited"}
	}
	if line == "" && occurred.IsZero() {
		return nil, &FieldError{"text", "neither a text nor a time is given"}
	}
	return inc.note(act, EvItemEdited, DataItem{Of: item.Seq, Text: line, Occurred: occurred})
}

// RemoveItem hides a line that somebody wrote; the original stays in the list.
func (inc *Incident) RemoveItem(act Act, item Event) ([]Event, error) {
	if err := inc.mayEditItem(act, item); err != nil {
		return nil, err
	}
	if item.Type != EvItemAdded {
		return nil, fmt.Errorf("%w: only a line that somebody wrote can be removed", ErrRefused)
	}
	return inc.note(act, EvItemRemoved, DataItem{Of: item.Seq})
}

const scribeRole = "scribe"

func (inc *Incident) mayEditItem(act Act, item Event) error {
	if t, ok := TraitOf(item.Type); item.IncidentID != inc.ID || item.Seq <= 0 || !ok || !t.Timeline {
		return fmt.Errorf("%w: %s has no such line", ErrNotFound, inc.Ref())
	}
	by := act.By
	author := by.ID != "" && by.Kind == item.Actor.Kind && by.ID == item.Actor.ID
	holder := by.Kind == ByPerson && by.ID != "" && (by.ID == inc.Lead() || by.ID == inc.Holder(scribeRole))
	if author || holder || by.Role.Allows(Admin) {
		return nil
	}
	return ErrNotAllowed
}

// NoteControl writes into the timeline that work was held back, or is no longer.
func (inc *Incident) NoteControl(act Act, line string) ([]Event, error) {
	line, err := needText("text", line, maxMessage)
	if err != nil {
		return nil, err
	}
	return inc.note(act, EvControlChanged, DataNote{line})
}

// NotePrivateSeen notes that an admin who takes no part looked at a private incident.
func (inc *Incident) NotePrivateSeen(act Act) ([]Event, error) {
	return inc.note(act, EvPrivateSeen, DataNote{})
}
