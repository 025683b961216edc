package crashtrace_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
)

// TestPins_Quit: a process that is asked for its trace gives it. None of the children may be asleep
// altogether, for the runtime then dies of that by itself, and where both meet, neither may end.
func TestPins_Quit(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"wait", "loop", "allocate"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			d := die(t, way, script{quit: true})
			if d.Kind != crashtrace.KindQuit || d.Kind.OwnFault() {
				t.Errorf(fell+"SIGQUIT asks for a trace.\n%v\n%s", d.Kind, d.raw)
			}
			all := append(slices.Clone(d.Goroutines), d.First)
			at := slices.IndexFunc(all, func(g crashtrace.Goroutine) bool { return cmp.Equal(g.Labels, culprit) })
			if at < 0 {
				t.Fatalf(fell+"SIGQUIT prints every goroutine, running ones too.\n%s", d.raw)
			}
			if slices.ContainsFunc(all, func(g crashtrace.Goroutine) bool { return g.ID == 0 }) {
				t.Errorf("goroutine 0 is listed:\n%s", d.raw)
			}
			if way == "loop" && !all[at].Running {
				t.Errorf(fell+"a loop is running when SIGQUIT comes.\n%s", d.raw)
			}
		})
	}
}

// TestPins_QuitBesideThreadsOfC: a signal to the process may meet a thread that C made, which lets it
// kill without a trace; the main thread is always one of Go's.
func TestPins_QuitBesideThreadsOfC(t *testing.T) {
	t.Parallel()
	for range 10 {
		d := die(t, "c threads", script{quit: true, inC: true})
		if d.Kind != crashtrace.KindQuit || !bytes.Contains(d.raw, []byte(`labels:{"theriac": "12.4711"}`)) {
			t.Fatalf(fell+"SIGQUIT to the main thread prints every goroutine.\n%v, %v\n%s", d.state, d.Kind, d.raw)
		}
	}
}
