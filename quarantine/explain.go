package quarantine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Explanation is the text behind "why", as facts that surfaces lay out. Every
// text is one printable line. A field that cannot be known is empty.
type Explanation struct {
	// Ref, MessageID, Subscription, Published and Held head it.
	Ref, MessageID, Subscription string
	Published, Held              time.Time
	// Group is the group's reference, GroupEntries how many entries it has.
	Group        string
	GroupEntries int64
	// Care says who looks after the group and until when it is quiet, "" if nobody
	// does and it is not.
	Care string
	// State and Version are where it stands; Standing says it in a sentence, with
	// who decided, when and why.
	State    State
	Version  int64
	Standing string
	// Kind is what happened, in a sentence.
	Kind string
	// WhyThis are the reasons for holding this message, in order.
	WhyThis []string
	// Where is the first frame that is ours; Build the version that decided.
	Where, Build string
	// Odd are the ways in which the message differs from the last good one; nil
	// while there is nothing to compare with.
	Odd []OddField
	// CrashReports are the references of the deaths in which it had to run alone
	// ("C-4M2P"), newest first.
	CrashReports []string
	// History counts its runs; LikeIt tells of the others of its group.
	History, LikeIt string
	// Hint is for the operator.
	Hint string
}

// OddField is one difference in shape from the last good message.
type OddField struct {
	// Path is the place in the payload, Here and Good what stands there in this
	// message and in the last good one: types and sizes, never values.
	Path, Here, Good string
}

// Explain says why an entry is held. It is pure: the entry with its attempts
// ([Service.EntryGet]), its group and the present time are all that it uses.
func Explain(e Entry, g Group, now time.Time) Explanation {
	x := Explanation{
		Ref: e.Ref, MessageID: clean(e.Message.ID, 256), Subscription: clean(e.Subscription, 256),
		Published: e.Message.PublishedAt, Held: e.HeldAt,
		Group: e.Group, State: e.State, Version: e.Version,
		Where: clean(e.Where, titleMax), Build: clean(e.Build, titleMax), Hint: clean(e.Hint, 512),
	}
	for _, n := range g.Counts {
		x.GroupEntries += n
	}
	x.Standing = explainState(e, now)
	x.Kind = explainKind(e)
	x.WhyThis = explainVerdict(e)
	x.CrashReports = e.CrashReports
	x.History = explainHistory(e)
	x.Care = explainCare(g, now)
	x.LikeIt = explainGroup(e, g, x.GroupEntries, now)
	return x
}

// explainCare says who looks after a group.
func explainCare(g Group, now time.Time) string {
	var parts []string
	if d := g.Taken; g.IsTaken() {
		care := "taken by " + clean(d.Actor.Name, 128) + " at " + clock(d.At)
		if reason := clean(d.Reason, 256); reason != "" {
			care += ": " + reason
		}
		parts = append(parts, care)
	}
	if g.IsSnoozed(now) {
		parts = append(parts, "quiet until "+clock(g.SnoozedUntil))
	}
	return strings.Join(parts, "   ")
}

// explainKind says what happened.
func explainKind(e Entry) string {
	what := clean(e.Title, titleMax)
	kind := map[handlers.Reason]string{
		handlers.ReasonFailed:      "failed",
		handlers.ReasonCrashed:     "crashed",
		handlers.ReasonHung:        "hung",
		handlers.ReasonPermanent:   "failed for good",
		handlers.ReasonUndecodable: "cannot be decoded",
		handlers.ReasonParked:      "parked behind a held message of its ordering key",
		handlers.ReasonManual:      "held by a person",
		handlers.ReasonRule:        "held by a rule",
	}[e.Reason]
	if kind == "" {
		kind = clean(string(e.Reason), 64)
	}
	last, ok := decidingAttempt(e)
	if ok && last.Outcome == handlers.OutcomePanicked && e.Reason == handlers.ReasonFailed {
		kind, what = "panicked", strings.TrimPrefix(what, "panic: ")
	}
	if what == "" || strings.HasPrefix(what, kind) {
		return strings.TrimSpace(kind + strings.TrimPrefix(what, kind))
	}
	return kind + ": " + what
}

