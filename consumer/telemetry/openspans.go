package telemetry

import (
	"encoding/hex"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/theriac/theriac/handlers"
)

// SpanDied is the status of a span whose process died.
const SpanDied = "process died"

// SpanRecord is a span that a death left open, to be exported by whoever has the
// OpenTelemetry SDK. Children that were exported in time have its ids as their
// parent's. Its kind is consumer, and its status is an error with Status as its
// description.
type SpanRecord struct {
	TraceID    [16]byte
	SpanID     [8]byte
	Name       string
	Start, End time.Time
	Attributes []attribute.KeyValue
	Status     string
}

// OpenSpans returns the spans that were open in a process when it died: those of
// all messages in flight that had one, as [Tracer] made them. More attributes, such
// as messaging.system, can be given for all.
func OpenSpans(c handlers.Crash, more ...attribute.KeyValue) []SpanRecord {
	var open []SpanRecord
	for _, m := range c.InFlight {
		r := SpanRecord{Name: spanName(m.Subscription), Start: m.Started, End: c.Died, Status: SpanDied}
		if !readHex(r.TraceID[:], m.TraceID) || !readHex(r.SpanID[:], m.SpanID) {
			continue
		}
		if r.Start.IsZero() || r.Start.After(r.End) { // the clocks are two
			r.Start = r.End
		}
		r.Attributes = append(messaging(m.Subscription, m.ID),
			attribute.Int(keyAttempt, m.Attempt), attribute.String(keyOutcome, outcomeOf(m.Part).String()),
			attribute.String(keyPart, string(m.Part)), attribute.String(keyCrash, c.ID), attribute.String(keyErrorType, orElse(c.Kind, "death")),
		)
		r.Attributes = append(r.Attributes, more...)
		open = append(open, r)
	}
	return open
}

// outcomeOf is the outcome of an attempt that a death ended.
func outcomeOf(p handlers.Part) handlers.Outcome {
	switch p {
	case handlers.PartCulprit:
		return handlers.OutcomeCrashed
	case handlers.PartTimedOut:
		return handlers.OutcomeTimedOut
	default:
		return handlers.OutcomeInterrupted
	}
}

// readHex fills id, and reports whether text was one of its length and not zero.
func readHex(id []byte, text string) bool {
	if n, err := hex.Decode(id, []byte(text[:min(len(text), 2*len(id))])); err != nil || n != len(id) || len(text) != 2*len(id) {
		return false
	}
	for _, b := range id {
		if b != 0 {
			return true
		}
	}
	return false
}
