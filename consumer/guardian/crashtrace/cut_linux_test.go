package crashtrace_test

import "testing"

// TestRead_RealDumpCutAnywhere cuts the dumps of real children after every byte.
func TestRead_RealDumpCutAnywhere(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"child", "nil pointer", "error panics", "unlock", "map write", "segv", "bus", "abort", "make huge", "stack overflow", "thread limit"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			// Enough for the first block and some of the others.
			raw := die(t, way, script{}).raw
			checkEveryPrefix(t, raw[:min(len(raw), 5<<10)])
		})
	}
}
