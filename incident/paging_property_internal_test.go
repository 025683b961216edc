package incident

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// history is a random life of the escalations of one incident.
type history struct {
	*author
	inc *Incident
	now time.Time
	evs []Event
}

// note adds events, unless the store would refuse them for their key: then the document is not saved
// either.
func (h *history) note(t *rapid.T, before Incident, evs []Event, err error) {
	if err != nil {
		*h.inc = before
		return
	}
	for _, e := range evs {
		for _, old := range h.evs {
			if e.Key == old.Key && e.Key != "" {
				if e.Type == EvLevelDue {
					t.Fatalf("the step %s was put out twice", e.Key)
				}
				*h.inc = before
				return
			}
		}
	}
	h.evs = append(h.evs, evs...)
}

// restart writes the document down and reads it again.
func restart(t *rapid.T, inc *Incident) Incident {
	raw, err := json.Marshal(inc)
	if err != nil {
		t.Fatal(err)
	}
	var again Incident
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Fatal(err)
	}
	return again
}

// do runs one random verb at the present moment.
func (h *history) do(t *rapid.T) {
	before := restart(t, h.inc)
	act := h.act(h.now, rapid.SampledFrom([]string{"ana", "ben", "cleo"}).Draw(t, "who"))
	var evs []Event
	var err error
	verb := rapid.SampledFrom([]string{
		"advance", "advance", "advance", "notified", "notified", "stale", "ack", "cancel", "escalate", "start", "end", "restart",
	}).Draw(t, "verb")
	id, round, level := h.pick(t)
	switch verb {
	case "advance":
		due := h.inc.PageDueAt()
		evs, err = h.inc.AdvanceEscalations(act)
		if isDue := !due.IsZero() && !h.now.Before(due); isDue != (len(evs) > 0) {
			t.Fatalf("due at %v, now %v: %d events", due, h.now, len(evs))
		}
	case "notified":
		evs, err = h.inc.LevelNotified(act, id, round, level, nil)
	case "stale":
		evs, err = h.inc.LevelNotified(act, id, rapid.IntRange(0, 3).Draw(t, "round"), rapid.IntRange(0, 3).Draw(t, "level"), nil)
	case "ack":
		if rapid.IntRange(0, 4).Draw(t, "patience") == 0 {
			evs, err = h.inc.Ack(act, rapid.SampledFrom([]string{id, ""}).Draw(t, "which"))
		}
	case "cancel":
		if rapid.IntRange(0, 4).Draw(t, "patience") == 0 {
			evs, err = h.inc.CancelEscalation(act, id, "")
		}
	case "escalate":
		if len(h.inc.Escalations) < 3 {
			evs, err = h.inc.Escalate(act, EscalateParams{Path: "ops"})
		}
	case "start":
		h.inc.Severity = rapid.SampledFrom([]string{"minor", "major", "critical"}).Draw(t, "severity")
		if len(h.inc.Escalations) < 3 {
			evs = h.inc.startEscalation(act, false)
		}
	case "end":
		if rapid.IntRange(0, 9).Draw(t, "patience") == 0 {
			evs = h.inc.endEscalations(act, Ended, "")
		}
	case "restart":
		*h.inc = before
	}
	h.note(t, before, evs, err)
}

// pick names one escalation and its present step.
func (h *history) pick(t *rapid.T) (id string, round, level int) {
	if len(h.inc.Escalations) == 0 {
		return "", 0, 0
	}
	e := h.inc.Escalations[rapid.IntRange(0, len(h.inc.Escalations)-1).Draw(t, "escalation")]
	return e.ID, e.Round, e.Level
}

func TestEscalations_AnyHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := &history{author: &author{rules: pagingRules()}, inc: activeIncident("critical"), now: noon}
		h.evs = h.inc.startEscalation(h.act(noon, "cleo"), false)
		for range rapid.IntRange(1, 60).Draw(t, "length") {
			minutes := rapid.SampledFrom([]int{0, 0, 1, 3, 5, 7, 10, 45, 600}).Draw(t, "minutes")
			h.now = h.now.Add(time.Duration(minutes)*time.Minute + time.Duration(rapid.IntRange(-2, 2).Draw(t, "s"))*time.Second)
			h.do(t)
		}
		if diff := cmp.Diff(h.inc.Escalations, foldEscalations(t, h.evs)); diff != "" {
			t.Fatalf("the events tell another story than the document: %s", diff)
		}
		for _, e := range h.inc.Escalations {
			checkEscalation(t, e, h.evs)
		}
	})
}

// checkEscalation looks at the events of one escalation: each step once, in order, never early, and
// none after the end.
func checkEscalation(t *rapid.T, e Escalation, evs []Event) {
	var want []string
	for round := 1; round <= e.Repeat; round++ {
		for level := range e.Levels {
			want = append(want, fmt.Sprintf("%d/%d", round, level+1))
		}
	}
	var got []string
	var earliest time.Time
	over := false
	for _, ev := range evs {
		d := data[DataEscalation](t, ev)
		if d.ID != e.ID {
			continue
		}
		switch ev.Type {
		case EvLevelDue:
			if over || ev.RecordedAt.Before(earliest) {
				t.Fatalf("%d/%d at %v, over %v, not before %v", d.Round, d.Level, ev.RecordedAt, over, earliest)
			}
			got = append(got, fmt.Sprintf("%d/%d", d.Round, d.Level))
			earliest = ev.RecordedAt.Add(PageMaxAge)
		case EvLevelNotified:
			if wait := e.Levels[d.Level-1].Wait.Std(); !d.Late {
				earliest = ev.RecordedAt.Add(wait)
			}
		case EvExhausted:
			if ev.RecordedAt.Before(earliest) || len(got) != len(want) {
				t.Fatalf("given up at %v after %v, not before %v", ev.RecordedAt, got, earliest)
			}
			over = true
		case EvAcked, EvEscCancelled, EvEscResolved:
			over = true
		}
	}
	if len(got) > len(want) {
		t.Fatalf("more steps than it has: %v", got)
	}
	if diff := cmp.Diff(want[:len(got)], got); diff != "" {
		t.Fatalf("steps are missing, doubled or out of order: %s", diff)
	}
	if over && !e.DueAt.IsZero() {
		t.Fatalf("it is %s and due again at %v", e.State, e.DueAt)
	}
	if over != (e.State != Paging) {
		t.Fatalf("it is %s, its events say over: %v", e.State, over)
	}
}
