package crashtrace_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
)

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
