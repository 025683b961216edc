package quarantine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/theriac/theriac/handlers"
)

// DeathTitle says in one printable line what a process died of: in the runtime's
// words where it had any ("nil pointer dereference", "fatal error: concurrent map
// writes"), else how it ended ("signal killed").
func DeathTitle(c handlers.Crash) string {
	if clean(c.Text, titleMax) != "" {
		return clean(deathTitle(handlers.Attempt{Panic: c.Text}), titleMax)
	}
	for _, text := range []string{clean(c.Kind, titleMax), clean(c.Exit, titleMax)} {
		if text != "" && text != "unknown" {
			return text
		}
	}
	return "died and said nothing"
}

// DeathEvidence says in one printable line what a verdict on a death rests on.
func DeathEvidence(c handlers.Crash) string {
	tier := map[string]string{
		"A": "the crash names its message",
		"B": "the crash names whoever noticed",
		"C": "the crash names nobody who was in flight",
		"D": "it died silently",
		"N": "no message is to blame",
	}[c.Tier]
	switch reason := clean(c.Reason, titleMax); {
	case tier == "":
		return reason
	case reason == "":
		return tier
	default:
		return tier + ": " + reason
	}
}

// DeathVerdict says in a few printable words who is to blame for a death, and what
// became of its suspects.
func DeathVerdict(r CrashReport) string {
	n := 0
	for _, s := range SuspectStates() {
		n += r.Suspects[s]
	}
	switch {
	case n == 0 && r.Tier == "N" && r.Reason != "":
		return "nobody: " + clean(r.Reason, titleMax)
	case n == 0:
		return "nobody"
	case r.Alone:
		return "died alone" + openSuspects(r.Suspects, 1)
	case r.Tier == "A":
		return "culprit named" + openSuspects(r.Suspects, n)
	case len(r.InFlight) > 0 && r.InFlight[0].Part == handlers.PartTimedOut:
		return fmt.Sprintf("%d past the deadline", n) + openSuspects(r.Suspects, n)
	case r.Suspects[SuspectDone]+r.Suspects[SuspectCleared] == n:
		return plural(int64(n), "suspect") + ", all cleared"
	default:
		return plural(int64(n), "suspect") + openSuspects(r.Suspects, n)
	}
}

// ofDeployment are the guardian's reasons that speak of the program itself.
var ofDeployment = []string{"it died before it was ready", "it died with no message in flight"}

// OfDeployment reports whether a death had no message to blame and was not asked for:
// several of them are a problem of the deployment.
func OfDeployment(c handlers.Crash) bool {
	return c.Tier == "N" && !c.Alone && slices.Contains(ofDeployment, c.Reason)
}

// openSuspects tells of the suspects that were not cleared: ", 1 held, 4 waiting".
// Of a single one the number is left out.
func openSuspects(by map[SuspectState]int, all int) string {
	var b strings.Builder
	for _, s := range []SuspectState{SuspectHeld, SuspectWaiting} {
		switch n := by[s]; {
		case n > 0 && all == 1:
			b.WriteString(", " + string(s))
		case n > 0:
			fmt.Fprintf(&b, ", %d %s", n, s)
		}
	}
	return b.String()
}

// OwnFrame returns the index of the first frame that is neither the standard
// library's nor the machinery's that runs handlers, -1 without one.
func OwnFrame(frames []handlers.Frame) int {
	ours := oursIn(nil)
	for i, f := range frames {
		if ours(f.Func) {
			return i
		}
	}
	return -1
}

// DeathWhere names the first frame that is ours in the goroutine that died
// ("billing.Apply.func1 handler.go:118"), or is "".
func DeathWhere(c handlers.Crash) string {
	return where(handlers.Attempt{Frames: c.Frames}, oursIn(nil))
}
