package drill

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/fakeotlp"
	"github.com/theriac/theriac/internal/fakesentry"
	"github.com/theriac/theriac/quarantine"
)

// proofResult is what the drill came to, as --json prints it.
type proofResult struct {
	output.Head
	Drill     string `json:"drill"`
	Engine    string `json:"engine"`
	LatencyMS int64  `json:"latency_ms"`

	// Failures are attempts that failed and did not end their process, FailureEvents those of them
	// that are an event with the message's id.
	Failures      int `json:"failures"`
	FailureEvents int `json:"failure_events"`
	// Deaths are the processes that died, as their guardian counts, DeathEvents those of them that are
	// an event; DeathsNamed of DeathsToName name the message that ended the process, as culprit or as
	// suspect.
	Deaths       int `json:"deaths"`
	DeathEvents  int `json:"death_events"`
	DeathsToName int `json:"deaths_to_name"`
	DeathsNamed  int `json:"deaths_named"`
	// Kinds is how many ways of dying were tried.
	Kinds int `json:"kinds"`
	// Doubled are events too many: the same failure or death told of as another one. EventsTwice came
	// again under the same id, and are one event in Sentry: a worker died before it had noted that a
	// death was told of.
	Doubled     int `json:"doubled"`
	EventsTwice int `json:"events_twice"`
	// Spans are those that began, SpansArrived those of them that arrived with their ids and an end,
	// SpansOfTheDead those that ended with their process. SpansTwice came again under the same ids.
	Spans          int `json:"spans"`
	SpansArrived   int `json:"spans_arrived"`
	SpansOfTheDead int `json:"spans_of_the_dead"`
	SpansTwice     int `json:"spans_twice"`

	Seed     uint64    `json:"seed"`
	Build    string    `json:"build"`
	Host     host      `json:"host"`
	Started  time.Time `json:"started"`
	WallMS   int64     `json:"wall_ms"`
	Passed   bool      `json:"passed"`
	Problems []string  `json:"problems,omitempty"`
	KeptIn   string    `json:"kept_in,omitempty"`
}

// witnessed is what happened, and what was told of it.
type witnessed struct {
	// ways are those of the messages that fail, entries what became of them, both by key.
	ways    map[string]replica.Way
	entries map[string]quarantine.Entry
	deaths  int // in the guardian's log
	facts   facts
	ids     map[string]string // of messages, by key

	events      []fakesentry.Event
	eventsTwice int
	spans       map[string]fakeotlp.Span
	spansTwice  int
	refused     int // requests that were neither events nor spans
}

// poison notes a message that fails.
func (w *witnessed) poison(key string, way replica.Way, child bool) replica.Payload {
	w.ways[key] = way
	return replica.Payload{Key: key, Way: way.Name, Child: child}
}

func (*witnessed) good(key string, p replica.Payload) replica.Payload {
	p.Key = key
	return p
}

func (w *witnessed) over(key string, e quarantine.Entry) {
	if w.entries == nil {
		w.entries = map[string]quarantine.Entry{}
	}
	w.entries[key] = e
}

// complete reports whether nothing is missing any more.
func (w *witnessed) complete() bool {
	r := w.judge()
	return r.FailureEvents >= r.Failures && r.Deaths == len(w.facts.crashes) && r.DeathEvents >= r.Deaths && r.SpansArrived >= r.Spans
}

// judge compares what was told with what happened.
func (w *witnessed) judge() proofResult {
	r := proofResult{Head: output.NewHead(), Deaths: w.deaths, EventsTwice: w.eventsTwice, SpansTwice: w.spansTwice}
	kinds := map[string]bool{}
	for _, way := range w.ways {
		kinds[way.Name] = kinds[way.Name] || way.Kills()
	}
	for _, kills := range kinds {
		if kills {
			r.Kinds++
		}
	}
	var problems []string
	problems = append(problems, w.judgeFailures(&r)...)
	problems = append(problems, w.judgeDeaths(&r)...)
	problems = append(problems, w.judgeSpans(&r)...)
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	check(r.FailureEvents == r.Failures, "%d of %d failures are not told of", r.Failures-r.FailureEvents, r.Failures)
	check(r.DeathEvents == r.Deaths, "%d of %d deaths are not told of", r.Deaths-r.DeathEvents, r.Deaths)
	check(r.DeathsNamed == r.DeathsToName, "%d of %d deaths do not name their message", r.DeathsToName-r.DeathsNamed, r.DeathsToName)
	check(r.SpansArrived == r.Spans, "%d of %d spans are missing or have no end", r.Spans-r.SpansArrived, r.Spans)
	check(r.Doubled == 0, "%d events tell of what another one tells of", r.Doubled)
	check(w.refused == 0, "%d requests were neither events nor spans", w.refused)
	r.Problems, r.Passed = problems, len(problems) == 0
	return r
}

