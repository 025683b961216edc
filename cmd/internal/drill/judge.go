package drill

import (
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/fakesentry"
	"github.com/theriac/theriac/quarantine"
)

// evidence is everything that a row's result is counted from.
type evidence struct {
	row row
	facts
	// published are the ids that the broker gave, by key.
	published map[string]string
	// entries are all that the quarantine holds or held, the poison's with its attempts.
	entries []quarantine.Entry
	// deathsOf are deaths by role, as the guardians logged them.
	deathsOf map[string]int
	web      webCount
	events   []fakesentry.Event
	// settledAt is when everything had come to an end, zero if it did not.
	settledAt time.Time
	// perHang is how long a handler that hangs is left alone.
	perHang time.Duration
	wall    time.Duration
}

// knownAfter is how long replicas may take to learn what another has held: two looks at the store.
const knownAfter = 500 * time.Millisecond

// keyAttribute is the attribute by which an entry tells which message it is.
const keyAttribute = "drill-key"

// judge counts. It is pure.
func judge(e evidence) result {
	r := result{
		Head: output.NewHead(), Way: e.row.way.Name, InFlight: e.row.inFlight, Replicas: e.row.replicas,
		Expected: e.row.way.Expected, Engine: e.row.engine, Run: e.row.run, Class: e.row.way.Class,
		WorkerDeaths: e.deathsOf[replica.RoleWorker], WardDeaths: e.deathsOf[replica.RoleWard],
		WebFailures: e.web.failed, WebRequests: e.web.served, WebSlowestMS: e.web.slowest.Milliseconds(),
		WallMS: e.wall.Milliseconds(),
	}
	for key := range e.published {
		done, held := e.commits[key], e.held(key)
		if done == 0 && !held {
			r.Lost++
		}
		r.Duplicates += max(done-1, 0)
		r.Repeated += max(len(e.of(key))-1, 0)
		if held && key != poisonKey {
			r.InnocentsQuarantined++
		}
	}
	r.Ended = e.ending()
	r.Named, r.Stack = e.named(), e.stackKept()
	own := e.own()
	r.OwnMS, r.ContainedMS = own.Milliseconds(), e.contained().Milliseconds()
	r.Events = len(e.telling(e.published[poisonKey]))
	r.BystandersMS = e.bystanders().Milliseconds()
	r.Problems = e.problems(r)
	r.Passed = len(r.Problems) == 0
	return r
}

func (e evidence) held(key string) bool {
	return slices.ContainsFunc(e.entries, func(q quarantine.Entry) bool { return q.Message.Attributes[keyAttribute] == key })
}

// entry is the poison's, if it is held.
func (e evidence) entry() (quarantine.Entry, bool) {
	i := slices.IndexFunc(e.entries, func(q quarantine.Entry) bool { return q.Message.Attributes[keyAttribute] == poisonKey })
	if i < 0 {
		return quarantine.Entry{}, false
	}
	return e.entries[i], true
}

// ending is what became of the poison.
func (e evidence) ending() string {
	switch {
	case e.held(poisonKey):
		return string(replica.Held)
	case e.commits[poisonKey] > 0:
		return "done"
	default:
		return "lost"
	}
}

// reasonOf is what the quarantine must call the poison of a class.
func reasonOf(c replica.Class) handlers.Reason {
	switch c {
	case replica.Recovered:
		return handlers.ReasonFailed
	case replica.Hung:
		return handlers.ReasonHung
	default:
		return handlers.ReasonCrashed
	}
}

// named reports whether the poison is named: by its entry and, where it killed a worker, by the
// report of that death. Of an unattributed death it reports whether all candidates are.
func (e evidence) named() bool {
	death, died := e.firstDeath()
	if e.row.way.Expected == replica.Unattributed {
		return died && e.candidates(death)
	}
	entry, held := e.entry()
	if !held || entry.Reason != reasonOf(e.row.way.Class) {
		return false
	}
	return !e.row.way.Kills() || died && partOf(death, e.published[poisonKey]).Alone()
}

// firstDeath is the first death of a worker that was reported.
func (e evidence) firstDeath() (handlers.Crash, bool) {
	for _, c := range e.deaths() {
		if !c.Alone && c.Role == replica.RoleWorker {
			return c, true
		}
	}
	return handlers.Crash{}, false
}

// partOf is the part of a message in a death, "" if it is not in the report.
func partOf(c handlers.Crash, id string) handlers.Part {
	for _, m := range c.InFlight {
		if m.ID == id {
			return m.Part
		}
	}
	return ""
}

