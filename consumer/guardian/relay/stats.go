package relay

import (
	"cmp"
	"slices"
	"time"
)

// Stats are the numbers of a [Forwarder] since it was made. Every request that came in is counted
// in exactly one place:
//
//	Received + Restored = Delivered + Refused + GivenUp + Expired + Evicted + Lost + Waiting
type Stats struct {
	// Received are requests from workers, Restored those found in the spool at the start.
	Received, Restored uint64
	// Delivered were answered 2xx. Refused were answered 3xx or by a 4xx that is not tried again.
	Delivered, Refused uint64
	// GivenUp got Config.MaxTries answers that asked for another try while others were delivered.
	GivenUp uint64
	// Expired were older than Config.MaxAge.
	Expired uint64
	// Evicted were the oldest of a full spool.
	Evicted uint64
	// Lost found no room: neither memory nor spool took them, their host was one too many, or
	// their file could not be read back.
	Lost uint64

	// Retries are tries after which a request was kept for another one.
	Retries uint64
	// Spooled are requests written to the spool.
	Spooled uint64
	// SpoolFailures are reads, writes and removals that the disk refused.
	SpoolFailures uint64

	// Cut are frames that ended with their stream, and spool files whose writing was.
	Cut uint64
	// Corrupt are frames and spool files with a wrong checksum.
	Corrupt uint64
	// TooLarge are frames above Config.MaxRequestBytes.
	TooLarge uint64
	// Unknown are frames of another version, or that hold no request.
	Unknown uint64
	// SkippedBytes were no part of any frame.
	SkippedBytes uint64

	// Waiting are requests that are neither delivered nor dropped yet, in memory and in the spool.
	Waiting int
	// MemoryBytes and SpoolBytes are what they take, the latter in blocks of 4 KiB.
	MemoryBytes, SpoolBytes int64
	// Hosts are the hosts that requests wait for, by name.
	Hosts []HostStats
}

// HostStats is what one host's requests wait for.
type HostStats struct {
	// Host is scheme and host, as in https://o1.ingest.sentry.io.
	Host string
	// Waiting is the number of requests.
	Waiting int
	// Problem is how the last try failed, empty after a success.
	Problem string
	// NextTry is when the next one is made, zero if it is not waited for.
	NextTry time.Time
}

// Stats returns the numbers of this moment.
func (f *Forwarder) Stats() Stats {
	s := f.queue.snapshot()
	s.Cut += f.damage.cut.Load()
	s.Corrupt += f.damage.corrupt.Load()
	s.TooLarge += f.damage.tooLarge.Load()
	s.Unknown += f.damage.unknown.Load()
	s.SkippedBytes += f.damage.skippedBytes.Load()
	return s
}

func (q *queue) snapshot() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.MemoryBytes, s.SpoolBytes = q.memory.bytes, q.disk.bytes
	s.Waiting = q.memory.requests + q.disk.requests
	for _, l := range q.lanes {
		s.Hosts = append(s.Hosts, HostStats{
			Host: l.host, Waiting: len(l.entries), Problem: l.problem, NextTry: l.next,
		})
	}
	slices.SortFunc(s.Hosts, func(a, b HostStats) int { return cmp.Compare(a.Host, b.Host) })
	return s
}
