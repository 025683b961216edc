package runner_test

import (
	"testing"

	"github.com/theriac/theriac/internal/runner"
)

// BenchmarkGroup_Go is what a message pays for a goroutine with an owner.
func BenchmarkGroup_Go(b *testing.B) {
	b.ReportAllocs()
	var group runner.Group
	f := func() {}
	for b.Loop() {
		group.Go(f)
		group.Wait()
	}
}
