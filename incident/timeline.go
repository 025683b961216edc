package incident

import (
	"encoding/json"
	"fmt"
	"slices"
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

// IsEdit reports an event that changes how an earlier one is shown.
func (t EventType) IsEdit() bool { return t == EvItemEdited || t == EvItemRemoved }

// AsEdited returns events as they are to be shown by the edits among them: one that was edited says what
// it was last given, one that was removed is left out, and edits of it say no more than that they were
// made. An edit that comes before what it is of, or that cannot be read, changes nothing.
func AsEdited(evs []Event) []Event {
	shown := make([]Event, 0, len(evs))
	at, edits, removed := map[int64]int{}, map[int64][]int{}, map[int64]bool{}
	for _, e := range evs {
		at[e.Seq] = len(shown)
		shown = append(shown, e)
		data, err := DataOf[DataItem](e)
		if !e.Type.IsEdit() || err != nil || data.Of <= 0 || data.Of >= e.Seq {
			continue
		}
		edits[data.Of] = append(edits[data.Of], len(shown)-1)
		if i, known := at[data.Of]; known { // else it is on another page
			shown[i] = edited(shown[i], data)
		}
		if e.Type == EvItemRemoved {
			removed[data.Of] = true
		}
	}
	for of := range removed {
		for _, i := range edits[of] {
			shown[i].Data = itemData(DataItem{Of: of})
		}
	}
	return slices.DeleteFunc(shown, func(e Event) bool { return removed[e.Seq] })
}

// edited returns an event with the text and the time that an edit gives it.
func edited(e Event, data DataItem) Event {
	if !data.Occurred.IsZero() {
		e.OccurredAt = data.Occurred
	}
	if data.Text != "" && e.Type == EvItemAdded {
		e.Data = itemData(DataItem{Text: data.Text})
	}
	return e
}

func itemData(d DataItem) json.RawMessage {
	data, err := json.Marshal(d)
	if err != nil {
		panic("incident: a line cannot be written: " + err.Error()) // it is made of plain types
	}
	return data
}
