package guardian

import (
	"bytes"
	"math"
	"strconv"
)

// memoryUse is how much memory a process has, in bytes.
type memoryUse struct {
	resident int64 // in memory
	shared   int64 // of that, what others may have too: files, its own binary among them, and shared memory
	data     int64 // private and writable, in memory or not
}

// parseStatm reads /proc/PID/statm. A process that has ended and was not buried has nothing.
func parseStatm(text []byte, pageSize int64) (m memoryUse, ok bool) {
	fields := bytes.Fields(text)
	if len(fields) < 6 {
		return memoryUse{}, false
	}
	for at, to := range map[int]*int64{1: &m.resident, 2: &m.shared, 5: &m.data} {
		pages, err := strconv.ParseInt(string(fields[at]), 10, 64)
		if err != nil || pages < 0 || pages > math.MaxInt64/pageSize {
			return memoryUse{}, false
		}
		*to = pages * pageSize
	}
	m.shared = min(m.shared, m.resident)
	return m, true
}
