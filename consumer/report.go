package consumer

import (
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Caps of what is kept of an attempt. Error texts and panic values come from
// outside and can be of any size.
const (
	maxText   = 4 << 10
	maxLinks  = 32
	maxStack  = 64 << 10
	maxFrames = 64
	maxDump   = 16 << 20
)

// report is what an attempt came to, told by whoever claimed it. The zero report
// is a success, and so is nil, which is how the stages pass it on: what they
// carry by value must fit into the stack of a new goroutine, since to grow it
// costs more than all of them together.
type report struct {
	outcome handlers.Outcome
	class   handlers.ErrorClass
	// delay is what the handler named, for classes that name one.
	delay  time.Duration
	errors []handlers.ErrorLink
	panic  string
	stack  string
	cut    bool
	frames []handlers.Frame
	// abandoned: the handler was given up and may still run.
	abandoned bool
}

// ended returns the outcome.
func (r *report) ended() handlers.Outcome {
	if r == nil {
		return handlers.OutcomeOK
	}
	return r.outcome
}

// errorReport describes an error chain. It calls the errors' own methods.
func errorReport(err error) *report {
	r := new(report)
	queue := []error{err}
	for len(queue) > 0 && len(r.errors) < maxLinks {
		e := queue[0]
		queue = queue[1:]
		if e == nil {
			continue
		}
		// An answer is a mark on its cause, not an error of its own.
		if _, mark := e.(*handlers.AnswerError); !mark { //nolint:errorlint // one link, not the chain
			r.errors = append(r.errors, handlers.ErrorLink{Type: reflect.TypeOf(e).String(), Text: errorText(e)})
		}
		queue = append(queue, causes(e)...)
	}
	return r
}

// causes returns what e wraps, or nothing where asking panics: the deferred
// function that describes a panic calls it, and nothing recovers above that.
func causes(e error) (wrapped []error) {
	defer func() { _ = recover() }()
	switch u := e.(type) { //nolint:errorlint // walks the chain by hand, bounded
	case interface{ Unwrap() error }:
		return []error{u.Unwrap()}
	case interface{ Unwrap() []error }:
		return u.Unwrap()
	}
	return nil
}

func errorText(e error) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = "<Error() panicked: " + panicText(v) + ">"
		}
	}()
	return capText(e.Error())
}

// panicReport describes a recovered panic. It must be called by the deferred
// function that recovered, while the stack of the panic still stands.
func panicReport(v any) *report {
	r := stackReport(string(debug.Stack()))
	r.outcome, r.class, r.panic = handlers.OutcomePanicked, handlers.ClassFailed, panicText(v)
	if err, ok := v.(error); ok {
		r.errors = errorReport(err).errors
	} else {
		r.errors = []handlers.ErrorLink{{Type: typeName(v), Text: r.panic}}
	}
	return r
}

// panicText formats a panic value. It panics never: fmt survives a value whose
// methods panic, but not one that panics with such a value in its turn.
func panicText(v any) (text string) {
	defer func() {
		if recover() != nil {
			text = "<" + typeName(v) + " that cannot be printed>"
		}
	}()
	switch v.(type) {
	case error, fmt.Stringer:
	default:
		t := reflect.TypeOf(v)
		if t.Kind() == reflect.Pointer { // fmt follows the outermost one only
			t = t.Elem()
		}
		if !flat(t) {
			return "<" + typeName(v) + ">"
		}
	}
	return capText(fmt.Sprint(v))
}

// flat reports whether fmt prints values of t without following a reference.
// One that leads back to itself would use up the stack, and a map that somebody
// writes would end the process; no recover survives either.
func flat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Interface:
		return false
	case reflect.Array:
		return flat(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !flat(t.Field(i).Type) {
				return false
			}
		}
	}
	return true
}

func exitReport() *report {
	r := stackReport(string(debug.Stack()))
	r.outcome = handlers.OutcomeExited
	r.errors = []handlers.ErrorLink{{Type: "runtime.Goexit", Text: "handler called runtime.Goexit"}}
	return r
}

// hangReport finds the goroutine of a hanging attempt in a dump of all, by the
// words of its supervised frame.
func hangReport(a *attempt, outcome handlers.Outcome) *report {
	r := new(report)
	mark := fmt.Sprintf("consumer.supervised(%#x, %#x,", a.slot, a.turn)
	for _, block := range strings.Split(dump(), "\n\n") {
		if strings.Contains(block, mark) {
			r = stackReport(block)
			break
		}
	}
	r.outcome, r.class, r.abandoned = outcome, handlers.ClassFailed, true
	r.errors = []handlers.ErrorLink{{
		Type: "context.DeadlineExceeded",
		Text: "handler did not return within its deadline and grace",
	}}
	return r
}

// dump returns the stacks of all goroutines, up to 16 MiB.
func dump() string {
	for size := 256 << 10; ; size *= 4 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= maxDump {
			return string(buf[:n])
		}
	}
}

func stackReport(stack string) *report {
	r := &report{frames: parseFrames(stack)}
	r.stack, r.cut = cutString(stack, maxStack)
	return r
}

// parseFrames reads the frames of one goroutine's stack as the runtime prints
// it, innermost first. It leaves out the runtime's own frames above a panic and
// stops at the frame under which handlers run.
func parseFrames(stack string) []handlers.Frame {
	var frames []handlers.Frame
	lines := strings.Split(stack, "\n")
	for i := 0; i+1 < len(lines) && len(frames) < maxFrames; i++ {
		where, ok := strings.CutPrefix(lines[i+1], "\t")
		if !ok {
			continue
		}
		name := lines[i]
		if paren := strings.LastIndexByte(name, '('); paren > 0 {
			name = name[:paren]
		}
		switch {
		case name == "panic" || name == "runtime.Goexit":
			frames = frames[:0]
		case strings.HasSuffix(name, "/consumer.supervised"):
			return frames
		default:
			frames = append(frames, frameOf(name, where))
		}
		i++
	}
	return frames
}

// frameOf reads a line such as "/src/app/handler.go:118 +0x1d".
func frameOf(name, where string) handlers.Frame {
	f := handlers.Frame{Func: capText(name)}
	path, _, _ := strings.Cut(where, " +0x")
	colon := strings.LastIndexByte(path, ':')
	if colon < 0 {
		return f
	}
	f.Line, _ = strconv.Atoi(path[colon+1:])
	f.File = capText(path[strings.LastIndexByte(path[:colon], '/')+1 : colon])
	return f
}

func capText(s string) string {
	s, cut := cutString(s, maxText)
	if cut {
		s += "… (cut)"
	}
	return s
}

func cutString(s string, limit int) (string, bool) {
	if len(s) <= limit {
		return s, false
	}
	// Cloned, so that a huge text is not kept alive by its first bytes.
	return strings.Clone(s[:limit]), true
}

func typeName(v any) string {
	if v == nil {
		return "nil"
	}
	return reflect.TypeOf(v).String()
}

// handlerName names a handler for people: its function, or its type.
func handlerName(h handlers.Handler) string {
	v := reflect.ValueOf(h)
	if v.Kind() != reflect.Func {
		return v.Type().String()
	}
	name := runtime.FuncForPC(v.Pointer()).Name()
	return name[strings.LastIndexByte(name, '/')+1:]
}
