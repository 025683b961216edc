package crashtrace_test

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
)

const fell = "the Go runtime no longer keeps to this: "

var culprit = []crashtrace.Label{{Slot: 12, Generation: 4711}}

func TestPins_Silent(t *testing.T) {
	t.Parallel()
	for _, p := range []struct {
		way, fact string
		inC       bool
		// code is the exit code, signal the signal, last what standard error ends with.
		code   int
		signal syscall.Signal
		last   string
	}{
		{way: "recovered", fact: "panics that are recovered write nothing to the crash descriptor"},
		{way: "exit", fact: "os.Exit leaves no trace"},
		{way: "log fatal", fact: "log.Fatal leaves its text and no trace", code: 1, last: "giving up"},
		{way: "kill", fact: "SIGKILL leaves no trace", signal: syscall.SIGKILL},
		{way: "c exit", fact: "exit of C leaves no trace", inC: true, code: 3},
		{way: "c thread", fact: "SIGSEGV on a thread made by C leaves no trace", inC: true, signal: syscall.SIGSEGV},
	} {
		t.Run(p.way, func(t *testing.T) {
			t.Parallel()
			d := die(t, p.way, script{inC: p.inC})
			want := crashtrace.Trace{Complete: true}
			if diff := cmp.Diff(want, d.Trace); diff != "" {
				t.Errorf(fell+"%s. Trace (-want +got):\n%s", p.fact, diff)
			}
			if len(d.firsts) > 0 {
				t.Error("onFirst was called for a death without a trace")
			}
			status := d.state.Sys().(syscall.WaitStatus)
			if p.signal != 0 && status.Signal() != p.signal || p.signal == 0 && status.ExitStatus() != p.code {
				t.Errorf(fell+"%s. The child ended with %v", p.fact, d.state)
			}
			if !strings.HasSuffix(d.tail.Last(), p.last) {
				t.Errorf("standard error ends with %q, want %q", d.tail.Last(), p.last)
			}
		})
	}
}

func TestPins_C(t *testing.T) {
	t.Parallel()
	for way, kind := range map[string]crashtrace.Kind{"c segv": crashtrace.KindSegfault, "c abort": crashtrace.KindAbort} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			d := die(t, way, script{inC: true})
			if d.Kind != kind || !cmp.Equal(d.First.Labels, culprit) {
				t.Errorf(fell+"a signal in C on a Go thread prints its goroutine.\n%v, labels %v, want %v, labels %v\n%s",
					d.Kind, d.First.Labels, kind, culprit, d.raw)
			}
			if address, ok := d.FaultAddress(); ok != (way == "c segv") || ok && address != 0x1000 {
				t.Errorf("FaultAddress = %#x, %t", address, ok)
			}
		})
	}
}

// TestPins_FaultAddress: the guardian must be able to tell whether a fault lies in its own mapping.
func TestPins_FaultAddress(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"segv", "bus", "panic on fault"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			d := die(t, way, script{})
			want, err := strconv.ParseUint(strings.TrimSpace(d.stdout.String()), 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := d.FaultAddress(); !ok || got != want {
				t.Errorf(fell+"a fault prints its address.\nFaultAddress = %#x, %t, want %#x\n%s", got, ok, want, d.raw)
			}
		})
	}
	t.Run("sent", func(t *testing.T) {
		t.Parallel()
		if got, ok := die(t, "segv sent", script{}).FaultAddress(); ok {
			t.Errorf("a signal that was sent has the address %#x: that is the sender's pid", got)
		}
	})
}

// TestPins_Traceback: the trace of one goroutine is enough for a verdict, and richer ones read alike.
func TestPins_Traceback(t *testing.T) {
	t.Parallel()
	for _, level := range []string{"single", "system", "crash"} {
		for way, kind := range map[string]crashtrace.Kind{
			"child": crashtrace.KindPanic, "unlock": crashtrace.KindUnlock, "error panics": crashtrace.KindErrorPanics,
			"map write": crashtrace.KindMapAccess, "segv": crashtrace.KindSegfault, "stack overflow": crashtrace.KindStackOverflow,
			"abort": crashtrace.KindAbort,
		} {
			t.Run(level+" "+way, func(t *testing.T) {
				t.Parallel()
				d := die(t, way, script{env: []string{"GOTRACEBACK=" + level}})
				if d.Kind != kind || !cmp.Equal(d.First.Labels, culprit) {
					t.Errorf(fell+"GOTRACEBACK=%s tells the kind and the labels.\n%v, labels %v, want %v\n%s",
						level, d.Kind, d.First.Labels, kind, d.raw)
				}
			})
		}
	}
}

func TestPins_LabelsSwitch(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		debug string
		want  []crashtrace.Label
	}{
		{"GODEBUG=http2client=0,tracebacklabels=1", culprit},
		{"GODEBUG=tracebacklabels=0,tracebacklabels=1", culprit},
		{"GODEBUG=tracebacklabels=0", nil},
	} {
		d := die(t, "child", script{env: []string{tc.debug}})
		if diff := cmp.Diff(tc.want, d.First.Labels); diff != "" {
			t.Errorf(fell+"labels are printed if %s says so, the last entry winning (-want +got):\n%s", tc.debug, diff)
		}
	}
}