// candidates reports whether a death that is nobody's names all who can have caused it: the messages
// that were in the process, and after a late death the one that had started the goroutine.
func (e evidence) candidates(death handlers.Crash) bool {
	for _, r := range e.diedIn(death) {
		if partOf(death, e.published[r.Key]) == "" {
			return false
		}
	}
	if e.row.way.Late {
		return death.StartedBy != ""
	}
	return partOf(death, e.published[poisonKey]) != ""
}

// stackKept reports whether a stack is kept where somebody would look: in the report of the death,
// or with the attempts that failed.
func (e evidence) stackKept() bool {
	if e.row.way.Kills() {
		death, died := e.firstDeath()
		return died && death.Stack != ""
	}
	entry, held := e.entry()
	return held && slices.ContainsFunc(entry.Attempts, func(a handlers.Attempt) bool { return len(a.Stack) > 0 })
}

// contained is the time from the first run of the poison until it was contained.
func (e evidence) contained() time.Duration {
	runs := e.of(poisonKey)
	if len(runs) == 0 {
		return 0
	}
	until := e.settledAt
	if e.row.way.Expected == replica.Held {
		entry, held := e.entry()
		if !held {
			return 0
		}
		until = entry.HeldAt
	}
	return max(until.Sub(runs[0].began), 0)
}

// ranAfterHeld reports whether the poison began another run once it was in quarantine, and the
// replicas had a while to learn of it.
func (e evidence) ranAfterHeld() bool {
	entry, held := e.entry()
	if !held {
		return false
	}
	return slices.ContainsFunc(e.of(poisonKey), func(r *handlerRun) bool { return r.began.After(entry.HeldAt.Add(knownAfter)) })
}

// telling returns the events that name a message, or tell of an unattributed death.
func (e evidence) telling(id string) (telling []fakesentry.Event) {
	for _, event := range e.events {
		if event.Tags["message_id"] == id || e.row.way.Expected == replica.Unattributed && event.Level == "fatal" {
			telling = append(telling, event)
		}
	}
	return telling
}

// own is the part of that time that is the handler's own.
func (e evidence) own() (own time.Duration) {
	if !e.row.way.OwnTime {
		return 0
	}
	for _, r := range e.of(poisonKey) {
		switch {
		case e.row.way.Class == replica.Hung:
			own += e.perHang
		case !r.ended.IsZero():
			own += r.ended.Sub(r.began)
		}
	}
	return own
}

// bystanders is how long after the first death the last of those who died with it ran again.
func (e evidence) bystanders() (longest time.Duration) {
	death, died := e.firstDeath()
	if !died {
		return 0
	}
	for _, r := range e.diedIn(death) {
		if again := e.again(r); again != nil {
			longest = max(longest, again.began.Sub(death.Died))
		}
	}
	return longest
}

// diedIn returns the runs of good messages that died with a process: those whose connection broke, or
// that had to run again.
func (e evidence) diedIn(death handlers.Crash) (died []*handlerRun) {
	for _, r := range e.runs {
		inIt := r.PID == death.PID && r.Key != poisonKey && r.began.Before(death.Died)
		if inIt && (r.broken || e.again(r) != nil) {
			died = append(died, r)
		}
	}
	return died
}

// again is the next run of a message in another process, nil if there is none.
func (e evidence) again(r *handlerRun) *handlerRun {
	for _, later := range e.of(r.Key) {
		if later.PID != r.PID && later.began.After(r.began) {
			return later
		}
	}
	return nil
}

// problems says what is not as it should be, the worst first.
func (e evidence) problems(r result) (problems []string) {
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	want := string(r.Expected)
	if r.Expected == replica.Unattributed {
		want = "done"
	}
	most := 0
	if e.row.way.Kills() {
		most = 1
	}
	check(r.Lost == 0, "%d messages are lost", r.Lost)
	check(r.InnocentsQuarantined == 0, "%d innocents are in quarantine", r.InnocentsQuarantined)
	check(r.Duplicates == 0, "%d effects happened twice", r.Duplicates)
	check(r.WorkerDeaths <= most, "%d workers died, at most %d may", r.WorkerDeaths, most)
	check(r.WorkerDeaths >= most, "nothing died: the way was not tried")
	check(e.deathsOf[replica.RoleWeb] == 0, "%d web servers died", e.deathsOf[replica.RoleWeb])
	check(r.WebFailures == 0, "%d web requests failed, the last: %s", r.WebFailures, e.web.last)
	check(r.WebRequests > 0, "no web request was made")
	check(r.Ended == want, "the message is %s, not %s", r.Ended, want)
	check(r.Named, "nobody is named")
	check(r.Stack || !e.row.way.Stack, "no stack is kept")
	check(r.Events > 0, "no event of it reached the error tracker")
	check(!e.ranAfterHeld(), "the message ran again after it was held")
	check(!e.settledAt.IsZero(), "it did not come to an end in time")
	return problems
}
