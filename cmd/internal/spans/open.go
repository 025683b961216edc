package spans

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/theriac/theriac/consumer/telemetry"
)

// open is a span that was left open, as exporters see spans. The SDK makes none
// with ids that are given, so it stands in for the SDK's.
type open struct {
	// ReadOnlySpan is nil. It is here for the method that keeps others from
	// implementing the interface, and which nobody calls.
	sdk.ReadOnlySpan
	record   telemetry.SpanRecord
	resource *resource.Resource
}

// SpanContext implements sdk.ReadOnlySpan, as all that follows.
func (o open) SpanContext() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: o.record.TraceID, SpanID: o.record.SpanID, TraceFlags: trace.FlagsSampled,
	})
}

func (o open) Name() string                     { return o.record.Name }
func (o open) Parent() trace.SpanContext        { return trace.SpanContext{} }
func (o open) SpanKind() trace.SpanKind         { return trace.SpanKindConsumer }
func (o open) StartTime() time.Time             { return o.record.Start }
func (o open) EndTime() time.Time               { return o.record.End }
func (o open) Attributes() []attribute.KeyValue { return o.record.Attributes }
func (o open) Links() []sdk.Link                { return nil }
func (o open) Events() []sdk.Event              { return nil }
func (o open) Resource() *resource.Resource     { return o.resource }
func (o open) DroppedAttributes() int           { return 0 }
func (o open) DroppedLinks() int                { return 0 }
func (o open) DroppedEvents() int               { return 0 }
func (o open) ChildSpanCount() int              { return 0 }

func (o open) Status() sdk.Status {
	return sdk.Status{Code: codes.Error, Description: o.record.Status}
}

func (o open) InstrumentationScope() instrumentation.Scope {
	return instrumentation.Scope{Name: telemetry.ScopeName}
}

// InstrumentationLibrary is the old name of the scope.
func (o open) InstrumentationLibrary() instrumentation.Library { //nolint:staticcheck // the interface has it
	return o.InstrumentationScope()
}
