package consumer

import (
	"context"
	"runtime/pprof"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

// leaseTokener is a settler whose delivery another process can settle.
type leaseTokener interface{ LeaseToken() string }

// takeOff writes the attempt into the table that outlives this process. It fills
// in what the slot's place has room for, and is called where few frames stand:
// goroutines begin with a small stack, and to grow it costs three times as much
// as all of this.
func (c *Consumer) takeOff(a *attempt) {
	begin, m := &c.running[a.slot].begin, a.job.message()
	begin.ID, begin.OrderingKey, begin.Data, begin.Attributes = m.ID, m.OrderingKey, m.Data, m.Attributes
	begin.Attempt = max(m.DeliveryAttempt, 1) + a.job.local
	begin.Started, begin.Deadline, begin.Published = a.started(), a.ctx.deadline, m.PublishedAt
	begin.Flags, begin.AckToken = c.flags, ""
	if a.job.settled != nil && m.OrderingKey != "" {
		begin.Flags |= inflight.Ordered
	}
	if d := a.job.delivery; d != nil && c.tokens {
		if s, ok := d.Settler.(leaseTokener); ok {
			begin.AckToken = s.LeaseToken()
		}
	}
	a.generation = c.flights.Begin(int(a.slot), begin)
	begin.Data, begin.Attributes = nil, nil // or the slot would keep them from being freed
}

// nameSpan adds the attempt's span to its place in the table. The observer made
// it just now, on a goroutine that may have been given up meanwhile: then the
// place is not this attempt's any more. It is for as long as the context has not
// ended, since over ends that first.
func (c *Consumer) nameSpan(ctx context.Context, a *attempt) {
	traceID, spanID := c.spans.SpanName(ctx)
	if traceID == [16]byte{} {
		return
	}
	a.ctx.mu.Lock()
	defer a.ctx.mu.Unlock()
	if a.ctx.ended == notEnded {
		c.flights.Trace(int(a.slot), a.generation, traceID, spanID)
		a.named = true
	}
}

// label gives the handler's context the attempt's name in the table. What the
// handler starts inherits the label of its goroutine; a library that sets labels
// of its own from the context keeps ours, and one that ignores the context
// replaces them, as the runtime has it.
func (c *Consumer) label(a *attempt) {
	name := c.flights.Name(int(a.slot), a.generation)
	if c.labelling != nil {
		a.ctx.labels = c.running[a.slot].labels.next(name)
		return
	}
	a.ctx.parent = pprof.WithLabels(a.ctx.parent, pprof.Labels(FlightLabel, name.String()))
}

// labelled runs the handler's part under the label. It is taken off again: what
// else runs on this goroutine must not look like the handler's.
func (c *Consumer) labelled(a *attempt) *report {
	pprof.SetGoroutineLabels(&a.ctx)
	defer pprof.SetGoroutineLabels(c.base)
	return c.call(a)
}

// ownLabels returns how labels are made without the help of runtime/pprof, nil if
// they cannot be: the context of Run has labels, which the handler's must keep.
func ownLabels(ctx context.Context) *labelling {
	l := pprofLabelling
	pprof.ForLabels(ctx, func(string, string) bool {
		l = nil
		return false
	})
	return l
}

// unlabelled returns ctx with its goroutine labels within reach: looking for them
// below a context without cancellation costs two allocations for each message.
func unlabelled(ctx context.Context) context.Context { return pprof.WithLabels(ctx, pprof.Labels()) }
