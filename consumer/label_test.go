package consumer

import (
	"context"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"unsafe"

	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/internal/runner"
)

// TestPins_LabelLayout: if this fails on a new version of Go, labels still work, by the public way, at
// four allocations more for each message; runtime/pprof keeps them in another form now.
func TestPins_LabelLayout(t *testing.T) {
	t.Parallel()
	if pprofLabelling == nil {
		t.Error("the layout of goroutine labels is not known any more: see labelling")
	}
	if size := unsafe.Sizeof(*labelSheet{}.labels); size != 480 {
		t.Errorf("a sheet of labels has %d bytes, want a size class of the allocator, 480", size)
	}
}

func TestLabels_AreThoseOfRuntimePprof(t *testing.T) {
	t.Parallel()
	longest := inflight.Name{Slot: inflight.MaxSlots - 1, Generation: 1<<56 - 1}
	for _, name := range []inflight.Name{{Slot: 0, Generation: 1}, {Slot: 12, Generation: 4711}, longest} {
		own := &attemptContext{parent: t.Context(), labels: new(labelSheet).next(name)}
		public := pprof.WithLabels(t.Context(), pprof.Labels(FlightLabel, name.String()))
		if got, want := labelsOf(own), labelsOf(public); got != want {
			t.Errorf("labels %s, want %s", got, want)
		}
		// A library adds one of its own from the context.
		more := pprof.Labels("library", "x")
		if got, want := labelsOf(pprof.WithLabels(own, more)), labelsOf(pprof.WithLabels(public, more)); got != want {
			t.Errorf("with a library's: %s, want %s", got, want)
		}
	}
}

func labelsOf(ctx context.Context) string {
	var all []string
	pprof.ForLabels(ctx, func(key, value string) bool {
		all = append(all, key+"="+value)
		return true
	})
	return strings.Join(all, " ")
}

// TestLabels_ReachWhatTheHandlerStarts: goroutines and theirs, also while memory is collected.
func TestLabels_ReachWhatTheHandlerStarts(t *testing.T) {
	t.Parallel()
	name := inflight.Name{Slot: 3, Generation: 77}
	seen := make(chan string, 1)
	var group runner.Group
	group.Go(func() {
		pprof.SetGoroutineLabels(&attemptContext{parent: t.Context(), labels: new(labelSheet).next(name)})
		group.Go(func() {
			runtime.GC() // nothing but this goroutine holds the labels by now
			group.Go(func() {
				var profile strings.Builder
				_ = pprof.Lookup("goroutine").WriteTo(&profile, 1)
				seen <- profile.String()
			})
		})
	})
	if profile := <-seen; !strings.Contains(profile, `"theriac":"3.77"`) {
		t.Errorf("no goroutine carries the label:\n%s", profile)
	}
	group.Wait()
}

// TestLabels_OfTheProgramAreKept: the context of Run may have labels.
func TestLabels_OfTheProgramAreKept(t *testing.T) {
	t.Parallel()
	if ownLabels(t.Context()) == nil {
		t.Error("labels of our own are not used where nobody else has any")
	}
	if ownLabels(pprof.WithLabels(t.Context(), pprof.Labels("service", "orders"))) != nil {
		t.Error("labels of our own would hide those of the program")
	}
}
