package verdict

// Tier is the strength of the evidence against somebody.
type Tier string

// The tiers; the package comment says what each rests on.
const (
	// TierCulprit: the crash names its message.
	TierCulprit Tier = "A"
	// TierDetector: the crash names whoever noticed.
	TierDetector Tier = "B"
	// TierStale: the crash names nobody who is in flight.
	TierStale Tier = "C"
	// TierNoTrace: it died silently.
	TierNoTrace Tier = "D"
	// TierNobody: no message is to blame.
	TierNobody Tier = "N"
)

// Reason is why a verdict has its tier, in words for people.
type Reason string

// The reasons, by tier.
const (
	// ReasonOwnFault is tier A.
	ReasonOwnFault Reason = "its own goroutine died of its own fault"

	// ReasonDetector is tier B.
	ReasonDetector Reason = "the goroutine that died may only have noticed"
	// ReasonTwoLabels is tier B.
	ReasonTwoLabels Reason = "the goroutine that died belongs to several messages in flight"
	// ReasonDamagedLabel is tier B.
	ReasonDamagedLabel Reason = "the goroutine that died may also belong to a message whose slot is damaged"
	// ReasonCut is tier B.
	ReasonCut Reason = "the trace of the goroutine that died broke off"
	// ReasonMemory is tier B, or C where the dump shows nobody at work.
	ReasonMemory Reason = "it was ended for its memory"

	// ReasonStill is tier B, or C where the dump shows nobody at work.
	ReasonStill Reason = "it was ended because nothing in it went on"

	// ReasonStaleLabel is tier C.
	ReasonStaleLabel Reason = "the goroutine that died had outlived its message"
	// ReasonNoLabel is tier C.
	ReasonNoLabel Reason = "the goroutine that died belongs to no message"

	// ReasonHeaderDamaged is tier C.
	ReasonHeaderDamaged Reason = "the header of the in-flight table is damaged"

	// ReasonNoTrace is tier D.
	ReasonNoTrace Reason = "it left no trace"
	// ReasonNoHeader is tier D.
	ReasonNoHeader Reason = "its trace named no goroutine in time"
	// ReasonExitCode is tier D.
	ReasonExitCode Reason = "it exited by itself, whatever its trace says"

	// ReasonClean is tier N.
	ReasonClean Reason = "it shut down cleanly"
	// ReasonTableFault is tier N. The next table should not be a file on that
	// disk.
	ReasonTableFault Reason = "the memory of the in-flight table failed"
	// ReasonStopping is tier N.
	ReasonStopping Reason = "it was shutting down"
	// ReasonHung is tier N.
	ReasonHung Reason = "it was ended because it hung"
	// ReasonRecycled is tier N.
	ReasonRecycled Reason = "it was ended to be replaced"
	// ReasonNotReady is tier N and counts for [Loop].
	ReasonNotReady Reason = "it died before it was ready"
	// ReasonTableDamaged is tier N, and says nothing about the deployment either.
	ReasonTableDamaged Reason = "the in-flight table is damaged, and tells of no message"
	// ReasonNoMessage is tier N and counts for [Loop].
	ReasonNoMessage Reason = "it died with no message in flight"
)

// Why is why somebody is a suspect, in words for people.
type Why string

// The whys, in ward order.
const (
	// WhyLabelled: the goroutine that died carries its label, or one that was
	// allocating when the memory ran out.
	WhyLabelled Why = "labelled"
	// WhyRunning: a goroutine of its own was running or runnable.
	WhyRunning Why = "running"
	// WhyInFlight: it was in flight.
	WhyInFlight Why = "in flight"
)

// Suspect is a message that may have killed the process.
type Suspect struct {
	Name Name
	Why  Why
}

// Verdict is what follows from the evidence. All names in it are of slots that
// were busy with that generation, and none occurs twice.
type Verdict struct {
	Tier   Tier
	Reason Reason
	// Culprit is set in tier A only.
	Culprit Name
	// Suspects are in the order in which the ward takes them; never in A and N.
	Suspects []Suspect
	// TimedOut are the overdue ones where the guardian ended a hang: their
	// attempts failed, which is not a crash.
	TimedOut []Name
	// Bystanders are all others in flight, oldest first. Their attempts were
	// interrupted and are charged to nobody.
	Bystanders []Name
	// Alone: the process was a ward and held one message, so the death counts for
	// that message, in whatever tier it is.
	Alone bool
	// StartedBy is the id of the message that had started the goroutine that died
	// and was over by then, or "". It is told, and never blamed.
	StartedBy string
	// Damaged are the indexes of slots that cannot be believed, ascending.
	Damaged []int
	// Notes are further lines for people. Ids in them are quoted.
	Notes []string
}

// Charge returns how many deaths this verdict adds to the count of a message:
// 1 for the culprit and for whoever died alone in the ward, else 0.
func (v Verdict) Charge(n Name) int {
	if n == (Name{}) {
		return 0
	}
	if v.Tier == TierCulprit && v.Culprit == n {
		return 1
	}
	for _, s := range v.Suspects {
		if v.Alone && s.Name == n {
			return 1
		}
	}
	return 0
}
