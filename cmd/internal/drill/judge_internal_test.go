package drill

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/fakesentry"
	"github.com/theriac/theriac/quarantine"
)

// start is when the poison of the evidence below ran first.
func start() time.Time { return time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC) }

func after(ms int) time.Time { return start().Add(time.Duration(ms) * time.Millisecond) }

// goodEvidence is of a row that went as it should: one worker and one ward died.
func goodEvidence(t *testing.T) evidence {
	t.Helper()
	way, ok := replica.Find("child-panic")
	if !ok {
		t.Fatal("there is no such way")
	}
	ran := func(key string, pid, began, ended int, broken bool) *handlerRun {
		return &handlerRun{Began: replica.Began{Replica: 1, PID: pid, Key: key, ID: "id of " + key}, began: after(began), ended: after(ended), broken: broken}
	}
	return evidence{
		row: row{way: way, inFlight: 2, replicas: 1, engine: engineEmbedded, run: 1},
		facts: facts{
			runs: []*handlerRun{
				ran("good-1", 10, -50, 30, true), ran("good-2", 10, -40, 29, false), ran(poisonKey, 10, 0, 30, true),
				ran("good-1", 11, 90, 91, false), ran("good-2", 11, 130, 131, false), ran(poisonKey, 20, 100, 110, true),
			},
			commits: map[string]int{"good-1": 1, "good-2": 1},
			crashes: map[string]handlers.Crash{
				"a": {ID: "a", Role: replica.RoleWorker, PID: 10, Died: after(30), Stack: "goroutine 7 [running]:", InFlight: []handlers.InFlight{
					{Part: handlers.PartCulprit, ID: "id of poison"}, {Part: handlers.PartBystander, ID: "id of good-1"}, {Part: handlers.PartBystander, ID: "id of good-2"},
				}},
				"b": {ID: "b", Role: replica.RoleWorker, PID: 20, Died: after(110), Alone: true},
			},
		},
		published: map[string]string{"good-1": "id of good-1", "good-2": "id of good-2", poisonKey: "id of poison"},
		entries: []quarantine.Entry{{
			Message: handlers.Message{ID: "id of poison", Attributes: map[string]string{keyAttribute: poisonKey}},
			Reason:  handlers.ReasonCrashed, HeldAt: after(150),
		}},
		deathsOf:  map[string]int{replica.RoleWorker: 1, replica.RoleWard: 1},
		web:       webCount{served: 100},
		events:    []fakesentry.Event{{Level: "fatal", Tags: map[string]string{"message_id": "id of poison"}}},
		settledAt: after(400),
	}
}

func entryOf(key string) quarantine.Entry {
	return quarantine.Entry{Message: handlers.Message{Attributes: map[string]string{keyAttribute: key}}}
}

func TestJudge_Good(t *testing.T) {
	t.Parallel()
	r := judge(goodEvidence(t))
	if !r.Passed || len(r.Problems) > 0 {
		t.Errorf("it did not pass: %v", r.Problems)
	}
	if r.ContainedMS != 150 || r.BystandersMS != 100 || r.WorkerDeaths != 1 || r.WardDeaths != 1 || r.Repeated != 3 || !r.Named || !r.Stack {
		t.Errorf("counted %+v", r)
	}
}