// judgeFailures counts the failures that a message survived. Of those the store knows at least one for
// each entry that is no death's; a message that failed in a process that was ended from outside right
// after ran once more, and each run failed.
func (w *witnessed) judgeFailures(r *proofResult) (problems []string) {
	byID := map[string]int{}
	for _, e := range w.events {
		if e.Level == "error" {
			byID[e.Tags["message_id"]]++
		}
	}
	for key, way := range w.ways {
		if way.Class != replica.Recovered && way.Name != replica.KilledAfterPanic {
			continue
		}
		runs, told := len(w.facts.of(key)), byID[w.ids[key]]
		least := w.entries[key].Totals.Failures
		switch {
		case way.Name == replica.KilledAfterPanic, !strings.HasPrefix(key, "poison-"):
			least = runs // nothing else died meanwhile
		}
		r.Failures += least
		r.FailureEvents += min(told, least)
		// A run whose process died before it had failed is a run without an event.
		if told > runs {
			r.Doubled += told - runs
			problems = append(problems, fmt.Sprintf("%d events tell of %d failures of %s", told, runs, key))
		}
		delete(byID, w.ids[key])
	}
	for id, n := range byID {
		problems = append(problems, fmt.Sprintf("%d events tell of failures of %s, which has none", n, id))
	}
	return problems
}

// judgeDeaths compares deaths with their events. Which message ended a process says the drill's own
// ledger: the one that was told to, and ran there.
func (w *witnessed) judgeDeaths(r *proofResult) (problems []string) {
	byID := map[string]fakesentry.Event{}
	for _, e := range w.events {
		if e.Level == "fatal" {
			byID[e.ID] = e
		}
	}
	for _, c := range w.facts.crashes {
		event, told := byID[strings.ToLower(strings.ReplaceAll(c.ID, "-", ""))]
		if !told {
			continue
		}
		r.DeathEvents++
		guilty := w.guilty(c)
		if guilty == "" {
			continue
		}
		r.DeathsToName++
		if names(event, guilty) {
			r.DeathsNamed++
		} else {
			problems = append(problems, fmt.Sprintf("the event of a death (%s, %s) does not name %s: %v", c.Kind, c.Exit, guilty, event.Tags))
		}
	}
	if extra := len(byID) - len(w.facts.crashes); extra > 0 {
		r.Doubled += extra
		problems = append(problems, fmt.Sprintf("%d events tell of deaths that nobody reported", extra))
	}
	return problems
}

// guilty returns the id of the message that ended a process, "" where it was over by then or the
// process was ended for another reason.
func (w *witnessed) guilty(c handlers.Crash) string {
	for _, run := range slices.Backward(w.facts.runs) {
		way := w.ways[run.Key]
		if run.PID != c.PID || !way.Kills() || way.Name == replica.KilledAfterPanic || way.Late {
			continue
		}
		return w.ids[run.Key]
	}
	return ""
}

// names reports whether an event names a message as its culprit or as one of its suspects.
func names(e fakesentry.Event, id string) bool {
	if e.Tags["message_id"] == id {
		return true
	}
	for tag, value := range e.Tags {
		if strings.HasPrefix(tag, "suspect.") && value == id {
			return true
		}
	}
	return false
}

// judgeSpans looks for every span that a handler saw.
func (w *witnessed) judgeSpans(r *proofResult) (problems []string) {
	for _, run := range w.facts.runs {
		if run.Span == "" {
			problems = append(problems, fmt.Sprintf("a run of %s has no span", run.Key))
		}
		for _, name := range []string{run.Span, run.Child} {
			if name == "" {
				continue
			}
			r.Spans++
			if s, ok := w.spans[name]; ok && !s.End.IsZero() && !s.End.Before(s.Start) {
				r.SpansArrived++
				continue
			}
			problems = append(problems, fmt.Sprintf("span %s of %s in %s process %d, from %s on, is missing or has no end (below the attempt's: %t)",
				name, run.Key, run.Role, run.PID, run.began.UTC().Format(time.RFC3339Nano), name == run.Child))
		}
	}
	for _, s := range w.spans {
		if s.Attributes["theriac.crash.id"] != "" {
			r.SpansOfTheDead++
		}
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}

func (o *options) showProof(t *cli.Tool, r proofResult) error {
	if o.json {
		return writeLine(t, r)
	}
	w := t.Out()
	r.print(w)
	return w.Err()
}

func (r proofResult) print(w *term.Writer) {
	if r.Passed {
		w.Paint(term.Green, "PASSED")
	} else {
		w.Paint(term.Red, "FAILED")
	}
	w.Printf("  drill %s on %s, answers after %s, in %s\n", r.Drill, r.Engine, millis(r.LatencyMS), (time.Duration(r.WallMS) * time.Millisecond).Round(100*time.Millisecond).String())
	for _, p := range r.Problems {
		w.Printf("  %s\n", p)
	}
	if r.KeptIn != "" {
		w.Printf("  kept in %s\n", r.KeptIn)
	}
	w.Printf("\nfailures  %s, told of with their message: %s\n", thousands(r.Failures), thousands(r.FailureEvents))
	w.Printf("deaths    %s of %s, told of: %s; %s of %s name the message that killed\n",
		thousands(r.Deaths), plural(r.Kinds, "kind"), thousands(r.DeathEvents), thousands(r.DeathsNamed), thousands(r.DeathsToName))
	w.Printf("spans     %s, arrived and ended: %s, %s of them ended with their process; %s came again\n",
		thousands(r.Spans), thousands(r.SpansArrived), thousands(r.SpansOfTheDead), thousands(r.SpansTwice))
	w.Printf("events too many: %d; %d came again, which Sentry takes for one\n", r.Doubled, r.EventsTwice)
	w.Printf("seed %d, build %s, %s/%s, %d CPUs\n", r.Seed, r.Build, r.Host.OS, r.Host.Arch, r.Host.CPUs)
}
