package crashtrace

import "strings"

// Kind is the way in which a process died, as far as its trace tells.
type Kind uint8

// The kinds. Those that are the own fault of the goroutine that died come first; see [Kind.OwnFault].
const (
	// KindUnknown: no trace, one that was cut too early, or one that fits nothing below.
	KindUnknown Kind = iota
	// KindPanic: a panic that nobody recovered, nil pointers and other runtime errors included.
	KindPanic
	// KindErrorPanics: the Error or String method of a panic value panicked itself.
	KindErrorPanics
	// KindUnlock: a mutex was unlocked that was not locked.
	KindUnlock
	// KindStackOverflow: a stack grew beyond debug.SetMaxStack.
	KindStackOverflow
	// KindSegfault: SIGSEGV at an address that is no nil pointer, or in C called from Go.
	KindSegfault
	// KindAbort: SIGABRT raised by the thread itself, as C's abort does.
	KindAbort
	// KindMapAccess: a map was read or written while somebody else wrote to it.
	KindMapAccess
	// KindOutOfMemory: the system gave no more memory.
	KindOutOfMemory
	// KindBus: SIGBUS, such as a mapped file that lost its pages.
	KindBus
	// KindDeadlock: all goroutines were asleep.
	KindDeadlock
	// KindThreadLimit: there could be no more threads.
	KindThreadLimit
	// KindQuit: SIGQUIT, by which somebody asked for the trace.
	KindQuit
	// KindSignal: another signal, one that another process sent, or one that met no goroutine.
	KindSignal
	// KindFatal: a fatal error of the runtime that is none of these.
	KindFatal
)

// String returns the kind in words, such as "stack overflow".
func (k Kind) String() string {
	names := [...]string{
		KindUnknown: "unknown", KindPanic: "panic", KindErrorPanics: "panic while printing panic value",
		KindUnlock: "unlock of unlocked mutex", KindStackOverflow: "stack overflow", KindSegfault: "segmentation violation",
		KindAbort: "abort", KindMapAccess: "concurrent map access", KindOutOfMemory: "out of memory", KindBus: "bus error",
		KindDeadlock: "deadlock", KindThreadLimit: "thread limit", KindQuit: "quit", KindSignal: "signal", KindFatal: "fatal error",
	}
	if int(k) >= len(names) {
		return names[KindUnknown]
	}
	return names[k]
}

// OwnFault reports whether the goroutine that died did it itself, rather than that it noticed what
// another did. It is an allow-list: false for every kind that is not known.
func (k Kind) OwnFault() bool {
	switch k {
	case KindPanic, KindErrorPanics, KindUnlock, KindStackOverflow, KindSegfault, KindAbort:
		return true
	default:
		return false
	}
}

// Signal is a signal as the runtime prints it.
type Signal struct {
	// Name is its name, such as "SIGSEGV".
	Name string
	// Code is si_code of the kernel: positive if the kernel raised it, 0 if another process may have.
	Code int64
	// Address is the address of the fault if Addressed, which only the kernel's own signals are.
	Address   uint64
	Addressed bool
}

// sent reports whether any process may have sent the signal, by kill (0) or sigqueue (-1); a thread
// that raises one on itself uses tgkill.
func (s Signal) sent() bool { return s.Code == 0 || s.Code == -1 }

// preamble is what the lines before the first goroutine tell.
type preamble struct {
	reason string
	signal Signal
	// caught: a signal ended the process from outside of Go's panics; its line begins with its name.
	caught bool
	// coded: the line with the code of a caught signal has come.
	coded bool
	// thread: a block of the thread itself came first, so the death was not on a goroutine's stack.
	thread bool
	// calls are the frames of that block, innermost first.
	calls []Frame
}

const maxReasonBytes = 1 << 10

// read takes one line that begins in the first column, not one of a block.
func (p *preamble) read(line string) {
	if p.reason == "" {
		p.reason = printable(line, maxReasonBytes)
		if name, _, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(name, "SIG") {
			p.signal.Name, p.caught = printable(name, maxStatusBytes), true
		}
	}
	switch {
	case p.caught && !p.coded && strings.HasPrefix(line, "PC="):
		p.coded = p.signal.read(line, "sigcode")
	case !p.caught && strings.HasPrefix(line, "[signal SIG"):
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "[signal "), ":")
		p.signal.Name = printable(name, maxStatusBytes)
		p.signal.read(line, "code")
	}
}

