package drill

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/fakeotlp"
	"github.com/theriac/theriac/internal/fakesentry"
	"github.com/theriac/theriac/quarantine"
)

// TestProof_Short is the drill in small: one way of each kind to die. All of them are for make evidence.
func TestProof_Short(t *testing.T) {
	t.Parallel()
	d := newTestDrill(t)
	o := &proof{panics: 50, deaths: 13, latency: 50 * time.Millisecond}
	o.ways = []string{"child-panic", "map-write", "os-exit", "late-panic", "sigkill"} // and killed-after-panic
	kinds, err := o.kinds()
	if err != nil {
		t.Fatal(err)
	}
	r, err := o.on(t.Context(), d, engineEmbedded, kinds)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems {
		t.Error(p)
	}
	if r.Failures < 50 || r.Deaths < 13 || r.Kinds != 6 || r.Spans < 80 || r.SpansOfTheDead == 0 {
		t.Errorf("too little happened: %+v", r)
	}
	showLogs(t, r.KeptIn)
}

// aWitness saw one panic, one death of a worker and one of its ward, and all evidence of them.
func aWitness(t *testing.T) *witnessed {
	t.Helper()
	panics, _ := replica.Find("panic")
	dies, _ := replica.Find("child-panic")
	w := &witnessed{ways: map[string]replica.Way{}, ids: map[string]string{"panic-1": "id-1", "poison-1": "id-2"}, deaths: 2, spans: map[string]fakeotlp.Span{}}
	w.poison("panic-1", panics, false)
	w.poison("poison-1", dies, false)
	w.over("panic-1", quarantine.Entry{Totals: handlers.Totals{Failures: 1}})
	run := func(key, id, span string, pid int) {
		w.facts.runs = append(w.facts.runs, &handlerRun{Began: replica.Began{Key: key, ID: id, PID: pid, Span: span}})
		w.spans[span] = fakeotlp.Span{End: time.Unix(1, 0)}
	}
	run("panic-1", "id-1", "t 1", 10)
	run("poison-1", "id-2", "t 2", 10)
	run("poison-1", "id-2", "t 3", 11)
	w.facts.crashes = map[string]handlers.Crash{"A-1": {ID: "A-1", PID: 10}, "a-2": {ID: "a-2", PID: 11}}
	w.events = []fakesentry.Event{
		{ID: "e1", Level: "error", Tags: map[string]string{"message_id": "id-1"}},
		{ID: "a1", Level: "fatal", Tags: map[string]string{"suspect.1": "id-9", "suspect.2": "id-2"}},
		{ID: "a2", Level: "fatal", Tags: map[string]string{"message_id": "id-2"}},
	}
	return w
}

// TestProof_Judge plants one fault each.
func TestProof_Judge(t *testing.T) {
	t.Parallel()
	if r := aWitness(t).judge(); !r.Passed || r.Failures != 1 || r.DeathsNamed != 2 || r.SpansArrived != 3 || r.Kinds != 1 {
		t.Fatalf("all is well, and it says %+v", r)
	}
	for name, tt := range map[string]struct {
		plant func(w *witnessed)
		says  string
	}{
		"a failure is not told of": {func(w *witnessed) { w.events = w.events[1:] }, "1 of 1 failures are not told of"},
		"a failure is told of twice": {func(w *witnessed) {
			w.events = append(w.events, fakesentry.Event{ID: "e2", Level: "error", Tags: map[string]string{"message_id": "id-1"}})
		}, "2 events tell of 1 failures of panic-1"},
		"a failure of nobody's": {func(w *witnessed) {
			w.events = append(w.events, fakesentry.Event{ID: "e2", Level: "error", Tags: map[string]string{"message_id": "id-7"}})
		}, "1 events tell of failures of id-7"},
		"a death is not told of":    {func(w *witnessed) { w.events = w.events[:2] }, "1 of 2 deaths are not told of"},
		"a death was not reported":  {func(w *witnessed) { w.deaths++ }, "1 of 3 deaths are not told of"},
		"a death that never was":    {func(w *witnessed) { w.events = append(w.events, fakesentry.Event{ID: "a9", Level: "fatal"}) }, "1 events tell of what another one tells of"},
		"a death names an innocent": {func(w *witnessed) { w.events[2].Tags["message_id"] = "id-1" }, "1 of 2 deaths do not name their message"},
		"a span is missing":         {func(w *witnessed) { delete(w.spans, "t 2") }, "1 of 3 spans are missing"},
		"a span has no end":         {func(w *witnessed) { w.spans["t 2"] = fakeotlp.Span{} }, "1 of 3 spans are missing or have no end"},
		"a run has no span":         {func(w *witnessed) { w.facts.runs[0].Span = "" }, "a run of panic-1 has no span"},
		"something else was posted": {func(w *witnessed) { w.refused = 1 }, "1 requests were neither events nor spans"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := aWitness(t)
			tt.plant(w)
			r := w.judge()
			if r.Passed || !slices.ContainsFunc(r.Problems, func(p string) bool { return strings.Contains(p, tt.says) }) {
				t.Errorf("problems %q, want %q", r.Problems, tt.says)
			}
		})
	}
}

func TestProof_Screen(t *testing.T) {
	t.Parallel()
	golden(t, "evidence.txt", func(w *term.Writer) {
		proofResult{
			Drill: "evidence", Engine: engineEmbedded, LatencyMS: 50, Failures: 1234, FailureEvents: 1233, Deaths: 200, DeathEvents: 200, DeathsToName: 190,
			DeathsNamed: 190, Kinds: 19, Spans: 2345, SpansArrived: 2345, SpansOfTheDead: 400, SpansTwice: 3, Seed: 7, Build: "v1", Host: aHost(), WallMS: 12_345,
			Problems: []string{"1 of 1234 failures are not told of"}, KeptIn: "/tmp/theriac-drill-1",
		}.print(w)
	})
}
