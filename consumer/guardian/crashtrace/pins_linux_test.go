package crashtrace_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
)

// pin is a fact about the Go runtime that a verdict rests on.
type pin struct {
	way string
	// fact is what the runtime does, for the message when it no longer does.
	fact string
	kind crashtrace.Kind
	// anonymous: the goroutine that died has no label, else it has ours.
	anonymous bool
	// anybody: any goroutine may have met it, so its label says nothing.
	anybody bool
	// reason is the beginning of what the crash output says, fatal of what standard error says
	// where the crash output says nothing.
	reason, fatal string
	// calls are the first frames.
	calls []string
}

func pins() []pin {
	return []pin{
		{way: "panic", fact: "a panic prints the labels of its goroutine", kind: crashtrace.KindPanic, reason: "panic: boom"},
		{way: "child", fact: "a goroutine inherits labels", kind: crashtrace.KindPanic, reason: "panic: boom"},
		{way: "grandchild", fact: "a grandchild inherits labels, its parent gone", kind: crashtrace.KindPanic, reason: "panic: boom"},
		{way: "late", fact: "a goroutine keeps its label when its message is over", kind: crashtrace.KindPanic},
		{way: "lazy", fact: "a background goroutine keeps the label of who started it", kind: crashtrace.KindPanic},
		{way: "labels added", fact: "labels of others stand beside ours", kind: crashtrace.KindPanic},
		{way: "labels nested", fact: "pprof.Do puts back the labels of its context while a panic unwinds", kind: crashtrace.KindPanic},
		{way: "labels restored", fact: "pprof.Do puts back the labels of its context while a panic unwinds", kind: crashtrace.KindPanic, anonymous: true},
		{way: "labels replaced", fact: "pprof.Do without our context replaces our label", kind: crashtrace.KindPanic, anonymous: true},
		{way: "labels cleared", fact: "labels can be cleared", kind: crashtrace.KindPanic, anonymous: true},
		{way: "locked thread", fact: "a locked thread is told before the labels", kind: crashtrace.KindPanic},
		{way: "after func", fact: "a timer's goroutine has no labels", kind: crashtrace.KindPanic, anonymous: true},
		{way: "finalizer", fact: "the finalizer's goroutine has no labels", kind: crashtrace.KindPanic, anonymous: true},

		{way: "error value", fact: "a panic with an error prints its text", kind: crashtrace.KindPanic, reason: "panic: boom"},
		{way: "nil pointer", fact: "a nil pointer is a panic", kind: crashtrace.KindPanic, reason: "panic: runtime error: invalid memory address"},
		{way: "nil value", fact: "panic(nil) is a panic", kind: crashtrace.KindPanic, reason: "panic: panic called with nil argument"},
		{way: "assertion", fact: "a type assertion panics", kind: crashtrace.KindPanic, reason: "panic: interface conversion"},
		{way: "index", fact: "an index panics", kind: crashtrace.KindPanic, reason: "panic: runtime error: index out of range"},
		{way: "deferred", fact: "the first panic is printed first", kind: crashtrace.KindPanic, reason: "panic: first"},
		{way: "repanicked", fact: "a panic passed on is printed once", kind: crashtrace.KindPanic, reason: "panic: first"},
		{way: "goexit panics", fact: "a panic during Goexit is a panic", kind: crashtrace.KindPanic, reason: "panic: boom"},
		{way: "close twice", fact: "closing a closed channel panics", kind: crashtrace.KindPanic, reason: "panic: close of closed channel"},
		{way: "make negative", fact: "make panics on a negative length", kind: crashtrace.KindPanic, reason: "panic: runtime error: makeslice"},
		{way: "panic on fault", fact: "SetPanicOnFault makes a fault a panic", kind: crashtrace.KindPanic, reason: "panic: runtime error: invalid memory address"},
		{way: "error panics", fact: "a panicking Error method is fatal", kind: crashtrace.KindErrorPanics, fatal: "fatal error: panic while printing panic value",
			calls: []string{"runtime.throw", "runtime.preprintpanics.func1"}},
		{way: "string panics", fact: "a panicking String method is fatal", kind: crashtrace.KindErrorPanics, fatal: "fatal error: panic while printing panic value",
			calls: []string{"runtime.throw", "runtime.preprintpanics.func1"}},

		{way: "unlock", fact: "a bad Mutex.Unlock is fatal", kind: crashtrace.KindUnlock, fatal: "fatal error: sync: unlock of unlocked mutex",
			calls: []string{"internal/sync.fatal", "internal/sync.(*Mutex).unlockSlow"}},
		{way: "unlock rw", fact: "a bad RWMutex.Unlock is fatal", kind: crashtrace.KindUnlock, fatal: "fatal error: sync: Unlock of unlocked RWMutex",
			calls: []string{"sync.fatal", "sync.(*RWMutex).Unlock"}},
		{way: "unlock read", fact: "a bad RWMutex.RUnlock is fatal", kind: crashtrace.KindUnlock, fatal: "fatal error: sync: RUnlock of unlocked RWMutex",
			calls: []string{"sync.fatal", "sync.(*RWMutex).rUnlockSlow"}},
		{way: "map write", fact: "concurrent map writes are fatal", kind: crashtrace.KindMapAccess, fatal: "fatal error: concurrent map",
			calls: []string{"internal/runtime/maps.fatal"}},
		{way: "map read", fact: "a map read beside a write is fatal", kind: crashtrace.KindMapAccess, fatal: "fatal error: concurrent map",
			calls: []string{"internal/runtime/maps.fatal"}},
		{way: "map iterate", fact: "iterating over a map beside a write is fatal", kind: crashtrace.KindMapAccess, fatal: "fatal error: concurrent map",
			calls: []string{"internal/runtime/maps.fatal"}},
		{way: "stack overflow", fact: "SetMaxStack ends a stack that grows, with the thread's stack first", kind: crashtrace.KindStackOverflow,
			fatal: "fatal error: stack overflow", calls: []string{"main.overflow"}},
		{way: "make huge", fact: "make without memory is fatal", kind: crashtrace.KindOutOfMemory, fatal: "fatal error: "},
		{way: "memory limit", fact: "the end of RLIMIT_DATA is fatal, under the label of who allocates", kind: crashtrace.KindOutOfMemory, fatal: "fatal error: "},
		{way: "deadlock", fact: "the end of all work is fatal", kind: crashtrace.KindDeadlock, anonymous: true, fatal: "fatal error: all goroutines are asleep"},
		{way: "thread limit", fact: "too many threads are fatal, under no label", kind: crashtrace.KindThreadLimit, anonymous: true, fatal: "fatal error: thread exhaustion"},

		{way: "segv", fact: "a bad pointer is fatal", kind: crashtrace.KindSegfault, reason: "[signal SIGSEGV: segmentation violation", fatal: "fatal error: fault",
			calls: []string{"runtime.throw", "runtime.sigpanic"}},
		{way: "bus", fact: "a mapping without its file is fatal", kind: crashtrace.KindBus, reason: "[signal SIGBUS: bus error", fatal: "fatal error: fault",
			calls: []string{"runtime.throw", "runtime.sigpanic"}},
		{way: "abort", fact: "SIGABRT on a Go thread prints its goroutine", kind: crashtrace.KindAbort, reason: "SIGABRT: abort"},
		{way: "segv raised", fact: "SIGSEGV raised by a thread prints its goroutine", kind: crashtrace.KindSegfault, reason: "SIGSEGV: segmentation violation"},
		{way: "trap", fact: "other signals print their goroutine", kind: crashtrace.KindSignal, reason: "SIGTRAP: trace trap"},
		{way: "abort sent", fact: "a signal sent to the process has code 0, and any thread gets it", kind: crashtrace.KindSignal, anybody: true, reason: "SIGABRT: abort"},
		{way: "segv sent", fact: "a signal sent to the process has code 0, and any thread gets it", kind: crashtrace.KindSignal, anybody: true, reason: "SIGSEGV: segmentation violation"},
	}
}

