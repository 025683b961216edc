package inflight_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

// benchmarkMessage is a message as brokers deliver them, with so much data.
func benchmarkMessage(size int) *inflight.Begin {
	now := time.Now()
	b := &inflight.Begin{
		ID: "1793401289123456789.11274812749102847192312", OrderingKey: "customer-4711", Attempt: 1,
		Started: now, Deadline: now.Add(30 * time.Second), Published: now, TraceID: [16]byte{1}, SpanID: [8]byte{2},
	}
	if size > 0 {
		b.Data = make([]byte, size)
		b.Attributes = map[string]string{"type": "order.created", "version": "3"}
		b.AckToken = "$JS.ACK.orders.worker.1.4711.4711.1793401289123456789.0"
	}
	return b
}

func sizeName(size int) string {
	if size >= 1<<10 {
		return fmt.Sprintf("%dKiB", size>>10)
	}
	return fmt.Sprintf("%dB", size)
}

// BenchmarkTable is what a message pays: begin, return and end. The last size fills a slot's part of
// the arena, up to what its other fields need.
func BenchmarkTable(b *testing.B) {
	for _, size := range []int{0, 256, 1 << 10, 4 << 10, 16 << 10, 64<<10 - 512} {
		b.Run(sizeName(size), func(b *testing.B) {
			_, mapping := pair(b, inflight.Config{Slots: 1})
			region, begin := subscribe(b, mapping), benchmarkMessage(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				begin.Started = time.Now()
				generation := region.Begin(0, begin)
				region.Return(0, generation, 1)
				region.End(0, generation)
			}
		})
	}
}

// BenchmarkTable_Parallel has a slot for each goroutine, in memory and on disk.
func BenchmarkTable_Parallel(b *testing.B) {
	for name, dir := range map[string]string{"memory": "", "disk": b.TempDir()} {
		b.Run(name, func(b *testing.B) {
			_, mapping := pair(b, inflight.Config{Dir: dir})
			region := subscribe(b, mapping)
			var slots atomic.Int64
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				slot, begin := int(slots.Add(1)-1), benchmarkMessage(1<<10)
				for pb.Next() {
					begin.Started = time.Now()
					generation := region.Begin(slot, begin)
					region.Return(slot, generation, 1)
					region.End(slot, generation)
				}
			})
		})
	}
}

// BenchmarkRead is what the guardian pays for a table with everything in flight.
func BenchmarkRead(b *testing.B) {
	table, mapping := pair(b, inflight.Config{})
	region := subscribe(b, mapping)
	for slot := range mapping.Slots() {
		region.Begin(slot, benchmarkMessage(1<<10))
	}
	for b.Loop() {
		if s := table.Read(); len(s.Slots) != mapping.Slots() {
			b.Fatal(len(s.Slots))
		}
	}
}
