package inflight

import (
	"strings"
	"sync/atomic"
)

// attributeNames are the names that the attributes of a region's messages have, since those of one
// subscription mostly have the same: to look names up takes a fraction of a walk over the map. When
// they are others, the map is walked, and now and then the names are learned anew.
type attributeNames struct {
	names  atomic.Pointer[[]string]
	misses atomic.Uint32
}

const (
	relearn      = 64 // messages whose names were others
	maxNames     = 32
	maxNameBytes = 4 << 10 // of all names: they come from outside and are kept
)

// usual returns the names that messages usually have.
func (a *attributeNames) usual() []string {
	if names := a.names.Load(); names != nil {
		return *names
	}
	return nil
}

// missed says that a message had other names.
func (a *attributeNames) missed(attributes map[string]string) {
	if a.misses.Add(1)%relearn != 1 || len(attributes) > maxNames {
		return
	}
	names, size := make([]string, 0, len(attributes)), 0
	for name := range attributes {
		names = append(names, strings.Clone(name))
		size += len(name)
	}
	if size <= maxNameBytes {
		a.names.Store(&names)
	}
}