func (s *Signal) read(line, code string) bool {
	n, ok := parseField(line, code)
	s.Code = int64(n) // the runtime prints the signed code as an unsigned word
	// In a signal that was sent, the kernel keeps the sender in the place of the address.
	if s.Code > 0 {
		s.Address, s.Addressed = parseField(line, "addr")
	}
	return ok
}

// kindOf judges by the frames first: only where they show no fatal error does the text of the
// preamble count, for a fatal error may strike while a panic is under way.
func kindOf(p preamble, first Goroutine) Kind {
	calls := first.Frames
	if p.thread {
		calls = p.calls
	}
	if kind, ok := kindOfThrow(p, calls); ok {
		if p.thread && kind.OwnFault() && !first.Running {
			// The thread had no goroutine, so the first one is just the first of the others.
			return KindFatal
		}
		return kind
	}
	switch {
	case p.caught:
		return kindOfSignal(p)
	case len(first.Frames) == 0:
		return KindUnknown
	case p.signal.Name == "SIGBUS":
		return KindBus
	case strings.HasPrefix(p.reason, "panic: ") && !p.thread && first.Running:
		return KindPanic
	case p.reason == "" && first.Status != "" && !first.Running:
		return KindDeadlock
	default:
		return KindUnknown
	}
}

// kindOfThrow reads who called the function that ends a process, if the innermost call is one.
func kindOfThrow(p preamble, calls []Frame) (Kind, bool) {
	if len(calls) > 1 && calls[0].Func == "runtime.fatal" {
		// Shown with GOTRACEBACK=system only.
		calls = calls[1:]
	}
	if len(calls) == 0 {
		return KindUnknown, false
	}
	switch calls[0].Func {
	case "internal/runtime/maps.fatal":
		return KindMapAccess, true
	case "internal/sync.fatal", "sync.fatal":
		if len(calls) > 1 && strings.Contains(strings.ToLower(calls[1].Func), "unlock") {
			return KindUnlock, true
		}
		return KindFatal, true
	case "runtime.checkdead":
		return KindDeadlock, true
	case "runtime.throw":
		return kindOfCaller(p, calls[1:]), true
	case "runtime.fatal", "runtime.fatalthrow", "sync.throw", "internal/sync.throw":
		return KindFatal, true
	default:
		return KindUnknown, false
	}
}

// kindOfCaller reads who called runtime.throw.
func kindOfCaller(p preamble, calls []Frame) Kind {
	if len(calls) == 0 {
		return KindFatal
	}
	switch calls[0].Func {
	case "runtime.preprintpanics.func1":
		return KindErrorPanics
	case "runtime.newstack":
		return KindStackOverflow
	case "runtime.checkmcount", "runtime.newosproc":
		return KindThreadLimit
	case "runtime.sigpanic":
		switch p.signal.Name {
		case "SIGSEGV":
			return KindSegfault
		case "SIGBUS":
			return KindBus
		default:
			return KindFatal
		}
	}
	for _, call := range calls {
		if asksForMemory(call.Func) || asksTheSystem(call.Func) {
			return KindOutOfMemory
		}
	}
	return KindFatal
}

func kindOfSignal(p preamble) Kind {
	switch {
	case p.signal.Name == "SIGQUIT":
		return KindQuit
	case p.signal.Name == "SIGBUS":
		return KindBus
	case !p.coded || p.signal.sent() || p.thread:
		return KindSignal
	case p.signal.Name == "SIGSEGV":
		return KindSegfault
	case p.signal.Name == "SIGABRT":
		return KindAbort
	default:
		return KindSignal
	}
}

// asksForMemory reports whether a function of the runtime allocates for a goroutine.
func asksForMemory(function string) bool {
	return strings.HasPrefix(function, "runtime.mallocgc") || strings.HasPrefix(function, "runtime.(*mcache).") ||
		strings.HasPrefix(function, "runtime.(*mheap).")
}

// asksTheSystem reports whether a function of the runtime takes memory from the system for its own
// needs.
func asksTheSystem(function string) bool {
	return strings.HasPrefix(function, "runtime.persistentalloc") || strings.HasPrefix(function, "runtime.sysMap") ||
		strings.HasPrefix(function, "runtime.stackalloc")
}
