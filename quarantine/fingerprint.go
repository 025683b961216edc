package quarantine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/theriac/theriac/handlers"
)

const (
	fingerprintFrames = 3  // frames of ours that take part
	fingerprintLinks  = 32 // links of the error chain that take part
)

// Fingerprint returns what makes two failures the same problem, and the texts
// that it is a digest of. It is the same across processes, builds with the same
// shape of code, addresses, ids, numbers and line numbers: it rests on the
// subscription, the class of the failure, the types along the error chain with
// their normalised texts, the normalised panic and the top three functions that
// are ours. It is pure, never panics and takes time linear in its input.
func Fingerprint(sub string, ev handlers.Evidence, ours func(string) bool) (fp string, basis []string) {
	a := ev.Attempt
	basis = append(basis, "subscription "+clean(sub, 256), "class "+failureClass(ev))
	if a.Panic != "" {
		basis = append(basis, "panic "+normalize(a.Panic))
	}
	for _, link := range a.Errors[:min(len(a.Errors), fingerprintLinks)] {
		basis = append(basis, "error "+clean(link.Type, 256)+": "+normalize(link.Text))
	}
	frames := 0
	for _, f := range a.Frames {
		if frames < fingerprintFrames && ours(f.Func) {
			basis = append(basis, "frame "+clean(f.Func, 256))
			frames++
		}
	}
	return digest(basis), basis
}

// failureClass is how it failed, in one word: the way the run ended where that
// says more than the reason.
func failureClass(ev handlers.Evidence) string {
	switch ev.Attempt.Outcome {
	case handlers.OutcomePanicked, handlers.OutcomeExited, handlers.OutcomeTimedOut, handlers.OutcomeCrashed:
		return ev.Attempt.Outcome.String()
	default:
		return clean(string(ev.Reason), 64)
	}
}

func digest(texts []string) string {
	h := sha256.New()
	for _, t := range texts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(t)))
		h.Write(n[:])
		h.Write([]byte(t))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// machinery is the path under which this module's own parts lie; they are on
// the stack of every handler and are nobody's fault.
const machinery = "github.com/theriac/theriac/"

// oursIn returns the test for function names that are ours, given prefixes of
// package paths. Without any, all that is neither the standard library's nor
// the machinery's is ours.
func oursIn(prefixes []string) func(string) bool {
	return func(fn string) bool {
		if strings.HasPrefix(fn, "main.") {
			return true
		}
		if isMachinery(fn) {
			return false
		}
		if len(prefixes) == 0 {
			return !isStandard(fn)
		}
		for _, p := range prefixes {
			if rest, ok := strings.CutPrefix(fn, p); ok && (rest == "" || strings.ContainsRune("./_", rune(rest[0])) || strings.HasSuffix(p, ".") || strings.HasSuffix(p, "/")) {
				return true
			}
		}
		return false
	}
}

func isMachinery(fn string) bool {
	rest, ok := strings.CutPrefix(fn, machinery)
	if !ok {
		return false
	}
	for _, p := range []string{"consumer.", "consumer/", "quarantine.", "quarantine/", "handlers.", "internal/runner."} {
		if strings.HasPrefix(rest, p) {
			return true
		}
	}
	return false
}

// isStandard reports whether a function belongs to the runtime or the standard
// library: the first element of their package paths has no dot.
func isStandard(fn string) bool {
	first, _, deeper := strings.Cut(fn, "/")
	return !deeper || !strings.Contains(first, ".")
}
