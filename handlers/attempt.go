package handlers

import "time"

// Attempt is the record of one run of a handler. All texts in it come from
// outside and are hostile wherever they are shown.
type Attempt struct {
	// Started and Ended bound the run, by the worker's clock.
	Started, Ended time.Time
	// Outcome is how it ended.
	Outcome Outcome
	// Class is what the handler's error asked for; ClassNone without an error.
	Class ErrorClass
	// Errors is the error chain, outermost first, texts capped at 4 KiB each and
	// 32 links.
	Errors []ErrorLink
	// Panic is the panic value as text, capped at 4 KiB, or "".
	Panic string
	// Stack is the stack of the handler's goroutine where there is one (panic,
	// Goexit, timeout), capped at 64 KiB.
	Stack string
	// StackCut reports that Stack was longer than the cap.
	StackCut bool
	// Frames are the frames of Stack, innermost first, at most 64, standard
	// library and runtime included.
	Frames []Frame
	// Handler names the handler: the name given to the subscription's handler or
	// its function.
	Handler string
	// Worker, Host and Build say who ran it.
	Worker, Host, Build string
	// TraceID is the trace of the attempt in hex, or "".
	TraceID string
	// DeliveryAttempt is the broker's count at this attempt, 0 if unknown.
	DeliveryAttempt int
	// Replay reports that this run was a replay of a held entry.
	Replay bool
}

// ErrorLink is one error of a chain.
type ErrorLink struct {
	// Type is the Go type, such as "*json.SyntaxError".
	Type string
	// Text is what its Error method returned, or a note in angle brackets where
	// that panicked.
	Text string
}

// Frame is one frame of a stack.
type Frame struct {
	// Func is the full function name, such as "example.com/app/billing.Apply.func1".
	Func string
	// File is the base name of the file, Line the line; both may be empty.
	File string
	Line int
}

// Totals is how often a message failed, over all replicas and since its last
// success. The two counters are never mixed.
type Totals struct {
	// Failures counts errors, panics, exits and timeouts.
	Failures int
	// Crashes counts deaths of a process that were proven to be this message's.
	Crashes int
}