// explainVerdict gives the reasons, the strongest first.
func explainVerdict(e Entry) []string {
	var why []string
	last, ok := decidingAttempt(e)
	deaths := explainDeaths(e)
	if ok && !last.Started.IsZero() && len(deaths) == 0 {
		why = append(why, fmt.Sprintf("its run at %s ended as %s after %s, on build %s",
			clock(last.Started), last.Outcome, span(last.Ended.Sub(last.Started)), or(clean(last.Build, titleMax), "unknown")))
	}
	switch e.Reason {
	case handlers.ReasonFailed, handlers.ReasonHung:
		why = append(why, fmt.Sprintf("it failed %s over all replicas since its last success: as often as the policy allows", times(e.Totals.Failures)))
	case handlers.ReasonCrashed:
		if len(deaths) == 0 {
			deaths = []string{fmt.Sprintf("it killed its process %s: as often as the policy allows", times(e.Totals.Crashes))}
		}
		why = append(why, deaths...)
	case handlers.ReasonPermanent:
		why = append(why, "the handler said that running it again cannot mend it")
	case handlers.ReasonUndecodable:
		why = append(why, fmt.Sprintf("its payload of %d bytes could not be decoded; the bytes are kept as received", e.Size))
	}
	switch e.Confidence {
	case handlers.ConfidenceCertain:
		why = append(why, "certain: its own run ended badly in plain sight")
	case handlers.ConfidenceProvenAlone:
		why = append(why, "proven: it died alone, with no other message near")
	case handlers.ConfidenceSuspected:
		why = append(why, "suspected: it was in flight at a death; nothing proves it")
	}
	if e.Degraded {
		why = append(why, "some of its evidence could not be stored; the message is whole")
	}
	return why
}

// explainDeaths tells of the deaths that were counted, oldest first, and after the
// last how many there were. A run in a ward names no worker.
func explainDeaths(e Entry) []string {
	if e.Reason != handlers.ReasonCrashed {
		return nil
	}
	var deaths []string
	for _, a := range e.Attempts {
		if a.Outcome == handlers.OutcomeOK {
			break // it clears the totals
		}
		if a.Outcome != handlers.OutcomeCrashed || a.Replay {
			continue
		}
		death := "died alone in a fresh ward process, " + clock(a.Ended)
		if a.Worker != "" {
			death = fmt.Sprintf("the first goroutine of the crash carries the label of this delivery, %s on worker %s",
				clock(a.Ended), clean(a.Worker, 128))
		}
		deaths = append(deaths, death)
	}
	slices.Reverse(deaths)
	if n := len(deaths); n > 0 {
		deaths[n-1] += fmt.Sprintf(": %d of %s counted", n, plural(int64(max(n, e.Totals.Crashes)), "death"))
	}
	return deaths
}

// decidingAttempt is the last attempt that was no replay.
func decidingAttempt(e Entry) (handlers.Attempt, bool) {
	for _, a := range e.Attempts {
		if !a.Replay {
			return a, true
		}
	}
	return handlers.Attempt{}, false
}

// explainState says where it stands and who brought it there.
func explainState(e Entry, now time.Time) string {
	var s string
	switch e.State {
	case StateHeld:
		s = "held for " + age(e.HeldAt, now) + ", waits for a person"
	case StateReplaying:
		s = "to run again, no worker has taken it yet"
		if e.Claim != "" {
			s = "running again now"
		}
	case StateReplayed:
		s = "ran again and succeeded"
	case StateDiscarded:
		s = "discarded, will never run"
	default:
		s = clean(string(e.State), 64)
	}
	if d := e.Decided; d.Actor.Name != "" {
		s += fmt.Sprintf("; last decided by %s %s ago", clean(d.Actor.Name, 128), age(d.At, now))
		if d.Reason != "" {
			s += ": " + clean(d.Reason, 512)
		}
	}
	return s
}

// explainHistory counts its runs.
func explainHistory(e Entry) string {
	if len(e.Attempts) == 0 {
		return fmt.Sprintf("failures %d   crashes %d   replays %d", e.Totals.Failures, e.Totals.Crashes, e.Replays)
	}
	var ends []string
	for _, a := range e.Attempts[:min(len(e.Attempts), 5)] {
		end := a.Outcome.String()
		if a.Replay {
			end += " (replay)"
		}
		ends = append(ends, end)
	}
	more := ""
	if len(e.Attempts) > len(ends) {
		more = ", …"
	}
	return fmt.Sprintf("%s recorded, newest first: %s%s   failures %d   crashes %d   replays %d",
		plural(int64(len(e.Attempts)), "attempt"), strings.Join(ends, ", "), more,
		e.Totals.Failures, e.Totals.Crashes, e.Replays)
}

// explainGroup tells of the others of its group.
func explainGroup(e Entry, g Group, total int64, now time.Time) string {
	if e.Group == "" {
		return ""
	}
	if total <= 1 {
		return "nothing else in " + e.Group
	}
	s := fmt.Sprintf("%s in %s, %d of them held, first %s ago, last %s ago",
		plural(total-1, "other"), e.Group, g.Counts[StateHeld], age(g.First, now), age(g.Last, now))
	if len(g.Builds) > 0 {
		s += ", on " + clean(strings.Join(g.Builds, " "), titleMax)
	}
	return s
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// span is a duration with three figures at most.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "an unknown time"
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(10 * time.Millisecond).String()
	}
}

// age is how long ago t was, in its largest unit.
func age(t, now time.Time) string {
	d := max(now.Sub(t), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d/time.Hour))
	default:
		return fmt.Sprintf("%dd", int(d/(24*time.Hour)))
	}
}
