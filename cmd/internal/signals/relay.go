package signals

import (
	"sync"
	"time"

	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/telemetry"
)

// relayBegan is how long after its guardian a process may begin and still tell all that the relay
// counted: the first of its role.
const relayBegan = 5 * time.Second

// RelayOf tells what the guardian's relay did since this process began, for the MetricsConfig of one
// process. The guardian counts on while processes of the role die, and the metrics role adds up what each
// of them told, so none tells again what one before it did. read is guardian.Role.RelayStats.
func RelayOf(read func() (guardian.RelayStats, error)) func() (telemetry.RelayStats, error) {
	r := &relayed{read: read, began: time.Now()}
	return r.stats
}

// relayed is safe for concurrent use.
type relayed struct {
	read  func() (guardian.RelayStats, error)
	began time.Time

	mu    sync.Mutex
	since time.Time // of the guardian that was read last
	base  guardian.RelayStats
}

func (r *relayed) stats() (telemetry.RelayStats, error) {
	now, err := r.read()
	if err != nil {
		return telemetry.RelayStats{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !now.Since.Equal(r.since) { // with a guardian its processes end, so this is the first time or a file of old
		r.since, r.base = now.Since, guardian.RelayStats{}
		if r.began.Sub(now.Since) > relayBegan {
			r.base = now
		}
	}
	b := r.base
	return telemetry.RelayStats{
		Delivered: now.Delivered - b.Delivered, Refused: now.Refused - b.Refused, GivenUp: now.GivenUp - b.GivenUp,
		Expired: now.Expired - b.Expired, Evicted: now.Evicted - b.Evicted, Lost: now.Lost - b.Lost,
		Damaged: damaged(now) - damaged(b), Waiting: now.Waiting,
	}, nil
}

// damaged are requests that could not be read.
func damaged(s guardian.RelayStats) uint64 { return s.Cut + s.Corrupt + s.TooLarge + s.Unknown }