// TestPins_Deaths crashes a child in every way that leaves a trace.
func TestPins_Deaths(t *testing.T) {
	t.Parallel()
	for _, p := range pins() {
		t.Run(p.way, func(t *testing.T) {
			t.Parallel()
			d := die(t, p.way, script{})
			if problem := p.check(d); problem != "" {
				t.Errorf("the Go runtime no longer keeps to this: %s.\n%s\ncrash output:\n%s", p.fact, problem, d.raw)
			}
		})
	}
}

// check says what differs from the pinned fact.
func (p pin) check(d *death) string {
	var labels []crashtrace.Label
	if !p.anonymous {
		labels = []crashtrace.Label{{Slot: 12, Generation: 4711}}
	}
	switch {
	case d.Kind != p.kind:
		return fmt.Sprintf("kind %q, want %q", d.Kind, p.kind)
	case !p.anybody && !cmp.Equal(d.First.Labels, labels):
		return fmt.Sprintf("labels %v, want %v", d.First.Labels, labels)
	case !strings.HasPrefix(d.Reason, p.reason) || p.reason == "" && p.fatal != "" && d.Reason != "":
		return fmt.Sprintf("reason %q, want %q", d.Reason, p.reason)
	case p.fatal != "" && !strings.HasPrefix(d.tail.Fatal(), p.fatal):
		return fmt.Sprintf("standard error says %q, want %q", d.tail.Fatal(), p.fatal)
	case p.fatal != "" && bytes.Contains(d.raw, []byte("fatal error: ")):
		return "the line of the fatal error is on the crash descriptor as well: the kind can be taken from it"
	case d.state.ExitCode() != 2:
		return fmt.Sprintf("the child ended with %v, want exit status 2", d.state)
	case !d.Complete || d.Truncated || d.Bytes != int64(len(d.raw)) || !bytes.Equal(d.Dump, d.raw):
		return fmt.Sprintf("complete %t, truncated %t, %d of %d bytes kept", d.Complete, d.Truncated, len(d.Dump), len(d.raw))
	case len(d.firsts) != 1:
		return fmt.Sprintf("onFirst was called %d times", len(d.firsts))
	}
	for i, call := range p.calls {
		if len(d.First.Frames) <= i || d.First.Frames[i].Func != call {
			return fmt.Sprintf("frame %d is not %s: %v", i, call, d.First.Frames)
		}
	}
	return p.checkBystanders(d)
}

// checkBystanders looks for the labels of those that were merely there.
func (p pin) checkBystanders(d *death) string {
	seen := map[crashtrace.Label]bool{}
	for _, g := range append(d.Goroutines, d.First) {
		for _, l := range g.Labels {
			seen[l] = true
		}
	}
	for slot := range 4 {
		if !seen[crashtrace.Label{Slot: slot, Generation: 1}] {
			return fmt.Sprintf("bystander %d is not in the dump", slot)
		}
	}
	return ""
}
