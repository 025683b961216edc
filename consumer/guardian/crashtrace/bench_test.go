package crashtrace_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
)

// BenchmarkRead_1MB reads a dump of some 5,000 goroutines, as a loaded worker leaves it.
func BenchmarkRead_1MB(b *testing.B) {
	var dump bytes.Buffer
	dump.WriteString(plain + "\n")
	for id := 100; dump.Len() < 1<<20; id++ {
		fmt.Fprintf(&dump, "goroutine %d [chan receive, 5 minutes labels:{\"theriac\": \"%d.4711\"}]:\n"+
			"main.wait({0x4fe910?, 0x379467198240?})\n\t/src/example.org/service/wait.go:42 +0xf\n"+
			"created by main.main in goroutine 1\n\t/src/example.org/service/main.go:48 +0x8c\n\n", id, id%256)
	}
	b.SetBytes(int64(dump.Len()))
	b.ReportAllocs()
	for b.Loop() {
		trace, err := crashtrace.Read(bytes.NewReader(dump.Bytes()), crashtrace.Limits{}, nil)
		if err != nil || !trace.Complete || len(trace.Goroutines) < 4000 {
			b.Fatal(err, len(trace.Goroutines))
		}
	}
}

// BenchmarkRead_Preamble reads a panic value of a million short lines.
func BenchmarkRead_Preamble(b *testing.B) {
	text := append(bytes.Repeat([]byte("\n\t"), 1<<20), "\n\n"+plain...)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if trace, err := crashtrace.Read(bytes.NewReader(text), crashtrace.Limits{}, nil); err != nil || trace.First.ID != 12 {
			b.Fatal(err, trace.First)
		}
	}
}