// TestJudge_Problems spoils one thing at a time: each must be found.
func TestJudge_Problems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(e *evidence)
		want  string
	}{
		"lost":            {func(e *evidence) { delete(e.commits, "good-1") }, "1 messages are lost"},
		"poison lost":     {func(e *evidence) { e.entries = nil }, "the message is lost, not held"},
		"poison done":     {func(e *evidence) { e.entries, e.commits[poisonKey] = nil, 1 }, "the message is done, not held"},
		"innocent":        {func(e *evidence) { e.entries = append(e.entries, entryOf("good-2")) }, "1 innocents are in quarantine"},
		"done twice":      {func(e *evidence) { e.commits["good-1"] = 2 }, "1 effects happened twice"},
		"two deaths":      {func(e *evidence) { e.deathsOf[replica.RoleWorker] = 2 }, "2 workers died, at most 1 may"},
		"no death":        {func(e *evidence) { e.deathsOf[replica.RoleWorker] = 0 }, "nothing died"},
		"web died":        {func(e *evidence) { e.deathsOf[replica.RoleWeb] = 1 }, "1 web servers died"},
		"web failed":      {func(e *evidence) { e.web.failed, e.web.last = 1, "EOF" }, "1 web requests failed, the last: EOF"},
		"no web":          {func(e *evidence) { e.web.served = 0 }, "no web request was made"},
		"other reason":    {func(e *evidence) { e.entries[0].Reason = handlers.ReasonFailed }, "nobody is named"},
		"no report":       {func(e *evidence) { delete(e.crashes, "a") }, "nobody is named"},
		"bystander":       {func(e *evidence) { e.crashes["a"].InFlight[0].Part = handlers.PartBystander }, "nobody is named"},
		"no stack":        {func(e *evidence) { c := e.crashes["a"]; c.Stack = ""; e.crashes["a"] = c }, "no stack is kept"},
		"no event":        {func(e *evidence) { e.events[0].Tags = nil }, "no event of it reached the error tracker"},
		"ran after held":  {func(e *evidence) { e.runs[5].began = after(700) }, "the message ran again after it was held"},
		"did not end":     {func(e *evidence) { e.settledAt = time.Time{} }, "it did not come to an end in time"},
		"recovered, died": {func(e *evidence) { e.row.way.Class = replica.Recovered }, "1 workers died, at most 0 may"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := goodEvidence(t)
			tt.spoil(&e)
			r := judge(e)
			if r.Passed || !slices.ContainsFunc(r.Problems, func(p string) bool { return strings.HasPrefix(p, tt.want) }) {
				t.Errorf("problems %q, want %q", r.Problems, tt.want)
			}
		})
	}
}

// unattributed makes the evidence that of a death that is nobody's.
func unattributed(e *evidence) {
	e.row.way.Expected = replica.Unattributed
	e.entries, e.commits[poisonKey] = nil, 1
	for i := range e.crashes["a"].InFlight {
		e.crashes["a"].InFlight[i].Part = handlers.PartSuspect
	}
}

func TestJudge_Unattributed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(e *evidence)
		named bool
	}{
		"all are named":          {func(*evidence) {}, true},
		"the poison is not":      {func(e *evidence) { e.crashes["a"].InFlight[0].ID = "other" }, false},
		"a candidate is not":     {func(e *evidence) { e.crashes["a"].InFlight[1].ID = "other" }, false},
		"late, nobody started":   {func(e *evidence) { e.row.way.Late = true }, false},
		"late, somebody started": {func(e *evidence) { e.row.way.Late = true; c := e.crashes["a"]; c.StartedBy = "x"; e.crashes["a"] = c }, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := goodEvidence(t)
			unattributed(&e)
			tt.spoil(&e)
			r := judge(e)
			if r.Named != tt.named || r.Passed != tt.named || r.ContainedMS != 400 || r.Ended != "done" {
				t.Errorf("named %t, passed %t (%v), contained after %d ms, ended %s", r.Named, r.Passed, r.Problems, r.ContainedMS, r.Ended)
			}
		})
	}
}

func TestJudge_OwnTime(t *testing.T) {
	t.Parallel()
	e := goodEvidence(t)
	e.row.way.OwnTime = true
	if r := judge(e); r.OwnMS != 40 {
		t.Errorf("own time of two runs of 30 and 10 ms: %d ms", r.OwnMS)
	}
	e.row.way.Class, e.perHang = replica.Hung, 2*time.Second
	if r := judge(e); r.OwnMS != 4000 {
		t.Errorf("own time of two hangs of 2 s: %d ms", r.OwnMS)
	}
}
