package ward

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/theriac/theriac/consumer/guardian/crashrecord"
	"github.com/theriac/theriac/consumer/guardian/crashtrace"
	"github.com/theriac/theriac/handlers"
)

// Caps of what a report keeps of a record, as handlers.Crash promises them.
const (
	maxReportStack  = 64 << 10
	maxReportStderr = 16 << 10
	maxReportText   = 4 << 10
	maxReportFrames = 64
)

// Report returns what a crash record, as it is found in a state directory, tells
// people: the same that Config.OnCrash and the docket are told.
func Report(r crashrecord.Record) handlers.Crash { return reportOf(r) }

// reportOf puts a crash record into the words that the quarantine and telemetry
// know. It trusts nothing in the record but its metadata: the trace is parsed as
// when it was written, and what cannot be parsed is left out.
func reportOf(r crashrecord.Record) handlers.Crash {
	c := handlers.Crash{
		ID: r.ID, Role: string(r.Role), Incarnation: string(r.Incarnation), Host: string(r.Host), Build: string(r.Build), PID: r.PID,
		Started: r.Started, Died: r.Died, Exit: string(r.Exit), Kind: string(r.Kind), Tier: string(r.Tier), Reason: string(r.Reason),
		Alone: r.Alone, StartedBy: string(r.StartedBy), Hint: string(r.BreakerHint),
		Stack:    headOf(string(r.FirstBlock), maxReportStack),
		StackCut: len(r.FirstBlock) > maxReportStack || slices.Contains(r.LeftOut, crashrecord.PartFirstBlock),
		Stderr:   tailOf(string(r.StderrTail), maxReportStderr),
		InFlight: inFlightOf(r),
	}
	c.Text, c.Frames = traceOf(r)
	for _, note := range r.Notes {
		c.Notes = append(c.Notes, string(note))
	}
	return c
}

// traceOf returns what the runtime said first, and the frames of the goroutine
// that died. The first words stand in the dump; the runtime leaves some out
// there, and then they are on standard error only.
func traceOf(r crashrecord.Record) (text string, frames []handlers.Frame) {
	// No more is read than the beginning: nobody asks for the other goroutines here.
	limits := crashtrace.Limits{Goroutines: 1}
	// Reading from memory fails never, and a trace that is cut is still a trace.
	dump, _ := crashtrace.Read(bytes.NewReader(r.Dump), limits, nil)
	first, _ := crashtrace.Read(bytes.NewReader(r.FirstBlock), limits, nil)
	if first.First.ID == 0 {
		first = dump
	}
	frames = framesOf(first.First)
	if dump.Reason != "" {
		return dump.Reason, frames
	}
	var stderr crashtrace.Tail
	_, _ = stderr.Write(r.StderrTail)
	return stderr.Fatal(), frames
}

// framesOf puts the frames of a goroutine into the words that all rooms share.
func framesOf(g crashtrace.Goroutine) (frames []handlers.Frame) {
	for _, f := range g.Frames[:min(len(g.Frames), maxReportFrames)] {
		frame := handlers.Frame{Func: headOf(f.Func, maxReportText), Line: f.Line}
		if f.File != "" {
			frame.File = headOf(path.Base(strings.ReplaceAll(f.File, `\`, "/")), maxReportText)
		}
		frames = append(frames, frame)
	}
	return frames
}

// framesIn reads the frames of a stack that is one block of a trace.
func framesIn(stack string) []handlers.Frame {
	trace, _ := crashtrace.Read(strings.NewReader(stack), crashtrace.Limits{Goroutines: 1}, nil)
	return framesOf(trace.First)
}

// inFlightOf lists the culprit first, then the suspects in the order in which
// they run alone, then all others.
func inFlightOf(r crashrecord.Record) []handlers.InFlight {
	var all []handlers.InFlight
	add := func(part handlers.Part, attempts ...crashrecord.Attempt) {
		for _, a := range attempts {
			all = append(all, handlers.InFlight{
				Part: part, Subscription: string(a.Subscription), ID: string(a.ID), IDCut: a.IDCut, Handler: string(a.Handler),
				PublishedAt: a.Published, Started: a.Started, Attempt: a.Attempt, Deaths: a.Deaths,
				Why: string(a.Why), TraceID: string(a.TraceID), SpanID: string(a.SpanID),
			})
		}
	}
	if r.Culprit != nil {
		add(handlers.PartCulprit, *r.Culprit)
	}
	add(handlers.PartSuspect, r.Suspects...)
	add(handlers.PartTimedOut, r.TimedOut...)
	add(handlers.PartBystander, r.Bystanders...)
	add(handlers.PartSettling, r.Settling...)
	return all
}

// headOf returns at most limit bytes of the beginning of s, and no half
// character. It is cloned, so that it keeps nothing longer alive.
func headOf(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for back := 1; back < utf8.UTFMax && !utf8.RuneStart(s[limit]); back++ {
		limit--
	}
	return strings.Clone(s[:limit])
}

// tailOf is headOf for the end.
func tailOf(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	from := len(s) - limit
	for back := 1; back < utf8.UTFMax && !utf8.RuneStart(s[from]); back++ {
		from++
	}
	return strings.Clone(s[from:])
}
