package incidents

import (
	"slices"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

func TestGapFree(t *testing.T) {
	t.Parallel()
	list := func(seqs ...int64) (all []incident.Event) {
		for _, n := range seqs {
			all = append(all, incident.Event{Seq: n})
		}
		return all
	}
	for name, c := range map[string]struct {
		events []incident.Event
		last   int64
		want   bool
	}{
		"all":     {list(1, 2, 3), 3, true},
		"hole":    {list(1, 3), 3, false},
		"twice":   {list(1, 2, 2), 2, false},
		"last":    {list(1, 2), 3, false},
		"nothing": {nil, 0, true},
	} {
		if got := gapFree(c.events, c.last); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// due makes the event of a step, so late.
func due(t *testing.T, id string, round, level int, late time.Duration) incident.Event {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d := incident.DataEscalation{ID: id, Round: round, Level: level, Due: at, Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ana"}}}
	return incident.Event{Type: incident.EvLevelDue, RecordedAt: at.Add(late), Data: encoded(t, d)}
}

// TestSteps_Judged: a campaign that cannot fail proves nothing.
func TestSteps_Judged(t *testing.T) {
	t.Parallel()
	levels := make([]incident.Level, 2)
	row := func(round, level string) incident.Effect {
		return incident.Effect{Key: "page:e:" + round + ":" + level + ":person:ana", State: incident.EffectDone, ExternalID: "ana"}
	}
	for name, c := range map[string]struct {
		events                       []incident.Event
		rows                         []incident.Effect
		missed, doubled, early, lost int
	}{
		"as it should be": {[]incident.Event{due(t, "e", 1, 1, 0), due(t, "e", 1, 2, time.Second)}, []incident.Effect{row("1", "1"), row("1", "2")}, 0, 0, 0, 0},
		"one is missing":  {[]incident.Event{due(t, "e", 1, 2, 0)}, []incident.Effect{row("1", "2")}, 1, 0, 0, 0},
		"one twice":       {[]incident.Event{due(t, "e", 1, 1, 0), due(t, "e", 1, 1, 0), due(t, "e", 1, 2, 0)}, []incident.Effect{row("1", "1"), row("1", "2")}, 0, 1, 0, 0},
		"one early":       {[]incident.Event{due(t, "e", 1, 1, -1), due(t, "e", 1, 2, 0)}, []incident.Effect{row("1", "1"), row("1", "2")}, 0, 0, 1, 0},
		"nobody called":   {[]incident.Event{due(t, "e", 1, 1, 0), due(t, "e", 1, 2, 0)}, []incident.Effect{row("1", "1")}, 0, 0, 0, 1},
	} {
		inc := incident.Incident{Escalations: []incident.Escalation{{ID: "e", State: incident.Exhausted, Levels: levels, Repeat: 1, Round: 1, Level: 2}}}
		camp := &campaign{r: &livesResult{}}
		camp.steps(&inc, c.events, c.rows)
		got := []int{camp.r.StepsMissed, camp.r.StepsDoubled, camp.r.StepsEarly, camp.r.PagesLost}
		if want := []int{c.missed, c.doubled, c.early, c.lost}; !slices.Equal(got, want) {
			t.Errorf("%s: missed, doubled, early, lost %v, want %v", name, got, want)
		}
	}
}

func TestPages_OneThePagerNeverHad_IsLost(t *testing.T) {
	t.Parallel()
	camp := &campaign{r: &livesResult{}}
	camp.pages([]incident.Effect{
		{Key: "page:e:1:1:person:ana", State: incident.EffectDone, ExternalID: "ana"},
		{Key: "page:e:1:2:person:ben", State: incident.EffectDone, ExternalID: "ben"},
		{Key: "page:e:1:3:person:cleo", State: incident.EffectFailed},
	}, map[string]int{"page:e:1:1:person:ana": 1})
	if camp.r.PagesLost != 1 {
		t.Errorf("%d pages are lost, want 1: %v", camp.r.PagesLost, camp.r.Problems)
	}
}

func TestNoted_FirstSuccess(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	calls := []slackfake.Call{
		{At: at, Method: "conversations.create", Body: []byte(`{"name":"inc-1"}`), Code: "name_taken"},
		{At: at.Add(1), Method: "conversations.create", Body: []byte(`{"name":"inc-1"}`)},
		{At: at.Add(2), Method: "chat.postMessage", Body: []byte(`{"metadata":{"event_payload":{"key":"headline:id:C0INC"}}}`)},
		{At: at.Add(3), Method: "chat.postMessage", Body: []byte(`no JSON`)},
		{At: at.Add(4), Method: "conversations.invite", Body: []byte(`{"channel":"C1"}`)},
		{At: at.Add(5), Method: "conversations.invite", Body: []byte(`{"channel":"C1"}`)},
	}
	got := noted(calls)
	for key, want := range map[string]time.Duration{"create inc-1": 1, "headline id": 2, "invite C1": 4} {
		if got[key].Sub(at) != want {
			t.Errorf("%s at %s, want %s", key, got[key].Sub(at), want)
		}
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	var times []time.Duration
	for i := range 200 {
		times = append(times, time.Duration(200-i)*time.Millisecond)
	}
	s := newSpread(times, 197*time.Millisecond)
	if s.P50MS != 100 || s.P99MS != 198 || s.MaxMS != 200 || !s.late() || newSpread(nil, time.Second).late() {
		t.Errorf("%+v", s)
	}
}
