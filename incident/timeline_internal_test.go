package incident

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Edits act on what is there before them; what makes no sense, or cannot be read, changes nothing.
func TestAsEdited(t *testing.T) {
	t.Parallel()
	at := time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)
	item := func(seq int64, kind EventType, d DataItem) Event {
		return Event{Seq: seq, Type: kind, V: 1, OccurredAt: at, Data: itemData(d)}
	}
	said := func(evs ...Event) []string {
		var all []string
		for _, e := range AsEdited(evs) {
			data, _ := DataOf[DataItem](e)
			all = append(all, fmt.Sprintf("%d %s %q %s", e.Seq, e.Type, data.Text, e.OccurredAt.Format("15:04")))
		}
		return all
	}
	first, second := item(1, EvItemAdded, DataItem{Text: "a"}), item(2, EvItemAdded, DataItem{Text: "b"})
	broken := item(3, EvItemRemoved, DataItem{})
	broken.Data = json.RawMessage(`{`)
	for _, tt := range []struct {
		name string
		evs  []Event
		want []string
	}{
		{"none", []Event{first}, []string{`1 timeline.item_added "a" 15:40`}},
		{"twice", []Event{first, second, item(3, EvItemEdited, DataItem{Of: 1, Text: "x"}), item(4, EvItemEdited, DataItem{Of: 1, Occurred: at.Add(-time.Hour)})}, []string{
			`1 timeline.item_added "x" 14:40`, `2 timeline.item_added "b" 15:40`, `3 timeline.item_edited "x" 15:40`, `4 timeline.item_edited "" 15:40`,
		}},
		{"edited and removed", []Event{first, item(3, EvItemEdited, DataItem{Of: 1, Text: "x"}), item(4, EvItemRemoved, DataItem{Of: 1})}, []string{
			`3 timeline.item_edited "" 15:40`, `4 timeline.item_removed "" 15:40`,
		}},
		{"of another page", []Event{item(3, EvItemEdited, DataItem{Of: 1, Text: "x"}), item(4, EvItemRemoved, DataItem{Of: 1})}, []string{
			`3 timeline.item_edited "" 15:40`, `4 timeline.item_removed "" 15:40`,
		}},
		{"of itself, of nothing, of what follows", []Event{item(1, EvItemRemoved, DataItem{Of: 1}), item(2, EvItemRemoved, DataItem{}), item(3, EvItemRemoved, DataItem{Of: 4}), item(4, EvItemAdded, DataItem{Text: "a"})}, []string{
			`1 timeline.item_removed "" 15:40`, `2 timeline.item_removed "" 15:40`, `3 timeline.item_removed "" 15:40`, `4 timeline.item_added "a" 15:40`,
		}},
		{"unreadable", []Event{first, broken}, []string{`1 timeline.item_added "a" 15:40`, `3 timeline.item_removed "" 15:40`}},
		{"the time of what nobody wrote", []Event{item(1, EvDeclared, DataItem{}), item(2, EvItemEdited, DataItem{Of: 1, Text: "no", Occurred: at.Add(-time.Hour)})}, []string{
			`1 incident.declared "" 14:40`, `2 timeline.item_edited "no" 15:40`,
		}},
	} {
		if diff := cmp.Diff(tt.want, said(tt.evs...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if string(first.Data) != `{"text":"a"}` {
		t.Errorf("what was given says %s now", first.Data)
	}
}
