//go:build unix

package guardian

import (
	"testing"
	"time"
)

func TestPulse_CountsLooksAndNotTheClock(t *testing.T) {
	t.Parallel()
	const most = 5 * beatEvery
	var p pulse
	at := time.Now()
	for i := range 100 { // a healthy one, felt once a beat
		if p.feel(at.Add(time.Duration(i)*beatEvery), most) {
			t.Fatal("a beating heart was called silent")
		}
	}
	// The clock jumps ahead by an hour; the last beat is old, but was only just seen.
	last := at.Add(99 * beatEvery)
	for i := range 4 {
		if p.feel(last, most) {
			t.Fatalf("silent after %d looks", i+1)
		}
	}
	if !p.feel(last, most) {
		t.Error("not silent after five looks")
	}
	if p.feel(last.Add(time.Millisecond), most) {
		t.Error("still silent after a beat")
	}
	var unborn pulse
	for range 100 {
		if unborn.feel(time.Time{}, most) {
			t.Fatal("one that never beat was called silent")
		}
	}
}
