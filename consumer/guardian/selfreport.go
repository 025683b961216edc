package guardian

import (
	"runtime/metrics"
	"time"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

// reportInterval is how often a child tells its memory where the guardian cannot ask for it. Reading
// the metrics takes microseconds.
const reportInterval = 50 * time.Millisecond

// reportMemory writes into the table how much memory this process has, until done is closed.
func reportMemory(table *inflight.Mapping, done <-chan struct{}) {
	tick := time.NewTicker(reportInterval)
	defer tick.Stop()
	for {
		table.SetResident(goMemory())
		select {
		case <-tick.C:
		case <-done:
			return
		}
	}
}

// goMemory is what the runtime of Go has from the system and did not give back. C's memory is not in
// it: only the kernel knows that.
func goMemory() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() != metrics.KindUint64 {
			return 0
		}
	}
	total, released := samples[0].Value.Uint64(), samples[1].Value.Uint64()
	return total - min(released, total)
}
