package telemetry

import (
	"slices"
	"strings"

	"github.com/getsentry/sentry-go"

	"github.com/theriac/theriac/handlers"
)

// topFrames is how many frames tell one failure from another.
const topFrames = 3

// Failure is what groups are made of: what is the same each time the same thing
// goes wrong.
type Failure struct {
	// Subscription is the subscription, "" for a death that nobody is blamed for.
	Subscription string
	// Outcome is the outcome of the attempt, or the way in which a process died.
	Outcome string
	// ErrorTypes are the Go types of the error chain, outermost first.
	ErrorTypes []string
	// Frames are the frames, innermost first.
	Frames []handlers.Frame
}

// Fingerprint is the default of SentryConfig.Fingerprint: subscription, outcome,
// error types and the functions of the top three frames, without lines, so that a
// new build does not make new issues. Texts have no part in it.
func Fingerprint(f Failure) []string {
	parts := append([]string{"theriac", f.Subscription, f.Outcome}, f.ErrorTypes...)
	for _, frame := range f.Frames[:min(len(f.Frames), topFrames)] {
		parts = append(parts, frame.Func)
	}
	return parts
}

// stackOf returns frames in the order that Sentry wants, the innermost last. It is
// nil without frames.
func stackOf(frames []handlers.Frame) *sentry.Stacktrace {
	if len(frames) == 0 {
		return nil
	}
	stack := &sentry.Stacktrace{Frames: make([]sentry.Frame, 0, len(frames))}
	for _, f := range slices.Backward(frames) {
		pkg, function := splitFunc(f.Func)
		stack.Frames = append(stack.Frames, sentry.Frame{
			Function: function, Module: pkg, Filename: f.File, Lineno: f.Line, InApp: inApp(pkg),
		})
	}
	return stack
}

// splitFunc splits "example.com/app/billing.(*T).Apply.func1" after the import
// path.
func splitFunc(full string) (pkg, function string) {
	slash := strings.LastIndexByte(full, '/') + 1
	dot := strings.IndexByte(full[slash:], '.')
	if dot < 0 {
		return "", full
	}
	// Dots in the last element of a path are printed as %2e.
	return strings.ReplaceAll(full[:slash+dot], "%2e", "."), full[slash+dot+1:]
}

// inApp reports whether a package is the user's own rather than the standard
// library's or ours.
func inApp(pkg string) bool {
	if pkg == "" || strings.HasPrefix(pkg, "github.com/theriac/theriac/consumer") {
		return false
	}
	first, _, _ := strings.Cut(pkg, "/")
	return strings.ContainsRune(first, '.') || !slices.Contains(standard(), first)
}

// standard returns the first elements of import paths of the standard library.
func standard() []string {
	return []string{
		"archive", "bufio", "builtin", "bytes", "cmp", "compress", "container", "context", "crypto", "database", "debug",
		"embed", "encoding", "errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index", "internal", "io",
		"iter", "log", "maps", "math", "mime", "net", "os", "path", "plugin", "reflect", "regexp", "runtime", "slices",
		"sort", "strconv", "strings", "structs", "sync", "syscall", "testing", "text", "time", "unicode", "unique", "unsafe",
		"vendor", "weak",
	}
}
