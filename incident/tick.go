package incident

import (
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
	// At is when it was due, which together with job and incident makes the tick unique. That of a digest
	// is in the zone in which its day is meant.
	At time.Time
	// Again counts further ticks for the same due time, while it is still due.
	Again int
	// NotAfter is when the tick is stale, zero for never.
	NotAfter time.Time
}

// AttrDate is the attribute of a digest's tick that says for which day it is: 2006-01-02.
const AttrDate = "date"

// AttrAt is the attribute of a tick that says when what it asks for was due, by the store's clock.
const AttrAt = "at"

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
		AttrAt: t.At.UTC().Format(time.RFC3339Nano),
	}
	if t.IncidentID != "" {
		attrs[AttrIncident] = t.IncidentID
	}
	if t.Job == JobDigest {
		attrs[AttrDate] = t.At.Format(time.DateOnly)
	}
	if !t.NotAfter.IsZero() {
		attrs[AttrNotAfter] = t.NotAfter.UTC().Format(time.RFC3339Nano)
	}
	return Inbound{ID: t.ID(), Topic: TopicClock, Kind: string(t.Job), Attributes: attrs}
}
