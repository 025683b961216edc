package telemetry

import (
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/metric"

	"github.com/theriac/theriac/handlers"
)

// outcomeLabel is an outcome as metrics tell it.
func outcomeLabel(o handlers.Outcome) string {
	if int(o) >= len(handlers.Outcomes()) {
		return other
	}
	return strings.ReplaceAll(o.String(), " ", "_")
}

// wardLabel is what a run alone came to, as far as the ward is concerned: a message
// that fails there has survived all the same.
func wardLabel(o handlers.Outcome) string {
	switch o {
	case handlers.OutcomeCrashed:
		return wardDied
	case handlers.OutcomeTimedOut:
		return wardHung
	default:
		return wardCleared
	}
}

var reasons = []handlers.Reason{
	handlers.ReasonFailed, handlers.ReasonCrashed, handlers.ReasonHung, handlers.ReasonPermanent,
	handlers.ReasonUndecodable, handlers.ReasonParked, handlers.ReasonManual, handlers.ReasonRule,
}

func reasonLabel(r handlers.Reason) string {
	if slices.Contains(reasons, r) {
		return string(r)
	}
	return other
}

// kinds are the ways of dying that crash records name. One that died and said
// nothing is of the first.
var kinds = []string{
	"unknown", "panic", "panic_while_printing_panic_value", "unlock_of_unlocked_mutex", "stack_overflow",
	"segmentation_violation", "abort", "concurrent_map_access", "out_of_memory", "bus_error", "deadlock",
	"thread_limit", "quit", "signal", "fatal_error",
}

func kindLabel(kind string) string {
	return oneOf(kinds, strings.ReplaceAll(kind, " ", "_"))
}

var verdicts = []string{verdictCulprit, verdictSuspects, verdictTimedOut, verdictNobody}

func verdictLabel(verdict string) string {
	return oneOf(verdicts, verdict)
}

func oneOf(list []string, value string) string {
	if slices.Contains(list, value) {
		return value
	}
	return other
}

func truth(b bool) string { return strconv.FormatBool(b) }

func traced(b bool) metric.MeasurementOption {
	return metric.WithAttributeSet(attributes(labelTrace, truth(b)))
}
