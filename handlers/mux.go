package handlers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Mux routes messages to handlers by the value of one attribute, such as
// "event_type". Build it before the consumer runs; it is safe for concurrent
// use once no more handlers are added.
type Mux struct {
	attribute string
	routes    map[string]Handler
	fallback  Handler
}

// NewMux returns a mux that looks at the named attribute.
func NewMux(attribute string) *Mux {
	return &Mux{attribute: attribute, routes: make(map[string]Handler)}
}

// On adds the handler for one value of the attribute. Adding a value twice
// panics, since the second handler would silently win.
func (x *Mux) On(value string, h Handler) *Mux {
	if _, ok := x.routes[value]; ok {
		panic(fmt.Sprintf("handlers: mux has two handlers for %s=%q", x.attribute, value))
	}
	x.routes[value] = h
	return x
}

// Otherwise sets the handler for messages that match no value. Without one
// they fail permanently: nobody will ever handle them on this build.
func (x *Mux) Otherwise(h Handler) *Mux {
	x.fallback = h
	return x
}

// Handle implements [Handler].
func (x *Mux) Handle(ctx context.Context, m Message) error {
	value, present := m.Attributes[x.attribute]
	if h, ok := x.routes[value]; ok && present {
		return h.Handle(ctx, m)
	}
	if x.fallback != nil {
		return x.fallback.Handle(ctx, m)
	}
	known := slices.Sorted(maps.Keys(x.routes))
	return Permanent(fmt.Errorf("no handler for attribute %s=%q (known: %s)",
		x.attribute, value, strings.Join(known, ", ")))
}
