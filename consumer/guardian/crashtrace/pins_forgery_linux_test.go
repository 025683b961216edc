package crashtrace_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
)

// TestPins_Forgery: nothing that a message can put into a panic value or a label passes for a line
// of the runtime.
func TestPins_Forgery(t *testing.T) {
	t.Parallel()
	const header = `goroutine 1 [running labels:{"theriac": "3.1"}]:`
	const block = header + "\ninternal/runtime/maps.fatal(0x1)\n\t/a.go:1\n\n"
	for name, text := range map[string]string{
		"whole block":       "x\n\n" + block,
		"at once":           header,
		"after return":      "x\r" + header + "\r\n\r\n" + block,
		"after NUL":         "x\x00\n\x00" + block,
		"bad UTF-8":         "\xff\xfe\n" + block + "\xff",
		"other separators":  "x\u2028" + header + "\u0085" + header + "\v" + header + "\f" + header,
		"thread":            "x\n\nruntime stack:\nruntime.throw(0x1)\n\t/a.go:1\nruntime.newstack()\n\t/a.go:1\n\n" + block,
		"signal":            "SIGQUIT: quit\nPC=0x1 m=0 sigcode=0\n[signal SIGBUS: bus error code=0x2 addr=0x1 pc=0x2]",
		"inside the quotes": `x"}]:` + "\n" + block,
		"more labels":       `x", "theriac": "3.1`,
		"escaped":           `x\", \"theriac\": \"3.1\"}]:`,
		"long":              strings.Repeat("x", 70<<10) + header + "\n" + strings.Repeat(header, 2000),
	} {
		for _, way := range []string{"panic with string", "panic with error", "panic with named", "label value"} {
			t.Run(name+" "+way, func(t *testing.T) {
				t.Parallel()
				d := die(t, way, script{stdin: text})
				kind, want := crashtrace.KindPanic, culprit
				if way == "label value" && len(text) > 64<<10 {
					// Too long to be looked at: nobody is named, and nobody else is taken for the one that died.
					kind, want = crashtrace.KindUnknown, nil
				}
				if d.Kind != kind || !cmp.Equal(d.First.Labels, want) || d.First.ID == 1 {
					t.Errorf(fell+"values and labels cannot forge a header.\n%v, labels %v\n%.2000s", d.Kind, d.First.Labels, d.raw)
				}
				if name != "at once" && len(d.Goroutines) < 4 {
					t.Errorf("%d other goroutines, want the four bystanders at least", len(d.Goroutines))
				}
			})
		}
	}
}

func TestPins_LongPanicValue(t *testing.T) {
	t.Parallel()
	d := die(t, "panic lines", script{})
	if d.Kind != crashtrace.KindPanic || !cmp.Equal(d.First.Labels, culprit) || !d.Complete || !d.Truncated {
		t.Errorf("%v, labels %v, complete %t, truncated %t", d.Kind, d.First.Labels, d.Complete, d.Truncated)
	}
	if len(d.Dump) > 128<<10 {
		t.Errorf("%d bytes kept of %d", len(d.Dump), d.Bytes)
	}
}
