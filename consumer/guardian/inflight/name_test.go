package inflight_test

import (
	"testing"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]inflight.Name{
		"12.4711":                {Slot: 12, Generation: 4711},
		"0.1":                    {Generation: 1},
		"4095.72057594037927935": {Slot: 4095, Generation: 1<<56 - 1},
	} {
		if got, err := inflight.ParseName(text); err != nil || got != want || got.String() != text {
			t.Errorf("ParseName(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", ".", "1", "1.", ".1", "1.0", "01.1", "1.01", "+1.1", "1.+1", "-1.1", "1.1.1", " 1.1", "1.1\n", "1_0.1",
		"4096.1", "1.72057594037927936", "99999999999999999999.1", "1.99999999999999999999", "a.b", "１.1",
	} {
		if got, err := inflight.ParseName(text); err == nil || got != (inflight.Name{}) {
			t.Errorf("ParseName(%q) = %v, %v", text, got, err)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("12.4711")
	f.Add("0.0")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := inflight.ParseName(text)
		if err == nil && (n.String() != text || n.Slot < 0 || n.Slot >= inflight.MaxSlots || n.Generation == 0) {
			t.Errorf("ParseName(%q) = %+v", text, n)
		}
	})
}
