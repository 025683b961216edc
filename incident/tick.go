package incident

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Job is something that the clock asks for. Its name is also what the row's id begins with.
type Job string

// The jobs whose ticks handlers get.
const (
	JobDue     Job = "due"     // an escalation is due
	JobEffects Job = "effects" // effects that should have happened by now are to be looked for
	JobNudge   Job = "nudge"   // a nudge is due
	JobDigest  Job = "digest"  // the daily summary
)

// Tick asks for a job at one incident, or, for the digest, at none.
type Tick struct {
	Job        Job
	IncidentID string
	// At is when it was due, which together with job and incident makes the tick unique.
	At time.Time
	// Again counts further ticks for the same due time, while it is still due.
	Again int
	// NotAfter is when the tick is stale, zero for never.
	NotAfter time.Time
}

// KindTick begins the kind of an inbound row that is a tick.
const KindTick = "clock."

// ID is what makes a tick unique across all clocks.
func (t Tick) ID() string {
	id := string(t.Job) + ":" + t.IncidentID + ":" + strconv.FormatInt(t.At.UnixMilli(), 10)
	if t.Again > 0 {
		id += "#" + strconv.Itoa(t.Again)
	}
	return id
}

// Inbound returns the row that asks for it.
func (t Tick) Inbound() Inbound {
	attrs := map[string]string{
		"job": string(t.Job), "incident_id": t.IncidentID, "at": t.At.UTC().Format(time.RFC3339Nano),
	}
	if !t.NotAfter.IsZero() {
		attrs["not_after"] = t.NotAfter.UTC().Format(time.RFC3339Nano)
	}
	return Inbound{ID: t.ID(), Topic: TopicClock, Kind: KindTick + string(t.Job), Attributes: attrs}
}

// ParseTick reads the attributes of a message that an Inbound tick became.
func ParseTick(attrs map[string]string) (Tick, error) {
	t := Tick{Job: Job(attrs["job"]), IncidentID: attrs["incident_id"]}
	if t.Job == "" {
		return t, errors.New("a tick without a job")
	}
	var err error
	if t.At, err = time.Parse(time.RFC3339Nano, attrs["at"]); err != nil {
		return t, fmt.Errorf("a tick that does not say for when it is: %w", err)
	}
	if text := attrs["not_after"]; text != "" {
		if t.NotAfter, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return t, fmt.Errorf("a tick that does not say how long it is good: %w", err)
		}
	}
	return t, nil
}
