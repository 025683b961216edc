package crashtrace_test

import (
	"testing"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
)

func TestParseLabel(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]crashtrace.Label{
		"0.0":                            {},
		"12.4711":                        {Slot: 12, Generation: 4711},
		"2147483647.4611686018427387903": {Slot: 1<<31 - 1, Generation: 1<<62 - 1},
	} {
		got, ok := crashtrace.ParseLabel(value)
		if !ok || got != want || got.String() != value {
			t.Errorf("ParseLabel(%q) = %v, %t", value, got, ok)
		}
	}
	for _, value := range []string{
		"", ".", "12", "12.", ".4711", "12.4711.1", "-1.1", "+1.1", "1.-1", "01.1", "1.01", "1 .1", " 1.1", "1.1 ", "1.1\n", "0x1.1", "1_0.1",
		"2147483648.1", "1.4611686018427387904", "1.99999999999999999999", "١.١", "1,1",
	} {
		if got, ok := crashtrace.ParseLabel(value); ok {
			t.Errorf("ParseLabel(%q) = %v, want a refusal", value, got)
		}
	}
}

func TestKind(t *testing.T) {
	t.Parallel()
	own := map[crashtrace.Kind]bool{
		crashtrace.KindPanic: true, crashtrace.KindErrorPanics: true, crashtrace.KindUnlock: true,
		crashtrace.KindStackOverflow: true, crashtrace.KindSegfault: true, crashtrace.KindAbort: true,
	}
	names := map[string]bool{}
	for k := range crashtrace.KindFatal + 1 {
		if k.OwnFault() != own[k] {
			t.Errorf("%v: OwnFault = %t", k, k.OwnFault())
		}
		if k.String() == "" || names[k.String()] {
			t.Errorf("kind %d is called %q, like another", k, k)
		}
		names[k.String()] = true
	}
	if k := crashtrace.KindFatal + 1; k.OwnFault() || k.String() != "unknown" {
		t.Errorf("a kind of a later version: %v, own fault %t", k, k.OwnFault())
	}
}
