package consumer

import (
	"context"
	"reflect"
	"runtime/pprof"
	"unsafe"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

// FlightLabel is the key of the goroutine label under which handlers run while
// there is a table of what is in flight. Its value names the attempt's place in
// the table, never the message: labels reach profiles and traces.
const FlightLabel = "theriac"

// flightLabels are the labels of one attempt, with all that they point to in one
// piece of memory. The public way (pprof.Labels, pprof.WithLabels) takes four
// allocations, which with their collection were half of what the table costs a
// message: 0.4 us.
//
// What runtime/pprof and the runtime see of it is its beginning, which has the
// layout of their own type; see labelling.
type flightLabels struct {
	set  []flightLabel
	one  [1]flightLabel
	name [24]byte // room for any name
}

type flightLabel struct{ key, value string }

// labelSheet is memory for the labels of successive attempts in one slot, each
// used once. It lives as long as a goroutine that inherited one of them.
type labelSheet struct {
	labels *[6]flightLabels // together a size class of the allocator
	used   int
}

func (s *labelSheet) next(n inflight.Name) *flightLabels {
	if s.used == len(s.labels) || s.labels == nil {
		s.labels, s.used = new([6]flightLabels), 0
	}
	l := &s.labels[s.used]
	s.used++
	l.write(n)
	return l
}

func (l *flightLabels) write(n inflight.Name) {
	name := n.Append(l.name[:0])
	l.one[0] = flightLabel{FlightLabel, unsafe.String(unsafe.SliceData(name), len(name))}
	l.set = l.one[:]
}

// labelling is how runtime/pprof keeps labels in a context: under a key and as a
// type of its own. Both are learned from it when the program starts, and only if
// the type has exactly the layout of [flightLabels] are these used; else, and
// where the program itself labels the context of Run, the public way is taken.
type labelling struct {
	key   any
	value any // a typed nil pointer
}

var pprofLabelling = learnLabelling()

func learnLabelling() *labelling {
	probe := new(labelProbe)
	ctx := pprof.WithLabels(probe, pprof.Labels(FlightLabel, "probe"))
	l := &labelling{key: probe.key}
	if l.key == nil {
		return nil
	}
	labels := reflect.TypeOf(ctx.Value(l.key))
	if labels == nil || labels.Kind() != reflect.Pointer || !isLabels(labels.Elem()) {
		return nil
	}
	l.value = reflect.Zero(labels).Interface()
	return l
}

// labelProbe is a context that remembers what it was asked for, and is asked for
// values only.
type labelProbe struct {
	context.Context
	key any
}

func (p *labelProbe) Value(key any) any {
	p.key = key
	return nil
}

// isLabels reports whether a type is a slice of pairs of strings, wrapped in
// nothing but structs.
func isLabels(t reflect.Type) bool {
	for t.Kind() == reflect.Struct && t.NumField() == 1 {
		t = t.Field(0).Type
	}
	if t.Kind() != reflect.Slice {
		return false
	}
	pair := t.Elem()
	return pair.Kind() == reflect.Struct && pair.NumField() == 2 && pair.Size() == unsafe.Sizeof(flightLabel{}) &&
		pair.Field(0).Type.Kind() == reflect.String && pair.Field(1).Type.Kind() == reflect.String &&
		pair.Field(0).Offset == unsafe.Offsetof(flightLabel{}.key) && pair.Field(1).Offset == unsafe.Offsetof(flightLabel{}.value)
}

// of returns labels as the type that runtime/pprof asks for: the typed nil, with
// the pointer filled in.
func (l *labelling) of(labels *flightLabels) any {
	v := l.value
	(*[2]unsafe.Pointer)(unsafe.Pointer(&v))[1] = unsafe.Pointer(labels)
	return v
}
