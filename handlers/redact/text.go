package redact

import (
	"regexp"
	"strings"
)

// maxText is how much of a text is looked at; a longer one is no text that is known.
const maxText = 4 << 10

// What the runtime and the standard library say, word for word: texts that hold
// nothing but constants and small numbers. They are known whole or not at all.
var (
	known = set([]string{
		// of the runtime, behind "runtime error: " or alone
		"invalid memory address or nil pointer dereference", "integer divide by zero", "integer overflow",
		"floating point error", "negative shift amount", "slice bounds out of range", "index out of range",
		"makeslice: len out of range", "makeslice: cap out of range", "growslice: len out of range",
		"makechan: size out of range", "makemap: size out of range", "assignment to entry in nil map",
		"close of closed channel", "close of nil channel", "send on closed channel",
		"panic called with nil argument (use GODEBUG=panicnil=1 to disable)",
		"handler called runtime.Goexit", "handler did not return within its deadline and grace",
		// behind "fatal error: "
		"concurrent map writes", "concurrent map read and map write", "concurrent map iteration and map write",
		"concurrent map clone and map write", "all goroutines are asleep - deadlock!", "no goroutines (main called runtime.Goexit) - deadlock!",
		"stack overflow", "stack not a power of 2", "fault", "unexpected signal during runtime execution",
		"runtime: out of memory", "out of memory", "cannot allocate memory", "out of memory (stack allocation)", "out of memory allocating heap arena map",
		"runtime: cannot allocate memory", "thread exhaustion", "panic while printing panic value", "panic on system stack", "malloc deadlock",
		"sync: unlock of unlocked mutex", "sync: Unlock of unlocked RWMutex", "sync: RUnlock of unlocked RWMutex",
		"sync: inconsistent mutex state", "sync: RLock of unlocked RWMutex", "found bad pointer in Go heap (incorrect use of unsafe or cgo?)",
		// panics of the standard library
		"sync: negative WaitGroup counter", "sync: WaitGroup is reused before previous Wait has returned",
		"sync: WaitGroup misuse: Add called concurrently with Wait", "strings: negative Repeat count", "bytes: negative Repeat count",
		"bytes.Buffer: too large", "bytes.Buffer: truncation out of range", "invalid argument to Intn", "non-positive interval for NewTicker",
		// errors that are constants
		"context deadline exceeded", "context canceled", "EOF", "unexpected EOF", "short write", "short buffer", "io: read/write on closed pipe",
		"file already closed", "use of closed file", "use of closed network connection", "i/o timeout", "no rows in result set", "sql: no rows in result set",
		"sql: database is closed", "sql: transaction has already been committed or rolled back", "sql: connection is already closed",
		"driver: bad connection", "unexpected end of JSON input", "http: Server closed", "net/http: request canceled",
	})
	bounds = regexp.MustCompile(`^(?:index out of range \[-?\d{1,6}\](?: with length \d{1,6})?|` +
		`slice bounds out of range \[(?:-?\d{0,6}:){1,2}-?\d{0,6}\](?: with (?:length|capacity) \d{1,6})?|` +
		`cannot convert slice with length \d{1,6} to array or pointer to array with length \d{1,6})$`)
	signal = regexp.MustCompile(`^(?:\[signal )?(?:SIGSEGV: segmentation violation|SIGBUS: bus error|SIGABRT: abort|SIGQUIT: quit|SIGTRAP: trace trap|` +
		`SIGILL: illegal instruction|SIGFPE: floating-point exception|SIGSYS: bad system call)(?: (?:code|addr|pc|PC|m|sigcode)=(?:0x)?[0-9a-f]{1,16})*\]?$`)
	stackLimit = regexp.MustCompile(`^runtime: (?:goroutine stack exceeds \d+-byte limit|sp=0x[0-9a-f]+ stack=\[0x[0-9a-f]+, 0x[0-9a-f]+\]|` +
		`out of memory: cannot allocate \d+-byte block \(\d+ in use\)|program exceeds \d+-thread limit|cannot allocate memory)$`)
	faultAt = regexp.MustCompile(`^unexpected fault address 0x[0-9a-f]{1,16}$`)
	again   = regexp.MustCompile(`(?: \[recovered(?:, repanicked)?\]| \[goexit\])+$`)
)

// Text returns text if it may be shown, and else [Withheld]. kind is the Go type of
// the error or the panic value that it is the text of, "" where nobody knows.
func (r *Redactor) Text(kind, text string) string {
	switch {
	case text == "":
		return ""
	case len(text) > maxText:
		return Withheld
	case r != nil && (r.types[kind] && kind != "" || r.texts[text]):
		return text
	case isKnown(text) || kind == "syscall.Errno":
		return text
	}
	return Withheld
}

func isKnown(text string) bool {
	text = strings.TrimPrefix(text, "runtime error: ")
	return known[text] || bounds.MatchString(text)
}

// Death returns what may be shown of the words that a dying process said:
// "panic: boom", "fatal error: concurrent map writes". How it began stays.
func (r *Redactor) Death(text string) string {
	text, tail := strings.TrimRight(text, "\r\n"), ""
	if at := again.FindStringIndex(text); at != nil {
		text, tail = text[:at[0]], text[at[0]:]
	}
	for _, head := range []string{"panic: ", "fatal error: "} {
		if rest, ok := strings.CutPrefix(text, head); ok {
			return head + r.Text("", rest) + tail
		}
	}
	switch {
	case len(text) <= maxText && (signal.MatchString(text) || stackLimit.MatchString(text) || faultAt.MatchString(text)):
		return text + tail
	default:
		return r.Text("", text)
	}
}
